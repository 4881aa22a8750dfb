"""Everything that is known of one unit, as the page shows it and as a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dreamfilters.evidence.scan.result import UnitScan
from dreamfilters.evidence.scan.score_statistics import By, RankedImage
from dreamfilters.serialization import plain
from dreamfilters.verdicts.verdict import DreamEvidence, ScanEvidence, Verdict
from dreamfilters.viewer.messages import Evidence, NetworkDescription, ScanVerdicts, Values
from dreamfilters.viewer.services.dream_jobs import QueuedDream

_BY: By = "max"  # by what images are ranked: the greatest value of the unit's map
_BINS = 64  # of the histogram at most
_CLASSES = 12  # that are named


def judged(
    evidence: Evidence | None, layer: str, unit: int, dream: QueuedDream | None
) -> tuple[Verdict, ScanVerdicts] | None:
    """Return the verdict on a unit by all that is known of it, and what it rests on; None where there is none."""
    units = evidence.judged.get(layer) if evidence else None
    if units is None:
        return None
    known = units[unit]
    if dream is None or dream.peak is None:
        return known.verdict, known
    return known.after(
        DreamEvidence(dream.peak, dream.activated, f"{dream.asked.recipe}, seed {dream.asked.seed}")
    ), known


def verdict_values(found: tuple[Verdict, ScanVerdicts] | None) -> Values | None:
    """Return a verdict for the page."""
    if found is None:
        return None
    verdict, known = found
    return {
        "kind": verdict.kind,
        "sentence": verdict.sentence,
        "proved": verdict.proved,
        "evidence": {"activation": known.activation, "scan": _scanned(known.scanned), "before": plain(known.before)},
    }


def evidence_values(
    facts: NetworkDescription, evidence: Evidence | None, layer: str, unit: int, class_name: Callable[[str], str]
) -> Values:
    """Return what the images do to a unit: statistics, strongest and weakest images, histogram, classes.

    `class_name` says a label in words.
    """
    address = facts.addresses[layer]
    if evidence is None or address not in evidence.scan.layers:
        return dict.fromkeys(("statistics", "strongest", "weakest", "histogram", "classes"))
    seen = evidence.scan.unit(address, unit)
    return {
        "statistics": _statistics(seen),
        "strongest": [_example(facts, layer, each, class_name) for each in seen.strongest[_BY]],
        "weakest": [_example(facts, layer, each, class_name) for each in seen.weakest[_BY]],
        "histogram": _histogram(seen),
        "classes": _classes(seen, class_name) or None,
    }


def _statistics(seen: UnitScan) -> Values:
    return {
        **{name: plain(getattr(seen, name)) for name in ("maximum", "minimum", "mean", "std")},
        "images": seen.counted,
        "zero_fraction": plain(seen.zeros),
        "silent_images": seen.silent,
        "nonfinite_images": seen.nonfinite,
        "class_selectivity": plain(seen.selectivity[_BY]),
        "variance_between_classes": plain(seen.correlation[_BY]),
    }


def _example(facts: NetworkDescription, layer: str, example: RankedImage, class_name: Callable[[str], str]) -> Values:
    return {
        "image": f"I{example.index}",
        "name": example.name,
        "label": class_name(example.label) or None,
        "response": plain(example.score),
        "position": list(example.position),
        "box": list(facts.seen_from(layer, *example.position)),
    }


def _histogram(seen: UnitScan) -> Values:
    """Return the histogram of the maps' greatest values, neighboring bins together until they are few."""
    found = seen.histogram[_BY]
    counts, edges = np.asarray(found.counts, np.int64), found.edges
    while len(counts) > _BINS:
        if len(counts) % 2:
            counts, edges = np.append(counts, 0), np.append(edges, 2 * edges[-1] - edges[-2])
        counts, edges = counts.reshape(-1, 2).sum(axis=1), edges[::2]
    return {"edges": plain(edges), "counts": counts.tolist(), "low": plain(found.low), "high": plain(found.high)}


def _classes(seen: UnitScan, class_name: Callable[[str], str]) -> list[Values]:
    """Return the mean by class, the highest first, of classes with images."""
    means = plain(seen.class_means[_BY])
    known = [
        {"index": index, "name": class_name(name), "mean": mean}
        for index, (name, mean) in enumerate(means.items())
        if mean is not None
    ]
    return sorted(known, key=lambda each: -each["mean"])[:_CLASSES]


def _scanned(scanned: ScanEvidence | None) -> Mapping[str, Any] | None:
    return None if scanned is None else plain(scanned)
