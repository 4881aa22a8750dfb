"""Interval bound propagation: bounds of every position of every layer over all valid inputs.

See Gowal et al., "On the effectiveness of interval bound propagation for training verifiably robust models", 2018.

The bounds hold for what TensorFlow computes in float32. They are computed in float64 and widened by the rounding of
float32: a sum of n products, added in any order, with or without fused multiply-add, errs by at most g(n) * sum |w * x|
with g(n) = n u / (1 - n u) and u = 2^-24 (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. 2002,
section 3.1). Each operator states its n; |x| is bounded by its interval. The rounding of float64 is covered: it is
smaller by 2^-29. Not covered are kernels that transform before they multiply (Winograd, Fourier) and arithmetic below
float32 (TF32 on some GPUs); TensorFlow's CPU kernels use neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dreamfilters.evidence.bounds.affine_layers import affine_parts, is_keras
from dreamfilters.evidence.bounds.affine_operators import Affine, Array
from dreamfilters.evidence.bounds.interval_rules import RULES, activation_image
from dreamfilters.evidence.bounds.intervals import LARGEST, SMALLEST, Interval, Known, rounding_bound
from dreamfilters.networks.activation_functions import inline_activation, is_pure
from dreamfilters.networks.endpoints import HeldInput
from dreamfilters.networks.graph import Graph, Step, twin
from dreamfilters.networks.layers.layer_kinds import outputs_of


@dataclass(frozen=True, eq=False)
class Part:
    """One operator of a step, with its input shape and its rounding.

    Attributes:
        operator: the operator.
        shape: of its input.
        slack: the largest rounding error at each position of its output.
    """

    operator: Affine
    shape: tuple[int, ...]
    slack: Array


@dataclass(eq=False)
class IntervalPropagation:
    """Bounds of every slot, filled step by step in the order of execution.

    Attributes:
        slots: bounds of each step's outputs; slot 0 is the input.
        before: step name -> bounds of its value before its activation.
        parts: step name -> operators, for affine steps.
        folded: step name -> why the first axis of its output is not the images, for such steps.
    """

    slots: dict[int, Known]
    before: dict[str, Known] = field(default_factory=dict)
    parts: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)

    def linear(self, step: Step) -> Known:
        """Compute, store and return the bounds of a step's value before its activation."""
        reasons = [known for slot in step.inputs if isinstance(known := self.slots[slot], str)]
        if reasons:
            result: Known = reasons[0]
        elif step.name in self.folded:
            result = f"no bounds are known for {step.name}: {self.folded[step.name]}"
        elif is_pure(step):
            result = self.slots[step.inputs[0]]
        elif _computes_in(step) not in ("float32", "float64"):
            result = f"{step.name} computes in {_computes_in(step)}"
        else:
            result = _checked(step, self._computed(step))
        self.before[step.name] = result
        return result

    def finish(self, step: Step) -> None:
        """Compute and store the bounds of a step's outputs from those before its activation."""
        known = self.before[step.name]
        activation = inline_activation(step) or (is_pure(step) and twin(step.operation))
        if activation and isinstance(known, Interval):
            known = _checked(step, activation_image(step, activation, known))
        if len(step.outputs) > 1 and not isinstance(known, str):
            known = f"{step.name}, a {step.type}, has several outputs"
        self.slots.update(dict.fromkeys(step.outputs, known))

    def _computed(self, step: Step) -> Known:
        if isinstance(step.operation, HeldInput):
            value = np.asarray(twin(step.operation)(np.zeros((1, 1), np.float32))[0], np.float64)
            return Interval(value, value)
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
        rule = RULES.get(step.type)
        if rule is None or not is_keras(step):
            order = " with its channels first" if step.channels_first else ""
            return f"no bounds are known for {step.name}, a {step.type}{order}"
        return rule(step, self.slots)


def start_propagation(graph: Graph, low: Array, high: Array) -> IntervalPropagation:
    """Return a propagation that starts at an input box (h, w, c)."""
    if graph.channels_first:
        low, high = np.moveaxis(low, -1, 0), np.moveaxis(high, -1, 0)
    folded = {name: output.reason for name, output in outputs_of(graph).items() if output.is_folded}
    return IntervalPropagation({0: Interval(low, high)}, folded=folded)


def propagate_affine(operator: Affine, x: Interval) -> tuple[Interval, Array]:
    """Return the bounds of an affine operator's output, and the part of them that is for rounding."""
    middle, reach = (x.low + x.high) / 2, (x.high - x.low) / 2
    center = operator.apply(middle) + operator.bias
    spread = operator.apply(reach, absolute=True)
    if operator.terms == 0:
        slack = np.zeros_like(center)
    else:
        shift = getattr(operator, "rounding", np.abs(operator.bias))
        slack = (
            rounding_bound(operator.terms) * (operator.apply(x.size, absolute=True) + shift) + operator.terms * SMALLEST
        )
    return Interval(center - spread - slack, center + spread + slack), slack


def _computes_in(step: Step) -> str:
    quantized = getattr(step.operation, "quantization_mode", None)
    return str(quantized or getattr(step.operation, "compute_dtype", "float32"))


def _checked(step: Step, known: Known) -> Known:
    if isinstance(known, Interval) and not (np.all(known.low > -LARGEST) and np.all(known.high < LARGEST)):
        return f"{step.name} may exceed what float32 can hold"
    return known
