"""A forward pass that computes only what leads to the watched layers and hands their activations out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import keras
from keras import ops

from dreamfilters.backend import Tensor
from dreamfilters.errors import DreamfiltersError, ModelError, UnknownNameError, close_names, reason
from dreamfilters.networks.activation_functions import (
    activation_name,
    has_linear,
    inline_activation,
    is_pure,
    relaxed_relu,
    relu_ceiling,
)
from dreamfilters.networks.filter_slice import narrowed
from dreamfilters.networks.graph import Graph, Slot, Step, twin
from dreamfilters.networks.layers.layer_kinds import Output, outputs_of
from dreamfilters.networks.layers.pass_through import way_of
from dreamfilters.networks.reproducible import reproducible


class ForwardPass(Protocol):
    """The network's input (n, h, w, c) -> {address: its float32 activation}.

    `only` names the one unit of a layer that each image is asked for, (n,): where that saves work, the layer's
    activation comes out as (n, ..., 1), that unit alone.
    """

    def __call__(self, x: Tensor, only: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Return what the watched layers answer."""


# What the output layer says before its softmax or sigmoid. No layer is called so: Keras refuses a slash in a name, and
# the name of a nested layer has text before its first one.
LOGITS = "//logits"
_BEFORE = "//before/"


def before(layer: str) -> str:
    """Return how what a layer computes before its activation is asked for.

    >>> before("conv6")
    '//before/conv6'
    """
    return layer if layer == LOGITS else _BEFORE + layer


def layer_named_by(address: str) -> str:
    """Return the layer that an address of `watch` names: itself, or the one whose value before its activation it is."""
    return address.removeprefix(_BEFORE)


def watch(graph: Graph, layers: frozenset[str], *, relaxed: bool = False) -> ForwardPass:
    """Return the function from the network's input (n, h, w, c) to {layer: its float32 activation}.

    Maps come out as (n, h, w, c) whatever order the layer computes in.

    Args:
        graph: the flattened model.
        layers: names of steps, `before(name)` for the value before its activation, or `LOGITS`.
        relaxed: let the gradient pass a ReLU that is silent for a whole image, see `activations.relaxed_relu`.

    Raises:
        UnknownNameError: no such layer.
        ModelError: a layer has no value before its activation.
    """
    watched = {layer: _watched(graph, layer) for layer in sorted(layers)}
    outputs = outputs_of(graph)
    calls = [
        _Call(step, outputs[step.name], relaxed=relaxed)
        for step in graph.needed({slot for step, _ in watched.values() for slot in step.outputs})
    ]
    inner = {slot for call in calls for slot in call.step.inputs}

    def run(x: Tensor, only: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        only = only or {}
        x = ops.convert_to_tensor(x, "float32")
        values: dict[int, Tensor] = {0: ops.transpose(x, (0, 3, 1, 2)) if graph.channels_first else x}
        unbent: dict[int, Tensor] = {}
        for call in calls:
            # a layer that others read is needed whole
            alone = call.step.name in only and not inner.intersection(call.step.outputs)
            call(values, unbent, only[call.step.name] if alone else None)
        return {
            layer: _handed_out((unbent if bent else values)[step.outputs[0]], step)
            for layer, (step, bent) in watched.items()
        }

    return run


def logits_step(graph: Graph) -> Step:
    """Return the step that computes the model's output; layers at the end that only forward it are skipped."""
    step = graph.writers[graph.output]
    while _forwards(step) and step.inputs[0] in graph.writers:
        step = graph.writers[step.inputs[0]]
    return step


def _forwards(step: Step) -> bool:
    is_linear = isinstance(step.operation, keras.layers.Activation) and activation_name(step) == "linear"
    return is_linear or way_of(step.type) == "identity"


def _watched(graph: Graph, address: str) -> tuple[Step, bool]:
    if address == LOGITS:
        step = logits_step(graph)
        return step, has_linear(step)
    layer = layer_named_by(address)
    bent = layer != address
    if layer not in graph.by_name:
        raise UnknownNameError(f"{layer}: no such layer. {close_names(layer, graph.by_name)}")
    step = graph.by_name[layer]
    if bent and not has_linear(step):
        raise ModelError(
            f"{layer}: a {step.type} has no value before its activation; a conv, dense or activation layer has"
        )
    return step, bent


class _Call:
    """One step made ready to run on a double of its layer."""

    def __init__(self, step: Step, output: Output, *, relaxed: bool) -> None:
        self.step = step
        self.activation = inline_activation(step)
        self.operation = twin(step.operation, **({"activation": keras.activations.linear} if self.activation else {}))
        self.takes_training = isinstance(self.operation, keras.layers.Layer)
        self.operation, self.activation = reproducible(step, output, self.operation, self.activation)
        self.pure = is_pure(step)
        self.narrow = narrowed(step)
        ceiling = relu_ceiling(self.activation or step.operation) if relaxed else None
        if ceiling is None:
            return
        if self.activation:
            self.activation = relaxed_relu(ceiling)
        else:
            self.operation, self.takes_training = relaxed_relu(ceiling), False

    def __call__(self, values: dict[int, Tensor], unbent: dict[int, Tensor], units: Tensor | None = None) -> None:
        """Write the step's outputs into `values`, and what its activation was given into `unbent`.

        Of unit i for image i alone, if `units` are given and the step can be computed so.
        """
        if units is not None and self.narrow is not None:
            outputs = [self.narrow(values[self.step.inputs[0]], units)]
        else:
            outputs = self._outputs(values)
        unbent[self.step.outputs[0]] = values[self.step.inputs[0]] if self.pure else outputs[0]
        if self.activation:
            outputs = [self.activation(outputs[0])]
        values.update(zip(self.step.outputs, outputs, strict=True))

    def _outputs(self, values: dict[int, Tensor]) -> list[Tensor]:
        args, kwargs = keras.tree.map_structure(
            lambda leaf: values[leaf.number] if isinstance(leaf, Slot) else leaf, self.step.arguments
        )
        if self.takes_training:
            kwargs = {**kwargs, "training": False}
        try:
            return list(keras.tree.flatten(self.operation(*args, **kwargs)))
        except (DreamfiltersError, MemoryError):
            raise
        except Exception as error:  # a layer has its own words for values of a shape that it was not made for
            raise ModelError(
                f"{self.step.name}: {self.step.type} does not take what it is given: {reason(error)}"
            ) from error


def _handed_out(value: Tensor, step: Step) -> Tensor:
    value = ops.cast(value, "float32")
    return ops.transpose(value, (0, 2, 3, 1)) if step.channels_first and len(value.shape) == 4 else value
