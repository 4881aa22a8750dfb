"""A network to dream on: the user's model, never changed, with its input form and the names of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import UnknownNameError, close_names
from dreamfilters.networks import activation_functions, watching
from dreamfilters.networks.endpoints import HeldInput
from dreamfilters.networks.fingerprint import fingerprint_of
from dreamfilters.networks.graph import Graph, Step, flatten
from dreamfilters.networks.preprocessing.input_form import InputForm
from dreamfilters.networks.receptive_field import ReceptiveField, receptive_fields
from dreamfilters.networks.watching import LOGITS, ForwardPass

Tensor: TypeAlias = Any


@dataclass(frozen=True)
class LayerInfo:
    """What there is to know of a layer before it is dreamt.

    Attributes:
        name: as goals name it.
        type: its class, such as 'Conv2D'.
        shape: of its output, (h, w, c) or (c,), None where it depends on the image.
        units: filters or neurons, 0 where it has none.
        activation: 'relu', 'softmax', 'linear', ...
        receptive_field: what one place of its map sees; None for the whole image.
        dreamable: whether an image can be made for its units, and if not, `reason`.
        reason: why not, or ''.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]
    units: int
    activation: str
    receptive_field: ReceptiveField | None
    dreamable: bool = True
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Network:
    """What `load` returns.

    Attributes:
        model: the user's own, untouched.
        form: how an image becomes its input.
        classes: one name for each output; numbers where nobody named them.
        aliases: further names, each list in the order of the classes (the built-in network's are English).
        name: what messages and folders call it.
        assumed: one line on what had to be assumed of the input form, or ''.
        prior: file with the colors and spectrum of its images, if it brings one.
        changes: what an old file's configuration needed to be read by this Keras, one sentence each.
        remark: one line on what is odd about its weights, or on inputs and outputs that were chosen, or ''.
        input: name of the input that takes the image, None for the only one.
        output: name of the output that holds the classes, None for the first.
        architecture: the file with its layers, where they came from one of their own.

    Example:
        >>> network = Network(model, InputForm.from_range(0, 1, size=(48, 48)))
        >>> network.watch(frozenset({"conv6"}))(network.to_input(images))["conv6"].shape
        TensorShape([16, 6, 6, 96])
    """

    model: keras.Model
    form: InputForm
    classes: tuple[str, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = ()
    name: str = "network"
    assumed: str = ""
    prior: Path | None = None
    changes: tuple[str, ...] = ()
    remark: str = ""
    input: str | None = None
    output: str | None = None
    architecture: str | None = None

    @cached_property
    def graph(self) -> Graph:
        """The model flattened."""
        return flatten(self.model, input=self.input, output=self.output)

    @property
    def choices(self) -> dict[str, str]:
        """What `load` was told of inputs, outputs and layers, so that it can be told again."""
        said = {"input": self.input, "output": self.output, "architecture": self.architecture}
        return {key: value for key, value in said.items() if value is not None}

    @cached_property
    def compiled(self) -> dict[Any, Any]:
        """What was compiled for this network, kept as long as it lives; empty at first."""
        return {}

    @cached_property
    def fingerprint(self) -> str:
        """A hash of configuration and weights by value and order, the same after saving and loading."""
        return fingerprint_of(self.graph)

    @cached_property
    def layers(self) -> tuple[LayerInfo, ...]:
        """Every layer and operation in the order of execution."""
        fields = receptive_fields(self.graph)
        obstacles = _obstacles(self.graph)
        return tuple(_describe(step, fields[step.name], obstacles[step.name]) for step in self.graph.steps)

    @cached_property
    def _by_name(self) -> dict[str, LayerInfo]:
        return {info.name: info for info in self.layers}

    def layer(self, name: str) -> LayerInfo:
        """Return what there is to know of a layer.

        A layer inside a nested model is found by the end of its name too, if only one ends so: 'conv1' for
        'backbone/conv1'.

        Raises:
            UnknownNameError: no such layer, or several.
        """
        if name in self._by_name:
            return self._by_name[name]
        ending = [known for known in self._by_name if known.endswith(f"/{name}")]
        if len(ending) == 1:
            return self._by_name[ending[0]]
        if ending:
            raise UnknownNameError(f"{name}: {self.name} has several: {', '.join(ending[:6])}")
        short = [known.rpartition("/")[2] for known in self._by_name]
        raise UnknownNameError(f"{name}: {self.name} has no such layer. {close_names(name, [*self._by_name, *short])}")

    def watch(self, layers: frozenset[str], *, relaxed: bool = False) -> ForwardPass:
        """Return the function from the network's input (n, h, w, c) to {layer: float32 activation}.

        See `watching.watch`; layers may be named as in `layer`, and come back under the name that was given.
        """
        exact = {name: self._exact(name) for name in layers}
        run = watching.watch(self.graph, frozenset(exact.values()), relaxed=relaxed)

        def renamed(x: Tensor, only: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
            seen = run(x, {exact[name]: units for name, units in (only or {}).items()})
            return {name: seen[known] for name, known in exact.items()}

        return renamed

    def has_linear(self, layer: str) -> bool:
        """Say whether a layer has a value before its activation."""
        step = watching.logits_step(self.graph) if layer == LOGITS else self.graph.by_name[self._exact(layer)]
        return activation_functions.has_linear(step)

    @cached_property
    def has_relu(self) -> bool:
        """Whether any of its nonlinearities is a ReLU, whose gradient can be relaxed."""
        return any(activation_functions.is_relu(step) for step in self.graph.steps)

    def to_input(self, image: Tensor) -> Tensor:
        """Turn images (n, h, w, c) in [0, 1] into the network's input."""
        return self.form.to_input(image)

    def class_number(self, name: str) -> int:
        """Return the number of a class given by name, in any case or by an alias, or by its number.

        A name wins over a number: the class called '20' is meant before class 20.

        Raises:
            UnknownNameError: no such class.
        """
        if name in self.classes:
            return self.classes.index(name)
        lowered = name.casefold()
        for names in (self.classes, *self.aliases):
            folded = [known.casefold() for known in names]
            if lowered in folded:
                return folded.index(lowered)
        count = len(self.classes)
        if name.removeprefix("-").isdecimal():
            plain = str(int(name))
            if plain in self.classes:  # outputs that are named by the numbers of their classes, in any order
                return self.classes.index(plain)
            if 0 <= int(name) < count:
                return int(name)
            raise UnknownNameError(
                f"class {name}: {self.name} has {count} classes" + (f", 0 to {count - 1}" if count else "")
            )
        known = [*self.classes, *(alias for names in self.aliases for alias in names)]
        raise UnknownNameError(f"class {name}: {self.name} has no such class. {close_names(name, known)}")

    def _exact(self, address: str) -> str:
        if address == LOGITS:
            return address
        layer = watching.layer_named_by(address)
        exact = self.layer(layer).name
        return exact if layer == address else watching.before(exact)


def _describe(step: Step, field: ReceptiveField | None, obstacle: str) -> LayerInfo:
    shape = step.shape
    if step.channels_first and len(shape) == 3:
        shape = (shape[1], shape[2], shape[0])
    if not obstacle and len(shape) not in (1, 3):
        obstacle = f"its output {shape} is neither a map (h, w, c) nor a vector (c,)"
    units = (shape[-1] or 0) if shape else 0
    return LayerInfo(
        step.name, step.type, shape, units, activation_functions.activation_name(step), field, not obstacle, obstacle
    )


# Operations through which nothing flows back although they return floats.
_FLAT = frozenset(
    {"Round", "Floor", "Ceil", "Trunc", "Sign", "StopGradient", "OneHot", "Discretization", "CategoryEncoding"}
)


def _obstacles(graph: Graph) -> dict[str, str]:
    """Say for each step what keeps a gradient from reaching the input, '' for nothing."""
    at_slot, at_step = {0: ""}, {}
    for step in graph.steps:
        reasons = [at_slot[slot] for slot in step.inputs]
        blocked = reasons[0] if all(reasons) else ""
        if isinstance(step.operation, HeldInput):
            blocked = "it is held at zeros"
        elif "float" not in step.dtype:
            blocked = f"its output is {step.dtype}, which has no gradient"
        elif step.type in _FLAT:
            blocked = f"no gradient passes {step.name}, a {step.type}"
        at_step[step.name] = blocked
        at_slot.update(dict.fromkeys(step.outputs, blocked))
    return at_step
