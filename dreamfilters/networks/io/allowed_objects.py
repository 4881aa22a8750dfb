"""The objects that a stored configuration may name: built-in layers and operations of Keras. Others are refused.

The module of each class is set here, so that no file decides what is imported.
"""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import ModelError, UntrustedError
from dreamfilters.networks.io.size_check import LARGEST_MAP
from dreamfilters.networks.migrate.keras_migrations import ELSEWHERE
from dreamfilters.networks.migrate.layer_settings import layer_settings, short

Config: TypeAlias = dict[str, Any]

_MOST_CALLS = 20_000  # of layers, including those of nested models for each call; ResNet1001 has 3,500
_MOST_ROUNDS = 100_000  # visits of layers while Keras builds a graph: five seconds
_LARGEST = 10**8  # integer among a layer's settings
_DEEPEST = 200  # levels of JSON; a nested model takes four
_MODELS = {"Sequential": "keras", "Functional": "keras.src.models.functional"}
_PLAIN = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__"}
_POLICIES = {
    "DTypePolicy", "FloatDTypePolicy", "DTypePolicyMap",
    "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "Int4DTypePolicy",
}  # fmt: skip
_COUNTS = {
    "filters", "units", "groups", "depth_multiplier", "input_dim", "output_dim", "num_heads", "key_dim", "lora_rank",
}  # fmt: skip
_IGNORED = ("class_name", "shared_object_id")
_PARTS = ("layer", "backward_layer", "cell", "cells")  # settings that hold layers
_OPERATIONS = tuple(f"keras.src.ops.{room}" for room in ("numpy", "nn", "core", "image", "math", "linalg", "einops"))
# These operations call functions, which a file cannot contain.
_CALLERS = frozenset({"Map", "Scan", "AssociativeScan", "Switch", "WhileLoop", "ForiLoop", "Cond", "VectorizedMap"})


def admitted(config: Config, *, trust: bool = False) -> Config:
    """Return the configuration of a model for `keras.saving.deserialize_keras_object`; `config` is not changed.

    Args:
        config: `{"class_name": ..., "config": ...}` in the format of Keras 3.
        trust: whether Lambda layers are allowed; their code runs when the model is built.

    Raises:
        ModelError: an object is not a layer of Keras, or the configuration is too large.
        UntrustedError: there is a Lambda layer and `trust` is not set.

    Example:
        >>> admitted({"class_name": "Sequential", "config": {"layers": []}})["module"]
        'keras'
    """
    _check_depth(config)
    found = _Admission(trust).layer(config)
    if found["class_name"] in _MODELS and _calls(found) > _MOST_CALLS:
        raise ModelError(f"calls layers {_calls(found):,} times, more than the {_MOST_CALLS:,} that are opened")
    return found


class _Admission:
    """The checks of one configuration."""

    def __init__(self, trust: bool) -> None:
        self.trust = trust

    def layer(self, entry: Any, *, inside: bool = False) -> Config:
        """Return the checked entry of a model, layer or operation; `inside` marks one in the settings of another."""
        kind, config = _kind(entry), entry.get("config")
        name = entry.get("name", config.get("name", kind) if isinstance(config, Mapping) else kind)
        if not isinstance(config, Mapping):
            raise ModelError(f"its layer {short(name)} ({kind}) has no settings")
        if not isinstance(name, str):
            raise ModelError(f"its layer {short(name)} ({kind}) has a name that is not text")
        home = _home(kind, entry, config)
        if home is None:
            raise _foreign(kind, name)
        if kind == "Lambda":
            return self._lambda(name, entry)
        settings = (self._model if kind in _MODELS else self._settings)(name, kind, config)
        if inside and "name" in settings:
            settings["name"] = _scope(str(settings["name"]), kind)
        if not all(any(True for _ in _sources(node)) for node in entry.get("inbound_nodes") or ()):
            raise ModelError(f"its layer {short(name)} is called without a tensor, which would run it during loading")
        others = {key: self._plain(name, key, entry[key]) for key in ("inbound_nodes", "build_config") if key in entry}
        named = {"name": name} if "name" in entry else {}
        return {"module": home, "class_name": kind, "config": settings, "registered_name": None, **others, **named}

    def _model(self, name: str, kind: str, config: Mapping[str, Any]) -> Config:
        layers = config.get("layers")
        if not isinstance(layers, list):
            raise ModelError(f"its {kind} {short(name)} has no layers")
        others = {key: self._plain(name, key, value) for key, value in config.items() if key != "layers"}
        admitted_layers = [self.layer(layer) for layer in layers]
        if _rounds(admitted_layers) * len(layers) > _MOST_ROUNDS:
            raise ModelError(f"its {kind} {short(name)} lists its layers in an order in which they cannot be built")
        return {**others, "layers": admitted_layers}

    def _settings(self, name: str, kind: str, config: Mapping[str, Any]) -> Config:
        settings = {key: self._setting(name, key, value) for key, value in config.items()}
        if kind == "InputLayer":
            _check_input(name, settings.get("batch_shape", settings.get("shape")))
        if settings.get("unroll"):
            settings["unroll"] = False  # the same values, without one copy of the graph for each step
        return settings

    def _setting(self, name: str, key: str, value: Any) -> Any:
        if key in _COUNTS and (isinstance(value, bool) or not isinstance(value, int | None)):
            raise ModelError(f"its layer {short(name)} has {key}={short(value)}; it must be an integer")
        if key in _PARTS and isinstance(value, (Mapping, list)):
            several = [self.layer(one, inside=True) for one in (value if isinstance(value, list) else [value])]
            return several if isinstance(value, list) else several[0]
        if isinstance(value, Mapping) and "class_name" in value:
            if key.endswith("activation"):
                return self._activation(name, value)
            room = next((room for end, room in _MAKERS.items() if key.endswith(end)), "")
            if room:
                return self._maker(name, room, value)
        return self._plain(name, key, value)

    def _activation(self, name: str, value: Mapping[str, Any]) -> Any:
        if _kind(value) != "function":
            return self.layer(value, inside=True)
        function = value.get("config")
        if not isinstance(function, str) or not callable(getattr(keras.activations, function, None)):
            raise ModelError(f"needs the code of activation {short(function)} (layer {short(name)})")
        return function

    def _maker(self, name: str, room: str, value: Mapping[str, Any]) -> Config:
        """Return the checked entry of an initializer, regularizer, constraint, quantizer or its configuration."""
        kind = _kind(value)
        found = getattr(getattr(keras, room), kind, None)
        if not inspect.isclass(found) or not _is_of_keras(value):
            raise _foreign(kind, name)
        config = {key: self._setting(name, key, inner) for key, inner in dict(value.get("config") or {}).items()}
        return {"module": f"keras.{room}", "class_name": kind, "config": config, "registered_name": None}

    def _plain(self, name: str, key: str, value: Any) -> Any:
        """Return a value that contains only numbers, text, tensors and dtypes."""
        if isinstance(value, (list, tuple)):
            return [self._plain(name, key, inner) for inner in value]
        if isinstance(value, int) and abs(value) > _LARGEST and key != "seed":
            raise ModelError(f"its layer {short(name)} has {key}={short(value)}; the largest is {_LARGEST:,}")
        if not isinstance(value, Mapping):
            return value
        inner = {part: self._plain(name, part, one) for part, one in value.items() if part not in _IGNORED}
        if "class_name" not in value:
            return inner
        kind = _kind(value)
        if kind in _POLICIES and _is_of_keras(value):
            return {"module": "keras.dtype_policies", "class_name": kind, "config": inner.get("config", {})}
        if kind in ("GPTQDTypePolicy", "AWQDTypePolicy"):
            method = kind.removesuffix("DTypePolicy")
            raise ModelError(
                f"its layer {short(name)} is quantized by {method}, which Keras 3.15 does not restore from a file; "
                "save the model before it is quantized, or quantize it to int8 or int4"
            )
        if kind not in _PLAIN:
            raise ModelError(
                f"its layer {short(name)} has an object of the class {kind} as {key}, which takes no object"
            )
        return {"class_name": kind, **inner}

    def _lambda(self, name: str, entry: Mapping[str, Any]) -> Config:
        if not self.trust:
            raise UntrustedError(
                f"has a Lambda layer ({name}), which runs code from the file; use --trust (trust=True) if you trust it"
            )
        return {**entry, "module": "keras.layers", "registered_name": None}


# End of a setting -> the module of Keras with the classes that it takes.
_MAKERS = {
    "_initializer": "initializers", "_regularizer": "regularizers", "_constraint": "constraints",
    "_quantizer": "quantizers", "quantization_config": "quantizers",
}  # fmt: skip


def _kind(entry: Any) -> str:
    kind = entry.get("class_name") if isinstance(entry, Mapping) else None
    if not isinstance(kind, str) or "config" not in entry:
        raise ModelError("its configuration has no class name; it is not a Keras model")
    return kind


def _is_of_keras(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry names a class of Keras, as far as it names a module."""
    module, registered = entry.get("module"), entry.get("registered_name")
    return (module is None or (isinstance(module, str) and module.partition(".")[0] in ("keras", "builtins"))) and (
        registered is None or registered == entry["class_name"]
    )


def _home(kind: str, entry: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """Return the module of a model, layer or operation of Keras, None if Keras has none of this name."""
    if not _is_of_keras(entry):
        return None
    if kind in _MODELS:
        return _MODELS[kind]
    layer = ELSEWHERE.get(kind, "keras.layers") if layer_settings(kind) or kind == "Lambda" else None
    module = entry.get("module")
    # An .h5 file stores no module: 'Add' can be the layer, or the operation, which has no dtype.
    wants_operation = ".ops" in module if module else not config.keys() & {"dtype", "trainable", "batch_shape"}
    operation = _operations().get(kind)
    return (operation or layer) if wants_operation else (layer or operation)


@cache
def _operations() -> Mapping[str, str]:
    """Return the module of each operation."""
    return {
        kind: room
        for room in reversed(_OPERATIONS)
        for kind, found in vars(importlib.import_module(room)).items()
        if inspect.isclass(found) and found.__module__ == room and issubclass(found, keras.Operation)
        if kind not in _CALLERS
    }


def _foreign(kind: str, name: str) -> ModelError:
    return ModelError(
        f"needs the code of {kind!r}, which is not in the file (layer {short(name)}); open it in Python "
        "with that code and give the model to dreamfilters.load"
    )


def _check_input(name: str, shape: Any) -> None:
    sides = shape[1:] if isinstance(shape, (list, tuple)) else [None]
    whole = [side for side in sides if side is not None]
    if not all(isinstance(side, int) and side > 0 for side in whole):
        raise ModelError(f"its input {short(name)} has the shape {short(shape)}; its sides must be positive integers")
    if math.prod(whole) > LARGEST_MAP:
        raise ModelError(f"its input {short(name)} has the shape {short(shape)}, which does not fit into memory")


def _scope(name: str, kind: str) -> str:
    """Return the name of an inner layer, replaced by its class if it is not a valid scope of TensorFlow."""
    return name if name.isascii() and name.replace("_", "").isalnum() else kind.lower()


def _calls(entry: Mapping[str, Any]) -> int:
    """Return the number of layer calls in a model."""
    own = max(1, len(entry.get("inbound_nodes") or ()))
    return own * sum(map(_calls, entry["config"]["layers"])) if entry["class_name"] in _MODELS else own


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


def _check_depth(config: Config) -> None:
    level: list[Any] = [config]
    for _ in range(_DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, (Mapping, list, tuple))
            for inner in (value.values() if isinstance(value, Mapping) else value)
        ]
    if level:
        raise ModelError(f"its configuration is nested more than {_DEEPEST} deep")
