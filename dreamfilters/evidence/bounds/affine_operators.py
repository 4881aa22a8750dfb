"""Affine operators in float64: forward on maps, backward on windows of linear functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Corner: TypeAlias = tuple[int, int]  # row and column of a window's first value
Pads: TypeAlias = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution of any kind, or average pooling.

    Attributes:
        kernel: (rows, columns, channels in / groups, channels out).
        bias: (channels out,).
        strides, dilation, groups: as in Keras.
        pads: rows and columns of zeros around the map.
        share: (h, w, 1) a factor per position, for an average that leaves out padding; None for 1.
    """

    kernel: Array
    bias: Array
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    pads: Pads = ((0, 0), (0, 0))
    share: Array | None = None

    @property
    def terms(self) -> int:
        """The number of roundings of a result: a product and a sum per weight, the bias, the share."""
        return int(np.prod(self.kernel.shape[:3])) + 2

    def apply(self, x: Array, *, absolute: bool = False) -> Array:
        """Return the output (h', w', c') of a map (h, w, c) without the bias, with |weights| if `absolute`."""
        x = np.pad(x, (*self.pads, (0, 0)))
        kernel = np.abs(self.kernel) if absolute else self.kernel
        rows, columns = (
            (x.shape[axis] - (kernel.shape[axis] - 1) * self.dilation[axis] - 1) // self.strides[axis] + 1
            for axis in (0, 1)
        )
        total = np.zeros((rows, columns, kernel.shape[3]))
        for i, j in np.ndindex(*kernel.shape[:2]):
            covered = x[self._tap(0, i, rows), self._tap(1, j, columns)]
            total += _mixed(covered, kernel[i, j], self.groups)
        return total if self.share is None else total * self.share

    def back(self, weights: Array, corner: Corner, shape: tuple[int, ...]) -> tuple[Array, Corner]:
        """Return weights (n, h', w', c') on a window of the output as weights on the input window, and its corner.

        The window is cut at the map's edge, beyond which there are zeros.
        """
        count, rows, columns = weights.shape[:3]
        if self.share is not None:
            weights = weights * self.share[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns]
        heights = [(rows - 1) * self.strides[0] + (self.kernel.shape[0] - 1) * self.dilation[0] + 1]
        widths = [(columns - 1) * self.strides[1] + (self.kernel.shape[1] - 1) * self.dilation[1] + 1]
        total = np.zeros((count, *heights, *widths, self.kernel.shape[2] * self.groups))
        for i, j in np.ndindex(*self.kernel.shape[:2]):
            total[:, self._tap(0, i, rows), self._tap(1, j, columns)] += _unmixed(
                weights, self.kernel[i, j], self.groups
            )
        top, left = (corner[axis] * self.strides[axis] - self.pads[axis][0] for axis in (0, 1))
        cut = total[:, max(0, -top) : shape[0] - top, max(0, -left) : shape[1] - left]
        return cut, (max(0, top), max(0, left))

    def _tap(self, axis: int, tap: int, count: int) -> slice:
        first = tap * self.dilation[axis]
        return slice(first, first + (count - 1) * self.strides[axis] + 1, self.strides[axis])


@dataclass(frozen=True, eq=False)
class Linear:
    """A dense layer on the last axis: (..., c) -> (..., c')."""

    kernel: Array
    bias: Array

    @property
    def terms(self) -> int:
        """The number of roundings of a result."""
        return len(self.kernel) + 1

    def apply(self, x: Array, *, absolute: bool = False) -> Array:
        """Return the product without the bias."""
        return x @ (np.abs(self.kernel) if absolute else self.kernel)

    def back(self, weights: Array, corner: Corner, shape: tuple[int, ...]) -> tuple[Array, Corner]:
        """Return weights on the output as weights on the input."""
        return weights @ self.kernel.T, corner


@dataclass(frozen=True, eq=False)
class ChannelScale:
    """A factor and a shift per channel: batch normalization in inference, rescaling, normalization.

    `rounding` is the sum of the magnitudes of the terms of the shift.
    """

    factor: Array
    bias: Array
    rounding: Array
    terms: int = 8  # a difference, a root, a reciprocal, two products, a sum, and a margin of two

    def apply(self, x: Array, *, absolute: bool = False) -> Array:
        """Return the product without the shift."""
        return x * (np.abs(self.factor) if absolute else self.factor)

    def back(self, weights: Array, corner: Corner, shape: tuple[int, ...]) -> tuple[Array, Corner]:
        """Return weights on the output as weights on the input."""
        return weights * self.factor, corner


@dataclass(frozen=True, eq=False)
class Rearrangement:
    """An operator that only rearranges positions, such as flattening; or a mean over the whole map.

    `forward` and `backward` act on (n, ...) arrays of the whole map; `forward` never increases a magnitude.
    """

    forward: Callable[[Array], Array]
    backward: Callable[[Array, tuple[int, ...]], Array]
    terms: int = 0
    bias: Array = field(default_factory=lambda: np.zeros(()))

    def apply(self, x: Array, *, absolute: bool = False) -> Array:
        """Return the rearranged map."""
        return np.asarray(self.forward(x[None])[0])

    def back(self, weights: Array, corner: Corner, shape: tuple[int, ...]) -> tuple[Array, Corner]:
        """Return weights on the whole output as weights on the whole input."""
        return self.backward(weights, shape), (0, 0)


Affine: TypeAlias = Convolution | Linear | ChannelScale | Rearrangement


def _mixed(x: Array, kernel: Array, groups: int) -> Array:
    """Return (..., c) times (c / groups, c'), (..., c')."""
    if groups == 1:
        return x @ kernel
    if len(kernel) == 1:  # depthwise: much faster than einsum
        return np.asarray(np.repeat(x, kernel.shape[1] // groups, axis=-1) * kernel[0])
    grouped = kernel.reshape(kernel.shape[0], groups, -1)
    parts = np.einsum("...gi,igo->...go", x.reshape(*x.shape[:-1], groups, -1), grouped)
    return np.asarray(parts.reshape(*x.shape[:-1], -1))


def _unmixed(weights: Array, kernel: Array, groups: int) -> Array:
    """Return (..., c') times the transpose of (c / groups, c'), (..., c)."""
    if groups == 1:
        return weights @ kernel.T
    if len(kernel) == 1:
        scaled = weights * kernel[0]
        multiplier = scaled.shape[-1] // groups
        if multiplier == 1:
            return np.asarray(scaled)
        return np.asarray(scaled.reshape(*scaled.shape[:-1], groups, multiplier).sum(axis=-1))
    grouped = kernel.reshape(kernel.shape[0], groups, -1)
    parts = np.einsum("...go,igo->...gi", weights.reshape(*weights.shape[:-1], groups, -1), grouped)
    return np.asarray(parts.reshape(*weights.shape[:-1], -1))
