"""Units: what is known of them, and the comparison of their dreams with images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.evidence.patches import extract_patch
from dreamfilters.evidence.scan.result import UnitScan
from dreamfilters.evidence.scan.score_statistics import By, RankedImage
from dreamfilters.images import png_bytes
from dreamfilters.serialization import plain
from dreamfilters.verdicts.verdict import DreamEvidence, Verdict, judge
from dreamfilters.viewer.messages import (
    CLASS_LAYER,
    ImageEvidence,
    NetworkDescription,
    Values,
    VerdictBasis,
)
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.dream_queue import DreamQueue, QueuedDream, encode_png
from dreamfilters.viewer.services.dream_service import default_recipe

_BY: By = "max"  # the response of a unit is the maximum of its map
_MAX_BINS = 64  # of the histogram
_MAX_CLASSES = 12


class UnitService:
    """Units and their verdicts."""

    def __init__(self, catalog: Catalog, dreams: DreamQueue) -> None:
        """Serve the units of a catalog with their dreams."""
        self._catalog, self._dreams = catalog, dreams

    async def verdicts(self, layer: str) -> Values:
        """Return the verdict on each unit of a layer."""
        description, evidence = await self._catalog.network_with_layer(layer), self._catalog.evidence
        dreams = self._dreams.strongest(layer)
        found = [verdict_of(evidence, layer, unit, dreams.get(unit)) for unit in range(description.layers[layer].units)]
        unknown = {"kind": None, "sentence": "", "proved": False}
        return {
            "phase": "ready" if evidence and evidence.verdicts else "none",
            "units": [_verdict(each[0]) if each else unknown for each in found],
        }

    async def unit(self, layer: str, unit: int) -> Values:
        """Return everything that is known of a unit."""
        description, evidence = await self._catalog.network_with_unit(layer, unit), self._catalog.evidence
        target = description.target(layer, unit)
        command, python = self._catalog.snippets.dream(
            target, default_recipe(description, layer), 0, description.chosen_size
        )
        named = f"{description.layers[layer].name}:{unit}"
        return {
            "layer": layer,
            "unit": unit,
            "name": description.values["classes"][unit] if layer == CLASS_LAYER else named,
            "target": target,
            "verdict": verdict_values(verdict_of(evidence, layer, unit, self._dreams.strongest(layer).get(unit))),
            **evidence_values(self._catalog, description, layer, unit),
            "dreams": [
                {**dream.as_values(), "measures": dream.measures and dream.measures[1]}
                for dream in self._dreams.of(layer, unit)
            ],
            "command": command,
            "python": python,
        }

    async def patch_png(self, layer: str, unit: int, rank: int) -> bytes:
        """Return the receptive field of the maximum on the unit's strongest image number `rank`."""
        description, evidence = await self._catalog.network_with_unit(layer, unit), self._catalog.evidence
        name = description.layers[layer].name
        if evidence is None or name not in evidence.scan.layers:
            raise UnknownNameError(f"{name}:{unit}: no images have been scanned yet")
        strongest = evidence.scan.unit(name, unit).strongest["max"]
        if not 0 <= rank < len(strongest):
            raise UnknownNameError(f"{name}:{unit}: has {len(strongest)} strongest images; {rank} is out of range")
        _, pixels = await self._catalog.network_input(evidence.image_ids[strongest[rank].index])
        return png_bytes(extract_patch(pixels, evidence.scan.layer(name).facts, strongest[rank].position).image)

    async def thumbnail_png(self, layer: str, unit: int) -> bytes:
        """Return a small image of a unit: its newest dream, else the strongest position of its strongest image.

        It is empty where there is neither.
        """
        await self._catalog.network_with_unit(layer, unit)
        dream = next((each for each in self._dreams.newest(layer) if each.request.unit == unit), None)
        if dream is not None:
            return encode_png(dream.tile)
        try:
            return await self.patch_png(layer, unit, 0)
        except (UnknownNameError, ImageError):
            return encode_png(Image.new("LA", (1, 1)))

    async def measures(self, dream: str) -> Values:
        """Return the comparison of a finished dream with the images; see `worker.handlers.dream_measures`.

        Raises:
            UnknownNameError: it is not done, or the worker was restarted since.
            ImageError: no images have been scanned.
        """
        found = self._dreams.get(dream)
        if found.phase != "done":
            raise UnknownNameError(f"dream {dream}: is {found.phase}; only a finished dream can be measured")
        dreams = self._dreams.with_variants(found)
        if found.measures is None or found.measures[0] != dreams:
            found.measures = dreams, await self._catalog.worker.request("measure", priority=2, dreams=dreams)
        return found.measures[1]


def verdict_of(
    evidence: ImageEvidence | None, layer: str, unit: int, dream: QueuedDream | None
) -> tuple[Verdict, VerdictBasis] | None:
    """Return the verdict on a unit by images, bounds and a dream, and its basis; None if there is no verdict."""
    bases = evidence.verdicts.get(layer) if evidence else None
    if bases is None:
        return None
    basis = bases[unit]
    if dream is None or dream.maximum is None or basis.verdict.kind != "undecided":
        return basis.verdict, basis
    source = f"{dream.request.recipe}, seed {dream.request.seed}"
    evidence_of_dream = DreamEvidence(dream.maximum, dream.activated, source)
    return judge(basis.activation, scanned=basis.scanned, dream=evidence_of_dream, before=basis.before), basis


def verdict_values(found: tuple[Verdict, VerdictBasis] | None) -> Values | None:
    """Return a verdict and its evidence as JSON values."""
    if found is None:
        return None
    verdict, basis = found
    return {
        **_verdict(verdict),
        "evidence": {
            "activation": basis.activation,
            "scan": None if basis.scanned is None else plain(basis.scanned),
            "before": plain(basis.before),
        },
    }


def _verdict(verdict: Verdict) -> Values:
    return {"kind": verdict.kind, "sentence": verdict.sentence, "proved": verdict.proved}


def evidence_values(catalog: Catalog, description: NetworkDescription, layer: str, unit: int) -> Values:
    """Return the evidence of the images about a unit; each value is None before the scan."""
    name, evidence = description.layers[layer].name, catalog.evidence
    if evidence is None or name not in evidence.scan.layers:
        return dict.fromkeys(("statistics", "strongest", "weakest", "histogram", "classes"))
    scan = evidence.scan.unit(name, unit)
    classes, outputs = evidence.scan.classes, evidence.scan.outputs
    are_classes = classes[:outputs] == description.class_names
    titles = (*description.values["classes"], *classes[outputs:]) if are_classes else classes

    def ranked_image(image: RankedImage) -> Values:
        position = description.drawn_position(layer, *image.position)
        label = int(evidence.scan.truth[image.index])
        key = evidence.image_ids[image.index]
        return {
            "image": key,
            "name": image.name,
            "label": image.label or None if label < 0 else titles[label],
            "mistake": catalog.mistake(key),
            "response": plain(image.score),
            "position": position and list(position),
            "box": position and list(description.box_of(layer, *position)),
        }

    return {
        "statistics": _statistics(scan),
        "strongest": [ranked_image(image) for image in scan.strongest[_BY]],
        "weakest": [ranked_image(image) for image in scan.weakest[_BY]],
        "histogram": _histogram(scan),
        "classes": _classes(scan, titles) or None,
    }


def _statistics(scan: UnitScan) -> Values:
    return {
        **{name: plain(getattr(scan, name)) for name in ("maximum", "minimum", "mean", "std")},
        "images": scan.counted,
        "zero_fraction": plain(scan.zeros),
        "silent_images": scan.silent,
        "nonfinite_images": scan.nonfinite,
        "class_selectivity": plain(scan.selectivity[_BY]),
        "variance_between_classes": plain(scan.correlation[_BY]),
    }


def _histogram(scan: UnitScan) -> Values:
    """Return the histogram of the responses; neighboring bins are merged until there are at most `_MAX_BINS`."""
    found = scan.histogram[_BY]
    counts, edges = np.asarray(found.counts, np.int64), found.edges
    while len(counts) > _MAX_BINS:
        if len(counts) % 2:
            counts, edges = np.append(counts, 0), np.append(edges, 2 * edges[-1] - edges[-2])
        counts, edges = counts.reshape(-1, 2).sum(axis=1), edges[::2]
    return {"edges": plain(edges), "counts": counts.tolist(), "low": plain(found.low), "high": plain(found.high)}


def _classes(scan: UnitScan, titles: Sequence[str]) -> list[Values]:
    """Return the mean response by class, greatest first, of the classes that have images."""
    means = [
        {"index": index, "name": titles[index], "mean": mean}
        for index, mean in enumerate(plain(list(scan.class_means[_BY].values())))
        if mean is not None
    ]
    return sorted(means, key=lambda each: -each["mean"])[:_MAX_CLASSES]
