"""Units judged by one number an image, the maximum or the mean of the map: rankings, histogram, classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.scan.histograms import Histogram, histogram_of
from dreamfilters.evidence.scan.top_k import NOBODY
from dreamfilters.evidence.selectivity import correlation_ratio, selectivity

By: TypeAlias = Literal["max", "mean"]
Arrays: TypeAlias = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class RankedImage:
    """One image in a unit's ranking.

    Attributes:
        index: its number in the scan's `names`.
        name: its file.
        label: its class, "" for none.
        score: the maximum or the mean of the unit's map.
        position: (row, column) of the map's maximum; of equal values the first in row-major order.
    """

    index: int
    name: str
    label: str
    score: float
    position: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Ranking:
    """The images of one end, for each unit of a layer.

    Attributes:
        index: (k, units) numbers of images, `NOBODY` (-1) where there were fewer than k.
        score: (k, units) float32.
        row, column: (k, units) of the map's maximum.
    """

    index: NDArray[np.int32]
    score: NDArray[np.float32]
    row: NDArray[np.int32]
    column: NDArray[np.int32]

    def examples(self, unit: int, names: tuple[str, ...], labels: tuple[str, ...]) -> tuple[RankedImage, ...]:
        """Return one unit's ranking."""
        columns = (values[:, unit].tolist() for values in (self.index, self.score, self.row, self.column))
        return tuple(
            RankedImage(index, names[index], labels[index], score, (row, column))
            for index, score, row, column in zip(*columns, strict=True)
            if index != NOBODY
        )


@dataclass(frozen=True, eq=False)
class ScoreStatistics:
    """What a layer's units come to by one number an image.

    Attributes:
        strongest: the highest scores first.
        weakest: the lowest scores first.
        mean: (units,) of the scores.
        std: (units,) of the scores, that of the images themselves (divided by their number).
        class_means: (classes, units), NaN for a class without images and for units with broken images.
        selectivity: (units,) Morcos and others' index of the class means.
        correlation: (units,) the share of the scores' variance that lies between the classes.
    """

    strongest: Ranking
    weakest: Ranking
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    class_means: NDArray[np.float64]
    selectivity: NDArray[np.float64]
    correlation: NDArray[np.float64]
    histograms: Arrays

    def histogram(self, unit: int) -> Histogram:
        """Return where one unit's scores fell."""
        return histogram_of(self.histograms, unit)

    def quantiles(self, shares: tuple[float, ...]) -> NDArray[np.float64]:
        """Return (shares, units), each within a bin's width; see `Histogram.quantile`."""
        units = [self.histogram(unit) for unit in range(len(self.mean))]
        return np.array([[histogram.quantile(share) for histogram in units] for share in shares])


def score_statistics(arrays: Arrays, by: By, units: slice, width: int) -> ScoreStatistics:
    """Return what a `Tally`'s arrays hold of one layer.

    Args:
        arrays: of the tally.
        by: what makes one number of a map.
        units: the layer's among all units.
        width: of the layer's maps.
    """
    total, block = len(arrays["sums/counted"]), ("max", "mean").index(by)
    columns = slice(block * total + units.start, block * total + units.stop)
    seen = np.maximum(arrays["sums/counted"][units], 1)
    mean = np.where(arrays["sums/counted"][units] > 0, arrays["sums/total"][columns] / seen, np.nan)
    square = arrays["sums/squares"][columns] / seen
    means, counts = _class_means(arrays, units, columns)
    some = counts > 0
    labeled = means[some]
    variance = _variance(arrays["sums/class_squares"][columns], labeled, counts[some])
    return ScoreStatistics(
        _ranking(arrays, slice(columns.start, columns.stop), 1, width),
        _ranking(arrays, slice(columns.start + 2 * total, columns.stop + 2 * total), -1, width),
        mean,
        np.sqrt(np.maximum(square - mean**2, 0)),
        means,
        selectivity(labeled),
        correlation_ratio(labeled, counts[some], variance) if some.any() else np.full(mean.shape, np.nan),
        {key: arrays[f"histograms/{key}"][columns] for key in ("counts", "first", "exponent", "low", "high")},
    )


def _class_means(arrays: Arrays, units: slice, columns: slice) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    counts = arrays["sums/class_count"]
    sums = arrays["sums/class_total"][:, columns]
    means = np.divide(sums, counts[:, None], out=np.full(sums.shape, np.nan), where=counts[:, None] > 0)
    means[:, arrays["sums/nonfinite"][units] > 0] = np.nan  # their images were not counted class by class
    return means, counts


def _variance(
    squares: NDArray[np.float64], means: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the variance of the scores of all images with a class."""
    number = max(int(counts.sum()), 1)
    mean = (means * counts[:, None]).sum(axis=0) / number
    variance: NDArray[np.float64] = np.maximum(squares / number - mean**2, 0)
    return variance


def _ranking(arrays: Arrays, columns: slice, sign: int, width: int) -> Ranking:
    index, score, position = (arrays[f"top_k/{key}"][:, columns] for key in ("index", "score", "position"))
    return Ranking(index, sign * score, position // width, position % width)
