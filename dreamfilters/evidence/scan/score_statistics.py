"""Statistics of a layer's units by one score per image, the maximum or the mean of the map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.evidence.scan.accumulators import NO_IMAGE, Arrays
from dreamfilters.evidence.scan.histograms import Histogram, histogram_of

By: TypeAlias = Literal["max", "mean"]


@dataclass(frozen=True)
class RankedImage:
    """One image of a unit's ranking.

    Attributes:
        index: the image's index in the scan's `names`.
        name: its file name.
        label: its label, "" for none.
        score: the maximum or the mean of the unit's map.
        position: of the map's maximum, (row, column), (token, 0) or (0, 0), as in `as_maps`; of equal values the first.
    """

    index: int
    name: str
    label: str
    score: float
    position: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Ranking:
    """The top-k images of each unit of a layer, by the highest or the lowest scores.

    Attributes:
        index: (k, units) image indices, `NO_IMAGE` (-1) where there are fewer than k.
        score: (k, units) float32.
        row, column: (k, units) the position of the map's maximum.
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
            if index != NO_IMAGE
        )


@dataclass(frozen=True, eq=False)
class ScoreStatistics:
    """The statistics of each unit of a layer.

    Attributes:
        strongest: the images with the highest scores, highest first.
        weakest: the images with the lowest scores, lowest first.
        mean: (units,) of the scores.
        std: (units,) population standard deviation of the scores.
        class_means: (classes, units), NaN for a class without images and for units with nonfinite images.
        selectivity: (units,) class selectivity index, see the function `selectivity`.
        correlation: (units,) correlation ratio, the share of the scores' variance between classes.
        histograms: arrays of `Histograms`, one row per unit.
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
        """Return the histogram of one unit's scores."""
        return histogram_of(self.histograms, unit)


def score_statistics(arrays: Arrays, by: By, units: slice, width: int) -> ScoreStatistics:
    """Return the statistics of one layer from the arrays of `Accumulators`.

    Args:
        arrays: the accumulators' arrays.
        by: the score, "max" or "mean" of the map.
        units: the layer's units among all units.
        width: columns of the layer's maps.
    """
    total, block = len(arrays["sums/counted"]), ("max", "mean").index(by)
    columns = slice(block * total + units.start, block * total + units.stop)
    images = np.maximum(arrays["sums/counted"][units], 1)
    mean = np.where(arrays["sums/counted"][units] > 0, arrays["sums/total"][columns] / images, np.nan)
    square = arrays["sums/squares"][columns] / images
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
    means[:, arrays["sums/nonfinite"][units] > 0] = np.nan  # images left out are not counted per class
    return means, counts


def _variance(
    squares: NDArray[np.float64], means: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the variance of the scores over all images with a class."""
    number = max(int(counts.sum()), 1)
    mean = (means * counts[:, None]).sum(axis=0) / number
    variance: NDArray[np.float64] = np.maximum(squares / number - mean**2, 0)
    return variance


def _ranking(arrays: Arrays, columns: slice, sign: int, width: int) -> Ranking:
    index, score, position = (arrays[f"top_k/{key}"][:, columns] for key in ("index", "score", "position"))
    return Ranking(index, sign * score, position // width, position % width)


def selectivity(means: ArrayLike) -> NDArray[np.float64]:
    """Return the class selectivity index of each unit, (classes, units) -> (units,).

    (m - r) / (m + r), where m is the highest mean response to a class and r the mean of those to all other classes
    (Morcos, Barrett, Rabinowitz and Botvinick, "On the importance of single directions for generalization", ICLR 2018,
    section 3.3): 0 for a unit with equal means, 1 for a unit that responds to a single class. It is defined for
    nonnegative responses; NaN where a mean is negative, where all are zero, and with fewer than two classes.

    Example:
        >>> selectivity([[3.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
        array([0.5, 0. ])
    """
    values = np.asarray(means, np.float64)
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    highest = values.max(axis=0)
    others = (values.sum(axis=0) - highest) / (len(values) - 1)
    defined = (values.min(axis=0) >= 0) & (highest > 0)
    index = np.full(highest.shape, np.nan)
    np.divide(highest - others, highest + others, out=index, where=defined)
    return index


def correlation_ratio(means: ArrayLike, counts: ArrayLike, variance: ArrayLike) -> NDArray[np.float64]:
    """Return the share of each unit's variance that lies between the classes, (units,), between 0 and 1.

    Eta squared (Fisher, "Statistical methods for research workers", 1925, section 45): the variance of the class means,
    weighted by their number of images, divided by the variance of all responses.

    Args:
        means: (classes, units), the mean response to each class.
        counts: (classes,) number of images.
        variance: (units,) of the responses to all these images; the result is NaN where it is zero.

    Example:
        >>> correlation_ratio([[0.0], [2.0]], [5, 5], [2.0])
        array([0.5])
    """
    values, weights, total = (np.asarray(given, np.float64) for given in (means, counts, variance))
    weights = weights / weights.sum()
    between = (weights[:, None] * (values - weights @ values) ** 2).sum(axis=0)
    share = np.full(total.shape, np.nan)
    np.divide(between, total, out=share, where=total > 0)
    return share.clip(0, 1)
