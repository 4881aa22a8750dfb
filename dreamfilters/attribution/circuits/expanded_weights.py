"""Expanded weights: the linear map from the units of one layer to a unit of a later one, through what lies between.

Source: Voss et al., "Visualizing Weights" (Distill, 2021, doi 10.23915/distill.00024.007).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from dreamfilters import backend
from dreamfilters.attribution.ablation.ablated_sets import units_of_targets
from dreamfilters.backend import Tensor
from dreamfilters.errors import ModelError, TargetError
from dreamfilters.networks import AnyNetwork, before, network_of
from dreamfilters.networks.activation_functions import activation_name, inline_activation, is_pure
from dreamfilters.networks.graph import Graph, Step, twin
from dreamfilters.networks.layers.layer_info import as_maps
from dreamfilters.networks.layers.pass_through import types_of
from dreamfilters.networks.watching import split, steps_between

_LINEAR = types_of("identity", "cast", "reshape", "reorder", "pad", "crop") | {
    "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D", "Dense", "DepthwiseConv2D",
    "GlobalAveragePooling2D", "SeparableConv2D", "Subtract", "UpSampling2D",
}  # fmt: skip
# What takes the place of maximum pooling, and the settings that both have.
_AVERAGES: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "MaxPooling2D": (keras.layers.AveragePooling2D, ("pool_size", "strides", "padding", "data_format")),
    "GlobalMaxPooling2D": (keras.layers.GlobalAveragePooling2D, ("data_format", "keepdims")),
}
_IGNORED = frozenset({"linear", "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu"})


def expanded_weights(network: AnyNetwork, layer: str, unit: str, image: ArrayLike) -> NDArray[np.float64]:
    """Return the kernel of each unit of an earlier layer, (units, h, w), for one unit of a later layer.

    A kernel holds how much a value of 1 at each place of the earlier map adds to the unit's value before its
    activation, in the middle of its map. Activation functions between the two layers, if they are a ReLU or similar,
    are left out; maximum pooling is taken as the average of its window. Kernels are cut to the places that any unit has
    a weight at.

    Args:
        network: a Keras model, or the value that `load` returns.
        layer: the earlier layer.
        unit: one target, such as "conv5:3".
        image: any image (h, w, c) in [0, 1], which gives the maps their sizes.

    Raises:
        TargetError: the target is not one unit.
        ModelError: the unit does not depend on the layer, or a layer in between is not linear.

    Example:
        >>> expanded_weights(network, "conv4", "conv5:3", images[0]).shape
        (64, 6, 6)
    """
    network = network_of(network)
    ((target, numbers),) = units_of_targets(network, [unit]).items()
    if len(numbers) != 1:
        raise TargetError(f"{unit}: names {len(numbers)} units; give one")
    address = before(target) if network.has_linear(target) else target
    parts = split(_linearized(network.graph, network.layer(layer).name, target), network.layer(layer).name, address)

    def middle(activation: Tensor, others: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        values = parts.rest(activation, others)[0, ..., numbers[0]]
        for _ in values.shape:
            values = values[values.shape[0] // 2]
        return values, values

    def weights(images: Tensor) -> Tensor:
        activation, others = parts.first(network.to_input(images))
        _, gradient = backend.value_and_gradient(lambda value: middle(value, others))(ops.zeros_like(activation))
        return gradient

    fitted = np.asarray(network.form.fit(image), np.float32)[None]
    kernels = as_maps(np.asarray(weights(backend.tensor(fitted)), np.float64))[0]  # (h, w, units)
    return np.moveaxis(_cut(kernels), -1, 0)


def _cut(kernels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return kernels (h, w, units) without the rows and columns at the edges that are 0 for all units."""
    for axis in (0, 1):
        used = np.flatnonzero(np.abs(kernels).max(axis=tuple({0, 1, 2} - {axis})))
        if used.size:
            kernels = kernels.take(range(used[0], used[-1] + 1), axis=axis)
    return kernels


def _linearized(graph: Graph, layer: str, target: str) -> Graph:
    """Return the graph with linear steps between a layer and a later one."""
    between = {step.name for step in steps_between(graph, layer, target)} - {target}
    steps = tuple(_linear(step) if step.name in between else step for step in graph.steps)
    return replace(graph, steps=steps)


def _linear(step: Step) -> Step:
    operation: Any = step.operation
    if is_pure(step) or inline_activation(step):
        name = activation_name(step)
        if name not in _IGNORED:
            raise ModelError(f"{step.name}: has no expanded weights: a {name} is not linear")
        if is_pure(step):
            return replace(step, operation=keras.layers.Activation("linear"), arguments=_first_only(step))
        operation = twin(operation, activation=keras.activations.linear)
    if step.type in _AVERAGES:
        average, names = _AVERAGES[step.type]
        operation = average(**{name: getattr(operation, name) for name in names})
    elif step.type not in _LINEAR:
        raise ModelError(f"{step.name}: has no expanded weights: a {step.type} is not taken as linear")
    return replace(step, operation=operation)


def _first_only(step: Step) -> tuple[Any, Any]:
    """Return the arguments of an activation: the tensor alone."""
    return (step.tensors[0],), {}
