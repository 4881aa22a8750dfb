"""The steps of a forward pass on twins of their layers: all channels, or one of each image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import keras
from keras import ops

from dreamfilters.backend import Precision, Tensor
from dreamfilters.errors import DreamfiltersError, ModelError, reason
from dreamfilters.networks.activation_functions import Call, inline_activation, is_pure
from dreamfilters.networks.graph import Graph, Slot, Step, twin
from dreamfilters.networks.layers.layer_kinds import Output, outputs_of
from dreamfilters.networks.layers.precision import changes_for
from dreamfilters.networks.narrowing.channel_steps import Channels, channel_of, in_full_rows, one_channel
from dreamfilters.networks.reproducible import reproducible

if TYPE_CHECKING:
    from dreamfilters.networks.watching import GradientRule


class StepCall:
    """One step that runs on a twin of its layer."""

    def __init__(
        self,
        step: Step,
        output: Output,
        channels: Channels,
        rule: GradientRule | None,
        factors: Tensor | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.step, self.factors = step, factors
        self.activation = inline_activation(step)
        linear = {"activation": keras.activations.linear} if self.activation else {}
        self.operation = twin(step.operation, **linear, **changes_for(step.operation, precision))
        self.takes_training = isinstance(self.operation, keras.layers.Layer)
        self.operation, self.activation = reproducible(step, output, self.operation, self.activation)
        self.pure, self.one_channel = is_pure(step), one_channel(step, output, channels) if factors is None else None
        if rule is not None:
            self.operation, self.activation = rule.step(step, self.operation, self.activation)

    def __call__(self, values: dict[int, Tensor], linear: dict[int, Tensor], units: Tensor | None = None) -> None:
        """Write the step's outputs into `values`, and the value before its activation into `linear`.

        With `units`, only unit units[i] of image i is computed, as `one_channel` says.
        """
        activation = self.activation
        if units is None or self.one_channel is None:
            outputs = self._outputs(values)
            before_activation = values[self.step.inputs[0]]
        else:
            own = {slot: channel_of(values[slot], units) for slot in self.one_channel.slots}
            before_activation = own.get(self.step.inputs[0], values[self.step.inputs[0]])
            if self.one_channel.call:
                outputs = [self.one_channel.call(ops.cast(before_activation, "float32"), units)]
                activation = activation and in_full_rows(self.step, activation)
            else:
                operation = in_full_rows(self.step, self.operation) if self.pure else self.operation
                outputs = self._outputs({**values, **own}, operation)
        linear[self.step.outputs[0]] = before_activation if self.pure else outputs[0]
        if activation:
            outputs = [activation(outputs[0])]
        if self.factors is not None:
            outputs[0] = outputs[0] * ops.cast(self.factors, outputs[0].dtype)
        values.update(zip(self.step.outputs, outputs, strict=True))

    def _outputs(self, values: dict[int, Tensor], operation: Call | None = None) -> list[Tensor]:
        args, kwargs = keras.tree.map_structure(
            lambda leaf: values[leaf.number] if isinstance(leaf, Slot) else leaf, self.step.arguments
        )
        if self.takes_training:
            kwargs = {**kwargs, "training": False}
        try:
            return list(keras.tree.flatten((operation or self.operation)(*args, **kwargs)))
        except (DreamfiltersError, MemoryError):
            raise
        except Exception as error:  # layers raise errors of many types for shapes that they do not support
            raise ModelError(f"{self.step.name}: {self.step.type} cannot be computed: {reason(error)}") from error


def step_calls(
    graph: Graph, steps: Iterable[Step], rule: GradientRule | None = None, precision: Precision = "float32"
) -> list[StepCall]:
    """Return the steps in order; see `watch` for the arguments."""
    outputs, channels = outputs_of(graph), _channels(graph)
    return [
        StepCall(step, outputs[step.name], channels, rule, graph.factors.get(step.name), precision) for step in steps
    ]


def _channels(graph: Graph) -> Channels:
    """Return the channels of each slot that holds maps."""
    shapes = {0: graph.input_shape} | {step.outputs[0]: step.shape for step in graph.steps}
    return {slot: shape[-1] for slot, shape in shapes.items() if len(shape) == 3}
