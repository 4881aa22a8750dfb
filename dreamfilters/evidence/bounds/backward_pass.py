"""Linear functions on windows of a network's maps, on their way back to the input."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dreamfilters.evidence.bounds.affine_operators import Array, Corner
from dreamfilters.evidence.bounds.interval_arithmetic import IntervalPropagation
from dreamfilters.evidence.bounds.intervals import Interval
from dreamfilters.networks.graph import Graph

# float64 rounding not covered by a float32 slack: lines and final sums of at most 1e7 terms
FLOAT64_SLACK = 1e-9
_COST_PER_VALUE = 40  # multiplications of a matrix product that take as long as the other work per window value


@dataclass(frozen=True, eq=False)
class Window:
    """Weights of n linear functions on a window of a map (n, rows, columns, c), or on a vector (n, c)."""

    weights: Array
    corner: Corner = (0, 0)

    def of(self, values: Array) -> Array:
        """Return the values of a map in the window."""
        if self.weights.ndim == 2 or values.ndim < 3:
            return values
        (top, left), (_, rows, columns, _) = self.corner, self.weights.shape
        return values[top : top + rows, left : left + columns]

    def plus(self, other: Window | None) -> Window:
        """Return the sum of both windows on the smallest window that contains them."""
        if other is None or self.weights.ndim == 2:
            return self if other is None else Window(self.weights + other.weights)
        both = (self, other)
        if self.corner == other.corner and self.weights.shape == other.weights.shape:
            return Window(self.weights + other.weights, self.corner)
        top, left = (min(part.corner[a] for part in both) for a in (0, 1))
        bottom, right = (max(part.corner[a] + part.weights.shape[1 + a] for part in both) for a in (0, 1))
        count, _, _, channels = self.weights.shape
        total = np.zeros((count, bottom - top, right - left, channels))
        for part in both:
            row, column = part.corner[0] - top, part.corner[1] - left
            total[:, row : row + part.weights.shape[1], column : column + part.weights.shape[2]] += part.weights
        return Window(total, (top, left))


@dataclass(eq=False)
class BackwardPass:
    """Linear functions traced back through a network: the part that is bounded, and the part that is pending."""

    graph: Graph
    known: IntervalPropagation
    total: Array  # (n,) the part that is bounded
    pending: dict[int, Window] = field(default_factory=dict)  # by slot
    work: int = 0  # multiplications, or work that takes as long
    widest: int = 1  # values in one function's largest window

    def add(self, slot: int, window: Window) -> None:
        """Add weights on a slot; they are pending until all readers of the slot are traced."""
        self.pending[slot] = window.plus(self.pending.get(slot))
        self.widest = max(self.widest, window.weights[0].size)
        self.work += _COST_PER_VALUE * window.weights.size

    def close(self, window: Window, values: Interval) -> None:
        """Bound linear functions by the interval of their arguments."""
        low, high = window.of(values.low), window.of(values.high)
        self.total += weighted_sum(np.maximum(window.weights, 0), high) + weighted_sum(
            np.minimum(window.weights, 0), low
        )
        self.total += FLOAT64_SLACK * weighted_sum(np.abs(window.weights), np.maximum(np.abs(low), np.abs(high)))


def weighted_sum(weights: Array, values: Array) -> Array:
    """Return the sum of weights (n, ...) times values (...) or (c,), (n,)."""
    if values.ndim < weights.ndim - 1:
        weights = weights.sum(axis=tuple(range(1, weights.ndim - values.ndim)))
    return weights.reshape(len(weights), -1) @ values.ravel()
