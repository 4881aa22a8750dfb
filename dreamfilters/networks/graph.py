"""A model flattened into steps in the order of execution, including those of nested models; the model is not changed.

It reads the nodes of a functional graph, which are private attributes of Keras. `clone_model` and
`keras.Model(...)` would add a node to the user's layers at every use, and they do not enter nested models.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import keras
from keras.src.models.functional import Functional  # has no public name
from numpy.typing import NDArray

from dreamfilters.errors import InputFormError, ModelError
from dreamfilters.networks.endpoints import HeldInput, flat_shape, input_index, name_of, output_index
from dreamfilters.networks.io.traced_models import traced
from dreamfilters.networks.layers.pass_through import ELEMENTWISE, types_of
from dreamfilters.networks.preprocessing.settings_file import THE_IMAGE

Shape: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True)
class Slot:
    """A placeholder for a computed tensor in the arguments of a step."""

    number: int


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a layer or operation.

    The name is unique: 'backbone/conv' inside a nested model, 'conv#0' and 'conv#1' where a layer is called twice.
    """

    name: str
    operation: Any  # the user's layer or an operation of `keras.ops`; call its `twin` instead
    arguments: tuple[Any, Any]  # (args, kwargs) with a `Slot` for each computed tensor
    inputs: tuple[int, ...]  # slots that the step reads
    outputs: tuple[int, ...]  # slots that the step writes
    shape: Shape  # of the first output without the batch, as the model was built
    dtype: str  # of the first output
    channels_first: bool = False  # whether the first output has its channels before its rows

    @property
    def type(self) -> str:
        """The class of the layer or operation, such as 'Conv2D'."""
        return type(self.operation).__name__

    @property
    def tensors(self) -> list[Any]:
        """The tensors among the arguments, in order: a `Slot` for each computed one, and constant arrays."""
        return [leaf for leaf in keras.tree.flatten(self.arguments) if isinstance(leaf, Slot) or hasattr(leaf, "shape")]


@dataclass(frozen=True, eq=False)
class Graph:
    """A flattened model with one image input, which is slot 0; the first steps hold other inputs at their values."""

    steps: tuple[Step, ...]  # in the order of execution
    output: int  # slot of the output that holds the classes
    input_shape: Shape  # (h, w, c) without the batch, whatever order the model uses
    channels_first: bool = False  # whether the model's input is (n, c, h, w)
    held: tuple[str, ...] = ()  # names of the inputs that do not take the image
    outputs: tuple[str, ...] = ()  # names of the steps that compute the model's outputs
    image: str = ""  # name of the input that takes the image
    factors: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # name of a step -> what multiplies its output

    @cached_property
    def by_name(self) -> dict[str, Step]:
        """The steps by name."""
        return {step.name: step for step in self.steps}

    @cached_property
    def writers(self) -> dict[int, Step]:
        """The step that writes each slot; slot 0 is the input and has none."""
        return {slot: step for step in self.steps for slot in step.outputs}

    @cached_property
    def origins(self) -> dict[int, int]:
        """The slot whose positions a slot has in another shape: after steps that reshape, and that then compute each
        value from the same one.
        """
        found: dict[int, int] = {}
        shapes = {0: self.input_shape} | {slot: step.shape for step in self.steps for slot in step.outputs}
        for step in self.steps:
            before = step.inputs[0] if len(step.inputs) == 1 else None
            if before is None or step.channels_first:
                continue
            if step.type in types_of("reshape") or _adds_axes_only(step):
                found[step.outputs[0]] = found.get(before, before)
            elif before in found and step.type in ELEMENTWISE and step.shape == shapes[before]:
                found[step.outputs[0]] = found[before]
        return found

    @cached_property
    def flat_images(self) -> frozenset[str]:
        """The names of the steps whose output is the image in the shape of a flat input, in other units perhaps."""
        slots: set[int] = set()
        names = []
        for step in self.steps:
            if is_flat_input(step) or (step.inputs and slots.issuperset(step.inputs) and step.type in ELEMENTWISE):
                slots.update(step.outputs)
                names.append(step.name)
        return frozenset(names)

    def needed(self, slots: set[int]) -> tuple[Step, ...]:
        """Return the steps that these slots depend on, in the order of execution."""
        required = set(slots)
        steps = []
        for step in reversed(self.steps):
            if required.intersection(step.outputs):
                required.update(step.inputs)
                steps.append(step)
        return tuple(reversed(steps))

    def readers(self, slot: int) -> list[Step]:
        """Return the steps that read a slot, in the order of execution."""
        return [step for step in self.steps if slot in step.inputs]


def flatten(
    model: keras.Model,
    *,
    input: str | None = None,  # noqa: A002
    output: str | None = None,
    size: Shape = (None, None),
    inputs: Mapping[str, NDArray[Any] | None] | None = None,
) -> Graph:
    """Return the steps of a model, with nested models replaced by their steps.

    `input` and `output` are as in `load`; `size` is the (height, width) of the image where the input is flat, and
    `inputs` are values of other inputs; None holds one at zeros, and an empty array gives it the image too. The first
    step of a flat input reshapes the image.

    Raises:
        ModelError: the model has no graph (see `has_graph`), no image input or several.
        UnknownNameError: the model has no such input or output.
    """
    function = _function(model)
    if function is None:
        raise ModelError(f"{model.name}: is a subclassed model without a graph of layers, or is not built; use load")
    frames = _frame_networks(function)
    if input in frames:
        function, input = frames[input], None  # noqa: A001
    values = inputs or {}
    chosen = input_index(model.name, function.inputs, input, values, frames)
    image = function.inputs[chosen]
    shape = tuple(image.shape[1:])
    walk, is_flat = _Walk(), len(shape) < 3
    own = walk.flat(image) if is_flat else 0
    sources = [
        own if tensor is image or _takes_image(tensor, value, image) else walk.held(tensor, value)
        for tensor, value in ((tensor, values.get(name_of(tensor))) for tensor in function.inputs)
    ]
    ends = walk.through(function, sources, "")
    steps = _with_order(_numbered(walk.steps))
    first, is_last = _takes_channels_first(steps), False
    if is_flat:
        shape, is_last = flat_shape(model.name, shape, size, _readers(steps, sources[chosen]))
    if first:
        shape = shape if is_last else (shape[1], shape[2], shape[0])
        steps = _with_order(steps, input_first=True)
    writers = {slot: step.name for step in steps for slot in step.outputs}
    outputs = tuple(writers.get(slot, "input") for slot in ends)
    held = tuple(name_of(tensor) for tensor in function.inputs if tensor is not image)
    chosen_output = output_index(model.name, outputs, _output_keys(function), output)
    return Graph(tuple(steps), ends[chosen_output], shape, first, held, outputs, name_of(image))


def _takes_image(tensor: Any, value: NDArray[Any] | None, image: Any) -> bool:
    """Return whether an input takes the image too; raise InputFormError if it has another shape."""
    if value is None or value.size:
        return False
    shape, wanted = tuple(tensor.shape[1:]), tuple(image.shape[1:])
    if shape != wanted:
        name = name_of(tensor)
        raise InputFormError(f"--input {name}={THE_IMAGE}: it takes {shape}, the image is {wanted}; give a file")
    return True


CONVOLUTIONS = (
    keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D,
    keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D, keras.layers.SeparableConv2D,
)  # fmt: skip


def twin(layer: Any, **changes: Any) -> Any:
    """Return a copy of a layer that shares its weights and can be called and changed without affecting the layer.

    The copy takes inputs of any size. Calling it adds no node and no activity regularizer's loss to the user's model.
    Its name is its class, because a user's name such as 'a b' is not a valid scope of TensorFlow. Operations of
    `keras.ops` have no state and are returned unchanged.
    """
    if not isinstance(layer, keras.layers.Layer):
        return layer
    double = object.__new__(type(layer))
    # Keras' __setattr__ is bypassed: it would register the copy's parts with the tracker that both share.
    double.__dict__.update(layer.__dict__)
    double.__dict__.update(input_spec=None, activity_regularizer=None, _losses=[], _loss_ids=set())
    double.__dict__.update(name=type(layer).__name__)
    double.__dict__.update(changes)
    if type(layer) in CONVOLUTIONS and layer.data_format == "channels_first" and layer.use_bias:
        _add_bias_to_channels(double)
    return double


def _add_bias_to_channels(double: Any) -> None:
    """Replace the call of a channels-first convolution by one that adds the bias to the channels.

    On TensorFlow, Keras 3.15 adds the bias (1, c, 1, 1) to the columns where a map is exactly c columns wide.
    """
    plain = object.__new__(type(double))
    plain.__dict__.update(double.__dict__, use_bias=False, activation=keras.activations.linear)

    def call(inputs: Any) -> Any:
        maps = type(double).call(plain, inputs)
        bias = keras.ops.reshape(double.bias, (1, -1, *[1] * double.rank))
        return double.activation(maps + keras.ops.cast(bias, maps.dtype))  # the + of TensorFlow, not ops.add

    double.__dict__.update(call=call)


class _Walk:
    """Visits the nodes in the order of execution of Keras, as `Function._run_through_graph` does."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.count = 1  # slot 0 is the input

    def through(self, function: Any, sources: list[int], prefix: str) -> list[int]:
        """Append the steps of one (nested) call and return the slots of its outputs."""
        # Each call has its own scope, so a nested model that is called twice gets two sets of slots.
        scope = {id(tensor): slot for tensor, slot in zip(function.inputs, sources, strict=True)}
        by_depth = function._nodes_by_depth
        for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
            if not node.operation or node.is_input:
                continue
            if any(id(tensor) not in scope for tensor in node.input_tensors):
                continue  # depends on an input that this call does not use
            inputs = [scope[id(tensor)] for tensor in node.input_tensors]
            name = prefix + node.operation.name
            inner = _function(node.operation) or _traced_inside(node)
            slots = self.through(inner, inputs, f"{name}/") if inner else self._step(name, node, scope, inputs)
            scope.update((id(tensor), slot) for tensor, slot in zip(node.outputs, slots, strict=True))
        return [scope[id(tensor)] for tensor in function.outputs]

    def held(self, tensor: Any, value: NDArray[Any] | None) -> int:
        """Append a step that holds an input at a value, or at zeros, and return its slot."""
        slot, self.count = self.count, self.count + 1
        layer = HeldInput(tuple(tensor.shape[1:]), keras.backend.standardize_dtype(tensor.dtype), value)
        self.steps.append(Step(name_of(tensor), layer, ((Slot(0),), {}), (0,), (slot,), layer.held, layer.held_dtype))
        return slot

    def flat(self, tensor: Any) -> int:
        """Append the step that reshapes the image to a flat input, and return its slot."""
        slot, self.count = self.count, self.count + 1
        shape = tuple(tensor.shape[1:])
        layer = _reshaping(shape)
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        self.steps.append(Step(name_of(tensor), layer, ((Slot(0),), {}), (0,), (slot,), shape, dtype))
        return slot

    def _step(self, name: str, node: Any, scope: dict[int, int], inputs: list[int]) -> list[int]:
        def with_slots(value: Any) -> Any:
            return Slot(scope[id(value)]) if isinstance(value, keras.KerasTensor) else value

        slots = list(range(self.count, self.count + len(node.outputs)))
        self.count += len(slots)
        output = node.outputs[0]
        operation, arguments = _unwrapped(node.operation), node.arguments.convert(with_slots)
        if operation is not node.operation:
            arguments = arguments[0], {key: value for key, value in arguments[1].items() if key != "mask"}
        shape, dtype = tuple(output.shape[1:]), keras.backend.standardize_dtype(output.dtype)
        self.steps.append(Step(name, operation, arguments, tuple(inputs), tuple(slots), shape, dtype))
        return slots


def has_graph(model: keras.Model) -> bool:
    """Return whether a model is functional or a built Sequential. `io.traced_models` gives other models a graph."""
    return _function(model) is not None


def _function(operation: Any) -> Any:
    """Return the functional graph of a model, None for a subclassed model or one that overrides `call`."""
    if isinstance(operation, keras.Sequential):
        return operation._functional
    own_call = getattr(type(operation), "call", None)
    known_calls = (keras.Function.call, Functional.call)
    return operation if isinstance(operation, keras.Function) and own_call in known_calls else None


def _traced_inside(node: Any) -> Any:
    """Return the graph of a subclassed model that is called on one tensor, None for another operation."""
    if not isinstance(node.operation, keras.Model) or len(node.input_tensors) != 1:
        return None
    found = traced(node.operation)
    return None if found.remark else found.model


def _output_keys(function: Any) -> list[str]:
    """Return the keys of outputs that are given as a dictionary, else the names of the layers that compute them."""
    outputs = function._outputs_struct
    return list(
        keras.tree.flatten({key: key for key in outputs}) if isinstance(outputs, dict) else function.output_names
    )


def _unwrapped(operation: Any) -> Any:
    """Return the layer inside wrappers that change nothing about what it computes, outside training."""
    while isinstance(operation, keras.layers.SpectralNormalization) or (
        isinstance(operation, keras.layers.TimeDistributed) and isinstance(operation.layer, _PER_POSITION)
    ):
        operation = operation.layer
    return operation


_PER_POSITION = (keras.layers.Dense, keras.layers.Activation)  # of the last axis, at any number of others


@functools.cache  # a layer of the same identity each time, as those of the model are
def _reshaping(shape: Shape) -> keras.layers.Layer:
    return keras.layers.Reshape(tuple(side or -1 for side in shape))


def _adds_axes_only(step: Step) -> bool:
    """Return whether a step is an index such as x[..., None], which adds axes of one value."""
    indices = keras.tree.flatten([*step.arguments[0][1:], *step.arguments[1].values()])
    return step.type == "GetItem" and all(one is None or one is Ellipsis or one == slice(None) for one in indices)


def is_flat_input(step: Step) -> bool:
    """Return whether a step is no layer of the model, but reshapes the image to its flat input."""
    return step.type == "Reshape" and step.inputs == (0,) and step.operation is _reshaping(step.shape)


def _frame_networks(function: Any) -> dict[str, Any]:
    """Return the graphs of the models that a function applies to each frame of a video, by the name of the layer."""
    wrappers = [layer for layer in function.operations if isinstance(layer, keras.layers.TimeDistributed)]
    return {layer.name: graph for layer in wrappers if (graph := _function(layer.layer)) is not None}


def _readers(steps: list[Step], slot: int) -> list[tuple[str, Shape]]:
    """Return type and output shape of the first step that reads a slot, the first that reads its output, and so on."""
    chain = []
    for step in steps:
        if slot in step.inputs:
            chain.append((step.type, step.shape))
            slot = step.outputs[0]
    return chain


CALL = "#"  # before the number of a call: 'conv#1'; a colon would read as a unit


def _numbered(steps: list[Step]) -> list[Step]:
    """Number the calls of each layer that is called more than once; a number that is a layer's name is passed over."""
    calls, seen = Counter(step.name for step in steps), Counter[str]()
    numbered = []
    for step in steps:
        name = step.name
        while name in calls and calls[step.name] > 1:
            name = f"{step.name}{CALL}{seen[step.name]}"
            seen[step.name] += 1
        numbered.append(replace(step, name=name))
    return numbered


def _with_order(steps: list[Step], *, input_first: bool = False) -> list[Step]:
    """Set `channels_first` of each step: by its own setting, or as the nearest step upstream."""
    first = {0: input_first}
    ordered = []
    for step in steps:
        own = _own_order(step)
        is_first = any(first[slot] for slot in step.inputs) if own is None else own.endswith("first")
        first.update(dict.fromkeys(step.outputs, is_first))
        ordered.append(replace(step, channels_first=is_first))
    return ordered


def _takes_channels_first(steps: list[Step]) -> bool:
    """Return whether the first step downstream of the image that has an order takes the channels first."""
    reached = {0}
    for step in steps:
        if reached.intersection(step.inputs):
            own = _own_order(step)
            if own is not None:
                return own.startswith("first")
            reached.update(step.outputs)
    return False


# The permutations, without the batch, that change the order of the channels.
_TURNED = {(2, 3, 1): "first to last", (3, 1, 2): "last to first"}


def _own_order(step: Step) -> str | None:
    """Return the order of channels that a step takes, 'first' or 'last', or the change it makes; None for any order."""
    order = getattr(step.operation, "data_format", None)
    if order:
        return str(order).removeprefix("channels_")
    dims = getattr(step.operation, "dims", None) if step.type == "Permute" else None
    axes = getattr(step.operation, "axes", None) if step.type == "Transpose" else None
    return _TURNED.get(tuple(dims or (axes or ())[1:]))
