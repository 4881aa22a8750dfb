"""Interval rules of operations that are not affine: of layers in `RULES`, and of activations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.evidence.bounds.affine_layers import numbers
from dreamfilters.evidence.bounds.affine_operators import Array
from dreamfilters.evidence.bounds.intervals import SMALLEST, Interval, Known, outward, rounding_bound
from dreamfilters.networks.activation_functions import activation_name, inline_activation
from dreamfilters.networks.graph import Slot, Step, twin
from dreamfilters.networks.layers.pass_through import types_of

Rule: TypeAlias = Callable[[Step, Mapping[int, Known]], Known]


def _monotonic(step: Step, slots: Mapping[int, Known], *, rounds: bool = True) -> Known:
    """Return the image of a step that is monotonic in every input: its own output at both ends."""
    ends = []
    for side in ("low", "high"):
        args, kwargs = keras.tree.map_structure(partial(_end, slots, side), step.arguments)
        operation = twin(step.operation)
        if isinstance(operation, keras.layers.Layer):
            kwargs = {"training": False, **kwargs}
        ends.append(numbers(keras.tree.flatten(operation(*args, **kwargs))[0])[0])
    low, high = ends
    if not rounds:
        return Interval(low, high)
    sources = [known for slot in step.inputs if isinstance(known := slots[slot], Interval)]
    terms = 8 + sum(known.low.size // min(known.low.shape[-1], known.low.shape[0]) for known in sources)
    slack = rounding_bound(terms) * max(float(np.max(known.size)) for known in sources) * len(sources)
    constants = [abs(float(leaf)) for leaf in keras.tree.flatten(step.arguments) if isinstance(leaf, int | float)]
    slack += rounding_bound(8) * sum(constants)
    return Interval(low - slack, high + slack)


def _end(slots: Mapping[int, Known], side: str, leaf: Any) -> Any:
    if not isinstance(leaf, Slot):
        return leaf
    values = getattr(slots[leaf.number], side)
    return ops.convert_to_tensor(outward(values, -np.inf if side == "low" else np.inf)[None], "float32")


def _identity(step: Step, slots: Mapping[int, Known]) -> Known:
    return slots[step.inputs[0]]


def _operands(step: Step, slots: Mapping[int, Known]) -> list[Interval]:
    """Return the step's arguments as intervals without a batch; a constant is an interval of width zero."""
    operands = []
    for leaf in keras.tree.flatten(step.arguments):
        value = slots[leaf.number] if isinstance(leaf, Slot) else leaf
        if not isinstance(value, Interval):
            constant = numbers(value)
            constant = constant[0] if constant.ndim > len(step.shape) else constant
            value = Interval(constant, constant)
        operands.append(value)
    return operands


def _rounded(low: Array, high: Array, size: Array, terms: int) -> Interval:
    """Return an interval widened by the rounding of so many terms of total magnitude `size`."""
    slack = rounding_bound(terms) * size + SMALLEST
    return Interval(low - slack, high + slack)


def _sum(step: Step, slots: Mapping[int, Known]) -> Known:
    operands = _operands(step, slots)
    low, high = sum(operand.low for operand in operands), sum(operand.high for operand in operands)
    share = 1 / len(operands) if step.type == "Average" else 1.0
    size = np.asarray(sum(operand.size for operand in operands))
    return _rounded(np.asarray(low) * share, np.asarray(high) * share, size * share, len(operands) + 1)


def _difference(step: Step, slots: Mapping[int, Known]) -> Known:
    first, second = _operands(step, slots)
    return _rounded(first.low - second.high, first.high - second.low, first.size + second.size, 2)


def _product(step: Step, slots: Mapping[int, Known]) -> Known:
    first, *others = _operands(step, slots)
    for other in others:
        ends = [a * b for a in (first.low, first.high) for b in (other.low, other.high)]
        first = _rounded(np.minimum.reduce(ends), np.maximum.reduce(ends), first.size * other.size, 2)
    return first


def _quotient(step: Step, slots: Mapping[int, Known]) -> Known:
    first, second = _operands(step, slots)
    if np.any((second.low <= 0) & (second.high >= 0)):
        return f"{step.name} may divide by zero"
    ends = [a / b for a in (first.low, first.high) for b in (second.low, second.high)]
    low, high = np.minimum.reduce(ends), np.maximum.reduce(ends)
    return _rounded(low, high, np.maximum(np.abs(low), np.abs(high)), 2)


def _transposed(step: Step, slots: Mapping[int, Known]) -> Known:
    """Return the image of Conv2DTranspose, computed by Keras in float64; its kernel is (rows, columns, out, in)."""
    layer, x = step.operation, slots[step.inputs[0]]
    if step.channels_first or isinstance(x, str):
        return f"no bounds are known for {step.name}, a {step.type} with its channels first"
    kernel = numbers(layer.kernel)
    bias = numbers(layer.bias) if layer.use_bias else np.zeros(kernel.shape[2])

    def applied(values: Array, weights: Array) -> Array:
        shape = {"padding": layer.padding, "output_padding": layer.output_padding, "strides": layer.strides}
        with backend.float64():
            tensors = (ops.convert_to_tensor(values[None], "float64"), ops.convert_to_tensor(weights, "float64"))
            result = ops.conv_transpose(*tensors, **shape, dilation_rate=layer.dilation_rate)
            return np.asarray(ops.convert_to_numpy(result)[0], np.float64)

    center = applied((x.low + x.high) / 2, kernel) + bias
    spread, size = applied((x.high - x.low) / 2, abs(kernel)), applied(x.size, abs(kernel)) + abs(bias)
    return _rounded(center - spread, center + spread, size, int(np.prod(kernel.shape[:2])) * kernel.shape[3] + 2)


_exact: Rule = partial(_monotonic, rounds=False)  # the result is one of the inputs
RULES: dict[str, Rule] = {
    **dict.fromkeys((*types_of("identity"), "Linear"), _identity),
    **dict.fromkeys((
        "MaxPooling2D", "GlobalMaxPooling2D", "Maximum", "Minimum", "Concatenate", "Flatten", "Reshape", "Permute",
        "ZeroPadding2D", "Cropping2D", "RepeatVector", "Transpose", "Pad", "ExpandDims", "Squeeze",
        "GetItem", "Stack", "Flip",
    ), _exact),
    **dict.fromkeys((
        "AveragePooling2D", "GlobalAveragePooling2D", "UpSampling2D", "Mean",
    ), _monotonic),
    "Add": _sum, "Average": _sum, "Subtract": _difference, "Multiply": _product,
    "TrueDivide": _quotient, "Divide": _quotient, "Conv2DTranspose": _transposed,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Activations

# Arguments at which an activation has a minimum, to six more digits than float32 has; none for a monotonic one.
_MINIMA: dict[str, tuple[float, ...]] = {
    "silu": (-1.2784645427610738,), "swish": (-1.2784645427610738,), "mish": (-1.1924312145154,),
    "gelu": (-0.7517915246935645, -0.7524613850845), "hard_silu": (-1.5,), "hard_swish": (-1.5,), "prelu": (0.0,),
    **dict.fromkeys((
        "relu", "relu6", "leaky_relu", "thresholded_relu", "elu", "selu", "celu", "exponential", "sigmoid",
        "hard_sigmoid", "tanh",
        "hard_tanh", "softplus", "softsign", "log_sigmoid", "linear", "tanh_shrink", "soft_shrink", "hard_shrink",
        "squareplus", "sparse_plus", "sparse_sigmoid",
    ), ()),
}  # fmt: skip
_EXACT = frozenset({"relu", "relu6", "linear"})
_TOLERANCE = 2.0**-18  # 64 units of rounding; vectorized exp and tanh err by fewer than 10


def activation_image(step: Step, activation: Callable[[Any], Any], x: Interval) -> Known:
    """Return the image of an interval: the activation at both ends and at the minima between them."""
    name = activation_name(step)
    if name == "softmax":
        return Interval(np.zeros_like(x.low), np.full_like(x.high, 1 + _TOLERANCE))
    if name not in _MINIMA or _is_unknown(step):
        return f"no bounds are known for {step.name}, whose activation is {name}"
    values = [_evaluated(activation, x.low, -np.inf), _evaluated(activation, x.high, np.inf)]
    for minimum in _MINIMA[name]:
        argument = np.clip(np.full_like(x.low, minimum), x.low, x.high)  # an end if the minimum is outside
        values += [_evaluated(activation, argument, -np.inf), _evaluated(activation, argument, np.inf)]
    low, high = np.minimum.reduce(values), np.maximum.reduce(values)
    if name in _EXACT and not getattr(step.operation, "negative_slope", 0):
        return Interval(low, high)
    return Interval(low - _TOLERANCE * np.abs(low) - _TOLERANCE**2, high + _TOLERANCE * np.abs(high) + _TOLERANCE**2)


def _is_unknown(step: Step) -> bool:
    """Return whether an activation only has a known name: a user's function, or settings that make it decrease."""
    function = inline_activation(step) or getattr(step.operation, "activation", None)
    if inspect.isfunction(function) and not function.__module__.startswith("keras."):
        return True
    if step.type == "PReLU":
        return False
    return any(float(getattr(step.operation, name, 0) or 0) < 0 for name in ("negative_slope", "threshold", "alpha"))


def _evaluated(function: Callable[[Any], Any], values: Array, towards: float) -> Array:
    """Return the network's float32 function of values that are rounded outward."""
    result = function(ops.convert_to_tensor(outward(values, towards)[None], "float32"))
    return np.asarray(numbers(result)[0])
