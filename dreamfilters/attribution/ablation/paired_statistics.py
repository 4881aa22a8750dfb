"""Changes between two predictions of the same images, with intervals that use the pairing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.evidence.evaluation.statistics import wilson_intervals

Reals = NDArray[np.float64]

LEVEL = 0.95  # of every interval


@dataclass(frozen=True)
class Change:
    """A mean change with its 95 % interval; each is a number, or an array of equal shape.

    >>> Change(-0.02, -0.03, -0.01).excludes_zero
    True
    """

    value: Any
    low: Any
    high: Any

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval of a single change does not contain 0."""
        return bool(self.low > 0 or self.high < 0)

    def __getitem__(self, index: int) -> Change:
        return Change(float(self.value[index]), float(self.low[index]), float(self.high[index]))

    def as_floats(self) -> Change:
        """Return the change with its single numbers as floats."""
        return Change(float(self.value), float(self.low), float(self.high))


def accuracy_change(count: ArrayLike, right: ArrayLike, lost: ArrayLike, gained: ArrayLike) -> Change:
    """Return the change of an accuracy, (gained - lost) / count, with the interval of Newcombe; NaN for no images.

    The interval is the hybrid score interval for the difference between paired proportions (Newcombe, Statistics in
    Medicine 17, 1998, p. 2635, method 10): it is valid where few predictions change, and not empty where none does.

    Args:
        count: number of images.
        right: how many of them are predicted correctly before.
        lost: correct before and wrong after.
        gained: wrong before and correct after.

    >>> change = accuracy_change(50, 38, 2, 12)
    >>> [round(float(one), 4) for one in (change.value, change.low, change.high)]
    [0.2, 0.0569, 0.3404]
    """
    n, right, lost, gained = (np.asarray(one, np.float64) for one in (count, right, lost, gained))
    kept, wrong = right - lost, n - right - gained
    with np.errstate(divide="ignore", invalid="ignore"):
        after, before = (kept + gained) / n, right / n
        product = kept * wrong - lost * gained
        product = np.where(product > 0, np.maximum(product - n / 2, 0), product)  # the continuity correction
        margins = right * (n - right) * (kept + gained) * (n - kept - gained)
        correlation = np.where(margins > 0, product / np.sqrt(margins), 0.0)
        low_after, high_after = wilson_intervals(kept + gained, n)
        low_before, high_before = wilson_intervals(right, n)
        change = (gained - lost) / n
        below = _joined(after - low_after, high_before - before, correlation)
        above = _joined(high_after - after, before - low_before, correlation)
        return Change(change, change - below, change + above)


def _joined(first: Reals, second: Reals, correlation: Reals) -> Reals:
    return np.sqrt(np.maximum(first**2 - 2 * correlation * first * second + second**2, 0))


def mean_change(count: ArrayLike, total: ArrayLike, squares: ArrayLike) -> Change:
    """Return the mean of paired differences with the interval of Student's t; NaN for fewer than two images.

    Args:
        count: number of differences.
        total: their sum.
        squares: the sum of their squares.

    >>> change = mean_change(4, 10.0, 30.0)  # of 1, 2, 3 and 4
    >>> [round(float(one), 3) for one in (change.value, change.low, change.high)]
    [2.5, 0.446, 4.554]
    """
    from scipy import special  # here: the command line reads names of this package before SciPy is loaded

    n, total, squares = (np.asarray(one, np.float64) for one in (count, total, squares))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n
        variance = np.maximum(squares - total * mean, 0) / (n - 1)
        half = special.stdtrit(np.maximum(n - 1, 1), (1 + LEVEL) / 2) * np.sqrt(variance / n)
        return Change(mean, mean - half, mean + half)


def mcnemar(lost: ArrayLike, gained: ArrayLike) -> Reals:
    """Return the exact two-sided p-value of McNemar's test: whether as many predictions are lost as gained.

    >>> mcnemar(6, 0).tolist(), mcnemar(0, 0).tolist()
    (0.03125, 1.0)
    """
    from scipy import special

    lost, gained = np.asarray(lost, np.int64), np.asarray(gained, np.int64)
    tail = special.bdtr(np.minimum(lost, gained), np.maximum(lost + gained, 1), 0.5)
    return np.where(lost + gained > 0, np.minimum(1.0, 2 * tail), 1.0)


def holm(p_values: ArrayLike) -> Reals:
    """Return p-values adjusted for their number (Holm, Scandinavian Journal of Statistics 6, 1979).

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted
