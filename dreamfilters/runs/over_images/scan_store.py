"""The files of a scan: its arrays, a table of units, and the state of an unfinished scan.

Reading a stored scan does not import TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import DamagedError, ImageError
from dreamfilters.evidence.scan.accumulators import Accumulators, check_arrays
from dreamfilters.evidence.scan.result import Scan, layer_rows
from dreamfilters.images import ImageFolder
from dreamfilters.images.decoding import path_text
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.report.tables import units_csv
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.json_files import parsed
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.unfinished import read_state, write_state
from dreamfilters.serialization import typed

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.scan.scan_job import ScanState

ARRAYS, TABLE, PAGE, UNFINISHED = "scan.npz", "units.csv", "index.html", "unfinished.npz"
KIND = RunKind("scan", "a scan", written=lambda folder, manifest: [ARRAYS, TABLE, PAGE, UNFINISHED])


_BINARY = 2  # classes of a network with one sigmoid


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
            "counts": state.counts,
            "failures": np.frombuffer(failures, np.uint8),
        }
        write_state(self.run, UNFINISHED, state.accumulators.arrays | extra)

    def read_state(self, first: ScanState) -> ScanState:
        """Return the state that an earlier run with equal settings saved, or `first`, the state before any image."""
        try:
            arrays = read_state(self.run, UNFINISHED)
            return first if arrays is None else _state(arrays, first)
        except (ValueError, KeyError):
            return first

    def finish(self, scan: Scan) -> None:
        """Write the result, and last the manifest, which marks the scan as finished."""
        arrays = {**scan.arrays, "predicted": scan.predicted, "counts": scan.counts, "truth": scan.truth}
        contents = {ARRAYS: npz_bytes(dict(sorted(arrays.items()))), **_shown(scan)}
        files = {name: self.run.write(name, content) for name, content in contents.items()}
        results = {
            "layers": [facts.as_values() for facts in scan.facts],
            "summary": layer_rows(scan),
            "classes": scan.classes,
            "names": scan.names,
            "labels": scan.labels,
            "outputs": scan.outputs,
            "has_several": scan.has_several,
            "remark": scan.remark,
        }
        self.run.save_manifest(files, results, scan.failures)

    def update(self, scan: Scan) -> None:
        """Make the table and the page of a finished scan again, which an update of this tool may have changed."""
        self.run.update(_shown(scan))

    def clear_state(self) -> None:
        """Remove the state of the unfinished scan."""
        self.run.remove([UNFINISHED])


def _shown(scan: Scan) -> dict[str, bytes]:
    """Return the table and the page of a scan by their names."""
    from dreamfilters.report.pages.scan_page import scan_page  # it imports TensorFlow

    page = scan_page(scan, {TABLE: "the statistics of every unit", MANIFEST: "settings and results"})
    return {TABLE: units_csv(scan), PAGE: page}


def _state(arrays: dict[str, NDArray[Any]], first: ScanState) -> ScanState:
    """Return the state of these arrays, which have to fit to the state before any image."""
    from dreamfilters.evidence.scan.scan_job import ScanState

    done, predicted, counts, stored = (arrays.pop(key) for key in ("done", "predicted", "counts", "failures"))
    count = len(first.predicted)
    wanted = first.accumulators.arrays
    check_arrays(
        arrays,
        units=len(wanted["sums/counted"]),
        k=len(wanted["top_k/index"]),
        classes=len(wanted["sums/class_count"]),
        images=count,
    )
    failures = dict(typed(tuple[tuple[int, str], ...], parsed(stored.tobytes()), "failures"))
    known = all(0 <= index < count for index in failures) and done.shape == () and 0 <= done <= count
    alike = [one.shape == first.predicted.shape and one.dtype == first.predicted.dtype for one in (predicted, counts)]
    if not known or not all(alike):
        raise ValueError("not a state of these images")
    accumulators = Accumulators.from_arrays(arrays)
    return ScanState(int(done), accumulators, predicted, counts, failures)


def read_scan(folder: Path | str, *, images: ImageFolder | Sequence[ArrayLike] | NDArray[Any] | None = None) -> Scan:
    """Return a stored scan, without importing TensorFlow.

    Args:
        folder: of the scan.
        images: the images that were scanned, which a notebook then shows beside the numbers.

    Raises:
        ImageError: their number is another one than that of the scan.
        OutputError: the folder holds no finished scan.
        DamagedError: its files are damaged, or are not those of a scan.

    Example:
        >>> read_scan("outputs/scan").unit("conv6", 12).strongest["max"][0].name
        '19/19_rendered_1.png'
    """
    folder = Path(folder)
    manifest = KIND.read_finished(folder)
    if ARRAYS not in manifest.files:
        raise DamagedError(f"{folder / MANIFEST}: does not name {ARRAYS}")
    arrays = read_npz(folder, ARRAYS)
    try:
        scan = _scan(manifest, arrays)
    except (ValueError, KeyError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DamagedError(f"{folder}: is not a scan of this tool ({cause})") from error
    if images is None:
        return scan
    if len(images) != len(scan.names):
        raise ImageError(f"images: {len(images)}, but {path_text(folder)} is a scan of {len(scan.names)}")
    return replace(scan, images=images if isinstance(images, ImageFolder) else ImageArrays(images))


def _scan(manifest: Manifest, arrays: dict[str, NDArray[Any]]) -> Scan:
    """Return the scan of a manifest and its arrays; a ValueError or KeyError says what does not fit."""
    settings, results = manifest.settings, typed(Mapping[str, Any], manifest.results, "results")
    names, labels, classes = (typed(tuple[str, ...], results[key], key) for key in ("names", "labels", "classes"))
    facts = tuple(map(LayerInfo.from_values, typed(tuple[Mapping[str, Any], ...], results["layers"], "layers")))
    k, size = typed(int, settings["top"], "top"), typed(tuple[int, int], settings["size"], "size")
    predicted, counts, truth = (arrays.pop(key) for key in ("predicted", "counts", "truth"))
    widest = max((_BINARY, *(info.units for info in facts)))  # where classes are predicted, the logits are scanned
    for key, numbers, most in (
        ("predicted", predicted, widest),
        ("counts", counts, widest + 1),
        ("truth", truth, len(classes)),
    ):
        in_range = numbers.dtype == np.int32 and numbers.min(initial=-1) >= -1 and numbers.max(initial=-1) < most
        if numbers.shape != (len(names),) or not in_range:
            raise ValueError(f"{key} does not name a class of each of {len(names)} images")
    outputs = typed(int, results["outputs"], "outputs")
    if not 0 <= outputs <= len(classes):
        raise ValueError(f"{len(classes)} classes are not those of {outputs} outputs")
    if len(labels) != len(names) or min(k, *size) < 1:
        raise ValueError(f"{len(names)} images have {len(labels)} labels, rankings of {k} and the size {size}")
    check_arrays(arrays, units=sum(info.units for info in facts), k=k, classes=len(classes), images=len(names))
    return Scan(
        network=typed(str, manifest.model["name"], "model.name"),
        fingerprint=typed(str, settings["weights"], "weights"),
        form=typed(Mapping[str, Any], settings["input"], "input"),
        size=size,
        k=k,
        names=names,
        labels=labels,
        classes=classes,
        failures=manifest.failures,
        predicted=predicted,
        counts=counts,
        truth=truth,
        facts=facts,
        arrays=arrays,
        outputs=outputs,
        has_several=typed(bool, results["has_several"], "has_several"),
        remark=typed(str, results["remark"], "remark"),
    )
