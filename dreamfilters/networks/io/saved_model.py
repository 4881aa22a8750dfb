"""The weights of SavedModel folders of Keras 2, which their checkpoint stores by paths of attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.parsing.description import Objects
from dreamfilters.networks.io.weight_loading import Pair, Weight, entry_name, stored_layers


def by_objects(
    model: keras.Model, config: Mapping[str, Any], objects: Objects, weights: Sequence[Weight]
) -> list[Pair]:
    """Return the weight of each variable from the objects of a checkpoint.

    Raises:
        ModelError: layers and objects do not match.
    """
    return [(variable, weights[number]) for variable, number in _pairs(model, config, objects, 0)]


def _pairs(model: keras.Model, config: Mapping[str, Any], objects: Objects, number: int) -> list[tuple[Any, int]]:
    layers = [layer for layer in stored_layers(model, config) if layer.weights]
    found = _layers(objects, number)
    if len(layers) != len(found):
        raise ModelError(f"its checkpoint has weights for {len(found)} layers, the network has {len(layers)}")
    entries = {entry_name(entry): entry for entry in config["config"]["layers"]}
    pairs: list[tuple[Any, int]] = []
    for layer, part in zip(layers, found, strict=True):
        entry = entries[layer.name]
        while isinstance(layer, keras.layers.TimeDistributed):
            layer, entry, part = layer.layer, entry["config"]["layer"], objects.parts[part].get("layer", part)
        if "layers" in entry["config"]:
            pairs += _pairs(layer, entry, objects, part)
            continue
        numbers = [_array_at(objects, part, path) for path in _attribute_paths(layer)]
        pairs += zip(layer.weights, numbers, strict=True)
    return pairs


def _layers(objects: Objects, number: int) -> list[int]:
    """Return the layers of a model that have weights, in order."""
    prefix = "layer_with_weights-"
    found = {name.removeprefix(prefix): part for name, part in objects.parts[number].items() if name.startswith(prefix)}
    if not all(name.isdecimal() for name in found):
        raise ModelError("its checkpoint has layers without a number")
    return [found[name] for name in sorted(found, key=int)]


def _array_at(objects: Objects, number: int, path: Sequence[str]) -> int:
    """Return the number of the array at a path of attributes."""
    for part in path:
        number = objects.parts[number].get(part, -1)
        if number < 0:
            break
    found = objects.arrays.get(objects.keys[number]) if number >= 0 else None
    if found is None:
        raise ModelError(f"its checkpoint has no weights at {'/'.join(path)}")
    return found


_PARTS = (
    "cell", "layer", "forward_layer", "backward_layer", "_query_dense", "_key_dense", "_value_dense", "_output_dense",
)  # fmt: skip


def _attribute_paths(layer: Any) -> list[list[str]]:
    """Return the path of attributes to each weight of a layer."""
    paths = []
    for weight in layer.weights:
        path: list[str] = []
        owner = layer
        while not any(
            weight is variable for variable in (*owner._trainable_variables, *owner._non_trainable_variables)
        ):
            inside = [pair for pair in _insides(owner) if any(weight is w for w in pair[1].weights)]
            if not inside:
                raise ModelError(f"its layer {layer.name} has weights in parts with unknown names")
            path.append(inside[0][0])
            owner = inside[0][1]
        depthwise = isinstance(owner, (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D))
        paths.append([*path, "depthwise_kernel" if depthwise and weight.name == "kernel" else weight.name])
    return paths


def _insides(layer: Any) -> list[tuple[str, Any]]:
    named = [(name, getattr(layer, name, None)) for name in _PARTS]
    return [(name, inside) for name, inside in named if isinstance(inside, keras.layers.Layer)]
