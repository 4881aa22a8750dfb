"""A network to dream on: the user's model, never changed, with its input form and the names of its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import keras

from dreamfilters.backend import Tensor
from dreamfilters.errors import UnknownNameError, close_names
from dreamfilters.networks import activation_functions, watching
from dreamfilters.networks.fingerprint import fingerprint_of
from dreamfilters.networks.graph import Graph, Step, flatten
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.networks.layers.layer_kinds import Output, outputs_of
from dreamfilters.networks.layers.receptive_field import ReceptiveField
from dreamfilters.networks.layers.receptive_field_rules import receptive_fields
from dreamfilters.networks.preprocessing.input_form import InputForm
from dreamfilters.networks.watching import LOGITS, ForwardPass


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
    def fingerprint(self) -> str:
        """A hash of configuration and weights by value and order, the same after saving and loading."""
        return fingerprint_of(self.graph)

    @cached_property
    def layers(self) -> tuple[LayerInfo, ...]:
        """Every layer and operation in the order of execution."""
        fields, outputs = receptive_fields(self.graph), outputs_of(self.graph)
        return tuple(_layer_info(step, outputs[step.name], fields[step.name]) for step in self.graph.steps)

    @cached_property
    def _by_name(self) -> dict[str, LayerInfo]:
        return {info.name: info for info in self.layers}

    def layer(self, name: str) -> LayerInfo:
        """Return the layer of a name.

        A layer inside a nested model is also found by the end of its name, if only one name ends so: 'conv1' for
        'backbone/conv1'. The addresses of `watch` are accepted too: `LOGITS` and `before(name)` return the layer that
        computes them, with the activation 'linear'.

        Raises:
            UnknownNameError: no such layer, or several.

        Example:
            >>> from dreamfilters import load
            >>> load("signs").layer("conv6").shape
            (8, 8, 128)
        """
        if name == LOGITS:
            return replace(self._by_name[watching.logits_step(self.graph).name], activation="linear")
        if name != (layer := watching.layer_named_by(name)):
            return replace(self.layer(layer), activation="linear")
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
        for names in (self.classes, *self.aliases, self.class_titles):
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

    def class_title(self, number: int) -> str:
        """Return the name of a class with its other names, such as the English one of the built-in network.

        A class without a name is called by its number.

        >>> from dreamfilters import load
        >>> load("signs").class_title(13)
        'Vorfahrt achten (yield)'
        """
        if number >= len(self.classes):
            return str(number)
        name = self.classes[number]
        others = [names[number] for names in self.aliases if names[number].casefold() != name.casefold()]
        return f"{name} ({', '.join(others)})" if others else name

    @cached_property
    def class_titles(self) -> tuple[str, ...]:
        """The title of each class, see `class_title`."""
        return tuple(self.class_title(number) for number in range(len(self.classes)))

    def _exact(self, address: str) -> str:
        if address == LOGITS:
            return address
        layer = watching.layer_named_by(address)
        exact = self.layer(layer).name
        return exact if layer == address else watching.before(exact)


def _layer_info(step: Step, output: Output, field: ReceptiveField | None) -> LayerInfo:
    reason = output.reason or output.obstacle
    return LayerInfo(
        name=step.name,
        type=step.type,
        shape=output.shape,
        units=(output.shape[-1] or 0) if output.shape else 0,
        activation=activation_functions.activation_name(step),
        receptive_field=field,
        kind=output.kind,
        grid=output.grid if output.kind == "tokens" else None,
        dreamable=not reason,
        reason=reason,
    )
