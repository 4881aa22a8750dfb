"""The image of an interval under an activation function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from dreamfilters.evidence.bounds.affine_layers import numbers
from dreamfilters.evidence.bounds.affine_operators import Array
from dreamfilters.evidence.bounds.intervals import Interval, Known, outward
from dreamfilters.networks.activation_functions import activation_name, inline_activation
from dreamfilters.networks.graph import Step

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
