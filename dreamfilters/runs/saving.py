"""`save`: a result of Python as the files that the commands write."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.attribution.ablation.result import Ablation
from dreamfilters.attribution.circuits.result import Circuit
from dreamfilters.attribution.circuits.weights.layer_weights import LayerWeights
from dreamfilters.attribution.result import Attributions
from dreamfilters.comparison.result import Comparison
from dreamfilters.dreams.result import Dream, Dreams
from dreamfilters.errors import ImageError, OutputError
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.images import ImageArray, contact_sheet, png_bytes
from dreamfilters.images.encoding import channels_side_by_side, write_image
from dreamfilters.report.pages.circuit_page import circuit_files
from dreamfilters.report.pages.weights_page import PAGE, weights_files
from dreamfilters.report.report import write_files, write_report
from dreamfilters.runs.by_unit import audit_run
from dreamfilters.runs.by_unit.dream_store import SHEET
from dreamfilters.runs.over_images import ablation_store, evaluation_store, scan_store
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.run_folder import entered
from dreamfilters.verdicts.result import Audit

Savable: TypeAlias = (
    Dream | Sequence[Dream] | Attributions | Comparison | Scan | Audit | Evaluation | Ablation | Circuit
    | LayerWeights | Sequence[LayerWeights]
)  # fmt: skip


def save(
    value: Savable | ArrayLike,
    path: Path | str,
    *,
    force: bool = False,
) -> Path:
    """Write a result, and return the path of its file or page.

    A dream and an image (h, w, c) in [0, 1] become a .png file, the frames of a dream a .gif file. Heatmaps become a
    contact sheet (.png), several dreams a sheet, or a folder with the sheet and a file for each. A comparison becomes
    the report of `write_report`. A scan, an audit, an evaluation and an ablation become folders that `read_scan`,
    `read_audit`, `read_evaluation` and `read_ablation` read. A circuit and the weights of layers become a drawing
    (.png), or a folder with a page.

    Args:
        value: the result.
        path: of the file, or of the folder.
        force: replace another result of the same kind in the folder.

    Raises:
        OutputError: the value has no files, the path cannot be written or has the wrong ending, or the folder holds
            something else.

    Example:
        >>> save(dreams, "two-dreams").name
        'contact-sheet.png'
    """
    path = Path(path)
    if isinstance(value, Dream | Attributions):
        return value.save(path)
    if isinstance(value, Comparison):
        return write_report(value, path)
    if isinstance(value, Scan):
        return _save_scan(value, path, force)
    if isinstance(value, Audit):
        return _save_audit(value, path, force)
    if isinstance(value, Evaluation):
        return _save_evaluation(value, path, force)
    if isinstance(value, Ablation):
        return _save_ablation(value, path, force)
    if isinstance(value, Circuit):
        return _save_drawn(value.sheet, lambda: circuit_files(value), path)
    layers = [value] if isinstance(value, LayerWeights) else value if isinstance(value, list | tuple) else []
    if layers and all(isinstance(one, LayerWeights) for one in layers):
        return _save_weights(cast("Sequence[LayerWeights]", layers), path)
    if isinstance(value, list | tuple) and value and all(isinstance(one, Dream) for one in value):
        return _save_dreams(Dreams(value), path)
    try:
        image = png_bytes(channels_side_by_side(np.asarray(value, np.float32)))
    except (ValueError, TypeError, ImageError):
        raise OutputError(
            f"a {type(value).__name__}: cannot be saved; give a dream, dreams, an image (h, w, c), heatmaps, a "
            "comparison, a scan, an audit, an evaluation, an ablation, a circuit or weights"
        ) from None
    return write_image(path, {".png": lambda: image})


def _save_drawn(sheet: ImageArray | None, files: Callable[[], dict[str, bytes]], path: Path) -> Path:
    """Write a drawing into a .png file, or a page with its files into a folder."""
    if path.suffix != ".png":
        write_files(files(), path)
        return path / PAGE
    if sheet is None:
        raise OutputError(f"{path}: there is nothing to draw; give a folder, whose page has the numbers")
    return write_image(path, {".png": lambda: png_bytes(sheet)})


def _save_weights(layers: Sequence[LayerWeights], path: Path) -> Path:
    if len(layers) > 1 and path.suffix == ".png":
        raise OutputError(f"{path}: holds the kernels of one layer, not of {len(layers)}; give one, or a folder")
    return _save_drawn(layers[0].sheet, lambda: weights_files(layers), path)


def _save_dreams(dreams: Dreams, path: Path) -> Path:
    if path.suffix:
        return dreams.save(path)
    names = [f"{slug(dream.name)}.png" for dream in dreams]
    if len(set(names)) != len(names):
        raise OutputError(f"{path}: two dreams are of the same target; save them into different folders")
    files = {name: dream.png for name, dream in zip(names, dreams, strict=True)}
    write_files({**files, SHEET: png_bytes(contact_sheet(dreams))}, path)
    return path / SHEET


def _save_scan(scan: Scan, folder: Path, force: bool) -> Path:
    settings = {
        "weights": scan.fingerprint,
        "input": dict(scan.form),
        "size": list(scan.size),
        "layers": [facts.name for facts in scan.facts],
        "top": scan.k,
        "results": _digest((scan.names, scan.labels), scan.arrays),
    }
    with entered(folder, scan_store.KIND, settings, _model(scan.network, scan.fingerprint), force=force) as claimed:
        scan_store.FORMAT.finish(claimed, scan)
    return folder


def _save_audit(audit: Audit, folder: Path, force: bool) -> Path:
    settings = {"weights": audit.fingerprint, "results": hashlib.sha256(repr(audit.as_values()).encode()).hexdigest()}
    with entered(folder, audit_run.KIND, settings, _model(audit.network, audit.fingerprint), force=force) as claimed:
        audit_run.finish(claimed, audit, None)
    return folder


def _save_evaluation(found: Evaluation, folder: Path, force: bool) -> Path:
    from dreamfilters.dreams.objectives.targets import class_word_of  # it imports TensorFlow

    arrays = {name: getattr(found, name) for name in ("indices", "logits", "truth")}
    settings = {
        "weights": found.fingerprint,
        "input": dict(found.form),
        "size": list(found.size),
        "results": _digest((found.names, found.labels, found.separations), arrays),
    }
    targets = tuple(f"class:{class_word_of(found.classes, number)}" for number in range(len(found.classes)))
    kind, model = evaluation_store.KIND, _model(found.network, found.fingerprint)
    with entered(folder, kind, settings, model, force=force) as claimed:
        evaluation_store.evaluation_format(targets).finish(claimed, found)
    return folder


def _save_ablation(found: Ablation, folder: Path, force: bool) -> Path:
    described = (found.how, found.seed, found.sets, found.witnesses)
    settings = {"weights": found.fingerprint, "results": _digest(described, found.arrays.as_dict())}
    kind, model = ablation_store.KIND, _model(found.network, found.fingerprint)
    with entered(folder, kind, settings, model, force=force) as claimed:
        ablation_store.FORMAT.finish(claimed, found)
    return folder


def _digest(described: object, arrays: Mapping[str, np.ndarray]) -> str:
    """Return a hash of a result, by which the same one is recognized in a folder."""
    digest = hashlib.sha256(repr(described).encode("utf-8", "surrogatepass"))
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _model(name: str, fingerprint: str) -> Mapping[str, Any]:
    return {"name": name, "spec": "", "fingerprint": fingerprint}
