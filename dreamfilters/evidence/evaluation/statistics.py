"""Statistics of predictions: the interval of a share, the confusion matrix, how well numbers separate two groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

NORMAL_95 = 1.959963984540054  # stds on either side of the mean that hold 95 % of a normal distribution


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share, `count` of `total`; (0, 1) of none.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927. Unlike
    the normal approximation it stays within 0 and 1, and is not empty where all or none are counted.

    Example:
        >>> [round(end, 3) for end in wilson_interval(8, 10)]
        [0.49, 0.943]
    """
    low, high = wilson_intervals(np.array(count), np.array(total))
    return float(low), float(high)


def wilson_intervals(count: NDArray[Any], total: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of `wilson_interval` of each share.

    >>> [ends.round(3).tolist() for ends in wilson_intervals(np.array([0, 8]), np.array([0, 10]))]
    [[0.0, 0.49], [1.0, 0.943]]
    """
    count, total = np.asarray(count, np.float64), np.asarray(total, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share, square = count / total, NORMAL_95**2 / total
        center = (share + square / 2) / (1 + square)
        half = np.sqrt(NORMAL_95**2 * (share * (1 - share) + square / 4) / total) / (1 + square)
        low = np.where((count > 0) & (total > 0), np.maximum(center - half, 0.0), 0.0)
        high = np.where((count < total) & (total > 0), np.minimum(center + half, 1.0), 1.0)
    return low, high


def confusion_matrix(labels: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Return how many images of each class are predicted as each class, (classes, classes + 1).

    A row is a label, a column a predicted class; the last column counts the images without a predicted class.

    Args:
        labels: (n,) numbers of classes.
        predicted: (n,) numbers of classes, -1 for none.
        classes: the number of classes.

    Example:
        >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, -1]), 2).tolist()
        [[1, 1, 0], [0, 0, 1]]
    """
    columns = np.where(predicted < 0, classes, predicted)
    places = labels.astype(np.int64) * (classes + 1) + columns
    return np.bincount(places, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


def auc(first: NDArray[Any], second: NDArray[Any]) -> Reals:
    """Return for each column the share of pairs of rows in which the value of `first` is larger; half of equal ones.

    It is the area under the ROC curve, the Mann-Whitney U divided by the number of pairs: 1 where every value of
    `first` is larger, 0 where every value of `second` is, 0.5 where the column does not tell them apart.

    Args:
        first, second: (n, columns) and (m, columns).

    Example:
        >>> auc(np.array([[3.0], [2.0]]), np.array([[1.0], [2.0]])).tolist()
        [0.875]
    """
    count = len(first)
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([first, second]).astype(np.float64), axis=0)
    larger = ranks[:count].sum(axis=0) - count * (count + 1) / 2
    return np.asarray(larger / (count * len(second)))


def sensitivity(first: NDArray[Any], second: NDArray[Any]) -> Reals:
    """Return d' for each column: the difference of the means in units of the std, positive where `first` is larger.

    d' = (mean of first - mean of second) / sqrt((variance of first + variance of second) / 2), the sensitivity of
    signal detection (Green and Swets, 1966; unequal variances averaged as in Simpson and Fitter, 1973). It is 0 where
    the means are equal, infinite where both groups are constant and differ.

    Args:
        first, second: (n, columns) and (m, columns).

    Example:
        >>> sensitivity(np.array([[1.0], [3.0]]), np.array([[5.0], [7.0]])).tolist()
        [-4.0]
    """
    groups = [np.asarray(group, np.float64) for group in (first, second)]
    std = np.sqrt((groups[0].var(axis=0) + groups[1].var(axis=0)) / 2)
    difference = groups[0].mean(axis=0) - groups[1].mean(axis=0)
    infinite = np.where(difference == 0, 0, np.copysign(np.inf, difference))
    return np.asarray(np.divide(difference, std, out=infinite, where=std > 0))
