"""Limits of a stored configuration, which keep the time and memory small that Keras needs to build its graph."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.migrate.layer_settings import short

Config: TypeAlias = dict[str, Any]


def check_calls(entry: Config) -> None:
    """Check the number of layer calls in an entry, or raise ModelError."""
    if _calls(entry) > limits.MOST_CALLS:
        raise ModelError(f"calls layers {_calls(entry):,} times, more than the {limits.MOST_CALLS:,} that are opened")


def check_nodes(name: str, entry: Config) -> None:
    """Check that each call of a layer has a tensor, or raise ModelError."""
    if not all(any(True for _ in _sources(node)) for node in entry.get("inbound_nodes") or ()):
        raise ModelError(f"its layer {short(name)} is called without a tensor, which would run it during loading")


def check_order(name: str, class_name: str, layers: list[Config]) -> None:
    """Check that the layers of a model are listed in an order in which they can be built, or raise ModelError."""
    if _rounds(layers) * len(layers) > limits.MOST_ROUNDS:
        raise ModelError(f"its {class_name} {short(name)} lists its layers in an order in which they cannot be built")


def check_input(name: str, shape: Any) -> None:
    """Check the shape of an input, or raise ModelError."""
    sides = shape[1:] if isinstance(shape, (list, tuple)) else [None]
    whole = [side for side in sides if side is not None]
    if not all(isinstance(side, int) and side > 0 for side in whole):
        raise ModelError(f"its input {short(name)} has the shape {short(shape)}; its sides must be positive integers")
    if math.prod(whole) > limits.LARGEST_MAP:
        raise ModelError(f"its input {short(name)} has the shape {short(shape)}, which does not fit into memory")


def check_depth(config: Config) -> None:
    """Check how deep a configuration is nested, or raise ModelError."""
    level: list[Any] = [config]
    for _ in range(limits.DEEPEST_CONFIG):
        level = [
            inner
            for value in level
            if isinstance(value, (Mapping, list, tuple))
            for inner in (value.values() if isinstance(value, Mapping) else value)
        ]
    if level:
        raise ModelError(f"its configuration is nested more than {limits.DEEPEST_CONFIG} deep")


def is_functional(config: Mapping[str, Any]) -> bool:
    """Return whether these are the settings of a functional model, of whatever class."""
    return isinstance(config.get("layers"), list) and {"name", "input_layers", "output_layers"} <= config.keys()


def _calls(entry: Mapping[str, Any]) -> int:
    """Return the number of layer calls in an admitted model or layer, with those of the layers in its settings."""
    own = max(1, len(entry.get("inbound_nodes") or ()))
    is_model = entry["class_name"] in ("Sequential", "Functional") or is_functional(entry["config"])
    return own * (sum(map(_calls, _layers_in(entry["config"]))) + (not is_model))


def _layers_in(settings: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of layers in the settings of a layer or model, at any depth, but not those inside others."""
    if isinstance(settings, (list, tuple)):
        for inner in settings:
            yield from _layers_in(inner)
    elif isinstance(settings, Mapping):
        is_entry = "class_name" in settings and "module" in settings and isinstance(settings.get("config"), Mapping)
        if is_entry and str(settings["module"]).startswith(_NO_LAYERS):
            return
        if is_entry:
            yield settings
            return
        for inner in settings.values():
            yield from _layers_in(inner)


# Modules of Keras with the other classes of a configuration.
_NO_LAYERS = tuple(
    f"keras.{module}" for module in ("initializers", "regularizers", "constraints", "quantizers", "dtype_policies")
)


def _rounds(layers: list[Config]) -> int:
    """Return how often Keras passes over the layers to build all calls: once more for each that precedes its input."""
    place = {layer.get("name"): number for number, layer in enumerate(layers)}
    return 1 + sum(
        place.get(source, 0) > number
        for number, layer in enumerate(layers)
        for source in _sources(layer.get("inbound_nodes"))
    )


def _sources(node: Any) -> Iterator[Any]:
    """Yield the names of the layers that a call takes as inputs."""
    if isinstance(node, Mapping):
        if node.get("class_name") == "__keras_tensor__":
            node = [node["config"].get("keras_history")]
        for inner in node.values() if isinstance(node, Mapping) else node:
            yield from _sources(inner)
    elif isinstance(node, (list, tuple)):
        if len(node) > 2 and isinstance(node[0], str):
            yield node[0]
        for inner in node:
            yield from _sources(inner)
