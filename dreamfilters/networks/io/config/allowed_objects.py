"""The objects that a stored configuration may name: built-in layers and operations of Keras, and classes of the user.

The module of each class is set here, so that no file decides what is imported. Others are refused.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import ModelError, UntrustedError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.config import config_limits, setting_limits
from dreamfilters.networks.io.config.config_limits import is_functional
from dreamfilters.networks.io.config.custom_objects import CustomObjects, module_of
from dreamfilters.networks.migrate.keras_migrations import ELSEWHERE
from dreamfilters.networks.migrate.layer_settings import layer_settings, missing_code, short

Config: TypeAlias = dict[str, Any]

_MODELS = {"Sequential": "keras", "Functional": "keras.src.models.functional"}
_PLAIN = {"__keras_tensor__", *setting_limits.ARRAYS, "__bytes__", "__ellipsis__", "__slice__", "__tuple__"}
_POLICIES = {
    "DTypePolicy", "FloatDTypePolicy", "DTypePolicyMap",
    "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy", "Int4DTypePolicy",
}  # fmt: skip
_COUNTS = {
    "filters", "units", "groups", "depth_multiplier", "input_dim", "output_dim", "num_heads", "key_dim", "lora_rank",
}  # fmt: skip
_IGNORED = ("class_name", "shared_object_id")
_PARTS = ("layer", "backward_layer", "cell", "cells")  # settings that hold layers
_OPERATIONS = tuple(
    f"keras.src.ops.{module}" for module in ("numpy", "nn", "core", "image", "math", "linalg", "einops")
)
# These operations call functions, which a file cannot contain.
_CALLERS = frozenset({"Map", "Scan", "AssociativeScan", "Switch", "WhileLoop", "ForiLoop", "Cond", "VectorizedMap"})


def admitted(config: Config, *, trust: bool = False, custom: CustomObjects | None = None) -> Config:
    """Return the configuration of a model for `build`; `config` is not changed.

    Args:
        config: `{"class_name": ..., "config": ...}` in the format of Keras 3.
        trust: whether Lambda layers are allowed; their code runs when the model is built.
        custom: classes and functions of the user that are allowed.

    Raises:
        ModelError: an object is neither a layer of Keras nor one of `custom`, or the configuration is too large.
        UntrustedError: there is a Lambda layer and `trust` is not set.

    Example:
        >>> admitted({"class_name": "Sequential", "config": {"layers": []}})["module"]
        'keras'
    """
    config_limits.check_depth(config)
    found = _Admission(trust, custom or {}).layer(config)
    config_limits.check_calls(found)
    return found


class _Admission:
    """The checks of one configuration."""

    def __init__(self, trust: bool, custom: CustomObjects) -> None:
        self.trust = trust
        self.custom = custom

    def layer(self, entry: Any, *, inside: bool = False) -> Config:
        """Return the checked entry of a model, layer or operation; `inside` marks one in the settings of another."""
        class_name, config = _class_name(entry), entry.get("config")
        name = entry.get("name", config.get("name", class_name) if isinstance(config, Mapping) else class_name)
        if not isinstance(config, Mapping):
            raise ModelError(f"its layer {short(name)} ({class_name}) has no settings")
        if not isinstance(name, str):
            raise ModelError(f"its layer {short(name)} ({class_name}) has a name that is not text")
        module = _keras_module(class_name, entry, config)
        registered = None if module else self._registered(entry, keras.Operation)
        if module is None and registered is None:
            raise self._foreign(entry, name)
        settings = self._settings_of(name, entry, module)
        if inside and module and "name" in settings:
            settings["name"] = _scope(str(settings["name"]), class_name)
        config_limits.check_nodes(name, entry)
        others = {key: self._plain(name, key, entry[key]) for key in ("inbound_nodes", "build_config") if key in entry}
        named = {"name": name} if "name" in entry else {}
        return {"module": module, "class_name": class_name, "config": settings, "registered_name": registered, **others,
                **named}  # fmt: skip

    def _settings_of(self, name: str, entry: Config, module: str | None) -> Config:
        class_name, config = str(entry["class_name"]), entry["config"]
        if class_name in _MODELS or is_functional(config):
            return self._model(name, class_name, config)
        if class_name == "Lambda":
            return self._lambda(name, config)
        if module is None:
            return {key: self._custom_setting(name, key, value) for key, value in config.items()}
        return self._settings(name, class_name, config)

    def _model(self, name: str, class_name: str, config: Mapping[str, Any]) -> Config:
        layers = config.get("layers")
        if not isinstance(layers, list):
            raise ModelError(f"its {class_name} {short(name)} has no layers")
        checked = self._plain if class_name in _MODELS else self._custom_setting
        others = {key: checked(name, key, value) for key, value in config.items() if key != "layers"}
        admitted_layers = [self.layer(layer) for layer in layers]
        config_limits.check_order(name, class_name, admitted_layers)
        return {**others, "layers": admitted_layers}

    def _settings(self, name: str, class_name: str, config: Mapping[str, Any]) -> Config:
        setting_limits.check_outputs(name, config)
        settings = {key: self._setting(name, key, value) for key, value in config.items()}
        if class_name == "InputLayer":
            config_limits.check_input(name, settings.get("batch_shape", settings.get("shape")))
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
                return (
                    self._function(name, value) if _class_name(value) == "function" else self.layer(value, inside=True)
                )
            module = next((module for end, module in _MAKERS.items() if key.endswith(end)), "")
            if module:
                return self._maker(name, module, value)
        plain = self._plain(name, key, value)
        setting_limits.check_setting(name, key, plain)
        return plain

    def _maker(self, name: str, module: str, value: Mapping[str, Any]) -> Config:
        """Return the checked entry of an initializer, regularizer, constraint, quantizer or its configuration."""
        class_name = _class_name(value)
        is_known = _is_of_keras(value) and inspect.isclass(getattr(getattr(keras, module), class_name, None))
        registered = None if is_known else self._registered(value, object)
        if not is_known and registered is None:
            raise self._foreign(value, name)
        config = {key: self._setting(name, key, inner) for key, inner in dict(value.get("config") or {}).items()}
        known_module = f"keras.{module}" if is_known else None
        return {"module": known_module, "class_name": class_name, "config": config, "registered_name": registered}

    def _plain(self, name: str, key: str, value: Any) -> Any:
        """Return a value that contains only numbers, text, tensors and dtypes."""
        if isinstance(value, (list, tuple)):
            return [self._plain(name, key, inner) for inner in value]
        if isinstance(value, str):
            setting_limits.check_text(name, key, value)
        if isinstance(value, int) and abs(value) > limits.LARGEST_SETTING and key != "seed":
            raise ModelError(
                f"its layer {short(name)} has {key}={short(value)}; the largest is {limits.LARGEST_SETTING:,}"
            )
        if not isinstance(value, Mapping):
            return value
        if value.get("class_name") in setting_limits.ARRAYS:
            return setting_limits.checked_array(name, str(value["class_name"]), value.get("config"))
        inner = {part: self._plain(name, part, one) for part, one in value.items() if part not in _IGNORED}
        if "class_name" not in value:
            return inner
        class_name = _class_name(value)
        if class_name in _POLICIES and _is_of_keras(value):
            return {"module": "keras.dtype_policies", "class_name": class_name, "config": inner.get("config", {})}
        if class_name in ("GPTQDTypePolicy", "AWQDTypePolicy"):
            method = class_name.removesuffix("DTypePolicy")
            raise ModelError(
                f"its layer {short(name)} is quantized by {method}, which Keras 3.15 does not restore from a file; "
                "save the model before it is quantized, or quantize it to int8 or int4"
            )
        if class_name not in _PLAIN:
            raise ModelError(
                f"its layer {short(name)} has an object of the class {class_name} as {key}, which takes no object"
            )
        return {"class_name": class_name, **inner}

    # --- code: of the user, and of the file

    def _registered(self, entry: Mapping[str, Any], base: type) -> str | None:
        """Return the name in `custom` of a class of the user, None if there is none with this base class."""
        names = (entry.get("registered_name"), entry.get("class_name"))
        known = (name for name in names if isinstance(name, str) and name in self.custom)
        return next((name for name in known if _is_subclass(self.custom[name], base)), None)

    def _foreign(self, entry: Mapping[str, Any], name: str) -> ModelError:
        return missing_code(str(entry["class_name"]), name, module=module_of(entry), custom=self.custom)

    def _custom_setting(self, name: str, key: str, value: Any) -> Any:
        """Return the checked setting of a class of the user, which can have objects of Keras in any place."""
        if isinstance(value, (list, tuple)):
            return [self._custom_setting(name, key, inner) for inner in value]
        if not isinstance(value, Mapping) or _PLAIN.union(_POLICIES).intersection([value.get("class_name")]):
            return self._plain(name, key, value)
        if "class_name" not in value or "config" not in value:
            return {part: self._custom_setting(name, part, inner) for part, inner in value.items()}
        class_name = _class_name(value)
        if class_name == "function":
            return self._function(name, value)
        makers = [
            module for module in _MAKERS.values() if inspect.isclass(getattr(getattr(keras, module), class_name, None))
        ]
        if makers and _is_of_keras(value):
            return self._maker(name, makers[0], value)
        if self._registered(value, object) and not self._registered(value, keras.Operation):
            return self._maker(name, "initializers", value)
        return self.layer(value)

    def _function(self, name: str, value: Mapping[str, Any]) -> Any:
        """Return an activation function of Keras, by its name, or the entry of a function of the user."""
        function, registered = value.get("config"), value.get("registered_name")
        is_plain = registered in (None, "function", function)  # not 'package>relu'
        of_keras = is_plain and _is_of_keras({**value, "registered_name": None})
        if isinstance(function, str) and of_keras and callable(getattr(keras.activations, function, None)):
            return function
        for known in (registered, function):
            if isinstance(known, str) and inspect.isfunction(self.custom.get(known)):
                return {"class_name": "function", "config": known, "module": None, "registered_name": known}
        raise missing_code(str(function if is_plain else registered), name, custom=self.custom)

    def _lambda(self, name: str, config: Mapping[str, Any]) -> Config:
        """Return the settings of a Lambda layer: with code from the file, or with a function by its name."""
        settings = {}
        for key, value in config.items():
            class_name = value.get("class_name") if isinstance(value, Mapping) else None
            if class_name == "__lambda__" and not self.trust:
                raise UntrustedError(
                    f"has a Lambda layer ({name}), which runs code from the file; "
                    "use --trust (trust=True) if you trust it"
                )
            if class_name == "function":
                found = self._function(name, value)
                settings[key] = {**_BUILTIN, "config": found} if isinstance(found, str) else found
            else:
                settings[key] = value if class_name == "__lambda__" else self._plain(name, key, value)
        return settings


_BUILTIN = {"class_name": "function", "module": "builtins", "registered_name": "function"}
# End of a setting -> the module of Keras with the classes that it takes.
_MAKERS = {
    "_initializer": "initializers", "_regularizer": "regularizers", "_constraint": "constraints",
    "_quantizer": "quantizers", "quantization_config": "quantizers",
}  # fmt: skip


def _class_name(entry: Any) -> str:
    class_name = entry.get("class_name") if isinstance(entry, Mapping) else None
    if not isinstance(class_name, str) or "config" not in entry:
        raise ModelError("its configuration has no class name; it is not a Keras model")
    return class_name


def _is_of_keras(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry names a class of Keras, as far as it names a module."""
    module, registered = entry.get("module"), entry.get("registered_name")
    return (module is None or (isinstance(module, str) and module.partition(".")[0] in ("keras", "builtins"))) and (
        registered is None or registered == entry["class_name"]
    )


def _keras_module(class_name: str, entry: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """Return the module of a model, layer or operation of Keras, None if Keras has none of this name."""
    if not _is_of_keras(entry):
        return None
    if class_name in _MODELS:
        return _MODELS[class_name]
    layer = ELSEWHERE.get(class_name, "keras.layers") if layer_settings(class_name) or class_name == "Lambda" else None
    module = entry.get("module")
    # An .h5 file stores no module: 'Add' can be the layer, or the operation, which has no dtype.
    wants_operation = ".ops" in module if module else not config.keys() & {"dtype", "trainable", "batch_shape"}
    operation = _operations().get(class_name)
    return (operation or layer) if wants_operation else (layer or operation)


@cache
def _operations() -> Mapping[str, str]:
    """Return the module of each operation."""
    return {
        class_name: module
        for module in reversed(_OPERATIONS)
        for class_name, found in vars(importlib.import_module(module)).items()
        if inspect.isclass(found) and found.__module__ == module and issubclass(found, keras.Operation)
        if class_name not in _CALLERS
    }


def _scope(name: str, class_name: str) -> str:
    """Return the name of an inner layer, replaced by its class if it is not a valid scope of TensorFlow."""
    return name if name.isascii() and name.replace("_", "").isalnum() else class_name.lower()


def _is_subclass(value: Any, base: type) -> bool:
    return inspect.isclass(value) and issubclass(value, base)
