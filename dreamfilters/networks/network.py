"""`Network`: the user's model, which is never changed, with its input form and the names of its classes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters.backend import Precision, Tensor
from dreamfilters.display import frame, heading, table, warning
from dreamfilters.errors import UnknownNameError, close_names
from dreamfilters.networks import activation_functions, watching
from dreamfilters.networks.classes.class_head import ClassHead, head_of
from dreamfilters.networks.fingerprint import fingerprint_of
from dreamfilters.networks.graph import CALL, Graph, Step, flatten
from dreamfilters.networks.layers.layer_info import LayerInfo, ReceptiveField
from dreamfilters.networks.layers.layer_kinds import Output, outputs_of
from dreamfilters.networks.layers.receptive_field_rules import receptive_fields
from dreamfilters.networks.preprocessing.form_origin import GIVEN, FormOrigin
from dreamfilters.networks.preprocessing.input_form import InputForm
from dreamfilters.networks.preprocessing.tolerance import Tolerance
from dreamfilters.networks.watching import LOGITS, ForwardPass, GradientRule

_CLASSES = 12  # named in a notebook


@dataclass(frozen=True, eq=False)
class Network:
    """A model that can be dreamed on and watched, as `load` returns it.

    Attributes:
        model: the user's Keras model, unchanged; for a subclassed one, a functional model of its layers.
        form: how an image becomes the model's input.
        classes: the name of each output; its number where there are no names.
        aliases: further names, each tuple in the order of the classes. The built-in network has its English names here.
        name: the name used in messages and for folders.
        origin: where the input form comes from.
        prior: file with the color and spectrum statistics of its training images, or None.
        changes: one sentence for each change that an old file's configuration needed for this version of Keras.
        remark: one line on unusual weights, or on which inputs and outputs were chosen, or ''.
        input: name of the input that takes the image; None for the only one.
        output: name of the output that holds the classes; None for the first.
        tolerance: the strongest transforms under which it keeps its predictions, None if that was not measured.
        inputs: values of the inputs that do not take the image, as the model takes them; those missing are zeros, and
            an empty array is the image itself.
        architecture: the file that the layers were read from, where the weights have a file of their own.
        loss: name of the loss that it was trained with, '' if unknown; it states a regression from logits.

    >>> model = keras.Sequential([keras.Input((48, 48, 3)), keras.layers.Conv2D(8, 3, name="conv1")])
    >>> network = Network(model, InputForm.from_range(0, 1, size=(48, 48)))
    >>> network.watch(frozenset({"conv1"}))(network.to_input(images))["conv1"].shape
    TensorShape([16, 46, 46, 8])
    """

    model: keras.Model
    form: InputForm
    classes: tuple[str, ...] = ()
    aliases: tuple[tuple[str, ...], ...] = ()
    name: str = "network"
    origin: FormOrigin = GIVEN
    prior: Path | None = None
    changes: tuple[str, ...] = ()
    remark: str = ""
    input: str | None = None
    output: str | None = None
    architecture: str | None = None
    loss: str = ""
    tolerance: Tolerance | None = None
    inputs: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    @cached_property
    def graph(self) -> Graph:
        """The model as a flat list of steps."""
        size, inputs = self.form.size, self.inputs
        return flatten(self.model, input=self.input, output=self.output, size=size, inputs=inputs)

    @property
    def choices(self) -> dict[str, str]:
        """The arguments of `load` that choose input, output and layers; with `inputs` they open the same network."""
        arguments = {"input": self.input, "output": self.output, "architecture": self.architecture}
        return {key: value for key, value in arguments.items() if value is not None}

    @property
    def fingerprint(self) -> str:
        """A hash of the configuration and the current weights; it survives saving and loading."""
        return fingerprint_of(self.graph)

    @cached_property
    def layers(self) -> tuple[LayerInfo, ...]:
        """Every layer and operation in the order of execution."""
        fields, outputs = receptive_fields(self.graph), outputs_of(self.graph)
        flat = self.graph.flat_images
        return tuple(
            _layer_info(step, outputs[step.name], fields[step.name], is_image=step.name in flat)
            for step in self.graph.steps
        )

    @cached_property
    def output_layer(self) -> LayerInfo:
        """The layer that computes the output; layers at the end that only forward it are skipped."""
        return self._by_name[watching.logits_step(self.graph).name]

    @cached_property
    def head(self) -> ClassHead:
        """How the output becomes class probabilities.

        >>> network.head.kind
        'softmax'
        """
        if not self.graph.steps:
            return ClassHead("regression")
        return head_of(self.output_layer, self.classes, self.graph.input_shape, self.loss)

    @property
    def class_count(self) -> int:
        """The number of classes: two for one sigmoid, 0 for a regression."""
        if self.head.kind == "regression":
            return 0
        return 2 if self.head.kind == "binary" else self.output_layer.units

    @property
    def is_classifier(self) -> bool:
        """Whether the output is one number for each of several classes."""
        return self.class_count > 1 and self.layer(LOGITS).kind == "vector"

    def class_logits(self, values: Tensor) -> Tensor:
        """Return the logits of the values before the last activation: for one sigmoid -x and x.

        They are (n, classes), or (n, ..., classes) for a map of more than one position.
        """
        if self.class_count and len(values.shape) > 2 and all(side == 1 for side in values.shape[1:-1]):
            values = ops.reshape(values, (-1, values.shape[-1]))
        return ops.concatenate([-values, values], axis=-1) if self.head.kind == "binary" else values

    @cached_property
    def _by_name(self) -> dict[str, LayerInfo]:
        return {info.name: info for info in self.layers}

    def layer(self, name: str) -> LayerInfo:
        """Return the layer of a name, or raise UnknownNameError.

        A layer inside a nested model is also found by the end of its name, if only one name ends so: 'conv1' for
        'backbone/conv1'. A layer that is called several times needs no number, if only one call depends on the image:
        'conv1' for 'conv1#0'. The addresses of `watch` are accepted too: `LOGITS` and `before(name)` return the layer
        that computes them, with the activation 'linear'.

        >>> network.layer("conv6").shape
        (8, 8, 128)
        """
        if name == LOGITS:
            output, units = self.output_layer, self.class_count or self.output_layer.units
            if self.class_count and output.positions == 1:  # a map of one position is that of the image
                return replace(output, activation="linear", units=units, shape=(units,), kind="vector", grid=None)
            return replace(output, activation="linear", units=units, shape=(*output.shape[:-1], units))
        if name != (layer := watching.layer_named_by(name)):
            return replace(self.layer(layer), activation="linear")
        if name in self._by_name:
            return self._by_name[name]
        found = [known for known in self._by_name if _is_short_for(name, known)]
        if len(found) > 1:
            outputs = outputs_of(self.graph)
            found = [known for known in found if outputs[known].of_image] or found
        if len(found) == 1:
            return self._by_name[found[0]]
        if found:
            raise UnknownNameError(f"{name}: {self.name} has several: {', '.join(found[:6])}")
        short = [known.rpartition("/")[2] for known in self._by_name]
        raise UnknownNameError(f"{name}: {self.name} has no such layer. {close_names(name, [*self._by_name, *short])}")

    def watch(
        self, layers: frozenset[str], *, rule: GradientRule | None = None, precision: Precision = "float32"
    ) -> ForwardPass:
        """Return the function from the network's input (n, h, w, c) to {layer: float32 activation}.

        Layers are named as in `layer`, and the result uses the names that were given, sorted. See `watching.watch`.
        """
        # A set of names has another order in each process, and sums over the layers would be rounded differently.
        exact = {name: self._exact(name) for name in sorted(layers)}
        run = watching.watch(self.graph, frozenset(exact.values()), rule=rule, precision=precision)

        def renamed(
            x: Tensor, only: Mapping[str, Tensor] | None = None, added: Mapping[str, Tensor] | None = None
        ) -> dict[str, Tensor]:
            chosen, changes = (
                {self._exact(name): value for name, value in (given or {}).items()} for given in (only, added)
            )
            activations = run(x, chosen, changes)
            if LOGITS in activations:
                activations[LOGITS] = self.class_logits(activations[LOGITS])
            return {name: activations[known] for name, known in exact.items()}

        return renamed

    def has_linear(self, layer: str) -> bool:
        """Return whether a layer has a value before its activation."""
        step = watching.logits_step(self.graph) if layer == LOGITS else self.graph.by_name[self._exact(layer)]
        return activation_functions.has_linear(step)

    @cached_property
    def has_relu(self) -> bool:
        """Whether the network has a ReLU, whose gradient can be relaxed."""
        return any(activation_functions.is_relu(step) for step in self.graph.steps)

    def to_input(self, image: Tensor) -> Tensor:
        """Return the network's input for images (n, h, w, c) in [0, 1]."""
        return self.form.to_input(image)

    def describe_input(self) -> str:
        """Return the input form and where it comes from, in one line.

        >>> network.describe_input()
        'input form of signs: 48x48 RGB, 0 to 1 (that of the built-in network)'
        """
        return f"input form of {self.name}: {self.form.describe()} ({self.origin.text})"

    def class_number(self, name: str) -> int:
        """Return the number of a class that is given by name, alias, title or number, or raise UnknownNameError.

        The case does not matter. Names come first: '20' is the class of that name if there is one, otherwise class 20.
        """
        if name in self.classes:
            return self.classes.index(name)
        for names in (self.classes, *self.aliases, self.class_titles):
            folded = [known.casefold() for known in names]
            if name.casefold() in folded:
                return folded.index(name.casefold())
        count = len(self.classes)
        if name.removeprefix("-").isdecimal():
            plain = str(int(name))
            if plain in self.classes:  # classes that are named by numbers, such as folders sorted as text
                return self.classes.index(plain)
            if 0 <= int(name) < count:
                return int(name)
            valid = f", 0 to {count - 1}" if count else ""
            raise UnknownNameError(f"class {name}: {self.name} has {count} classes{valid}")
        known = [*self.classes, *(alias for names in self.aliases for alias in names)]
        numbered = self.classes == tuple(map(str, range(count))) and count > 0
        hint = f"; --classes FILE names those of its output {self.output_layer.name}" if numbered else ""
        raise UnknownNameError(f"class {name}: {self.name} has no such class. {close_names(name, known)}{hint}")

    def class_title(self, number: int) -> str:
        """Return the name of a class with its other names, such as the English one of the built-in network.

        A class without a name is called by its number.

        >>> network.class_title(13)
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

    def __copy__(self) -> Network:
        """Return a copy with what was computed from the attributes, such as the graph of a copy with other layers."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without what was computed from them, for another process of this program."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def __repr__(self) -> str:
        return f"Network({self.name[:80]!r}, {self.form.describe()}, {len(self.classes)} classes)"

    def _repr_html_(self) -> str:
        rows = [
            {
                "layer": info.name,
                "type": info.type,
                "output": " × ".join(str(side or "any") for side in info.shape),
                "activation": info.activation,
                "receptive field": _side(info),
                "dreams": info.reason or "yes",
            }
            for info in self.layers
        ]
        classes = ", ".join(self.class_titles[:_CLASSES]) + (", …" if len(self.classes) > _CLASSES else "")
        detail = f"{self.form.describe()}, {self.model.count_params():,} parameters, {len(rows)} layers"
        named = f"{len(self.classes)} classes: {classes}" if self.classes else "no classes"
        parts = [part for part in (self.remark, *self.changes) if part]
        return frame(
            heading(self.name, detail),
            warning(self.describe_input() if self.origin.is_assumed else ""),
            named,
            *parts,
            table("", rows),
        )

    def _exact(self, address: str) -> str:
        if address == LOGITS:
            return address
        layer = watching.layer_named_by(address)
        exact = self.layer(layer).name
        return exact if layer == address else watching.before(exact)


def _is_short_for(name: str, known: str) -> bool:
    """Return whether a name is the end of the known name of a layer, or lacks the number of its call."""
    return any(full == name or full.endswith(f"/{name}") for full in (known, known.rpartition(CALL)[0]))


def _side(info: LayerInfo) -> str:
    """Return the sides of a layer's receptive field in pixels."""
    field = info.receptive_field
    return "whole image" if field is None else " × ".join(f"{math.ceil(side)}" for side in field.size)


def _layer_info(step: Step, output: Output, field: ReceptiveField | None, *, is_image: bool) -> LayerInfo:
    kind, reason = output.kind, output.reason or output.obstacle
    if is_image:
        kind, reason = "not visual", "it is the image, in the shape of the input"
    return LayerInfo(
        name=step.name,
        type=step.type,
        shape=output.shape,
        units=(output.shape[-1] or 0) if output.shape else 0,
        activation=activation_functions.activation_name(step),
        receptive_field=field,
        kind=kind,
        grid=output.grid if kind == "tokens" else None,
        dreamable=not reason,
        reason=reason,
    )
