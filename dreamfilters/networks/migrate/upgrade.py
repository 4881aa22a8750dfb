"""Migration of a stored configuration of an older Keras to Keras 3, by the tables of `keras_migrations` only.

A setting that no table names is refused. Nothing in a configuration is imported, evaluated or run.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import ModelError, UntrustedError
from dreamfilters.networks.migrate import graph_calls, keras_migrations as tables
from dreamfilters.networks.migrate.keras_migrations import KerasEra, entry_of, version_of
from dreamfilters.networks.migrate.layer_settings import (
    check_known,
    for_training,
    layer_settings,
    missing_code,
    policy,
    short,
    special,
)

Config: TypeAlias = dict[str, Any]

_FIRST_OF_PYTHON_3_11 = (2, 12)  # earlier bytecode does not run on the supported versions of Python
_ACTIVATIONS = {*dir(keras.activations), "swish", "hard_swish"} - {"get", "serialize", "deserialize"}
_RESERVED = "/"  # not allowed in the names of layers in Keras 3


@dataclass(frozen=True)
class UpgradedConfig:
    """A configuration for Keras 3.

    Attributes:
        config: of the model.
        changes: one sentence for each change.
        shapes: layer -> stored (batch, ...) shape of its output, which Keras 3 derives from other settings.
    """

    config: Config
    changes: tuple[str, ...] = ()
    shapes: Mapping[str, Sequence[int | None]] = field(default_factory=dict)


def upgrade(
    config: Config, version: str, *, trust: bool = False, custom: Mapping[str, Any] | None = None
) -> UpgradedConfig:
    """Return the stored configuration of a model, `{"class_name": ..., "config": ...}`, for Keras 3.

    Args:
        config: as stored; it is not changed.
        version: of the Keras that stored it, such as '2.2.4-tf', '' if unknown.
        trust: whether Lambda layers are allowed; their code runs when the model is built.
        custom: classes and functions of the user, by name; the settings of such a layer are not changed.

    Raises:
        ModelError: a layer or setting is in no table.
        UntrustedError: there is a Lambda layer and `trust` is not set.

    Example:
        >>> layer = {"class_name": "Dense", "config": {"output_dim": 3, "batch_input_shape": [None, 4]}}
        >>> upgrade({"class_name": "Sequential", "config": [layer]}, "1.2.1").changes[1]
        'output_dim of Dense is called units now'
    """
    work = _Upgrade(version_of(version), trust, custom or {})
    upgraded = work.model(copy.deepcopy(plain(config)))
    return UpgradedConfig(upgraded, tuple(work.changes), work.shapes)


def plain(value: Any) -> Any:
    """Return JSON without the wrappers for tuples and shapes."""
    if isinstance(value, Mapping):
        if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
            return [plain(item) for item in value["items"]]
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def kept_name(name: str) -> str:
    """Return the name of a layer with the characters that Keras 3 allows."""
    return name.replace(_RESERVED, "__")


class _Upgrade:
    """The migration of one configuration; `changes` collects its sentences."""

    def __init__(self, version: tables.Version, trust: bool, custom: Mapping[str, Any]) -> None:
        self.version = version
        self.eras = tables.eras_after(version)
        self.trust = trust
        self.custom = custom
        self.changes: Counter[str] = Counter()
        self.shapes: dict[str, list[int | None]] = {}

    def add_change(self, sentence: str) -> None:
        self.changes[sentence] += 1

    # --- models

    def model(self, entry: Config) -> Config:
        """Upgrade an entry that is a model or a layer."""
        class_name = entry.get("class_name")
        if not isinstance(class_name, str) or "config" not in entry:
            raise ModelError("its configuration has no class name; it is not a Keras model")
        inner = entry["config"]
        registered = entry.get("registered_name")
        if isinstance(registered, str) and ">" in registered and not registered.startswith("Keras>"):
            return self._custom(entry, registered)
        if class_name == "Sequential":
            return self._sequential(entry, inner)
        if class_name in graph_calls.FUNCTIONAL and isinstance(inner, Mapping) and "layers" in inner:
            return self._functional(entry, dict(inner))
        return self.layer(entry)

    def _sequential(self, entry: Config, inner: Any) -> Config:
        if isinstance(inner, list):
            self.add_change("the bare list of a Sequential's layers has a name now")
            inner = {"name": entry.get("name", "sequential"), "layers": inner}
        if not isinstance(inner, Mapping) or not isinstance(inner.get("layers"), list) or not inner["layers"]:
            raise ModelError("its Sequential has no layers")
        shape, dtype = _declared_input(inner["layers"][0])
        if shape is None and isinstance(inner.get("build_input_shape"), list):
            shape = [None, *inner["build_input_shape"][1:]]  # its batch size is that of the first call
        layers = [self.model(layer) for layer in inner["layers"]]
        if layers[0]["class_name"] != "InputLayer" and shape is not None:
            if "batch_input_shape" in _config_of(inner["layers"][0]):
                self.add_change("the input of a Sequential became a layer of its own")
            layers.insert(0, _input_layer(f"{_name_of(layers[0])}_input", shape, dtype, layers))
        settings = self._model_settings(inner, ("layers", "build_input_shape", "dtype"))
        return entry_of("keras", "Sequential", {**settings, "layers": layers})

    def _functional(self, entry: Config, inner: Config) -> Config:
        stored = inner["layers"]
        layers = []
        for layer in stored:
            upgraded = self.model(layer) if not graph_calls.is_operation(layer) else graph_calls.operation(layer)
            layers.append({**upgraded, "name": kept_name(str(layer.get("name", _name_of(layer))))})
        settings = self._model_settings(inner, ("layers", "input_layers", "output_layers", "dtype"))
        wired = graph_calls.wire(
            stored, layers, inner["input_layers"], inner["output_layers"], add_change=self.add_change
        )
        return entry_of("keras.src.models.functional", "Functional", {**settings, **wired})

    def _model_settings(self, inner: Mapping[str, Any], known: tuple[str, ...]) -> Config:
        for key in inner:
            if key not in (*known, "name", "trainable"):
                raise ModelError(f"its configuration has the setting {key!r}={short(inner[key])}, which is in no table")
        return {"name": kept_name(str(inner.get("name", "model"))), "trainable": bool(inner.get("trainable", True))}

    # --- layers

    def layer(self, entry: Config) -> Config:
        """Upgrade an entry that is a layer."""
        class_name, config = str(entry["class_name"]), entry["config"]
        if not isinstance(config, Mapping):
            raise ModelError(f"its layer {class_name} has no settings")
        class_name, config = (
            class_name.rpartition(">")[2] if class_name.startswith("Keras>") else class_name,
            dict(config),
        )
        name = str(config.get("name", entry.get("name", class_name)))
        if layer_settings(class_name) is None and class_name in self.custom:
            return self._custom(entry, class_name)
        if class_name in tables.GONE:
            why = f"{tables.GONE[class_name]}; only the version of Keras that wrote it can open it"
            raise ModelError(f"its layer {name} is a {class_name}: {why}")
        for era in self.eras:
            class_name = self._through(era, name, class_name, config)
        if class_name == "Conv2DTranspose" and isinstance(config.get("output_shape"), list):  # Keras 1
            self.shapes[kept_name(name)] = config["output_shape"]
        class_name = special(name, class_name, config, add_change=self.add_change)
        if class_name == "Lambda":
            return self._lambda(name, config)
        self._parts(name, class_name, config)
        if "trainable" not in (layer_settings(class_name) or ()):  # such as SpatialDropout2D
            config.pop("trainable", None)
        check_known(name, class_name, config, self.custom)
        if "name" in config:
            if _RESERVED in str(config["name"]):
                self.add_change("'/' in names of layers became '__'")
            config["name"] = kept_name(str(config["name"]))
        return entry_of(tables.ELSEWHERE.get(class_name, "keras.layers"), class_name, config)

    def _custom(self, entry: Config, registered: str) -> Config:
        """Return the entry of a class of the user."""
        if registered not in self.custom:
            raise missing_code(registered, entry["config"].get("name", registered), custom=self.custom)
        settings = {key: value for key, value in entry["config"].items() if key != "batch_input_shape"}
        name = registered.rpartition(">")[2]
        return {"class_name": name, "config": settings, "module": "", "registered_name": registered}

    def _through(self, era: KerasEra, name: str, class_name: str, config: Config) -> str:
        if class_name in era.classes:
            self.add_change(f"{class_name} is called {era.classes[class_name]} now")
            class_name = era.classes[class_name]
        for new, parts in _rows(era.gathered, class_name):
            if parts[0] in config:
                config[new] = [config.pop(part) for part in parts]
                self.add_change(f"{', '.join(parts)} of {class_name} are {new} now")
        for old, new in _rows(era.renamed, class_name):
            if old in config:
                if new in config and config[new] != config[old]:
                    raise ModelError(f"its layer {name} ({class_name}) has both {old} and {new}, and they differ")
                config[new] = config.pop(old)
                self.add_change(f"{old} of {class_name} is called {new} now")
        for key, names in era.values.items():
            if isinstance(config.get(key), str):
                config[key] = names.get(config[key], config[key])
        for key, value in _rows(era.implied, class_name):
            if key not in config:
                config[key] = value
                self.add_change(f"{key}={value} of {class_name} is stored now; it was the default of that version")
        self._drop(era, name, class_name, config)
        return class_name

    def _drop(self, era: KerasEra, name: str, class_name: str, config: Config) -> None:
        for key, neutral in _rows(era.dropped, class_name):
            if key not in config:
                continue
            value = config.pop(key)
            if neutral is not tables.ANY and value not in neutral:
                raise ModelError(
                    f"its layer {name} ({class_name}) has {key}={short(value)}, which Keras 3 does not support"
                )
            if value not in (None, False):
                self.add_change(f"{key} of {class_name} left out, which changes nothing")

    def _lambda(self, name: str, config: Config) -> Config:
        if self.version < _FIRST_OF_PYTHON_3_11:
            raise UntrustedError(
                f"has a Lambda layer ({name}) with code of an older Python, which cannot run; write its layers as JSON "
                "(dreamfilters convert MODEL OUT.json), replace it by a layer such as Rescaling, give --architecture"
            )
        if not self.trust:
            raise UntrustedError(
                f"has a Lambda layer ({name}), which runs code from the file; use --trust (trust=True) if you trust it"
            )
        for key in ("batch_input_shape", "module", "function_type", "output_shape_type", "output_shape_module"):
            config.pop(key, None)
        if isinstance(config.get("function"), list):
            code, defaults, closure = config["function"]
            inside = {"code": code, "defaults": defaults, "closure": closure}
            config["function"] = {"class_name": "__lambda__", "config": inside}
        elif isinstance(config.get("function"), str):
            raise ModelError(f"its layer {name} is a Lambda of the function {config['function']!r}, not in the file")
        return entry_of("keras.layers", "Lambda", config)

    def _parts(self, name: str, class_name: str, config: Config) -> None:
        """Upgrade the objects in a layer's settings: dtype, activations, cells and wrapped layers."""
        for key in list(config):
            value = config[key]
            if key == "dtype":
                config[key] = policy(value)
            elif key.endswith("activation"):
                config[key] = self._activation(name, value)
            elif key.endswith(("_initializer", "_regularizer", "_constraint")):
                config[key] = for_training(key, value, add_change=self.add_change)
                if config[key] is None and key.endswith("_initializer"):
                    del config[key]
            elif key in ("layer", "backward_layer", "cell", "cells") and value is not None:
                config[key] = [self.model(one) for one in value] if isinstance(value, list) else self.model(value)

    def _activation(self, name: str, value: Any) -> Any:
        if value is None:
            return "linear"
        if isinstance(value, Mapping):
            if value.get("class_name") == "function":
                registered = value.get("registered_name")
                is_plain = registered in (None, "function", value.get("config"))  # not 'package>relu'
                return self._activation(name, value.get("config") if is_plain else registered)
            if hasattr(keras.layers, str(value.get("class_name"))):
                return self.layer(dict(value))
            value = value.get("class_name")
        known = tables.ACTIVATIONS.get(str(value), str(value)).removeprefix("Keras>")
        if known == "hard_sigmoid":
            self.add_change("hard_sigmoid keeps the slope of 0.2 that it had until Keras 3")
            return copy.deepcopy(tables.HARD_SIGMOID)
        if known not in _ACTIVATIONS:
            if str(value) in self.custom:
                return {"class_name": "function", "config": str(value), "registered_name": str(value)}
            raise missing_code(known, name, custom=self.custom)
        return known


def _rows(table: Mapping[str, Mapping[str, Any]], class_name: str) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a table for a class of layers, before those for all layers."""
    for layers, rows in sorted(table.items(), key=lambda row: row[0] == "*"):
        if layers == "*" or class_name in layers.split():
            yield from rows.items()


def _declared_input(entry: Any) -> tuple[list[Any] | None, str]:
    """Return the (batch, ...) shape and type that the first layer of a Sequential declares, (None, ...) if none."""
    config = _config_of(entry)
    shape = config.get("batch_input_shape", config.get("batch_shape"))
    if shape is None and isinstance(entry, Mapping):  # the first layer is a model with its own input
        layers = entry["config"] if isinstance(entry.get("config"), list) else config.get("layers")
        if layers:
            return _declared_input(layers[0])
        if isinstance(config.get("layer"), Mapping):
            return _declared_input(config["layer"])
    dtype = config.get("dtype", config.get("input_dtype"))  # 'mixed_float16' is a policy, not an input type
    plain_type = isinstance(dtype, str) and dtype.startswith(("float", "int", "uint"))
    return (list(shape) if isinstance(shape, list) else None), str(dtype) if plain_type else "float32"


def _input_layer(name: str, shape: list[Any], dtype: str, others: list[Config]) -> Config:
    taken = {_name_of(layer) for layer in others}
    while name in taken:
        name += "_"
    return entry_of("keras.layers", "InputLayer", {"batch_shape": shape, "dtype": dtype, "name": name})


def _config_of(entry: Any) -> Mapping[str, Any]:
    config = entry.get("config") if isinstance(entry, Mapping) else None
    return config if isinstance(config, Mapping) else {}


def _name_of(entry: Config) -> str:
    return str(_config_of(entry).get("name", entry.get("class_name", "layer")))
