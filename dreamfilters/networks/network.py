"""A network as the rest of the house sees it: a flat graph, its input form, its classes, a fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np

from dreamfilters.errors import UnknownNameError, close_names
from dreamfilters.networks import graph as graphs
from dreamfilters.networks.graph import LOGITS, Graph
from dreamfilters.networks.inputs import InputForm
from dreamfilters.networks.receptive import ReceptiveField, receptive_fields

Tensor: TypeAlias = Any


@dataclass(frozen=True)
class LayerInfo:
    """What `dreamfilters layers` says of one layer.

    Attributes:
        name: as targets name it; `nested/name` inside a nested model, `name:0` for the first call of a shared one.
        type: the class of the layer or operation.
        shape: of its output without the batch axis, channels last; None where it depends on the picture.
        units: filters of a map or neurons of a dense layer, 0 where it has neither.
        activation: its nonlinearity, "" if none.
        receptive_field: what a place of its map sees; None for the whole picture.
        dreamable: whether it can be a target.
        reason: why not.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]
    units: int
    activation: str
    receptive_field: ReceptiveField | None
    dreamable: bool
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Network:
    """A Keras model that can be looked into; the model itself is never changed.

    Attributes:
        model: the user's model.
        graph: its steps, nested models inlined.
        form: how pictures become its input.
        classes: the names of its outputs, numbers where none are known.
        aliases: for each class the other names it answers to.
        name: what messages call it.
        source: what it was opened from, as `load` takes it; "" for a model object.
        assumed: what was assumed of the input form, in one line, or "".
        prior: a file of colour statistics of its own training pictures, if it has one.
    """

    model: keras.Model
    graph: Graph
    form: InputForm
    classes: tuple[str, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = ()
    name: str = "model"
    source: str = ""
    assumed: str = ""
    prior: Path | None = None
    _by_name: dict[str, LayerInfo] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._by_name.update({layer.name: layer for layer in self.layers})

    @cached_property
    def layers(self) -> tuple[LayerInfo, ...]:
        """Return every layer of the flattened model in running order."""
        height, width = self.form.size
        fields = receptive_fields(self.graph, height, width)
        reached = set(_reached_with_gradient(self.graph))
        return tuple(
            _info(self.graph, number, fields[number], number in reached) for number in range(len(self.graph.steps))
        )

    def layer(self, name: str) -> LayerInfo:
        """Return a layer by its name, or by the end of it where only one layer ends so.

        Raises:
            UnknownNameError: with close names.
        """
        if name in self._by_name:
            return self._by_name[name]
        ends = [layer for layer in self.layers if layer.name.endswith(f"/{name}")]
        if len(ends) == 1:
            return ends[0]
        calls = [layer.name for layer in self.layers if layer.name.startswith(f"{name}:")]
        if calls:
            raise UnknownNameError(f"{name}: is called {len(calls)} times in {self.name}; name one: {', '.join(calls)}")
        if ends:
            raise UnknownNameError(f"{name}: {self.name} has several; name one: {', '.join(end.name for end in ends)}")
        raise UnknownNameError(f"{name}: {self.name} has no such layer. {close_names(name, self._by_name)}")

    def class_number(self, name: str) -> int:
        """Return the number of a class by name, in any case, by an alias, or by its number.

        Raises:
            UnknownNameError: with close names.
        """
        every = [(name, *(self.aliases[number] if self.aliases else ())) for number, name in enumerate(self.classes)]
        for same in (lambda a: a == name, lambda a: a.casefold() == name.casefold()):
            for number, names in enumerate(every):
                if any(same(known) for known in names):
                    return number
        if name.isdecimal():
            if int(name) < len(self.classes):
                return int(name)
            raise UnknownNameError(f"class {name}: {self.name} has {len(self.classes)} classes, 0 to {len(self.classes) - 1}")
        known = [known for names in every for known in names]
        raise UnknownNameError(f"class {name}: {self.name} has no such class. {close_names(name, known)}")

    def watch(
        self, layers: frozenset[str], *, linear: frozenset[str] = frozenset(), relaxed: bool = False
    ) -> Callable[[Tensor], dict[str, Tensor]]:
        """Return a function from the network's input to the activations of these layers; see `graph.watch`."""
        return graphs.watch(self.graph, layers, linear=linear, relaxed=relaxed)

    def has_linear(self, layer: str) -> bool:
        """Return whether the layer has an activation that can be left out."""
        return self.graph.has_linear(layer if layer == LOGITS else self.layer(layer).name)

    @cached_property
    def has_relu(self) -> bool:
        """Return whether any step clips at zero."""
        return self.graph.has_relu()

    @cached_property
    def fingerprint(self) -> str:
        """Return a hash of the steps and the weights by value and order; names and file times do not enter."""
        digest = hashlib.sha256()
        for step in self.graph.steps:
            digest.update(type(step.operation).__name__.encode() + repr(step.inputs).encode())
            digest.update(_settings(step.operation).encode())
        for weight in self.model.weights:
            value = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
            digest.update(f"{value.dtype}{value.shape}".encode())
            digest.update(value.tobytes())
        return digest.hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {len(self.layers)} layers, {len(self.classes)} classes, {self.form.describe()})"


def _settings(operation: Any) -> str:
    """Return what a layer computes beside its weights; names, seeds and initial values do not enter."""
    try:
        config = operation.get_config()
    except Exception:  # an operation of keras.ops may have none; its class is in the hash already
        return ""
    kept = {key: value for key, value in config.items() if "init" not in key and key not in ("name", "seed", "trainable")}
    return json.dumps(kept, sort_keys=True, default=lambda value: type(value).__name__)


def _reached_with_gradient(graph: Graph) -> list[int]:
    """Return the steps whose inputs all trace back to the picture through floating-point values."""
    reached: list[int] = []
    cut = ("Embedding", "ArgMax", "Cast", "StringLookup", "Discretization", "Hashing")
    for number, step in enumerate(graph.steps):
        from_picture = any(ref[0] == -1 or ref[0] in reached for ref in step.inputs)
        if from_picture and type(step.operation).__name__ not in cut:
            reached.append(number)
    return reached


def _info(graph: Graph, number: int, field: ReceptiveField | None, reached: bool) -> LayerInfo:
    step = graph.steps[number]
    shape = step.shape[1:]
    if len(shape) == 3 and graphs.channels_first(graph, number):
        shape = (*shape[1:], shape[0])
    units = shape[-1] if shape and len(shape) in (1, 3) and shape[-1] else 0
    if not reached:
        reason = "it has no gradient to the picture"
    elif not units:
        reason = f"its output {shape} is neither a map nor a row of units"
    else:
        reason = ""
    return LayerInfo(
        step.name, type(step.operation).__name__, tuple(shape), units, step.activation, field, not reason, reason
    )
