"""Histograms of many units at once, whose bins widen by doubling: counts are merged, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 256
_FINEST = -149  # 2 ** -149 is the smallest float32 above zero
_DIGITS = 24  # bits of a float32: finer bins than its last one tell nothing apart
_FARTHEST = 62  # shifting an int64 further is undefined, and no bin's number has more bits than 26


@dataclass(frozen=True, eq=False)
class Histogram:
    """How often a unit's values fell where.

    Attributes:
        counts: (bins,) how many values lie in each bin.
        edges: (bins + 1,) bin b holds edges[b] <= value < edges[b + 1].
        low: the lowest value, nan where there was none.
        high: the highest.

    Example:
        >>> seen = Histogram(np.array([1, 3]), np.array([0.0, 1.0, 2.0]), 0.5, 1.5)
        >>> seen.share_up_to(1.0), seen.quantile(0.625)
        (0.25, 1.5)
    """

    counts: NDArray[np.integer[Any]]
    edges: NDArray[np.float64]
    low: float
    high: float

    @property
    def error(self) -> float:
        """How much a quantile can be wrong: the width of a bin, less than a hundredth of the range of the values."""
        return float(self.edges[1] - self.edges[0])

    def quantile(self, share: float) -> float:
        """Return the value below which this share (0 to 1) of the values lies, to within `error`.

        Values are taken to lie evenly in their bin; 0 and 1 give the lowest and the highest value exactly.
        """
        below = np.concatenate([[0], np.cumsum(self.counts)])
        if not below[-1]:
            return float("nan")
        bin_ = min(int(np.searchsorted(below, share * below[-1], side="right")) - 1, len(self.counts) - 1)
        inside = (share * below[-1] - below[bin_]) / max(int(self.counts[bin_]), 1)
        value = self.edges[bin_] + min(inside, 1.0) * (self.edges[bin_ + 1] - self.edges[bin_])
        return float(self.low if share <= 0 else self.high if share >= 1 else np.clip(value, self.low, self.high))

    def share_up_to(self, value: float) -> float:
        """Return which share of the values is no higher than this one, wrong at most by the share in its bin."""
        total = int(self.counts.sum())
        if not total or value < self.low:
            return 0.0 if total else float("nan")
        return 1.0 if value >= self.high else float(np.interp(value, self.edges, [0, *np.cumsum(self.counts)]) / total)


class Histograms:
    """Counts of every unit's values, portion by portion.

    Bin b of a unit holds the values from (first + b) * 2**exponent on. The exponent is the smallest with which all
    values so far fit into `BINS` bins, and `first` is the bin of the lowest; both depend on the lowest and the highest
    value alone. As two neighboring bins become one exactly, the counts are those of all values counted at once, in
    whatever order and portions they came.

    Attributes:
        arrays: what there is to store: 'counts' (units, BINS) uint32, 'first' (units,) int64, 'exponent' (units,)
            int64, 'low' and 'high' (units,) float64, which are inf and -inf where there was no value.
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
                "exponent": np.full(units, _FINEST, np.int64),
                "low": np.full(units, np.inf),
                "high": np.full(units, -np.inf),
            }
        )

    def add(self, values: ArrayLike) -> None:
        """Count values, (n, units); those that are not finite are left out."""
        wide = np.asarray(values, np.float64)
        counted = np.isfinite(wide)
        whole = bool(counted.all())
        low = (wide if whole else np.where(counted, wide, np.inf)).min(axis=0, initial=np.inf)
        high = (wide if whole else np.where(counted, wide, -np.inf)).max(axis=0, initial=-np.inf)
        self._reach(np.minimum(low, self.arrays["low"]), np.maximum(high, self.arrays["high"]))
        scale = np.exp2(-self.arrays["exponent"].astype(np.float64))
        bins = np.floor((wide if whole else np.where(counted, wide, 0.0)) * scale).astype(np.int64)
        bins += np.arange(len(scale)) * BINS - self.arrays["first"]  # into the counts laid end to end
        np.add.at(self.arrays["counts"].reshape(-1), bins.reshape(-1) if whole else bins[counted], np.uint32(1))

    def _reach(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        """Let the bins of each unit reach from its lowest to its highest value."""
        held = self.arrays
        units = np.flatnonzero((low < held["low"]) | (high > held["high"]))
        exponent = _exponents(low[units], high[units])
        first = np.floor(low[units] * np.exp2(-exponent.astype(np.float64))).astype(np.int64)
        filled = held["low"][units] <= held["high"][units]
        moved = np.flatnonzero(filled & ((exponent != held["exponent"][units]) | (first != held["first"][units])))
        widened = units[moved]
        before = held["counts"][widened]
        rows, columns = np.nonzero(before)
        steps = np.minimum(exponent[moved] - held["exponent"][widened], _FARTHEST)[rows]
        bins = ((held["first"][widened[rows]] + columns) >> steps) - first[moved[rows]]
        held["counts"][widened] = 0
        np.add.at(held["counts"].reshape(-1), widened[rows] * BINS + bins, before[rows, columns])
        held["exponent"][units], held["first"][units] = exponent, first
        held["low"][units], held["high"][units] = low[units], high[units]


def histogram_of(arrays: Mapping[str, NDArray[Any]], unit: int) -> Histogram:
    """Return the histogram of one unit from what `Histograms.arrays` holds, without the empty bins after the last."""
    counts = arrays["counts"][unit]
    filled = np.flatnonzero(counts)
    length = int(filled[-1]) + 1 if len(filled) else 1
    edges = (arrays["first"][unit] + np.arange(length + 1)) * np.exp2(float(arrays["exponent"][unit]))
    low, high = (float(arrays[end][unit]) if len(filled) else float("nan") for end in ("low", "high"))
    return Histogram(counts[:length].copy(), edges, low, high)


def _exponents(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the smallest exponents with which the bins of `low` and `high` are fewer than `BINS` apart."""
    span, size = _bits(high - low), _bits(np.maximum(np.abs(low), np.abs(high)))
    # A span of up to 2**span is more than half of that, so with this exponent it takes at most one bin too many.
    exponent = np.maximum(np.maximum(span - int(np.log2(BINS)), size - _DIGITS), _FINEST)
    scale = np.exp2(-exponent.astype(np.float64))
    enough: NDArray[np.int64] = exponent + (np.floor(high * scale) - np.floor(low * scale) >= BINS)
    return enough


def _bits(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the smallest exponents with 2**exponent above each value, `_FINEST` for zero."""
    return np.where(values > 0, np.frexp(values)[1], _FINEST).astype(np.int64)
