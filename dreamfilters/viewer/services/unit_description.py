"""The evidence about a unit as JSON values: statistics, strongest images, histogram, classes and verdict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamfilters.evidence.scan.result import UnitScan
from dreamfilters.evidence.scan.score_statistics import By, RankedImage
from dreamfilters.serialization import plain
from dreamfilters.verdicts.verdict import DreamEvidence, Verdict
from dreamfilters.viewer.messages import ImageEvidence, NetworkDescription, Values, VerdictBasis
from dreamfilters.viewer.services.dream_queue import QueuedDream

_BY: By = "max"  # the response of a unit is the maximum of its map
_MAX_BINS = 64  # of the histogram
_MAX_CLASSES = 12


def verdict_of(
    evidence: ImageEvidence | None, layer: str, unit: int, dream: QueuedDream | None
) -> tuple[Verdict, VerdictBasis] | None:
    """Return the verdict on a unit by images, bounds and a dream, and its basis; None if there is no verdict."""
    bases = evidence.verdicts.get(layer) if evidence else None
    if bases is None:
        return None
    basis = bases[unit]
    if dream is None or dream.maximum is None:
        return basis.verdict, basis
    source = f"{dream.request.recipe}, seed {dream.request.seed}"
    return basis.with_dream(DreamEvidence(dream.maximum, dream.activated, source)), basis


def verdict_values(found: tuple[Verdict, VerdictBasis] | None) -> Values | None:
    """Return a verdict and its evidence as JSON values."""
    if found is None:
        return None
    verdict, basis = found
    return {
        "kind": verdict.kind,
        "sentence": verdict.sentence,
        "proved": verdict.proved,
        "evidence": {
            "activation": basis.activation,
            "scan": None if basis.scanned is None else plain(basis.scanned),
            "before": plain(basis.before),
        },
    }


def evidence_values(
    description: NetworkDescription,
    evidence: ImageEvidence | None,
    layer: str,
    unit: int,
) -> Values:
    """Return the evidence of the images about a unit; each value is None before the scan."""
    name = description.layers[layer].name
    if evidence is None or name not in evidence.scan.layers:
        return dict.fromkeys(("statistics", "strongest", "weakest", "histogram", "classes"))
    scan = evidence.scan.unit(name, unit)
    are_classes = evidence.scan.classes == description.class_names
    titles = description.values["classes"] if are_classes else evidence.scan.classes

    def ranked_image(image: RankedImage) -> Values:
        position = description.drawn_position(layer, *image.position)
        label = int(evidence.scan.truth[image.index])
        return {
            "image": evidence.image_ids[image.index],
            "name": image.name,
            "label": image.label or None if label < 0 else titles[label],
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
