"""Chains of a convolution, its normalization and its activation, which are layers of their own in many networks."""

from __future__ import annotations

from dreamfilters.networks.activation_functions import has_linear, inline_activation, is_pure
from dreamfilters.networks.graph import Graph, Step

# Activation functions of all units of a position together: their values say little about those before them.
_ACROSS_UNITS = frozenset({"Softmax", "LogSoftmax"})
_NORMALIZATION = "BatchNormalization"


def activation_layer_after(graph: Graph, step: Step) -> Step | None:
    """Return the activation layer that alone reads a step, directly or through batch normalization; None without one.

    A step that is an activation layer, or has an activation of its own, has none.
    """
    if inline_activation(step) or is_pure(step):
        return None
    reader = only_reader(graph, step)
    if reader is not None and reader.type == _NORMALIZATION:
        reader = only_reader(graph, reader)
    return reader if reader is not None and is_pure(reader) else None


def only_reader(graph: Graph, step: Step) -> Step | None:
    """Return the one step that reads the first output of a step; None where several do, or it is the network's."""
    readers = graph.readers(step.outputs[0])
    return readers[0] if len(readers) == 1 and step.outputs[0] != graph.output else None


def shown_by(graph: Graph, step: Step) -> Step | None:
    """Return the step whose units show those of this one, unit by unit; None where the step shows its own.

    It is the activation layer behind a step, through batch normalization too. Batch normalization that none follows is
    shown by the convolution, dense or activation layer before it: it multiplies each unit by a number and adds one.
    """
    activation = activation_layer_after(graph, step)
    if activation is not None:
        return None if _is_across_units(activation) else activation
    source = graph.writers.get(step.inputs[0]) if step.inputs else None
    if step.type == _NORMALIZATION and source is not None and has_linear(source) and _is_by_unit(step):
        return source
    return None


def _is_across_units(step: Step) -> bool:
    activation = getattr(step.operation, "activation", None)
    return step.type in _ACROSS_UNITS or getattr(activation, "__name__", "") in ("softmax", "log_softmax")


def _is_by_unit(normalization: Step) -> bool:
    """Return whether the axis of batch normalization is that of the units."""
    axis, last = normalization.operation.axis, len(normalization.shape)
    return axis == 1 if normalization.channels_first else axis in (-1, last)
