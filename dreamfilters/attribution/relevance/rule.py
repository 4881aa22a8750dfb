"""Layer-wise relevance propagation as a rule of the gradient: what arrives at a value is its relevance.

Each step passes on the relevance of its output to its inputs, instead of the gradient. Sums over the readers of a value
are those that the gradient takes, so that automatic differentiation needs no other change. Sources: Bach et al., "On
pixel-wise explanations", PLOS ONE 2015; Montavon et al., "Layer-wise relevance propagation: an overview", 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
from keras import ops

from dreamfilters import backend
from dreamfilters.attribution.relevance.linear_maps import LINEAR, NormScale, linear_maps, norm_scale, takes_scale
from dreamfilters.attribution.relevance.shares import Box, by_contributions, by_epsilon, by_parts, halves
from dreamfilters.backend import Tensor
from dreamfilters.errors import ModelError
from dreamfilters.evidence.bounds.affine_layers import is_keras
from dreamfilters.networks.activation_functions import Call, activation_name, inline_activation, is_pure
from dreamfilters.networks.graph import Slot, Step, twin
from dreamfilters.networks.layers.pass_through import types_of

Back: TypeAlias = Callable[..., Sequence[Tensor]]  # (relevance of the output, output, *inputs) -> that of the inputs

# Steps whose gradient moves relevance as it is: they copy values, or choose one of several.
_MOVING = types_of("identity", "reshape", "reorder", "pad", "crop") | {
    "Cast", "Concatenate", "GetItem", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Max", "Maximum", "MaxPooling1D",
    "MaxPooling2D", "Minimum", "HeldInput",
}  # fmt: skip
_KEEPING = types_of("identity", "reshape", "reorder", "pad", "crop") | {"Cast"}
# Steps of one input that scale or shift each value.
_ONE_TO_ONE = {"BatchNormalization", "Normalization", "Rescaling", "StopGradient", "Negative"}
# Steps that are means or sums with weights of zero or more.
_AVERAGING = {
    "AveragePooling1D", "AveragePooling2D", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "Mean", "Resizing",
    "Sum", "UpSampling1D", "UpSampling2D",
}  # fmt: skip
_POOLING = types_of("pool")
_SUMS = {"Add": 1.0, "Average": 1.0, "Subtract": -1.0}  # and the sign of the second term
_PRODUCTS = {"Multiply", "Divide", "TrueDivide"}
_NORMALIZING = {"softmax", "log_softmax"}


@dataclass(frozen=True, eq=False)
class RelevanceRule:
    """A gradient rule by which relevance arrives at each value, see `networks.watching.GradientRule`.

    Attributes:
        steps: the steps that run and depend on the image.
        boxes: the least and greatest values of each slot that holds the image, which choose the rule of its readers.
        offsets: the constant part of slots behind a batch normalization, which takes no share, see `offsets_of`.
        epsilon: of dense layers, as a share of the root mean square of a layer's outputs.
    """

    steps: tuple[Step, ...]
    boxes: Mapping[int, Box]
    offsets: Mapping[int, Tensor]
    epsilon: float

    def step(self, step: Step, operation: Call, activation: Call | None) -> tuple[Call, Call | None]:
        """Return the operation and the activation of a step, which pass relevance instead of gradients."""
        if step not in self.steps:
            return operation, activation
        passed = _refused(step) if activation_name(step) in _NORMALIZING else _passed
        back = passed if is_pure(step) else self._back(step, operation)
        return (
            operation if back is None else _with_relevance(step, operation, back),
            activation and _with_relevance(None, activation, passed),
        )

    def watched(self, value: Tensor) -> Tensor:
        """Return a watched activation: the relevance of each of its values is the value times the score's gradient."""
        return _carried(value, [value], lambda gradient, output, value: [value * gradient])

    def _back(self, step: Step, operation: Call) -> Back | None:
        """Return the rule of a step's operation; None where the gradient moves relevance as it is."""
        several = sum(isinstance(leaf, Slot) for leaf in keras.tree.flatten(step.arguments)) > 1
        if type(step.operation) in LINEAR:
            return self._linear(step)
        if not is_keras(step):
            return _refused(step)
        if step.type in _MOVING:
            return None
        if step.type in _AVERAGING:
            return self._averaged(step, operation)
        if step.type in _ONE_TO_ONE or (step.type in {*_SUMS, *_PRODUCTS} and not several):
            return _passed
        if step.type in _SUMS:
            return _summed(_SUMS[step.type])
        return _gated(step) if step.type in _PRODUCTS else _refused(step)

    def _linear(self, step: Step) -> Back:
        scale, box, offset = self._scale(step), self.boxes.get(step.inputs[0]), self.offsets.get(step.inputs[0], 0.0)
        is_dense = isinstance(step.operation, keras.layers.Dense | keras.layers.EinsumDense)

        def back(relevance: Tensor, output: Tensor, x: Tensor) -> list[Tensor]:
            *inner, last = linear_maps(step, scale)
            output = output if scale is None else output * scale.factor + scale.shift
            if box is None:
                x = x - offset
            if is_dense and box is None:
                return [by_epsilon(last, relevance, output, x, self.epsilon)]
            for first in inner:  # the depthwise part of a separable convolution
                between = first.apply(x, first.kernel)
                relevance, output, last = by_parts(last, relevance, output, between, None), between, first
            return [by_parts(last, relevance, output, x, box)]

        return back

    def _averaged(self, step: Step, operation: Call) -> Back:
        before, after = self.offsets.get(step.inputs[0], 0.0), self.offsets.get(step.outputs[0], 0.0)

        def back(relevance: Tensor, output: Tensor, x: Tensor) -> list[Tensor]:
            raising, lowering = by_contributions(
                relevance,
                output - after,
                halves(x - before),
                lambda raising, lowering: _called(step, operation, raising),
                lambda raising, lowering: _called(step, operation, lowering),
            )
            return [raising + lowering]

        return back

    def _scale(self, step: Step) -> NormScale | None:
        """Return the batch normalization that alone reads a linear layer without activation, as part of its kernel."""
        readers = [reader for reader in self.steps if step.outputs[0] in reader.inputs]
        if inline_activation(step) is not None or len(readers) != 1 or not takes_scale(step, readers[0]):
            return None
        return norm_scale(readers[0].operation, len(step.shape) + 1)


def boxes_of(steps: Sequence[Step], box: Box) -> dict[int, Box]:
    """Return the least and greatest values of the slots that hold the image: the input's, rescaled, padded, reshaped.

    `box` is that of the network's input, in the order of its channels.
    """
    boxes = {0: box}
    for step in steps:
        slots = [leaf for leaf in keras.tree.flatten(step.arguments) if isinstance(leaf, Slot)]
        shifts = step.type in {*_SUMS, *_PRODUCTS, *_ONE_TO_ONE}
        if len(slots) == 1 and step.inputs[0] in boxes and is_keras(step) and (shifts or step.type in _KEEPING):
            one, other = (_called(step, twin(step.operation), value) for value in boxes[step.inputs[0]])
            boxes[step.outputs[0]] = (ops.minimum(one, other), ops.maximum(one, other))
    return boxes


def offsets_of(steps: Sequence[Step]) -> dict[int, Tensor]:
    """Return the constant part of the slots behind a batch normalization, up to the next layer: the value for zeros.

    A batch normalization behind a ReLU cannot be part of the kernel before. Its factor becomes part of the next kernel,
    and its shift part of the next bias, so that a unit that is 0 gets no relevance. Slots of unknown size have no
    offset.
    """
    shapes = {slot: step.shape for step in steps for slot in step.outputs}
    offsets: dict[int, Tensor] = {}
    for step in steps:
        source = step.inputs[0]
        if len(step.inputs) > 1 or None in shapes.get(source, (None,)) or not is_keras(step):
            continue
        if source in offsets and (step.type in _KEEPING or step.type in _POOLING):
            offsets[step.outputs[0]] = _called(step, twin(step.operation), offsets[source])
        elif step.type == "BatchNormalization":
            zeros = ops.zeros((1, *shapes[source]))
            offsets[step.outputs[0]] = _called(step, twin(step.operation), offsets.get(source, zeros))
    return offsets


def _called(step: Step, operation: Call, x: Tensor) -> Tensor:
    """Return the output of a step with one input for another value of this input, as float32 in any precision."""
    args, kwargs = keras.tree.map_structure(lambda leaf: x if isinstance(leaf, Slot) else leaf, step.arguments)
    training = {"training": False} if isinstance(step.operation, keras.layers.Layer) else {}
    return ops.cast(operation(*args, **kwargs | training), "float32")


def _with_relevance(step: Step | None, call: Call, back: Back) -> Call:
    """Return a call whose gradient is given by `back`; `step` names its inputs, None stands for a single one."""

    def ruled(*args: Any, **kwargs: Any) -> Tensor:
        values = _leaves(args, kwargs)
        leaves = [Slot(0)] if step is None else _leaves(*step.arguments)
        inputs = [value for value, leaf in zip(values, leaves, strict=True) if isinstance(leaf, Slot)]
        return _carried(call(*args, **kwargs), inputs, back)

    return ruled


def _leaves(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return the arguments of a call in order, without `training`, which the forward pass sets."""
    return keras.tree.flatten((args, {key: value for key, value in kwargs.items() if key != "training"}))  # type: ignore[no-any-return, unused-ignore]


def _carried(output: Tensor, inputs: Sequence[Tensor], back: Back) -> Tensor:
    """Return the output; its gradient reaches the inputs by `back` and nothing else."""

    @backend.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
    def forward(output: Tensor, *inputs: Tensor) -> Any:
        def backward(relevance: Tensor) -> tuple[Tensor, ...]:
            floats = [ops.cast(value, "float32") for value in (relevance, output, *inputs)]
            parts = [ops.cast(part, x.dtype) for part, x in zip(back(*floats), inputs, strict=True)]
            return ops.zeros_like(output), *parts

        return output, backward

    return forward(ops.stop_gradient(output), *inputs)


def _refused(step: Step) -> Back:
    def back(*_: Tensor) -> Sequence[Tensor]:
        hint = "explain its logit" if activation_name(step) in _NORMALIZING else "use integrated-gradients"
        named = activation_name(step) if activation_name(step) in _NORMALIZING else step.type
        raise ModelError(f"lrp: no rule for {named} ({step.name}); {hint}")

    return back


def _passed(relevance: Tensor, output: Tensor, x: Tensor) -> list[Tensor]:
    """Pass relevance through a step of single values, but not where its output is 0: what follows is due to biases."""
    return [ops.where(output != 0, relevance, ops.zeros_like(relevance))]


def _gated(step: Step) -> Back:
    """Give the relevance of a product to the factors of its shape, the signal, and none to the gates."""

    def back(relevance: Tensor, output: Tensor, *inputs: Tensor) -> list[Tensor]:
        chosen = [x.shape == output.shape and (step.type == "Multiply" or x is inputs[0]) for x in inputs]
        if not any(chosen):
            return list(_refused(step)())
        return [
            relevance / sum(chosen) if is_chosen else ops.zeros_like(x)
            for x, is_chosen in zip(inputs, chosen, strict=True)
        ]

    return back


def _summed(sign: float) -> Back:
    """Share out the relevance of a sum of inputs; `sign` is that of the second one."""

    def back(relevance: Tensor, output: Tensor, first: Tensor, *others: Tensor) -> list[Tensor]:
        parts = [part for term in (first, *(sign * other for other in others)) for part in halves(term)]
        shares = by_contributions(relevance, output, parts, _every_second, lambda *parts: _every_second(*parts[1:]))
        return [raising + lowering for raising, lowering in zip(shares[::2], shares[1::2], strict=True)]

    return back


def _every_second(*parts: Tensor) -> Tensor:
    return sum(parts[2::2], start=parts[0])
