"""Histograms of many units whose bins widen by doubling, so that counts are merged exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 256
_MIN_EXPONENT = -149  # 2 ** -149 is the smallest float32 above zero
_FLOAT_BITS = 24  # of a float32's significand: finer bins would separate nothing
_MAX_SHIFT = 62  # shifting an int64 further is undefined, and no bin number has more than 26 bits


@dataclass(frozen=True, eq=False)
class Histogram:
    """The distribution of one unit's values.

    Attributes:
        counts: (bins,) the number of values in each bin.
        edges: (bins + 1,) bin b holds edges[b] <= value < edges[b + 1].
        low: the lowest value, NaN for none.
        high: the highest value, NaN for none.

    Example:
        >>> histogram = Histogram(np.array([1, 3]), np.array([0.0, 1.0, 2.0]), 0.5, 1.5)
        >>> histogram.share_up_to(1.0), histogram.quantile(0.625)
        (0.25, 1.5)
    """

    counts: NDArray[np.integer[Any]] = field(repr=False)
    edges: NDArray[np.float64] = field(repr=False)
    low: float
    high: float

    @property
    def error(self) -> float:
        """The largest error of a quantile: the width of a bin, less than a hundredth of the range of the values."""
        return float(self.edges[1] - self.edges[0])

    def quantile(self, share: float) -> float:
        """Return the quantile of a share between 0 and 1, to within `error`.

        Values are assumed to be spread evenly in their bin. The shares 0 and 1 return the lowest and highest value.
        """
        below = np.concatenate([[0], np.cumsum(self.counts)])
        if not below[-1]:
            return float("nan")
        bin_ = min(int(np.searchsorted(below, share * below[-1], side="right")) - 1, len(self.counts) - 1)
        inside = (share * below[-1] - below[bin_]) / max(int(self.counts[bin_]), 1)
        value = self.edges[bin_] + min(inside, 1.0) * (self.edges[bin_ + 1] - self.edges[bin_])
        return float(self.low if share <= 0 else self.high if share >= 1 else np.clip(value, self.low, self.high))

    def share_up_to(self, value: float) -> float:
        """Return the share of the values that are at most `value`; its error is at most the share of one bin."""
        total = int(self.counts.sum())
        if not total or value < self.low:
            return 0.0 if total else float("nan")
        return 1.0 if value >= self.high else float(np.interp(value, self.edges, [0, *np.cumsum(self.counts)]) / total)


class Histograms:
    """Histograms of every unit's values, updated batch by batch.

    Bin b of a unit begins at (first + b) * 2**exponent. The exponent is the smallest with which all values so far fit
    into `BINS` bins, and `first` is the bin of the lowest value; both depend only on the lowest and highest value.
    Widening merges neighboring bins exactly, so the counts do not depend on the order or the batches of the values.

    Attributes:
        arrays: the arrays to store: 'counts' (units, BINS) uint32, 'first' (units,) int64, 'exponent' (units,) int64,
            'low' and 'high' (units,) float64, which are inf and -inf for a unit without values.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = dict(arrays)

    @classmethod
    def empty(cls, units: int) -> Histograms:
        """Return histograms of no values."""
        return cls(
            {
                "counts": np.zeros((units, BINS), np.uint32),
                "first": np.zeros(units, np.int64),
                "exponent": np.full(units, _MIN_EXPONENT, np.int64),
                "low": np.full(units, np.inf),
                "high": np.full(units, -np.inf),
            }
        )

    def add(self, values: ArrayLike) -> None:
        """Add values, (n, units); values that are not finite are left out."""
        wide = np.asarray(values, np.float64)
        finite = np.isfinite(wide)
        all_finite = bool(finite.all())
        low = (wide if all_finite else np.where(finite, wide, np.inf)).min(axis=0, initial=np.inf)
        high = (wide if all_finite else np.where(finite, wide, -np.inf)).max(axis=0, initial=-np.inf)
        self._widen(np.minimum(low, self.arrays["low"]), np.maximum(high, self.arrays["high"]))
        scale = np.exp2(-self.arrays["exponent"].astype(np.float64))
        bins = np.floor((wide if all_finite else np.where(finite, wide, 0.0)) * scale).astype(np.int64)
        bins += np.arange(len(scale)) * BINS - self.arrays["first"]  # indices into the flattened counts
        # unit after unit, because the bins of all units exceed the cache
        wanted = bins.T.reshape(-1) if all_finite else bins.T[finite.T]
        np.add.at(self.arrays["counts"].reshape(-1), wanted, np.uint32(1))

    def _widen(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        """Widen each unit's bins so that they cover its lowest and highest value."""
        held = self.arrays
        units = np.flatnonzero((low < held["low"]) | (high > held["high"]))
        exponent = _exponents(low[units], high[units])
        first = np.floor(low[units] * np.exp2(-exponent.astype(np.float64))).astype(np.int64)
        filled = held["low"][units] <= held["high"][units]
        moved = np.flatnonzero(filled & ((exponent != held["exponent"][units]) | (first != held["first"][units])))
        widened = units[moved]
        before = held["counts"][widened]
        rows, columns = np.nonzero(before)
        steps = np.minimum(exponent[moved] - held["exponent"][widened], _MAX_SHIFT)[rows]
        bins = ((held["first"][widened[rows]] + columns) >> steps) - first[moved[rows]]
        held["counts"][widened] = 0
        np.add.at(held["counts"].reshape(-1), widened[rows] * BINS + bins, before[rows, columns])
        held["exponent"][units], held["first"][units] = exponent, first
        held["low"][units], held["high"][units] = low[units], high[units]


def histogram_of(arrays: Mapping[str, NDArray[Any]], unit: int) -> Histogram:
    """Return one unit's histogram from `Histograms.arrays`, without trailing empty bins."""
    counts = arrays["counts"][unit]
    filled = np.flatnonzero(counts)
    length = int(filled[-1]) + 1 if len(filled) else 1
    edges = (arrays["first"][unit] + np.arange(length + 1)) * np.exp2(float(arrays["exponent"][unit]))
    low, high = (float(arrays[end][unit]) if len(filled) else float("nan") for end in ("low", "high"))
    return Histogram(counts[:length].copy(), edges, low, high)


def _exponents(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the smallest exponents for which the bins of `low` and `high` are fewer than `BINS` apart."""
    span, size = _bits(high - low), _bits(np.maximum(np.abs(low), np.abs(high)))
    # high - low is more than half of 2**span, so this exponent needs at most one bin too many
    exponent = np.maximum(np.maximum(span - int(np.log2(BINS)), size - _FLOAT_BITS), _MIN_EXPONENT)
    scale = np.exp2(-exponent.astype(np.float64))
    enough: NDArray[np.int64] = exponent + (np.floor(high * scale) - np.floor(low * scale) >= BINS)
    return enough


def _bits(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the smallest exponents with 2**exponent above each value, `_MIN_EXPONENT` for zero."""
    return np.where(values > 0, np.frexp(values)[1], _MIN_EXPONENT).astype(np.int64)
