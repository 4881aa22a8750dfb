"""What a scan keeps while images pass: sums, rankings and histograms of every unit, never an image's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.scan.histograms import Histograms
from dreamfilters.evidence.scan.top_k import TopK

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class BatchStatistics:
    """What each of n images makes of each unit; the units of all layers lie side by side.

    Attributes:
        maximum: (n, units) of the map; NaN, as the mean, where the map holds or adds up to what is not finite.
        mean: (n, units) of the map.
        minimum: (n, units) of the map.
        power: (n, units), the mean of the squares.
        zeros: (n, units), at how many places the map is exactly zero.
        position: (n, units), where the maximum lies, row * width + column; told only where a ranking may need it.
    """

    maximum: NDArray[np.float32]
    mean: NDArray[np.float32]
    minimum: NDArray[np.float32]
    power: NDArray[np.float32]
    zeros: NDArray[np.float32]
    position: NDArray[np.int32]

    def first(self, count: int) -> BatchStatistics:
        """Return those of the first images only."""
        return BatchStatistics(
            self.maximum[:count],
            self.mean[:count],
            self.minimum[:count],
            self.power[:count],
            self.zeros[:count],
            self.position[:count],
        )


class Accumulators:
    """Everything that is known of `units` units so far.

    What it comes to does not depend on how the images were divided into batches: counts and rankings are exact, and
    sums are taken in float64 image by image.

    Attributes:
        sums: 'counted', 'nonfinite', 'silent', 'zeros' (units,) int64: images counted, images left out because a value
            was not finite, images in which no place of the map is above zero, and places that are zero; 'minimum'
            (units,) the least value at any place, inf for none; 'total' (3 * units,) the sums of maxima, means and
            powers, 'squares' (2 * units,) of the squares of the first two; 'class_count' (classes,), 'class_total'
            (classes, 2 * units) and 'class_squares' (2 * units,) the same of the images that have a class.
        top_k: of 4 * units columns: strongest by maximum, by mean, weakest by maximum, by mean; the latters' scores
            are negative.
        histograms: of 2 * units columns: maxima, then means.
    """

    def __init__(self, sums: Arrays, top_k: TopK, histograms: Histograms) -> None:
        self.sums, self.top_k, self.histograms = sums, top_k, histograms

    @classmethod
    def empty(cls, units: int, k: int, classes: int) -> Accumulators:
        """Return the tally of no images, with rankings of k places."""
        sums: Arrays = {name: np.zeros(units, np.int64) for name in ("counted", "nonfinite", "silent", "zeros")}
        sums["minimum"] = np.full(units, np.inf)
        sums |= {"total": np.zeros(3 * units), "squares": np.zeros(2 * units)}
        sums |= {"class_count": np.zeros(classes, np.int64), "class_total": np.zeros((classes, 2 * units))}
        sums["class_squares"] = np.zeros(2 * units)
        return cls(sums, TopK.empty(k, 4 * units), Histograms.empty(2 * units))

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Accumulators:
        """Return the tally that `arrays` described."""
        parts: dict[str, Arrays] = {"sums": {}, "top_k": {}, "histograms": {}}
        for name, values in arrays.items():
            part, _, key = name.partition("/")
            if part in parts:
                parts[part][key] = values
        return cls(parts["sums"], TopK(parts["top_k"]), Histograms(parts["histograms"]))

    @property
    def arrays(self) -> Arrays:
        """Everything there is to store, under names such as 'top_k/index'."""
        parts = {"sums": self.sums, "top_k": self.top_k.arrays, "histograms": self.histograms.arrays}
        return {f"{part}/{key}": values for part, held in parts.items() for key, values in held.items()}

    @property
    def bars(self) -> NDArray[np.float32]:
        """Return (4, units), what enters a ranking only if it is exceeded; see `top_k`."""
        return self.top_k.least.reshape(4, -1)

    def add(self, indices: NDArray[Any], answers: BatchStatistics, labels: NDArray[Any]) -> None:
        """Count n images in.

        Args:
            indices: (n,) their numbers, rising and above all earlier ones.
            answers: what they make of the units.
            labels: (n,) the numbers of their classes, below zero for none.
        """
        scores = np.concatenate([answers.maximum, answers.mean], axis=1)  # (n, 2 * units)
        counted = ~np.isnan(answers.mean)
        self._count(answers, counted)
        self._sum(np.concatenate([scores, answers.power], axis=1), np.tile(counted, (1, 3)), labels)
        self.histograms.add(scores)
        self.top_k.add(indices, np.concatenate([scores, -scores], axis=1), np.tile(answers.position, (1, 4)))

    def _count(self, answers: BatchStatistics, counted: NDArray[np.bool_]) -> None:
        self.sums["counted"] += counted.sum(axis=0)
        self.sums["nonfinite"] += (~counted).sum(axis=0)
        self.sums["silent"] += (answers.maximum <= 0).sum(axis=0)
        least = np.where(counted, answers.minimum, np.inf).min(axis=0, initial=np.inf)
        self.sums["minimum"] = np.minimum(self.sums["minimum"], least)
        self.sums["zeros"] += np.where(counted, answers.zeros, 0).sum(axis=0, dtype=np.int64)

    def _sum(self, numbers: NDArray[np.float32], counted: NDArray[np.bool_], labels: NDArray[Any]) -> None:
        """Add up (n, 3 * units) maxima, means and powers; those not counted as zeros."""
        wide = np.where(counted, numbers, 0).astype(np.float64)
        columns = wide.shape[1] // 3 * 2
        squares = wide[:, :columns] ** 2
        self.sums["total"] = _added(self.sums["total"], wide)
        self.sums["squares"] = _added(self.sums["squares"], squares)
        for label in np.unique(labels[labels >= 0]):
            own = labels == label
            self.sums["class_count"][label] += own.sum()
            self.sums["class_total"][label] = _added(self.sums["class_total"][label], wide[own, :columns])
        self.sums["class_squares"] = _added(self.sums["class_squares"], squares[labels >= 0])


def _added(total: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add rows to a total one after the other, so that the sum is the same however they are divided into portions.

    NumPy adds up along the first of several axes in just that order; only a single column it would add up in pairs, and
    there are always two at least.
    """
    added: NDArray[np.float64] = np.add.reduce(np.concatenate([total[None], rows]), axis=0)
    return added
