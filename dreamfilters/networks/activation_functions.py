"""The activation function of a step: its name, its place, and ReLUs with another gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.networks.graph import CONVOLUTIONS, Step

Call: TypeAlias = Callable[..., Any]

# Layers that apply their `activation` last. Others, such as LSTM, apply it inside.
_INLINE = (*CONVOLUTIONS, keras.layers.Dense, keras.layers.EinsumDense)

# Activations of single numbers, unlike a softmax over the channels, and those that round nothing.
_ELEMENTWISE = frozenset(
    {"linear", "relu", "relu6", "leaky_relu", "thresholded_relu", "elu", "selu", "sigmoid", "hard_sigmoid", "silu",
     "hard_silu", "gelu", "tanh", "softplus", "softsign", "exponential", "mish"}
)  # fmt: skip
ROUNDS_NOTHING = frozenset({"linear", "relu", "relu6", "leaky_relu", "thresholded_relu"})

# Layers and operations that only apply an activation function, and its name.
_PURE = {
    "ReLU": "relu", "Relu": "relu", "Relu6": "relu6", "LeakyReLU": "leaky_relu", "LeakyRelu": "leaky_relu",
    "PReLU": "prelu", "ELU": "elu", "Elu": "elu", "Selu": "selu", "Softmax": "softmax", "LogSoftmax": "log_softmax",
    "Sigmoid": "sigmoid", "HardSigmoid": "hard_sigmoid", "Silu": "silu", "HardSilu": "hard_silu", "Gelu": "gelu",
    "Tanh": "tanh", "Softplus": "softplus", "Mish": "mish",
}  # fmt: skip


def inline_activation(step: Step) -> Any:
    """Return the activation that a layer applies last, None for a linear one."""
    activation = getattr(step.operation, "activation", None) if isinstance(step.operation, _INLINE) else None
    return None if activation is keras.activations.linear else activation


def is_pure(step: Step) -> bool:
    """Return whether a step only applies an activation function: a ReLU, Softmax or Activation layer or operation."""
    return isinstance(step.operation, keras.layers.Activation) or step.type in _PURE


def has_linear(step: Step) -> bool:
    """Return whether a step has a value before its activation."""
    return isinstance(step.operation, _INLINE) or is_pure(step)


def activation_name(step: Step) -> str:
    """Return the name of a step's activation function, 'linear' where it has none."""
    activation = inline_activation(step)
    if activation is None and isinstance(step.operation, keras.layers.Activation):
        activation = step.operation.activation
    thing = step.operation if activation is None and is_pure(step) else activation
    if thing is None:
        return "linear"
    if isinstance(thing, keras.layers.ReLU) and (thing.negative_slope or thing.threshold):
        return "leaky_relu" if thing.negative_slope else "thresholded_relu"  # not zero for all x < 0
    if relu_ceiling(thing) == 6:
        return "relu6"
    return str(getattr(thing, "__name__", None) or _PURE.get(type(thing).__name__, type(thing).__name__.lower()))


def is_elementwise(step: Step) -> bool:
    """Return whether the activation function of a step computes each number from this number alone."""
    return activation_name(step) in _ELEMENTWISE


def relu_ceiling(thing: Any) -> float | None:
    """Return the maximum of a ReLU, infinity for a plain one and 6 for ReLU6; None for other activations."""
    if isinstance(thing, keras.layers.Activation):
        return relu_ceiling(thing.activation)
    name = getattr(thing, "__name__", type(thing).__name__)
    if name == "ReLU" and not (thing.negative_slope or thing.threshold):
        return math.inf if thing.max_value is None else float(thing.max_value)
    return {"relu": math.inf, "Relu": math.inf, "relu6": 6.0, "Relu6": 6.0}.get(name)


def is_relu(step: Step) -> bool:
    """Return whether a step contains a ReLU, inline or as its only operation."""
    return relu_ceiling(inline_activation(step) or step.operation) is not None


@dataclass(frozen=True)
class ReluRule:
    """A rule by which the gradient passes the ReLUs of a network; see `watching.GradientRule`. No value is changed.

    Attributes:
        gradient: (input of a ReLU, gradient of its output, its maximum) -> gradient of its input.
    """

    gradient: Callable[[Tensor, Tensor, float], Tensor]

    def step(self, step: Step, operation: Call, activation: Call | None) -> tuple[Call, Call | None]:
        """Return the operation and the activation of a step; a ReLU is replaced by one with this gradient."""
        ceiling = relu_ceiling(inline_activation(step) or step.operation)
        if ceiling is None:
            return operation, activation
        return (operation, self.relu(ceiling)) if activation else (self.relu(ceiling), None)

    def watched(self, value: Tensor) -> Tensor:
        """Return a watched activation as it is."""
        return value

    def relu(self, ceiling: float) -> Call:
        """Return the ReLU of this maximum: min(max(x, 0), ceiling) with the gradient of this rule."""

        @backend.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
        def relu(x: Tensor) -> Any:
            zero = ops.zeros_like(x)
            result = ops.maximum(x, zero)
            result = result if math.isinf(ceiling) else ops.minimum(result, zero + ceiling)
            return result, lambda upstream: self.gradient(x, upstream, ceiling)

        return lambda x, **_: relu(x)


def _relaxed(x: Tensor, upstream: Tensor, ceiling: float) -> Tensor:
    none = ops.zeros_like(upstream)
    true = ops.where((x > 0) & (x < ceiling), upstream, none)
    outward = ((x < 0) & (upstream < 0)) | ((x > ceiling) & (upstream > 0))
    redirected = ops.where(outward, none, upstream)
    flows = ops.any(true != 0, axis=tuple(range(1, len(true.shape))), keepdims=True)  # (n, 1, ...)
    return ops.where(flows, true, redirected)


# The gradient does not vanish at a ReLU whose output is zero for a whole image. It is the true one for an image where
# any of it is nonzero. Otherwise the incoming gradient passes, except where it would lower a negative input or raise
# one above the maximum. Source: Lucid, `misc/redirected_relu_grad.py`, with the signs of an ascent.
RELAXED = ReluRule(_relaxed)
