"""Circuits: which units of an earlier layer feed a unit, measured on images and read off the weights.

The measure is layer gradient times activation, as in `attribute_logit`. It is that of Olah et al., "Zoom In: An
Introduction to Circuits" (Distill, 2020, doi 10.23915/distill.00024.001), with the weights of `expanded_weights`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.attribution.ablation.ablated_sets import units_of_targets
from dreamfilters.attribution.circuits.expanded_weights import expanded_weights
from dreamfilters.attribution.circuits.result import Circuit, FeedingUnit
from dreamfilters.backend import Tensor
from dreamfilters.dreams.default_recipes import DefaultRecipes, given_recipe, recipe_of
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ModelError, RecipeError, TargetError
from dreamfilters.evidence.activations import Activations, Images, arrays_of, stream_program
from dreamfilters.images.folder import opened_images
from dreamfilters.networks import AnyNetwork, Network, before, network_of
from dreamfilters.networks.activation_functions import is_pure
from dreamfilters.networks.graph import Graph, Step
from dreamfilters.networks.layers.layer_info import position_axes
from dreamfilters.networks.layers.pass_through import types_of
from dreamfilters.networks.watching import split

STRONGEST = 9  # as many images as a scan ranks

# Layers that keep the units of the layer before them, so that the layer before is the one that feeds.
_KEEPING = types_of("identity", "cast", "reshape", "pad", "crop", "resize", "pool")


def circuit(
    network: AnyNetwork,
    unit: str,
    images: Images,
    *,
    layer: str | None = None,
    most: int = 10,
    strongest: int = STRONGEST,
    recipe: Recipe | DefaultRecipes | str | None = None,
    seed: int = 0,
) -> Circuit:
    """Return the units of an earlier layer that feed a unit most, by images and by weights.

    On each image, the response is the largest value of the unit before its activation. The contribution of unit u of
    the earlier layer is the sum over its map of a_u * dr / da_u, for activation a_u and response r. Where only
    convolutions, normalization, addition and pooling lie between, contributions and biases add up to the response.

    The expanded weights of u are those of the linear map from its activation to the unit, with every ReLU in between
    left out and maximum pooling taken as the average.

    Args:
        network: a Keras model, or the value that `load` returns.
        unit: one target, such as "conv5:3".
        images: images as in `activations`; those with the largest responses count.
        layer: the earlier layer (default: the one whose units the unit's layer reads).
        most: number of units to return.
        strongest: number of images with the largest responses whose contributions are averaged.
        recipe: that of the dreams of the unit and of those that feed it, which the drawing then shows, or its name;
            None for no dreams.
        seed: random seed of the dreams.

    Raises:
        TargetError: the target is not one unit.
        UnknownNameError: no such layer, or no such recipe.
        ModelError: the unit's layer reads the image, or does not depend on the earlier layer.
        ImageError: there are no images.
        RecipeError: `most` or `strongest` is below 1.

    Example:
        >>> found = circuit(network, "conv5:3", images, most=4)
        >>> found.layer, len(found.units), found.kernels.shape
        ('conv4', 4, (4, 6, 6))
    """
    network = network_of(network)
    for name, value in (("most", most), ("strongest", strongest)):
        if value < 1:
            raise RecipeError(f"{name}={value}: must be at least 1")
    target, number = _one_unit(network, unit)
    source = network.layer(layer).name if layer else previous_layer(network.graph, target)
    address = before(target) if network.has_linear(target) else target
    found = opened_images(images)
    first = next(iter(arrays_of(network, found)), None) if not hasattr(found, "__next__") else None
    program = backend.compile(_contributions(network, source, address, number))
    parts = list(stream_program(network, found, program, [source]))
    every = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    counted = np.sort(np.argsort(-every["response"], kind="stable")[:strongest])
    mean = {key: values[counted].mean(axis=0, dtype=np.float64) for key, values in every.items()}
    contributions = mean["contribution"]
    order = np.argsort(-np.abs(contributions), kind="stable")[:most]
    chosen = order[np.argsort(-contributions[order], kind="stable")]
    magnitude = float(np.abs(contributions).sum()) or 1.0
    kernels, reason = _kernels(network, source, target, number, first, chosen)
    shown = [channel(target, number), channel(source, [int(one) for one in chosen])]
    given = None if recipe is None else given_recipe(recipe)
    dreams = [] if given is None else [dream(network, one, recipe_of(network, one, given), seed=seed) for one in shown]
    return Circuit(
        target=f"{target}:{number}",
        layer=source,
        response=float(mean["response"]),
        total=float(contributions.sum()),
        images=len(counted),
        count=len(contributions),
        units=tuple(
            FeedingUnit(
                int(one),
                float(contributions[one]),
                abs(float(contributions[one])) / magnitude,
                float(mean["activation"][one]),
                None if kernels is None else float(kernels[row].sum()),
            )
            for row, one in enumerate(chosen)
        ),
        kernels=kernels,
        reason=reason,
        dreams=tuple(one for goal in dreams for one in goal),
    )


def previous_layer(graph: Graph, layer: str) -> str:
    """Return the layer whose units a layer reads.

    Pooling, padding, reshaping and dropout in between are passed over. The units of a normalization or an activation
    layer are those of the layer before it, so that the layer that this one reads is returned.

    Raises:
        ModelError: the layer reads the image.

    Example:
        >>> previous_layer(network.graph, "conv5")
        'conv4'
    """
    step: Step | None = graph.by_name[layer]
    while step is not None and (step.type in _KEEPING or _is_one_to_one(step)):
        step = graph.writers.get(step.inputs[0])
    step = None if step is None else graph.writers.get(step.inputs[0])
    while step is not None and step.type in _KEEPING:
        step = graph.writers.get(step.inputs[0])
    if step is None:
        raise ModelError(f"{layer}: reads the image, and no units of an earlier layer")
    return step.name


def _is_one_to_one(step: Step) -> bool:
    """Return whether each unit of a step depends on the same unit of the layer before only."""
    return step.type == "BatchNormalization" or is_pure(step)


def _one_unit(network: Network, unit: str) -> tuple[str, int]:
    found = [(layer, number) for layer, units in units_of_targets(network, [unit]).items() for number in units]
    if len(found) != 1:
        raise TargetError(f"{unit}: names {len(found)} units; give one, such as {found[0][0]}:{found[0][1]}")
    return found[0]


def _kernels(network: Network, source: str, target: str, number: int, image: Any, chosen: Any) -> tuple[Any, str]:
    if image is None:
        return None, "the images are an iterator, which can be read only once"
    try:
        return expanded_weights(network, source, f"{target}:{number}", image)[chosen], ""
    except ModelError as error:
        return None, str(error)


def _contributions(network: Network, source: str, address: str, number: int) -> Callable[[Tensor], Activations]:
    """Return the function from images to each unit's contribution and mean response, and the response of the target."""
    parts = split(network.graph, source, address)

    def contributions(images: Tensor) -> Activations:
        activation, others = parts.first(network.to_input(images))

        def response(activation: Tensor) -> tuple[Tensor, Tensor]:
            values = parts.rest(activation, others)[..., number]
            strongest = ops.max(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)
            return ops.sum(strongest), strongest  # images are independent: the gradient of the sum is that of each

        (_, strongest), gradient = backend.value_and_gradient(response)(activation)
        positions = position_axes(activation)
        return {
            "contribution": ops.sum(gradient * activation, axis=positions),
            "activation": ops.mean(activation, axis=positions),
            "response": strongest,
        }

    return contributions
