"""What every place of every layer can be at least and at most, for all valid inputs at once, by interval arithmetic.

The bounds hold for what TensorFlow computes in float32, not only for the mathematics behind it. They are computed in
float64 and moved outward by what float32 can be wrong: a sum of n products, added up in any order, with or without
fused multiply-add, errs by at most g(n) * sum |w * x|, g(n) = n u / (1 - n u), u = 2^-24 (Higham, "Accuracy and
Stability of Numerical Algorithms", 2nd ed. 2002, section 3.1). Each operator states its n; |x| is bounded by the bounds
before it. That the float64 arithmetic itself rounds is covered: its share is smaller by 2^-29. Not covered are kernels
that do not add up the products as they stand (Winograd's, by Fourier transform) and arithmetic below float32 (TF32 on
some GPUs); TensorFlow's CPU kernels do neither.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from dreamfilters.evidence.bounds.affine_operators import Affine, Array, affine_parts, is_keras, numbers
from dreamfilters.networks.activation_functions import activation_name, inline_activation, is_pure
from dreamfilters.networks.graph import Graph, Slot, Step, twin
from dreamfilters.networks.layers.pass_through import types_of

ROUNDING = 2.0**-24  # u of float32
_SMALLEST = float(np.finfo(np.float32).tiny)  # below it float32 loses digits, or all of them
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Interval:
    """The least and the greatest value of every place, (h, w, c) or (c,) float64."""

    low: Array
    high: Array

    @property
    def size(self) -> Array:
        """The greatest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


Known: TypeAlias = Interval | str  # or why there are no bounds


def require_bounds(known: Known) -> Interval:
    """Return bounds that are known to be there: nothing is traced or pooled that has none."""
    if isinstance(known, str):
        raise LookupError(known)
    return known


@dataclass(frozen=True, eq=False)
class Part:
    """One operator of a step with what was known when it ran.

    Attributes:
        operator: what it computes.
        shape: of its input.
        slack: how far off float32 can be at each place of its output, float64's own rounding included.
    """

    operator: Affine
    shape: tuple[int, ...]
    slack: Array


@dataclass(eq=False)
class IntervalPropagation:
    """Bounds of every slot, filled step by step in the order of execution.

    Attributes:
        slots: of what each step puts out; slot 0 is the input.
        before: of each step's value before its activation, by the step's name.
        parts: each affine step's operators, by its name.
    """

    slots: dict[int, Known]
    before: dict[str, Known] = field(default_factory=dict)
    parts: dict[str, tuple[Part, ...]] = field(default_factory=dict)

    def linear(self, step: Step) -> Known:
        """Compute and keep the bounds of what a step computes before its inline activation (if it has one)."""
        reasons = [known for slot in step.inputs if isinstance(known := self.slots[slot], str)]
        if reasons:
            result: Known = reasons[0]
        elif is_pure(step):
            result = self.slots[step.inputs[0]]
        elif _computes_in(step) not in ("float32", "float64"):
            result = f"{step.name} computes in {_computes_in(step)}"
        else:
            result = _checked(step, self._computed(step))
        self.before[step.name] = result
        return result

    def finish(self, step: Step) -> None:
        """Compute the bounds of a step's outputs from those before its activation, tightened or not."""
        known = self.before[step.name]
        activation = inline_activation(step) or (is_pure(step) and twin(step.operation))
        if activation and isinstance(known, Interval):
            known = _checked(step, activation_image(step, activation, known))
        if len(step.outputs) > 1 and not isinstance(known, str):
            known = f"{step.name}, a {step.type}, has several outputs"
        self.slots.update(dict.fromkeys(step.outputs, known))

    def _computed(self, step: Step) -> Known:
        inputs = [known for slot in step.inputs if isinstance(known := self.slots[slot], Interval)]
        operators = affine_parts(step, inputs[0].low.shape) if len(inputs) == 1 else None
        if operators is not None:
            result = inputs[0]
            parts = []
            for operator in operators:
                shape = result.low.shape
                result, slack = propagate_affine(operator, result)
                parts.append(Part(operator, shape, slack))
            self.parts[step.name] = tuple(parts)
            return result
        rule = _RULES.get(step.type)
        if rule is None or not is_keras(step):
            order = " with its channels first" if step.channels_first else ""
            return f"no bounds are known for {step.name}, a {step.type}{order}"
        return rule(step, self.slots)


def start_propagation(graph: Graph, low: Array, high: Array) -> IntervalPropagation:
    """Return a propagation that knows the input's box, (h, w, c) as images come in."""
    if graph.channels_first:
        low, high = np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0)
    return IntervalPropagation({0: Interval(low, high)})


def propagate_affine(operator: Affine, x: Interval) -> tuple[Interval, Array]:
    """Return the bounds behind an affine operator and how much of them is for rounding."""
    middle, reach = (x.low + x.high) / 2, (x.high - x.low) / 2
    center = operator.apply(middle) + operator.bias
    spread = operator.apply(reach, absolute=True)
    if operator.terms == 0:
        slack = np.zeros_like(center)
    else:
        shift = getattr(operator, "rounding", np.abs(operator.bias))
        slack = (
            rounding_bound(operator.terms) * (operator.apply(x.size, absolute=True) + shift)
            + operator.terms * _SMALLEST
        )
    return Interval(center - spread - slack, center + spread + slack), slack


def rounding_bound(terms: int) -> float:
    """Return how wrong a float32 sum of that many terms can be, as a share of the sum of their sizes.

    A sixteenth is added for what float64 rounds, and for |w| and |x| themselves being rounded.
    """
    return 1.0625 * terms * ROUNDING / (1 - terms * ROUNDING)


# ---------------------------------------------------------------------------------------------------------------------
# Nonlinearities

# Where an activation turns from falling to rising, to six more digits than float32 has; none for one that never falls.
_TURNS: dict[str, tuple[float, ...]] = {
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
_LOOSE = 2.0**-18  # 64 units of rounding: vectorised exp and tanh are good to fewer than 10


def activation_image(step: Step, activation: Callable[[Any], Any], x: Interval) -> Known:
    """Return what an activation makes of an interval: it is asked at both ends and where it turns between them."""
    name = activation_name(step)
    if name == "softmax":
        return Interval(np.zeros_like(x.low), np.full_like(x.high, 1 + _LOOSE))
    if name not in _TURNS or _is_odd(step):
        return f"no bounds are known for {step.name}, whose activation is {name}"
    asked = [_asked(activation, x.low, -np.inf), _asked(activation, x.high, np.inf)]
    for turn in _TURNS[name]:
        at = np.clip(np.full_like(x.low, turn), x.low, x.high)  # an end where it does not lie between
        asked += [_asked(activation, at, -np.inf), _asked(activation, at, np.inf)]
    low, high = np.minimum.reduce(asked), np.maximum.reduce(asked)
    if name in _EXACT and not getattr(step.operation, "negative_slope", 0):
        return Interval(low, high)
    return Interval(low - _LOOSE * np.abs(low) - _LOOSE**2, high + _LOOSE * np.abs(high) + _LOOSE**2)


def _is_odd(step: Step) -> bool:
    """Say whether an activation is a user's own that only bears a known name, or falls where that name never does."""
    function = inline_activation(step) or getattr(step.operation, "activation", None)
    if inspect.isfunction(function) and not function.__module__.startswith("keras."):
        return True
    if step.type == "PReLU":
        return False
    return any(float(getattr(step.operation, name, 0) or 0) < 0 for name in ("negative_slope", "threshold", "alpha"))


def _asked(function: Callable[[Any], Any], values: Array, towards: float) -> Array:
    """Return what the network's own float32 function says, its argument rounded outward."""
    told = function(ops.convert_to_tensor(_outward(values, towards)[None], "float32"))
    return np.asarray(numbers(told)[0])


def _outward(values: Array, towards: float) -> Any:
    near = values.astype(np.float32)
    beyond = near.astype(np.float64) > values if towards < 0 else near.astype(np.float64) < values
    return np.where(beyond, np.nextafter(near, np.float32(towards)), near)


# ---------------------------------------------------------------------------------------------------------------------
# Everything else that has a rule

Rule: TypeAlias = Callable[[Step, Mapping[int, Known]], Known]


def _rising(step: Step, slots: Mapping[int, Known], *, rounds: bool = True) -> Known:
    """A step that never falls when an input rises is itself asked for both ends."""
    ends = []
    for side in ("low", "high"):
        args, kwargs = keras.tree.map_structure(partial(_end, slots, side), step.arguments)
        double = twin(step.operation)
        told = double(*args, **kwargs, training=False) if _takes_training(double, kwargs) else double(*args, **kwargs)
        ends.append(numbers(keras.tree.flatten(told)[0])[0])
    low, high = ends
    if not rounds:
        return Interval(low, high)
    sources = [known for slot in step.inputs if isinstance(known := slots[slot], Interval)]
    terms = 8 + sum(known.low.size // min(known.low.shape[-1], known.low.shape[0]) for known in sources)
    slack = rounding_bound(terms) * max(float(np.max(known.size)) for known in sources) * len(sources)
    constants = [abs(float(leaf)) for leaf in keras.tree.flatten(step.arguments) if isinstance(leaf, int | float)]
    slack += rounding_bound(8) * sum(constants)
    return Interval(low - slack, high + slack)


def _takes_training(double: Any, kwargs: Mapping[str, Any]) -> bool:
    return isinstance(double, keras.layers.Layer) and "training" not in kwargs


def _end(slots: Mapping[int, Known], side: str, leaf: Any) -> Any:
    if not isinstance(leaf, Slot):
        return leaf
    values = getattr(slots[leaf.number], side)
    return ops.convert_to_tensor(_outward(values, -np.inf if side == "low" else np.inf)[None], "float32")


def _same(step: Step, slots: Mapping[int, Known]) -> Known:
    return slots[step.inputs[0]]


def _operands(step: Step, slots: Mapping[int, Known]) -> list[Interval]:
    """Return the step's arguments as intervals, numbers among them as intervals of no width."""
    operands = []
    for leaf in keras.tree.flatten(step.arguments):
        value = slots[leaf.number] if isinstance(leaf, Slot) else leaf
        if not isinstance(value, Interval):
            value = Interval(numbers(value), numbers(value))
        operands.append(value)
    return operands


def _rounded(low: Array, high: Array, size: Array, terms: int) -> Interval:
    slack = rounding_bound(terms) * size + _SMALLEST
    return Interval(low - slack, high + slack)


def _sum(step: Step, slots: Mapping[int, Known]) -> Known:
    operands = _operands(step, slots)
    low, high = sum(one.low for one in operands), sum(one.high for one in operands)
    share = 1 / len(operands) if step.type == "Average" else 1.0
    size = np.asarray(sum(one.size for one in operands))
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
    """Conv2DTranspose, by Keras' own operation in float64; its kernel is (rows, columns, out, in)."""
    layer, x = step.operation, slots[step.inputs[0]]
    if step.channels_first or isinstance(x, str):
        return f"no bounds are known for {step.name}, a {step.type} with its channels first"
    kernel = numbers(layer.kernel)
    bias = numbers(layer.bias) if layer.use_bias else np.zeros(kernel.shape[2])

    def applied(values: Array, weights: Array) -> Array:
        tensors = (ops.convert_to_tensor(values[None], "float64"), ops.convert_to_tensor(weights, "float64"))
        shape = {"padding": layer.padding, "output_padding": layer.output_padding, "strides": layer.strides}
        told = ops.conv_transpose(*tensors, **shape, dilation_rate=layer.dilation_rate)
        return np.asarray(ops.convert_to_numpy(told)[0], np.float64)

    center = applied((x.low + x.high) / 2, kernel) + bias
    spread, size = applied((x.high - x.low) / 2, abs(kernel)), applied(x.size, abs(kernel)) + abs(bias)
    return _rounded(center - spread, center + spread, size, int(np.prod(kernel.shape[:2])) * kernel.shape[3] + 2)


_chosen: Rule = partial(_rising, rounds=False)
_RULES: dict[str, Rule] = {
    **dict.fromkeys((*types_of("identity"), "Linear"), _same),
    **dict.fromkeys((
        "MaxPooling2D", "GlobalMaxPooling2D", "Maximum", "Minimum", "Concatenate", "Flatten", "Reshape", "Permute",
        "ZeroPadding2D", "Cropping2D", "RepeatVector", "Transpose", "Pad", "ExpandDims", "Squeeze",
    ), _chosen),
    **dict.fromkeys((
        "AveragePooling2D", "GlobalAveragePooling2D", "UpSampling2D", "Mean",
    ), _rising),
    "Add": _sum, "Average": _sum, "Subtract": _difference, "Multiply": _product,
    "TrueDivide": _quotient, "Divide": _quotient, "Conv2DTranspose": _transposed,
}  # fmt: skip


def _computes_in(step: Step) -> str:
    quantized = getattr(step.operation, "quantization_mode", None)
    return str(quantized or getattr(step.operation, "compute_dtype", "float32"))


def _checked(step: Step, known: Known) -> Known:
    if isinstance(known, Interval) and not (np.all(known.low > -_LARGEST) and np.all(known.high < _LARGEST)):
        return f"{step.name} may exceed what float32 can hold"
    return known
