"""The statistics of each unit's map on each image of a batch, and what they add to those of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class BatchStatistics:
    """The statistics of each unit's map on each of n images; the units of all layers are concatenated.

    Attributes:
        maximum: (n, units) of the map; NaN, like the mean, if the map or its sum is not finite.
        mean: (n, units) of the map.
        minimum: (n, units) of the map.
        power: (n, units), the mean of the map's squares.
        zeros: (n, units), the number of positions at which the map is exactly zero.
        position: (n, units), the position of the maximum, row * width + column; computed only for images that may
            enter a ranking, else 0.
    """

    maximum: NDArray[np.float32]
    mean: NDArray[np.float32]
    minimum: NDArray[np.float32]
    power: NDArray[np.float32]
    zeros: NDArray[np.float32]
    position: NDArray[np.int32]

    def first(self, count: int) -> BatchStatistics:
        """Return the statistics of the first `count` images."""
        return BatchStatistics(**{name: values[:count] for name, values in vars(self).items()})

    def contribution(self, thresholds: NDArray[np.float32], k: int) -> BatchContribution:
        """Return what these images add to `Accumulators` with rankings of k images, now or later.

        `thresholds` are those of the accumulators at present. They only rise, which lets fewer images enter.
        """
        finite = ~np.isnan(self.mean)
        counted = finite.sum(axis=0)
        counts = {
            "counted": counted,
            "nonfinite": len(finite) - counted,
            "silent": ((self.maximum <= 0) & (self.minimum >= 0)).sum(axis=0),
            "zeros": np.where(finite, self.zeros, 0).sum(axis=0, dtype=np.int64),
        }
        least = np.where(finite, self.minimum, np.inf).min(axis=0, initial=np.inf)
        scores = np.concatenate([self.maximum, self.mean], axis=1)
        image, column = _candidates(np.concatenate([scores, -scores], axis=1), thresholds.reshape(-1), k)
        position = self.position[image, column % self.mean.shape[1]]
        return BatchContribution(scores, self.power, counts, least, image, column, position)


@dataclass(frozen=True, eq=False)
class BatchContribution:
    """What a batch of n images adds to `Accumulators`; a worker sends it, about half as large as the statistics.

    Attributes:
        scores: (n, 2 * units), the maximum of each unit, then the mean; NaN if the map or its sum is not finite.
        power: (n, units), as in `BatchStatistics`.
        counts: arrays (units,) by their name in `Accumulators.sums`, numbers of images and of positions.
        minimum: (units,), the least value at any position, inf for none.
        image: (m,), the row of each image that may enter a ranking, once for each of these rankings.
        column: (m,) that ranking, a column of `Accumulators.top_k`; in increasing order, and of one column the
            earlier image first.
        position: (m,) the position of the maximum.
    """

    scores: NDArray[np.float32]
    power: NDArray[np.float32]
    counts: dict[str, NDArray[np.int64]]
    minimum: NDArray[np.floating[Any]]
    image: NDArray[np.int32]
    column: NDArray[np.int32]
    position: NDArray[np.int32]

    @property
    def mean(self) -> NDArray[np.float32]:
        """(n, units), as in `BatchStatistics`."""
        return self.scores[:, self.power.shape[1] :]

    @property
    def ranked(self) -> NDArray[np.float32]:
        """(m,) the scores of the images that may enter a ranking; that for the lowest one is negated."""
        lowest, column = np.divmod(self.column, self.scores.shape[1])
        scores = self.scores[self.image, column]
        return np.where(lowest, -scores, scores)

    def of_units(self, first: int, end: int) -> BatchContribution:
        """Return the contribution of the units from `first` to before `end`."""
        n, units = self.power.shape
        ranking, unit = np.divmod(self.column, units)
        own = (unit >= first) & (unit < end)
        return BatchContribution(
            self.scores.reshape(n, 2, units)[:, :, first:end].reshape(n, -1),
            self.power[:, first:end],
            {name: values[first:end] for name, values in self.counts.items()},
            self.minimum[first:end],
            self.image[own],
            (ranking * (end - first) + unit - first)[own],
            self.position[own],
        )


def may_enter(
    maximum: NDArray[np.float32], mean: NDArray[np.float32], thresholds: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return (n, units): whether the maximum, the mean, or the negative of either exceeds its threshold (4, units)."""
    entering: NDArray[np.bool_] = (maximum > thresholds[0]) | (mean > thresholds[1])
    entering |= (maximum < -thresholds[2]) | (mean < -thresholds[3])
    return entering


def _candidates(
    scores: NDArray[np.float32], thresholds: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return row and column of the scores (n, columns) that may be among the k highest and exceed their threshold."""
    entering = scores > thresholds
    if np.count_nonzero(entering) > k * scores.shape[1]:  # at the start of a scan all exceed the threshold
        lowest = np.partition(np.where(entering, scores, -np.inf), len(scores) - k, axis=0)[len(scores) - k]
        entering &= scores >= lowest
    image, column = np.divmod(np.flatnonzero(entering), scores.shape[1])
    order = np.argsort(column, kind="stable")
    return image[order].astype(np.int32), column[order].astype(np.int32)
