"""A model as a flat list of steps in the order of execution, nested models opened; the model itself stays as it is.

The only file that reads what Keras keeps private: the nodes of a functional graph. `clone_model` and `keras.Model(...)`
would add a node to the user's layers at every use, and neither enters a nested model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import keras
from keras.src.models.functional import Functional  # has no public name

from dreamfilters.errors import ModelError
from dreamfilters.networks.endpoints import HeldInput, class_output, image_input, name_of

Shape: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True)
class Slot:
    """Where a step's tensor will be put: the place of a symbolic tensor among its arguments."""

    number: int


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a layer or operation.

    Attributes:
        name: unique; 'backbone/conv' inside a nested model, 'conv:0', 'conv:1' where a layer is called more than once.
        operation: the user's layer or the operation of `keras.ops`; not to be called, see `twin`.
        arguments: (args, kwargs) with a `Slot` for each tensor.
        inputs: slots that are read.
        outputs: slots that are written.
        shape: of the first output, batch left out, as the model was built.
        dtype: of the first output.
        channels_first: whether the first output has its channels before its rows.
    """

    name: str
    operation: Any
    arguments: tuple[Any, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    shape: Shape
    dtype: str
    channels_first: bool = False

    @property
    def type(self) -> str:
        """The class of the layer or operation, such as 'Conv2D'."""
        return type(self.operation).__name__

    @property
    def tensors(self) -> list[Any]:
        """Its tensors in the order of the arguments: a `Slot` for each that was computed, and constant arrays."""
        return [leaf for leaf in keras.tree.flatten(self.arguments) if isinstance(leaf, Slot) or hasattr(leaf, "shape")]


@dataclass(frozen=True, eq=False)
class Graph:
    """A model flattened, as it is seen from one image input.

    Attributes:
        steps: in the order of execution; slot 0 is the input. Inputs that no image goes into are the first steps.
        output: slot of the output that holds the classes.
        input_shape: batch left out, as (h, w, c) whatever the model's own order.
        channels_first: whether the model itself wants (n, c, h, w).
        held: names of the inputs that are given zeros.
        outputs: names of the steps that make the model's outputs.
    """

    steps: tuple[Step, ...]
    output: int
    input_shape: Shape
    channels_first: bool = False
    held: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Step]:
        """Each step under its name."""
        return {step.name: step for step in self.steps}

    @cached_property
    def writers(self) -> dict[int, Step]:
        """Each slot's step; slot 0, the input, has none."""
        return {slot: step for step in self.steps for slot in step.outputs}

    def needed(self, slots: set[int]) -> tuple[Step, ...]:
        """Return the steps that these slots depend on, in order."""
        wanted = set(slots)
        chosen = []
        for step in reversed(self.steps):
            if wanted.intersection(step.outputs):
                wanted.update(step.inputs)
                chosen.append(step)
        return tuple(reversed(chosen))

    def readers(self, slot: int) -> list[Step]:
        """Return the steps that read a slot, in order."""
        return [step for step in self.steps if slot in step.inputs]


def flatten(model: keras.Model, *, input: str | None = None, output: str | None = None) -> Graph:  # noqa: A002
    """Return the model's steps, those of nested models in their place.

    Args:
        model: built, functional or Sequential.
        input: name of the input that takes the image, where several could; the others are given zeros.
        output: name of the output that holds the classes; the first by itself.

    Raises:
        ModelError: the model is not built, is subclassed without a graph, or has no image input, or several.
        UnknownNameError: it has no such input or output.
    """
    function = _function(model)
    if function is None:
        raise ModelError(f"{model.name}: {_without_graph(model)}")
    chosen = image_input(model.name, function.inputs, input)
    shape = tuple(function.inputs[chosen].shape[1:])
    walk = _Walk()
    sources = [0 if place == chosen else walk.held(tensor) for place, tensor in enumerate(function.inputs)]
    ends = walk.through(function, sources, "")
    steps = _with_order(_numbered(walk.steps))
    first = _wants_channels_first(steps)
    if first:
        shape = (shape[1], shape[2], shape[0])
        steps = _with_order(steps, input_first=True)
    writers = {slot: step.name for step in steps for slot in step.outputs}
    outputs = tuple(writers.get(slot, "input") for slot in ends)
    held = tuple(name_of(tensor) for tensor in function.inputs if tensor is not function.inputs[chosen])
    return Graph(tuple(steps), ends[class_output(model.name, outputs, output)], shape, first, held, outputs)


CONVOLUTIONS = (
    keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D,
    keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D, keras.layers.SeparableConv2D,
)  # fmt: skip


def twin(layer: Any, **changes: Any) -> Any:
    """Return a double of a layer that shares its weights and can be changed without changing the layer.

    It takes inputs of any size, and a call of it leaves no trace in the user's model: no loss of an activity
    regularizer, no node. Its name is its class, for the user's may be one that TensorFlow takes for no scope, such as
    'a b'. Operations of `keras.ops` keep nothing and are returned as they are.
    """
    if not isinstance(layer, keras.layers.Layer):
        return layer
    double = object.__new__(type(layer))
    # Past Keras' __setattr__, which would register the double's parts with the tracker that both share.
    double.__dict__.update(layer.__dict__)
    double.__dict__.update(input_spec=None, activity_regularizer=None, _losses=[], _loss_ids=set())
    double.__dict__.update(name=type(layer).__name__)
    double.__dict__.update(changes)
    if type(layer) in CONVOLUTIONS and layer.data_format == "channels_first" and layer.use_bias:
        _add_bias_to_channels(double)
    return double


def _add_bias_to_channels(double: Any) -> None:
    """Let a channels-first convolution add its bias itself.

    Keras' own `ops.add` takes a bias (1, c, 1, 1) for one of columns where a map happens to be c columns wide (3.15,
    on TensorFlow), and gives each column its number instead of each channel.
    """
    plain = object.__new__(type(double))
    plain.__dict__.update(double.__dict__, use_bias=False, activation=keras.activations.linear)

    def call(inputs: Any) -> Any:
        answers = type(double).call(plain, inputs)
        bias = keras.ops.reshape(double.bias, (1, -1, *[1] * double.rank))
        return double.activation(answers + keras.ops.cast(bias, answers.dtype))  # by TensorFlow's own addition

    double.__dict__.update(call=call)


class _Walk:
    """Visits nodes in Keras' own order of execution, as `Function._run_through_graph` does."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.count = 1  # slot 0 is the input

    def through(self, function: Any, sources: list[int], prefix: str) -> list[int]:
        """Append the steps of one (nested) call and return the slots of its outputs.

        Each call has a scope of its own, so a nested model called twice gets two sets of slots.
        """
        scope = {id(tensor): slot for tensor, slot in zip(function.inputs, sources, strict=True)}
        for node in _nodes(function):
            if any(id(tensor) not in scope for tensor in node.input_tensors):
                continue  # behind an input that this call does not use
            inputs = [scope[id(tensor)] for tensor in node.input_tensors]
            name = prefix + node.operation.name
            inner = _function(node.operation)
            slots = self.through(inner, inputs, f"{name}/") if inner else self._step(name, node, scope, inputs)
            scope.update((id(tensor), slot) for tensor, slot in zip(node.outputs, slots, strict=True))
        return [scope[id(tensor)] for tensor in function.outputs]

    def held(self, tensor: Any) -> int:
        """Append a step that gives zeros in place of an input, and return its slot."""
        slot, self.count = self.count, self.count + 1
        layer = HeldInput(tuple(tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype))
        arguments: tuple[Any, Any] = ((Slot(0),), {})
        self.steps.append(Step(name_of(tensor), layer, arguments, (0,), (slot,), layer.held, layer.held_dtype))
        return slot

    def _step(self, name: str, node: Any, scope: dict[int, int], inputs: list[int]) -> list[int]:
        def placed(value: Any) -> Any:
            return Slot(scope[id(value)]) if isinstance(value, keras.KerasTensor) else value

        slots = list(range(self.count, self.count + len(node.outputs)))
        self.count += len(slots)
        output = node.outputs[0]
        arguments = node.arguments.convert(placed)
        shape, dtype = tuple(output.shape[1:]), keras.backend.standardize_dtype(output.dtype)
        self.steps.append(Step(name, node.operation, arguments, tuple(inputs), tuple(slots), shape, dtype))
        return slots


def _nodes(function: Any) -> Iterator[Any]:
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if node.operation and not node.is_input:
                yield node


def _function(operation: Any) -> Any:
    """Return the graph behind a model, or None where there is none or where its `call` does something else with it."""
    if isinstance(operation, keras.Sequential):
        return operation._functional
    own_call = getattr(type(operation), "call", None)
    known_calls = (keras.Function.call, Functional.call)
    return operation if isinstance(operation, keras.Function) and own_call in known_calls else None


def _without_graph(model: keras.Model) -> str:
    if isinstance(model, keras.Sequential):
        return "is not built: give its first layer an Input, or call it on one image"
    return "is a subclassed model without a graph of layers; only functional and Sequential models can be opened"


def _numbered(steps: list[Step]) -> list[Step]:
    """Give the calls of a layer that is called more than once their numbers."""
    calls, seen = Counter(step.name for step in steps), Counter[str]()
    numbered = []
    for step in steps:
        number, seen[step.name] = seen[step.name], seen[step.name] + 1
        numbered.append(replace(step, name=f"{step.name}:{number}") if calls[step.name] > 1 else step)
    return numbered


def _with_order(steps: list[Step], *, input_first: bool = False) -> list[Step]:
    """Note for each step whether its maps are channels first: by its own setting, or as the nearest one upstream."""
    first = {0: input_first}
    ordered = []
    for step in steps:
        own = _own_order(step)
        is_first = any(first[slot] for slot in step.inputs) if own is None else own.endswith("first")
        first.update(dict.fromkeys(step.outputs, is_first))
        ordered.append(replace(step, channels_first=is_first))
    return ordered


def _wants_channels_first(steps: list[Step]) -> bool:
    """Say whether the first step along the input's way that has an order says channels first."""
    reached = {0}
    for step in steps:
        if reached.intersection(step.inputs):
            own = _own_order(step)
            if own is not None:
                return own.startswith("first")
            reached.update(step.outputs)
    return False


# How a layer turns maps around, batch left out.
_TURNED = {(2, 3, 1): "first to last", (3, 1, 2): "last to first"}


def _own_order(step: Step) -> str | None:
    """Return whether a step wants its channels 'first' or 'last', or turns them around; None if it takes any."""
    order = getattr(step.operation, "data_format", None)
    if order:
        return str(order).removeprefix("channels_")
    dims = getattr(step.operation, "dims", None) if step.type == "Permute" else None
    axes = getattr(step.operation, "axes", None) if step.type == "Transpose" else None
    return _TURNED.get(tuple(dims or (axes or ())[1:]))
