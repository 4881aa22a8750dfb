"""Runs with a folder for each image or unit as summaries: the image that shows it at a glance, and its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dreamfilters.errors import DamagedError
from dreamfilters.images import ImageArray, read_image
from dreamfilters.networks.classes.predictions import Prediction
from dreamfilters.runs.by_image import attribution_store, map_store, technique_store
from dreamfilters.runs.by_image.attribution_store import StoredAttribution
from dreamfilters.runs.by_image.map_run import OVERVIEW
from dreamfilters.runs.storage.json_files import read_json
from dreamfilters.runs.storage.run_folder import RunKind
from dreamfilters.runs.storage.stored_files import file_digest
from dreamfilters.serialization import typed
from dreamfilters.training.summaries.summary import Summaries

_SETTINGS = ("radius", "searched", "seed", "steps", "weight")  # numbers that are no results


def of_heatmaps(run: Path) -> Summaries:
    """Return the contact sheet of each image, the score of each target on it, and its measures of trust."""
    return _of_folders(run, attribution_store.KIND, attribution_store.RECORD, attribution_store.SHEET, _of_attribution)


def of_maps(run: Path) -> Summaries:
    """Return the overview of each image, and the probability of its predicted class."""
    return _of_folders(run, map_store.KIND, map_store.RECORD, OVERVIEW, _of_prediction)


def of_technique(run: Path, command: str) -> Summaries:
    """Return the strip of each image or unit, and the numbers of its result."""
    return _of_folders(
        run, technique_store.kind_of(command), technique_store.RECORD, technique_store.STRIP, _of_technique
    )


def _of_folders(
    run: Path, kind: RunKind, record: str, shown: str, numbers: Callable[[Path, Mapping[str, Any]], dict[str, float]]
) -> Summaries:
    """Return an image and the numbers of each folder of a finished run, in the order of the manifest.

    Args:
        run: the run folder.
        kind: of the run.
        record: name of the record in each folder.
        shown: name of the image in each folder; a folder can be without.
        numbers: the numbers of a record, "section/name" -> value.
    """
    scalars: dict[str, float] = {}
    images: dict[str, ImageArray] = {}
    for name in kind.read_finished(run).files:
        place = Path(name)
        if place.name != record or len(place.parts) == 1:
            continue
        folder = run / place.parent
        values = read_json(folder, record)
        scalars |= numbers(folder, values)
        files = typed(Mapping[str, str], values.get("files"), "files")
        if shown in files:
            if file_digest(folder, shown) != files[shown]:
                raise DamagedError(f"{folder / shown}: is damaged (it differs from its checksum in {record})")
            images[f"{kind.command}/{typed(str, values.get('image'), 'image')}"] = read_image(folder / shown)
    return Summaries(scalars, images)


def _of_attribution(folder: Path, record: Mapping[str, Any]) -> dict[str, float]:
    stored = StoredAttribution.of(folder, record)
    scores = {f"score/{one.target} on {stored.image}": one.score for one in stored.targets}
    measures = {
        f"{name}/{method}, {one.target} on {stored.image}": measured.value
        for one in stored.targets
        for method, found in one.trust.items()
        for name, measured in found.items()
    }
    return {**scores, **measures}


def _of_prediction(folder: Path, record: Mapping[str, Any]) -> dict[str, float]:
    ranked = typed(tuple[Prediction, ...], record.get("predictions"), "predictions")
    name = typed(str, record.get("image"), "image")
    return {f"probability of the predicted class/{name}": ranked[0].probability} if ranked else {}


def _of_technique(folder: Path, record: Mapping[str, Any]) -> dict[str, float]:
    stored = technique_store.StoredResult.of(folder, record)
    return {f"{key}/{stored.name}{part}": value for key, part, value in _numbers(stored.values)}


def _numbers(values: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Yield the key of each number of a result, the layer it belongs to (" in conv1", or ""), and the number."""
    layers = values.get("layers")
    parts = layers if isinstance(layers, list) and all(isinstance(one, dict) for one in layers) else []
    for part in (values, *parts):
        where = "" if part is values else f" in {part.get('layer')}"
        for key, value in part.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and key not in _SETTINGS:
                yield key.replace("_", " "), where, float(value)
