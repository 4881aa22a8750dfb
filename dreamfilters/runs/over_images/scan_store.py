"""The files of a scan: its arrays, a table of units, and the state of an unfinished scan.

Reading a stored scan does not import TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.scan.accumulators import Accumulators, check_arrays
from dreamfilters.evidence.scan.result import Scan, layer_rows
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.report.tables import units_csv
from dreamfilters.runs.over_images.run_format import GivenImages, RunFormat, read_result, shown_images
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.unfinished import UNFINISHED, UnfinishedState
from dreamfilters.serialization import typed

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.scan.scan_job import ScanState

ARRAYS, TABLE, PAGE = "scan.npz", "units.csv", "index.html"
KIND = RunKind("scan", "a scan", written=lambda folder, manifest: [ARRAYS, TABLE, PAGE, UNFINISHED])


_BINARY = 2  # classes of a network with one sigmoid


def _arrays(scan: Scan) -> dict[str, NDArray[Any]]:
    arrays = {**scan.arrays, "predicted": scan.predicted, "counts": scan.counts, "truth": scan.truth}
    return dict(sorted(arrays.items()))


def _results(scan: Scan) -> dict[str, Any]:
    return {
        "layers": [facts.as_values() for facts in scan.facts],
        "summary": layer_rows(scan),
        "classes": scan.classes,
        "names": scan.names,
        "labels": scan.labels,
        "outputs": scan.outputs,
        "has_several": scan.has_several,
        "remark": scan.remark,
        "shown_by": dict(scan.shown_by),
    }


def _shown(run: RunFolder, scan: Scan) -> dict[str, bytes]:
    """Return the table and the page of a scan by their names."""
    from dreamfilters.report.pages.scan_page import scan_page  # it imports TensorFlow

    page = scan_page(scan, {TABLE: "the statistics of every unit", MANIFEST: "settings and results"})
    return {TABLE: units_csv(scan), PAGE: page}


def _packed(state: ScanState) -> UnfinishedState:
    arrays = {**state.accumulators.arrays, "predicted": state.predicted, "counts": state.counts}
    return UnfinishedState(state.done, state.failures, arrays)


def _unpacked(stored: UnfinishedState, first: ScanState) -> ScanState:
    """Return the state that is stored, which has to fit to the state before any image."""
    from dreamfilters.evidence.scan.scan_job import ScanState

    arrays = dict(stored.arrays)
    predicted, counts = (arrays.pop(key) for key in ("predicted", "counts"))
    count = len(first.predicted)
    wanted = first.accumulators.arrays
    check_arrays(
        arrays,
        units=len(wanted["sums/counted"]),
        k=len(wanted["top_k/index"]),
        classes=len(wanted["sums/class_count"]),
        images=count,
    )
    alike = [one.shape == first.predicted.shape and one.dtype == first.predicted.dtype for one in (predicted, counts)]
    if not all(alike) or not all(0 <= index < count for index in stored.failures):
        raise ValueError("not a state of these images")
    return ScanState(stored.done, Accumulators.from_arrays(arrays), predicted, counts, dict(stored.failures))


def read_scan(folder: Path | str, *, images: GivenImages | None = None) -> Scan:
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
    scan = read_result(folder, KIND, ARRAYS, _scan)
    return scan if images is None else replace(scan, images=shown_images(folder, KIND, images, len(scan.names)))


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
        shown_by=typed(Mapping[str, str], results.get("shown_by", {}), "shown_by"),  # earlier scans have none
    )


FORMAT = RunFormat(
    kind=KIND,
    arrays_file=ARRAYS,
    arrays=_arrays,
    shown=_shown,
    results=_results,
    read=lambda folder, images: replace(read_scan(folder), images=images),
    packed=_packed,
    unpacked=_unpacked,
)
