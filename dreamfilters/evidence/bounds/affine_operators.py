"""Steps that are affine, as operators in float64: forward on whole maps, backward on windows of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters.networks.graph import Slot, Step

Array: TypeAlias = NDArray[np.float64]
Corner: TypeAlias = tuple[int, int]  # row and column where a window of a map begins
Pads: TypeAlias = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Convolution:
    """A sum over the places under a kernel: convolutions of every kind and average pooling.

    Attributes:
        kernel: (rows, columns, channels in / groups, channels out).
        bias: (channels out,).
        strides, dilation, groups: as Keras means them.
        pads: rows and columns of zeros around the map.
        share: (h, w, 1) each place's factor, for an average that counts only real places; None for 1.
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
        """How many roundings a result has at most: a product and a sum a weight, the bias, the share."""
        return int(np.prod(self.kernel.shape[:3])) + 2

    def apply(self, x: Array, *, absolute: bool = False) -> Array:
        """Return the map (h', w', c') of a map (h, w, c), without the bias; `absolute` takes the weights' sizes."""
        x = np.pad(x, (*self.pads, (0, 0)))
        kernel = np.abs(self.kernel) if absolute else self.kernel
        rows, columns = (
            (x.shape[axis] - (kernel.shape[axis] - 1) * self.dilation[axis] - 1) // self.strides[axis] + 1
            for axis in (0, 1)
        )
        total = np.zeros((rows, columns, kernel.shape[3]))
        for i, j in np.ndindex(*kernel.shape[:2]):
            seen = x[self._under(0, i, rows), self._under(1, j, columns)]
            total += _mixed(seen, kernel[i, j], self.groups)
        return total if self.share is None else total * self.share

    def back(self, weights: Array, corner: Corner, shape: tuple[int, ...]) -> tuple[Array, Corner]:
        """Turn weights (n, h', w', c') on a window of the output into weights on the window of the input it reads.

        The window is cut where it reaches over the map's edge: there are zeros.
        """
        count, rows, columns = weights.shape[:3]
        if self.share is not None:
            weights = weights * self.share[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns]
        heights = [(rows - 1) * self.strides[0] + (self.kernel.shape[0] - 1) * self.dilation[0] + 1]
        widths = [(columns - 1) * self.strides[1] + (self.kernel.shape[1] - 1) * self.dilation[1] + 1]
        total = np.zeros((count, *heights, *widths, self.kernel.shape[2] * self.groups))
        for i, j in np.ndindex(*self.kernel.shape[:2]):
            total[:, self._under(0, i, rows), self._under(1, j, columns)] += _unmixed(
                weights, self.kernel[i, j], self.groups
            )
        top, left = (corner[axis] * self.strides[axis] - self.pads[axis][0] for axis in (0, 1))
        cut = total[:, max(0, -top) : shape[0] - top, max(0, -left) : shape[1] - left]
        return cut, (max(0, top), max(0, left))

    def _under(self, axis: int, tap: int, count: int) -> slice:
        first = tap * self.dilation[axis]
        return slice(first, first + (count - 1) * self.strides[axis] + 1, self.strides[axis])


@dataclass(frozen=True, eq=False)
class Linear:
    """A dense layer on the last axis: (..., c) -> (..., c')."""

    kernel: Array
    bias: Array

    @property
    def terms(self) -> int:
        """How many roundings a result has at most."""
        return len(self.kernel) + 1

    def apply(self, x: Array, *, absolute: bool = False) -> Array:
        """Return the product, without the bias."""
        return x @ (np.abs(self.kernel) if absolute else self.kernel)

    def back(self, weights: Array, corner: Corner, shape: tuple[int, ...]) -> tuple[Array, Corner]:
        """Turn weights on the output into weights on the input."""
        return weights @ self.kernel.T, corner


@dataclass(frozen=True, eq=False)
class ChannelScale:
    """A factor and a shift for each channel: batch normalization as it runs, rescaling, normalization.

    `rounding` is the sum of the sizes of everything that is added up to make the shift.
    """

    factor: Array
    bias: Array
    rounding: Array
    terms: int = 8  # a difference, a root, a reciprocal, two products, a sum, and two to spare

    def apply(self, x: Array, *, absolute: bool = False) -> Array:
        """Return the product, without the shift."""
        return x * (np.abs(self.factor) if absolute else self.factor)

    def back(self, weights: Array, corner: Corner, shape: tuple[int, ...]) -> tuple[Array, Corner]:
        """Turn weights on the output into weights on the input."""
        return weights * self.factor, corner


@dataclass(frozen=True, eq=False)
class Rearrangement:
    """Places that only change their seat, such as flattening; or a mean over the whole map.

    `forward` and `backward` work on (n, ...) arrays of the whole map; `forward` never makes a value larger.
    """

    forward: Callable[[Array], Array]
    backward: Callable[[Array, tuple[int, ...]], Array]
    terms: int = 0
    bias: Array = field(default_factory=lambda: np.zeros(()))

    def apply(self, x: Array, *, absolute: bool = False) -> Array:
        """Return the map in its new seats."""
        return np.asarray(self.forward(x[None])[0])

    def back(self, weights: Array, corner: Corner, shape: tuple[int, ...]) -> tuple[Array, Corner]:
        """Turn weights on the whole output into weights on the whole input."""
        return self.backward(weights, shape), (0, 0)


Affine: TypeAlias = Convolution | Linear | ChannelScale | Rearrangement


def affine_parts(step: Step, shape: tuple[int, ...]) -> tuple[Affine, ...] | None:
    """Return what a step does before its activation as operators, one after the other; None where it is not affine.

    `shape` is the input's, (h, w, c) or (c,). A step that moves values about and has no operator here, such as
    upsampling, is None too: `intervals` asks the layer itself.
    """
    if (step.channels_first and len(shape) == 3) or not is_keras(step):
        return None
    if not isinstance(step.operation, keras.layers.Layer):
        return _with_number(step, shape)
    make = _PARTS.get(step.type)
    return make(step.operation, shape) if make else None


def is_keras(step: Step) -> bool:
    """Say whether a step is Keras' own; a user's class of the same name may do anything."""
    return type(step.operation).__module__.startswith("keras.")


def numbers(value: Any) -> Array:
    """Return a variable's or tensor's numbers as the network uses them: float32, then written as float64."""
    return np.asarray(ops.convert_to_numpy(value), np.float32).astype(np.float64)


def padding(kind: str, size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Return the zeros before and after an axis, as TensorFlow pads 'same' (the odd one comes last)."""
    if kind != "same":
        return 0, 0
    whole = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return whole // 2, whole - whole // 2


def _mixed(x: Array, kernel: Array, groups: int) -> Array:
    """(..., c) with (c / groups, c') -> (..., c')."""
    if groups == 1:
        return x @ kernel
    if len(kernel) == 1:  # depthwise: einsum takes many times as long
        return np.asarray(np.repeat(x, kernel.shape[1] // groups, axis=-1) * kernel[0])
    grouped = kernel.reshape(kernel.shape[0], groups, -1)
    parts = np.einsum("...gi,igo->...go", x.reshape(*x.shape[:-1], groups, -1), grouped)
    return np.asarray(parts.reshape(*x.shape[:-1], -1))


def _unmixed(weights: Array, kernel: Array, groups: int) -> Array:
    """(..., c') with (c / groups, c') -> (..., c)."""
    if groups == 1:
        return weights @ kernel.T
    if len(kernel) == 1:
        scaled = weights * kernel[0]
        many = scaled.shape[-1] // groups
        return scaled if many == 1 else np.asarray(scaled.reshape(*scaled.shape[:-1], groups, many).sum(axis=-1))
    grouped = kernel.reshape(kernel.shape[0], groups, -1)
    parts = np.einsum("...go,igo->...gi", weights.reshape(*weights.shape[:-1], groups, -1), grouped)
    return np.asarray(parts.reshape(*weights.shape[:-1], -1))


def _bias(layer: Any, count: int) -> Array:
    return numbers(layer.bias) if layer.use_bias else np.zeros(count)


def _pads(layer: Any, shape: tuple[int, ...], size: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> Pads:
    down, across = (padding(layer.padding, shape[a], size[a], layer.strides[a], dilation[a]) for a in (0, 1))
    return down, across


def _with_number(step: Step, shape: tuple[int, ...]) -> tuple[Affine, ...] | None:
    """An operation on a tensor and a number, such as x * 2."""
    first, *rest = keras.tree.flatten(step.arguments)
    if not isinstance(first, Slot) or len(rest) != 1 or not isinstance(rest[0], int | float):
        return None
    number, ones = float(np.float32(rest[0])), np.ones(shape[-1])
    known = {"Add": (1.0, number), "Subtract": (1.0, -number), "Multiply": (number, 0.0)}
    if step.type not in known:
        return None
    factor, shift = known[step.type]
    return (ChannelScale(factor * ones, shift * ones, abs(shift) * ones),)


def _conv(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    kernel, dilation = numbers(layer.kernel), tuple(layer.dilation_rate)
    pads = _pads(layer, shape, kernel.shape[:2], dilation)
    return (Convolution(kernel, _bias(layer, kernel.shape[3]), tuple(layer.strides), dilation, layer.groups, pads),)


def _by_channel(kernel: Array) -> Array:
    """Turn a depthwise kernel (h, w, c, m) into that of a convolution with c groups."""
    return kernel.reshape(*kernel.shape[:2], 1, -1)


def _depthwise(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    kernel, dilation = _by_channel(numbers(layer.kernel)), tuple(layer.dilation_rate)
    pads = _pads(layer, shape, kernel.shape[:2], dilation)
    return (Convolution(kernel, _bias(layer, kernel.shape[3]), tuple(layer.strides), dilation, shape[2], pads),)


def _separable(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    kernel, dilation = _by_channel(numbers(layer.depthwise_kernel)), tuple(layer.dilation_rate)
    pads = _pads(layer, shape, kernel.shape[:2], dilation)
    first = Convolution(kernel, np.zeros(kernel.shape[3]), tuple(layer.strides), dilation, shape[2], pads)
    pointwise = numbers(layer.pointwise_kernel)
    return first, Convolution(pointwise, _bias(layer, pointwise.shape[3]))


def _dense(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    kernel = numbers(layer.kernel)
    return (Linear(kernel, _bias(layer, kernel.shape[1])),)


def _batch_norm(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...] | None:
    if layer.axis not in (-1, len(shape)):
        return None
    mean, factor = numbers(layer.moving_mean), 1 / np.sqrt(numbers(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        factor = factor * numbers(layer.gamma)
    shift = numbers(layer.beta) if layer.center else np.zeros_like(mean)
    return (ChannelScale(factor, shift - mean * factor, np.abs(shift) + np.abs(mean * factor)),)


def _rescaling(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    factor, shift = (np.asarray(value, np.float64) * np.ones(shape[-1]) for value in (layer.scale, layer.offset))
    return (ChannelScale(factor, shift, np.abs(shift)),)


def _normalization(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...] | None:
    mean, std = numbers(layer.mean).ravel(), np.maximum(np.sqrt(numbers(layer.variance).ravel()), 1e-7)
    if layer.invert or mean.size not in (1, shape[-1]):
        return None
    factor, ones = 1 / std, np.ones(shape[-1])
    return (ChannelScale(factor * ones, -mean * factor * ones, np.abs(mean * factor) * ones),)


def _average(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    size, channels = tuple(layer.pool_size), shape[2]
    kernel, pads = np.ones((*size, 1, channels)), _pads(layer, shape, size)
    plain = Convolution(kernel, np.zeros(channels), tuple(layer.strides), groups=channels, pads=pads)
    real = Convolution(kernel[..., :1], np.zeros(1), tuple(layer.strides), pads=pads).apply(np.ones((*shape[:2], 1)))
    return (Convolution(plain.kernel, plain.bias, plain.strides, groups=channels, pads=pads, share=1 / real),)


def _whole_average(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    places = shape[0] * shape[1]

    def back(weights: Array, whole: tuple[int, ...]) -> Array:
        spread = weights.reshape(len(weights), 1, 1, -1) / places
        return np.broadcast_to(spread, (len(weights), *whole)).copy()

    return (Rearrangement(lambda x: x.mean(axis=(1, 2), keepdims=layer.keepdims), back, terms=places + 1),)


def _reshaped(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    target = layer.target_shape if hasattr(layer, "target_shape") else (-1,)
    return (
        Rearrangement(
            lambda x: x.reshape(len(x), *target), lambda weights, whole: weights.reshape(len(weights), *whole)
        ),
    )


def _framed(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    pads = tuple(map(tuple, layer.padding))
    kernel = np.ones((1, 1, 1, shape[2]))
    return (Convolution(kernel, np.zeros(shape[2]), groups=shape[2], pads=pads),)  # type: ignore[arg-type]


_PARTS: dict[str, Callable[[Any, tuple[int, ...]], tuple[Affine, ...] | None]] = {
    "Conv2D": _conv,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "AveragePooling2D": _average,
    "GlobalAveragePooling2D": _whole_average,
    "Flatten": _reshaped,
    "Reshape": _reshaped,
    "ZeroPadding2D": _framed,
}
