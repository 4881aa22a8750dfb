"""Steps that compute each channel from the same channel of their inputs, for a single channel for each image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
from keras import ops

from dreamfilters.backend import LANES, Tensor
from dreamfilters.networks.activation_functions import ROUNDS_NOTHING, Call, activation_name, is_elementwise, is_pure
from dreamfilters.networks.graph import Slot, Step
from dreamfilters.networks.layers.layer_kinds import Output
from dreamfilters.networks.narrowing.filter_slice import FilterSlice, depthwise_slice, filter_slice

# Layers that change nothing outside training.
_IDENTITIES = frozenset(
    {"ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity",
     "SpatialDropout2D", "StochasticDepth"}
)  # fmt: skip
# Layers and operations on several maps, or on maps and numbers, and layers that move or combine positions.
_ARITHMETIC = frozenset(
    {"Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Average", "Maximum", "Minimum", "Rescaling"}
)
_OF_POSITIONS = frozenset({"MaxPooling2D", "AveragePooling2D", "ZeroPadding2D", "Cropping2D", "UpSampling2D"})

Channels: TypeAlias = Mapping[int, "int | None"]  # the channels of the maps in each slot; other values are left out


@dataclass(frozen=True, eq=False)
class OneChannel:
    """How a step computes one channel of its output for each image.

    Attributes:
        slots: the inputs of which it needs this channel only; it reads the others as they are.
        call: (first input, units (n,)) -> the channel; None if the step runs on one channel as on many.
    """

    slots: frozenset[int]
    call: FilterSlice | None = None


def one_channel(step: Step, output: Output, channels: Channels) -> OneChannel | None:
    """Return how a step computes one channel, None if it has to compute all.

    The value before the activation of a layer with its own activation is meant.
    """
    if output.is_folded or not output.of_image or step.channels_first or len(step.shape) != 3:
        return None
    if not type(step.operation).__module__.startswith("keras."):  # a user's layer with the name of another
        return None
    if step.dtype != "float32" or getattr(step.operation, "compute_dtype", "float32") != "float32":
        return None
    if (source := filter_slice(step)) is not None:
        return OneChannel(frozenset(), source)
    first, same = step.inputs[0], channels.get(step.inputs[0]) == channels.get(step.outputs[0]) is not None
    if step.type in _ARITHMETIC:
        slots = _of_arithmetic(step, channels)
        return OneChannel(slots) if slots else None
    if not same or len(step.inputs) != 1:
        return None
    call = depthwise_slice(step) or _normalization(step) or _layer_scale(step)
    if step.type in _IDENTITIES:
        call = _unchanged
    runs_alone = step.type in _OF_POSITIONS or (is_pure(step) and is_elementwise(step))
    return OneChannel(frozenset({first}), call) if call or runs_alone else None


def _of_arithmetic(step: Step, channels: Channels) -> frozenset[int]:
    """Return the inputs of an operation that have its channels; none if another one has neither these nor one."""
    count, slots = channels.get(step.outputs[0]), set()
    if count is None or count == 1 or (step.type == "Rescaling" and not _is_number(step.operation)):
        return frozenset()
    for leaf in keras.tree.flatten(step.arguments):
        if isinstance(leaf, Slot):
            if channels.get(leaf.number) == count:
                slots.add(leaf.number)
            elif channels.get(leaf.number) != 1:
                return frozenset()
        elif hasattr(leaf, "shape") and math.prod(leaf.shape) != 1:
            return frozenset()
    return frozenset(slots)


def _is_number(rescaling: Any) -> bool:
    return not any(hasattr(value, "__len__") for value in (rescaling.scale, rescaling.offset))


def _unchanged(x: Tensor, units: Tensor) -> Tensor:
    return x


def _normalization(step: Step) -> FilterSlice | None:
    """Return batch normalization of one channel: x * scale + shift with the numbers of this channel."""
    layer = step.operation
    if type(layer) is not keras.layers.BatchNormalization or layer.axis not in (-1, 3, [3], [-1]):
        return None

    def call(x: Tensor, units: Tensor) -> Tensor:
        # the numbers of all channels, as the layer computes them, then those of one
        scale = ops.rsqrt(layer.moving_variance + layer.epsilon)
        scale = scale * layer.gamma if layer.scale else scale
        shift = layer.beta - layer.moving_mean * scale if layer.center else -layer.moving_mean * scale
        return x * _of_units(scale, units) + _of_units(shift, units)

    return call


def _layer_scale(step: Step) -> FilterSlice | None:
    """Return the layer of ConvNeXt that multiplies each channel by a number; Keras has no public name for it."""
    layer = step.operation
    if step.type != "LayerScale":
        return None
    return lambda x, units: x * _of_units(layer.gamma, units)


def _of_units(numbers: Tensor, units: Tensor) -> Tensor:
    return ops.take(numbers, units)[:, None, None, None]


def channel_of(activation: Tensor, units: Tensor) -> Tensor:
    """Return channel units[i] of image i: (n, ..., c) and (n,) -> (n, ..., 1).

    The channel is selected by adding zeros, which is exact and faster than a gather, whose gradient is a scatter.
    """
    count = activation.shape[-1]
    if count == 1:
        return activation
    chosen = ops.reshape(ops.one_hot(units, count, dtype="bool"), (-1,) + (1,) * (len(activation.shape) - 2) + (count,))
    return ops.sum(ops.where(chosen, activation, ops.zeros_like(activation)), axis=-1, keepdims=True)


def in_full_rows(step: Step, activation: Call) -> Call:
    """Return an activation function of (n, ...) whose rows are padded to whole vectors, see `backend.LANES`.

    The maps of one channel often do not fill them, unlike those of all. A function that rounds nothing stays as it is.
    """
    if activation_name(step) in ROUNDS_NOTHING:
        return activation

    def padded(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        numbers = math.prod(x.shape[1:])
        if numbers % LANES == 0:
            return activation(x, *args, **kwargs)
        rows = ops.pad(ops.reshape(x, (-1, numbers)), ((0, 0), (0, -numbers % LANES)))
        return ops.reshape(activation(rows, *args, **kwargs)[:, :numbers], x.shape)

    return padded
