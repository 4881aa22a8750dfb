"""A forward pass that computes the watched layers, and the steps they depend on, and returns their activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import keras
from keras import ops

from dreamfilters.backend import Precision, Tensor
from dreamfilters.errors import ModelError, UnknownNameError, close_names
from dreamfilters.networks.activation_functions import (
    Call,
    activation_name,
    has_linear,
)
from dreamfilters.networks.graph import Graph, Step
from dreamfilters.networks.layers.layer_kinds import outputs_of
from dreamfilters.networks.layers.pass_through import way_of
from dreamfilters.networks.narrowing.plan import slots_of_one_channel
from dreamfilters.networks.narrowing.step_calls import step_calls


class ForwardPass(Protocol):
    """A function from the network's input (n, h, w, c) to {address: float32 activation}.

    `only` gives the one unit of a layer that is needed for each image, (n,). Where this saves work, the activation has
    the shape (n, ..., 1) and holds this unit only.

    `added` gives tensors of the shape of the activation that are added to the outputs of watched layers, for what comes
    after them too. Added zeros change nothing, and a gradient for them is that for the layer's output.
    """

    def __call__(
        self, x: Tensor, only: Mapping[str, Tensor] | None = None, added: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return the activations of the watched layers."""


class GradientRule(Protocol):
    """What passes back through the steps in place of the gradient: a modified gradient, or relevance.

    A rule changes no value. `activation_functions.RELAXED` is one.
    """

    def step(self, step: Step, operation: Call, activation: Call | None) -> tuple[Call, Call | None]:
        """Return the operation of a step and its activation, None if it has none, with the gradient of this rule."""

    def watched(self, value: Tensor) -> Tensor:
        """Return a watched activation, at which the gradient of a score arrives."""


# The value of the output layer before its softmax or sigmoid. No layer can have this name: Keras allows no slash in
# names, and the name of a nested layer has text before its first slash.
LOGITS = "//logits"
_BEFORE = "//before/"


def before(layer: str) -> str:
    """Return the address of a layer's value before its activation.

    >>> before("conv6")
    '//before/conv6'
    """
    return layer if layer == LOGITS else _BEFORE + layer


def layer_named_by(address: str) -> str:
    """Return the layer of an address, which is a layer or `before(layer)`."""
    return address.removeprefix(_BEFORE)


def watch(
    graph: Graph, layers: frozenset[str], *, rule: GradientRule | None = None, precision: Precision = "float32"
) -> ForwardPass:
    """Return the function from the network's input (n, h, w, c) to {layer: its float32 activation}.

    Maps are (n, h, w, c), whatever order of channels the layer computes in.

    Args:
        graph: the flattened model.
        layers: names of steps, `before(name)` for a value before the activation, or `LOGITS`.
        rule: what passes back in place of the true gradient.
        precision: in which layers compute; the activations that are returned are float32 in any case.

    Raises:
        UnknownNameError: no such layer.
        ModelError: a layer has no value before its activation, or the first axis of its output is not the images.
    """
    watched = {layer: _watched(graph, layer) for layer in sorted(layers)}
    for layer, (step, _) in watched.items():
        _check_rows(graph, layer, step)
    needed = graph.needed({slot for step, _ in watched.values() for slot in step.outputs})
    calls = step_calls(graph, needed, rule, precision)
    ends = [step for step, _ in watched.values()]

    def run(
        x: Tensor, only: Mapping[str, Tensor] | None = None, added: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        only, added = only or {}, added or {}
        values, linear = _of_input(graph, x), dict[int, Tensor]()
        alone = slots_of_one_channel([(call.step, call.one_channel) for call in calls], ends, only, added)
        for call in calls:
            layer = alone.get(call.step.outputs[0])
            call(values, linear, None if layer is None else only[layer])
            if call.step.name in added:
                _add(values, call.step, added[call.step.name])
        seen = {
            layer: _rows(layer, _channels_last((linear if is_linear else values)[step.outputs[0]], step), x.shape[0])
            for layer, (step, is_linear) in watched.items()
        }
        return seen if rule is None else {layer: rule.watched(value) for layer, value in seen.items()}

    return run


@dataclass(frozen=True, eq=False)
class SplitPass:
    """A forward pass in two parts: up to a layer, and from there to an address.

    Attributes:
        first: the network's input (n, h, w, c) -> (the layer's float32 activation with its channels last, the other
            values that the second part reads: those of paths that bypass the layer, in their own types and axes).
        rest: (activation, others) -> the float32 value of the address, `LOGITS` by default.
    """

    first: Callable[[Tensor], tuple[Tensor, tuple[Tensor, ...]]]
    rest: Callable[[Tensor, tuple[Tensor, ...]], Tensor]


def split(graph: Graph, layer: str, address: str = LOGITS) -> SplitPass:
    """Return the forward pass to an address, such as `LOGITS` or another layer, split at a layer.

    The first part also computes the values of paths that bypass the layer, such as skip connections.

    Raises:
        ModelError: nothing follows the layer, the address does not depend on it, or the first axis of its output is not
            the images.
    """
    cut, (end, is_linear) = graph.by_name[layer], _watched(graph, address)
    _check_rows(graph, layer, cut)
    source = cut.outputs[0]
    later = steps_between(graph, layer, end.name)
    if end not in later:
        is_output = address == LOGITS and (cut is end or end in graph.needed({source}))
        why = "is the output layer" if is_output else f"{_named(address)} not depend on it"
        raise ModelError(f"{layer}: {why}; choose an earlier one")
    written = {source, *(slot for step in later for slot in step.outputs)}
    crossing = sorted({slot for step in later for slot in step.inputs} - written)
    early, late = step_calls(graph, graph.needed({source, *crossing} - {0})), step_calls(graph, later)

    def first(x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        values = _of_input(graph, x)
        for call in early:
            call(values, {})
        activation = _rows(layer, _channels_last(values[source], cut), x.shape[0])
        return activation, tuple(values[slot] for slot in crossing)

    def rest(activation: Tensor, others: tuple[Tensor, ...]) -> Tensor:
        values, linear = dict(zip(crossing, others, strict=True)), dict[int, Tensor]()
        values[source] = _own_axes(activation, cut)
        for call in late:
            call(values, linear)
        return _channels_last((linear if is_linear else values)[end.outputs[0]], end)

    return SplitPass(first, rest)


def steps_between(graph: Graph, layer: str, later: str) -> list[Step]:
    """Return the steps that a later step needs and that depend on a layer's output, the later step last."""
    found, written = [], {graph.by_name[layer].outputs[0]}
    for step in graph.needed({graph.by_name[later].outputs[0]}):
        if written.intersection(step.inputs):
            found.append(step)
            written.update(step.outputs)
    return found


def _named(address: str) -> str:
    return "the logits do" if address == LOGITS else f"{layer_named_by(address)} does"


def _check_rows(graph: Graph, layer: str, step: Step) -> None:
    output = outputs_of(graph)[step.name]
    if output.is_folded:
        raise ModelError(f"{layer}: cannot be watched: {output.reason}")


def _of_input(graph: Graph, x: Tensor) -> dict[int, Tensor]:
    """Return the values before the first step: the input in the model's order of channels."""
    x = ops.convert_to_tensor(x, "float32")
    return {0: ops.transpose(x, (0, 3, 1, 2)) if graph.channels_first else x}


def _rows(layer: str, value: Tensor, images: int | None) -> Tensor:
    """Return a value that has one row for each image, whatever `rows_per_image` could trace."""
    if None not in (images, value.shape[0]) and value.shape[0] != images:
        raise ModelError(f"{layer}: cannot be watched: its output has {value.shape[0]} rows for {images} images")
    return value


def logits_step(graph: Graph) -> Step:
    """Return the step that computes the model's output.

    Layers at the end that only forward it are skipped, and those that lay a map of probabilities out as a list.
    """
    step = graph.writers[graph.output]
    while step.inputs[0] in graph.writers:
        before = graph.writers[step.inputs[0]]
        is_linear = isinstance(step.operation, keras.layers.Activation) and activation_name(step) == "linear"
        is_laid_out = way_of(step.type) == "reshape" and len(before.shape) == 3
        of_map = is_laid_out and activation_name(before) in ("softmax", "log_softmax", "sigmoid")
        if not (is_linear or of_map or way_of(step.type) == "identity"):
            break
        step = before
    return step


def _watched(graph: Graph, address: str) -> tuple[Step, bool]:
    """Return the step of an address, and whether its value before the activation is meant."""
    if address == LOGITS:
        step = logits_step(graph)
        return step, has_linear(step)
    layer = layer_named_by(address)
    is_linear = layer != address
    if layer not in graph.by_name:
        raise UnknownNameError(f"{layer}: no such layer. {close_names(layer, graph.by_name)}")
    step = graph.by_name[layer]
    if is_linear and not has_linear(step):
        raise ModelError(
            f"{layer}: a {step.type} has no value before its activation; a conv, dense or activation layer has"
        )
    return step, is_linear


def _add(values: dict[int, Tensor], step: Step, change: Tensor) -> None:
    """Add a change of an activation, with its channels last, to the output of a step."""
    slot = step.outputs[0]
    values[slot] = values[slot] + _own_axes(change, step)


def _channels_last(value: Tensor, step: Step) -> Tensor:
    value = ops.cast(value, "float32")
    return ops.transpose(value, (0, 2, 3, 1)) if step.channels_first and len(value.shape) == 4 else value


def _own_axes(activation: Tensor, step: Step) -> Tensor:
    """Return the inverse of `_channels_last`."""
    if step.channels_first and len(activation.shape) == 4:
        activation = ops.transpose(activation, (0, 3, 1, 2))
    return ops.cast(activation, step.dtype)
