"""Keras layers and operations as affine operators, with their weights in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from dreamfilters.evidence.bounds.affine_operators import (
    Affine,
    Array,
    ChannelScale,
    Convolution,
    Linear,
    Pads,
    Rearrangement,
)
from dreamfilters.networks.graph import Slot, Step


def affine_parts(step: Step, shape: tuple[int, ...]) -> tuple[Affine, ...] | None:
    """Return the operators that a step applies before its activation, in order; None if it is not affine.

    `shape` is the input's, (h, w, c), (t, c) or (c,). A step that moves values and has no operator, such as
    upsampling, returns None too: `interval_rules` runs the layer itself.
    """
    if (step.channels_first and len(shape) == 3) or not is_keras(step):
        return None
    if not isinstance(step.operation, keras.layers.Layer):
        return _with_number(step, shape)
    build = _BUILDERS.get(step.type)
    return build(step.operation, shape) if build else None


def is_keras(step: Step) -> bool:
    """Return whether a step is a layer or operation of Keras; a user's class of the same name may compute anything."""
    return type(step.operation).__module__.startswith("keras.")


def numbers(value: Any) -> Array:
    """Return a variable's or tensor's values as the network uses them, rounded to float32, as float64."""
    return np.asarray(ops.convert_to_numpy(value), np.float32).astype(np.float64)


def padding(kind: str, size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Return the zeros before and after an axis as TensorFlow pads 'same': an odd one comes last."""
    if kind != "same":
        return 0, 0
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def _bias(layer: Any, count: int) -> Array:
    return numbers(layer.bias) if layer.use_bias else np.zeros(count)


def _pads(layer: Any, shape: tuple[int, ...], size: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> Pads:
    down, across = (padding(layer.padding, shape[a], size[a], layer.strides[a], dilation[a]) for a in (0, 1))
    return down, across


def _with_number(step: Step, shape: tuple[int, ...]) -> tuple[Affine, ...] | None:
    """Return the operator of an operation on a tensor and a number, such as x * 2."""
    first, *rest = keras.tree.flatten(step.arguments)
    if not isinstance(first, Slot) or len(rest) != 1 or not isinstance(rest[0], int | float):
        return None
    number, ones = float(np.float32(rest[0])), np.ones(shape[-1])
    known = {"Add": (1.0, number), "Subtract": (1.0, -number), "Multiply": (number, 0.0)}
    if step.type not in known:
        return None
    factor, shift = known[step.type]
    return (ChannelScale(factor * ones, shift * ones, abs(shift) * ones),)


def _convolution(layer: Any, shape: tuple[int, ...], kernel: Array, bias: Array, groups: int) -> Convolution:
    dilation = tuple(layer.dilation_rate)
    pads = _pads(layer, shape, kernel.shape[:2], dilation)
    return Convolution(kernel, bias, tuple(layer.strides), dilation, groups, pads)


def _conv(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    kernel = numbers(layer.kernel)
    return (_convolution(layer, shape, kernel, _bias(layer, kernel.shape[3]), layer.groups),)


def _by_channel(kernel: Array) -> Array:
    """Return a depthwise kernel (h, w, c, m) as the kernel of a convolution with c groups."""
    return kernel.reshape(*kernel.shape[:2], 1, -1)


def _depthwise(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    kernel = _by_channel(numbers(layer.kernel))
    return (_convolution(layer, shape, kernel, _bias(layer, kernel.shape[3]), shape[2]),)


def _separable(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    kernel, pointwise = _by_channel(numbers(layer.depthwise_kernel)), numbers(layer.pointwise_kernel)
    first = _convolution(layer, shape, kernel, np.zeros(kernel.shape[3]), shape[2])
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
    sums = Convolution(kernel, np.zeros(channels), tuple(layer.strides), groups=channels, pads=pads)
    counts = Convolution(kernel[..., :1], np.zeros(1), tuple(layer.strides), pads=pads).apply(np.ones((*shape[:2], 1)))
    return (replace(sums, share=1 / counts),)


def _global_average(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    positions = shape[0] * shape[1]

    def back(weights: Array, size: tuple[int, ...]) -> Array:
        spread = weights.reshape(len(weights), 1, 1, -1) / positions
        return np.broadcast_to(spread, (len(weights), *size)).copy()

    return (Rearrangement(lambda x: x.mean(axis=(1, 2), keepdims=layer.keepdims), back, terms=positions + 1),)


def _reshaped(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    target = layer.target_shape if hasattr(layer, "target_shape") else (-1,)
    return (
        Rearrangement(lambda x: x.reshape(len(x), *target), lambda weights, size: weights.reshape(len(weights), *size)),
    )


def _zero_padding(layer: Any, shape: tuple[int, ...]) -> tuple[Affine, ...]:
    pads = tuple(map(tuple, layer.padding))
    kernel = np.ones((1, 1, 1, shape[2]))
    return (Convolution(kernel, np.zeros(shape[2]), groups=shape[2], pads=pads),)  # type: ignore[arg-type]


_BUILDERS: dict[str, Callable[[Any, tuple[int, ...]], tuple[Affine, ...] | None]] = {
    "Conv2D": _conv,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "AveragePooling2D": _average,
    "GlobalAveragePooling2D": _global_average,
    "Flatten": _reshaped,
    "Reshape": _reshaped,
    "ZeroPadding2D": _zero_padding,
}
