"""Class selectivity of units, from their mean responses to each class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


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
