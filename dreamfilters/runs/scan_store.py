"""The files of a scan: its arrays, a table of units, and the state of an unfinished scan.

Reading a stored scan does not import TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import ImageError
from dreamfilters.evidence.scan.accumulators import Accumulators
from dreamfilters.evidence.scan.result import Scan, layer_rows
from dreamfilters.images import ImageFolder
from dreamfilters.images.decoding import path_text
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.report.tables import units_csv
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.manifest import MANIFEST
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.scan.scan_job import ScanState

ARRAYS, TABLE, PAGE, UNFINISHED = "scan.npz", "units.csv", "index.html", "unfinished.npz"
KIND = RunKind("scan", "a scan", written=lambda folder, manifest: [ARRAYS, TABLE, PAGE, UNFINISHED])


@dataclass(frozen=True, eq=False)
class ScanStore:
    """A scan in a claimed folder."""

    run: RunFolder

    def save_state(self, state: ScanState) -> None:
        """Write the state of an unfinished scan."""
        failures = json.dumps(sorted(state.failures.items())).encode()
        extra = {
            "done": np.array(state.done),
            "predicted": state.predicted,
            "failures": np.frombuffer(failures, np.uint8),
            "settings": np.frombuffer(self.run.digest.encode(), np.uint8),
        }
        arrays = state.accumulators.arrays | extra
        self.run.write(UNFINISHED, npz_bytes(dict(sorted(arrays.items())), np.savez))

    def read_state(self) -> ScanState | None:
        """Return the state that an earlier run with equal settings saved, or None."""
        from dreamfilters.evidence.scan.scan_job import ScanState

        try:
            arrays = read_npz(self.run.path / UNFINISHED)
            extra = {key: arrays.pop(key) for key in ("done", "predicted", "failures", "settings")}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None
        if extra["settings"].tobytes() != self.run.digest.encode():
            return None
        failures = {int(index): str(reason) for index, reason in json.loads(extra["failures"].tobytes())}
        return ScanState(int(extra["done"]), Accumulators.from_arrays(arrays), extra["predicted"], failures)

    def finish(self, scan: Scan) -> None:
        """Write the result, and last the manifest, which marks the scan as finished."""
        arrays = {**scan.arrays, "predicted": scan.predicted, "truth": scan.truth}
        from dreamfilters.report.scan_page import scan_page  # it imports TensorFlow

        page = scan_page(scan, {TABLE: "the statistics of every unit", MANIFEST: "settings and results"})
        contents = {ARRAYS: npz_bytes(dict(sorted(arrays.items()))), TABLE: units_csv(scan), PAGE: page}
        files = {name: self.run.write(name, content) for name, content in contents.items()}
        results = {
            "layers": [facts.as_values() for facts in scan.facts],
            "summary": layer_rows(scan),
            "classes": scan.classes,
            "names": scan.names,
            "labels": scan.labels,
            "outputs": scan.outputs,
            "remark": scan.remark,
        }
        self.run.save_manifest(files, results, scan.failures)

    def clear_state(self) -> None:
        """Remove the state of the unfinished scan."""
        self.run.remove([UNFINISHED])


def read_scan(folder: Path | str, *, images: ImageFolder | Sequence[ArrayLike] | NDArray[Any] | None = None) -> Scan:
    """Return a stored scan, without importing TensorFlow.

    Args:
        folder: of the scan.
        images: the images that were scanned, which a notebook then shows beside the numbers.

    Raises:
        ImageError: their number is another one than that of the scan.
        OutputError: the folder holds no finished scan, or its files are damaged.

    Example:
        >>> read_scan("outputs/scan").unit("conv6", 12).strongest["max"][0].name
        '19/19_rendered_1.png'
    """
    folder = Path(folder)
    manifest = KIND.read_finished(folder)
    arrays, settings, results = read_npz(folder / ARRAYS), manifest.settings, manifest.results
    if images is not None and len(images) != len(results["names"]):
        raise ImageError(f"images: {len(images)}, but {path_text(folder)} is a scan of {len(results['names'])}")
    return Scan(
        network=manifest.model["name"],
        fingerprint=settings["weights"],
        form=settings["input"],
        size=tuple(settings["size"]),
        k=settings["top"],
        names=tuple(results["names"]),
        labels=tuple(results["labels"]),
        classes=tuple(results["classes"]),
        failures=manifest.failures,
        predicted=arrays.pop("predicted"),
        truth=arrays.pop("truth"),
        facts=tuple(map(LayerInfo.from_values, results["layers"])),
        arrays=arrays,
        outputs=results.get("outputs", 0),
        remark=results.get("remark", ""),
        images=None if images is None else images if isinstance(images, ImageFolder) else _Arrays(images),
    )


@dataclass(frozen=True, eq=False)
class _Arrays:
    """Images in memory."""

    images: Sequence[ArrayLike] | NDArray[Any]

    def tried(self, index: int) -> NDArray[np.float32]:
        """Return one image."""
        return np.asarray(self.images[index], np.float32)
