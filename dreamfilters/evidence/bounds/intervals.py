"""Intervals of every position of a layer's output, and how much float32 rounding widens them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from dreamfilters.evidence.bounds.affine_operators import Array

ROUNDING = 2.0**-24  # u of float32
SMALLEST = float(np.finfo(np.float32).tiny)  # smaller float32 numbers lose digits or flush to zero
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Interval:
    """The least and greatest value of every position, (h, w, c), (t, c) or (c,) float64."""

    low: Array
    high: Array

    @property
    def size(self) -> Array:
        """The greatest magnitude."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


Known: TypeAlias = Interval | str  # an interval, or the reason why there is none


def require_bounds(known: Known) -> Interval:
    """Return an interval that must exist; only steps with bounds are traced or pooled."""
    if isinstance(known, str):
        raise LookupError(known)
    return known


def rounding_bound(terms: int) -> float:
    """Return the largest error of a float32 sum of so many terms, as a share of the sum of their magnitudes.

    This is Higham's gamma, see `interval_arithmetic`, plus a sixteenth for the rounding of float64 and of |w| and |x|.

    >>> f"{rounding_bound(1000):.4g}"
    '6.333e-05'
    """
    return 1.0625 * terms * ROUNDING / (1 - terms * ROUNDING)


def outward(values: Array, towards: float) -> Any:
    """Return values as float32, rounded toward -inf or inf."""
    near = values.astype(np.float32)
    beyond = near.astype(np.float64) > values if towards < 0 else near.astype(np.float64) < values
    return np.where(beyond, np.nextafter(near, np.float32(towards)), near)
