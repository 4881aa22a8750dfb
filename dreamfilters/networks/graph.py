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


@dataclass(frozen=True, eq=False)
class Graph:
    """A model with one image input, flattened.

    Attributes:
        steps: in the order of execution; slot 0 is the input.
        output: slot of the model's (first) output.
        input_shape: batch left out, as (h, w, c) whatever the model's own order.
        channels_first: whether the model itself wants (n, c, h, w).
    """

    steps: tuple[Step, ...]
    output: int
    input_shape: Shape
    channels_first: bool = False

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


def flatten(model: keras.Model) -> Graph:
    """Return the model's steps, those of nested models in their place.

    Raises:
        ModelError: the model is not built, is subclassed without a graph, or has no single image input.
    """
    function = _function(model)
    if function is None:
        raise ModelError(f"{model.name}: {_without_graph(model)}")
    if len(function.inputs) != 1:
        names = ", ".join(tensor.name for tensor in function.inputs)
        raise ModelError(
            f"{model.name}: has {len(function.inputs)} inputs ({names}); dreaming needs exactly one, the image"
        )
    shape = tuple(function.inputs[0].shape[1:])
    if len(shape) != 3:
        raise ModelError(
            f"{model.name}: has no image input: its input is {shape}, an image is (height, width, channels)"
        )
    walk = _Walk()
    outputs = walk.through(function, [0], "")
    steps = _with_order(_numbered(walk.steps))
    first = _wants_channels_first(steps)
    if first:
        shape = (shape[1], shape[2], shape[0])
        steps = _with_order(steps, input_first=True)
    return Graph(tuple(steps), outputs[0], shape, first)


def twin(layer: Any, **changes: Any) -> Any:
    """Return a double of a layer that shares its weights and can be changed without changing the layer.

    It takes inputs of any size, and a call of it leaves no trace in the user's model: no loss of an activity
    regularizer, no node. Operations of `keras.ops` keep nothing and are returned as they are.
    """
    if not isinstance(layer, keras.layers.Layer):
        return layer
    double = object.__new__(type(layer))
    # Past Keras' __setattr__, which would register the double's parts with the tracker that both share.
    double.__dict__.update(layer.__dict__)
    double.__dict__.update(input_spec=None, activity_regularizer=None, _losses=[], _loss_ids=set())
    double.__dict__.update(changes)
    return double


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
        own = getattr(step.operation, "data_format", None)
        is_first = own == "channels_first" if own else any(first[slot] for slot in step.inputs)
        first.update(dict.fromkeys(step.outputs, is_first))
        ordered.append(replace(step, channels_first=is_first))
    return ordered


def _wants_channels_first(steps: list[Step]) -> bool:
    """Say whether the first step along the input's way that has an order says channels first."""
    reached = {0}
    for step in steps:
        if reached.intersection(step.inputs):
            own = getattr(step.operation, "data_format", None)
            if own:
                return bool(own == "channels_first")
            reached.update(step.outputs)
    return False
