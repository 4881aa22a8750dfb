"""Settings of layers: those that Keras 3 knows, and those that changed in more than their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

import keras

from dreamfilters.errors import ModelError, UntrustedError, close_names
from dreamfilters.networks.migrate.keras_migrations import ELSEWHERE, entry_of

Config: TypeAlias = dict[str, Any]
AddChange: TypeAlias = Callable[[str], None]


def special(name: str, class_name: str, config: Config, *, add_change: AddChange) -> str:
    """Upgrade the settings of one layer in place and return its new class.

    Raises:
        ModelError: Keras 3 does not support its settings.
        UntrustedError: it is a Merge layer with its own code.
    """
    if class_name == "TimeDistributedDense":
        return _wrapped_dense(config, add_change)
    if class_name == "InputLayer":
        _input(config, add_change)
    elif class_name == "BatchNormalization":
        _one_axis(name, config)
    elif class_name == "ZeroPadding2D":
        _padding(config, add_change)
    elif class_name == "Merge":
        return _merged(name, config, add_change)
    config.pop("batch_input_shape", None)  # an InputLayer has it now; on other layers it has no effect
    if class_name == "Conv2DTranspose" and config.pop("output_shape", None):  # Keras 1
        add_change("output_shape of Conv2DTranspose follows from its other settings")
    return class_name


def _input(config: Config, add_change: AddChange) -> None:
    shape = config.pop("batch_input_shape", None)
    if shape is not None:
        config["batch_shape"] = shape
        add_change("batch_input_shape of InputLayer is called batch_shape now")
    for key in ("input_shape", "input_tensor", "batch_size"):
        if config.get(key, 0) is None:
            del config[key]


def _one_axis(name: str, config: Config) -> None:
    axis = config.get("axis")
    if isinstance(axis, list):
        if len(axis) != 1:
            raise ModelError(f"its layer {name} (BatchNormalization) has axis={axis}, Keras 3 takes one axis")
        config["axis"] = axis[0]


_SIDES = ("top_pad", "bottom_pad", "left_pad", "right_pad")


def _padding(config: Config, add_change: AddChange) -> None:
    padding = config.get("padding")
    if isinstance(padding, Mapping):
        padding = [padding.get(side, 0) for side in _SIDES]
    if isinstance(padding, list) and len(padding) == 4:
        config["padding"] = [padding[:2], padding[2:]]
        add_change("the four paddings of ZeroPadding2D are two pairs now")


def _wrapped_dense(config: Config, add_change: AddChange) -> str:
    """Replace the TimeDistributedDense of Keras 1."""
    left_out = ("batch_input_shape", "input_length", "input_dim")
    settings = {key: value for key, value in config.items() if key not in left_out}
    inner = {"class_name": "Dense", "config": {**settings, "name": f"{config.get('name', 'dense')}_inside"}}
    name = config.get("name")
    config.clear()
    config.update(layer=inner, **({"name": name} if name else {}))
    add_change("TimeDistributedDense is TimeDistributed(Dense) now")
    return "TimeDistributed"


_MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot"}


def _merged(name: str, config: Config, add_change: AddChange) -> str:
    """Replace the Merge layer of Keras 1, which had a mode, by the layer of that mode."""
    mode = config.get("mode")
    if config.get("mode_type", "raw") != "raw" or not isinstance(mode, str):
        raise UntrustedError(f"has a Merge layer ({name}) with its own code, which runs in Keras 1 only")
    if config.get("layers"):
        raise ModelError(f"its first layer {name} merges several networks; write it as a functional model")
    if mode not in _MERGES and mode != "cos":
        raise ModelError(f"its layer {name} merges by mode={mode!r}; known: {', '.join(_MERGES)}, cos")
    settings: Config = {"name": config.get("name", name), "trainable": config.get("trainable", True)}
    if mode == "concat":
        settings["axis"] = config.get("concat_axis", -1)
    elif mode in ("dot", "cos"):
        settings.update(axes=config.get("dot_axes", -1), normalize=mode == "cos")
    config.clear()
    config.update(settings)
    class_name = _MERGES.get(mode, "Dot")
    add_change(f"Merge by {mode} is called {class_name} now")
    return class_name


def policy(value: Any) -> Any:
    """Return a stored dtype or policy as the name that Keras 3 uses."""
    if isinstance(value, Mapping):
        inner = value.get("config")
        value = inner.get("name") if isinstance(inner, Mapping) else None
    return {"infer": "float32", "_infer": "float32", None: "float32"}.get(value, value)


# Names of initializers in Keras 1.
_ALIASES = {"normal": "RandomNormal", "uniform": "RandomUniform", "zero": "Zeros", "one": "Ones"}


def for_training(key: str, value: Any, *, add_change: AddChange) -> Any:
    """Return an initializer, regularizer or constraint in the format of Keras 3, or None.

    They do not change the output of a trained layer, so one that Keras 3 does not know is left out.
    """
    if value is None:
        return None
    object_type = key.rpartition("_")[2]  # "initializer", "regularizer" or "constraint"
    entry = value if isinstance(value, Mapping) else {"class_name": value, "config": {}}
    config = entry.get("config")
    settings = {k: v for k, v in config.items() if k != "dtype"} if isinstance(config, Mapping) else {}
    class_name = str(entry.get("class_name", entry.get("name")))
    class_name = _ALIASES.get(class_name, class_name) if object_type == "initializer" else class_name
    module = getattr(keras, f"{object_type}s")
    found = getattr(module, class_name, None) or getattr(
        module, "".join(map(str.capitalize, class_name.split("_"))), None
    )
    if isinstance(found, type) and issubclass(found, getattr(module, object_type.capitalize())):
        try:
            found(**settings)
        except (TypeError, ValueError):
            found = None
        else:
            return entry_of(f"keras.{object_type}s", found.__name__, settings)
    add_change(f"the {key.replace('_', ' ')} {class_name[:40]} left out, which matters to training only")
    return None


def check_known(name: str, class_name: str, config: Mapping[str, Any], custom: Mapping[str, Any] | None = None) -> None:
    """Check that Keras 3 has a layer and all of its settings.

    Raises:
        ModelError: Keras has no such layer, or the layer has an unknown setting or object.
    """
    known = layer_settings(class_name)
    if known is None:
        raise missing_code(class_name, name, custom=custom)
    for key, value in config.items():
        if not key.endswith(_WITH_OBJECTS) and _names_class(value):
            raise ModelError(f"its layer {name} ({class_name}) has an unknown object as {key}")
        if key not in known:
            raise ModelError(
                f"its layer {name} ({class_name}) has the setting {key!r}={short(value)}, which is unknown; "
                "without it, the network might compute something else"
            )


# Settings whose objects were checked. From any other, Keras could build what a file names.
_WITH_OBJECTS = ("activation", "_initializer", "_regularizer", "_constraint", "layer", "cell", "cells")


def _names_class(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "class_name" in value or any(map(_names_class, value.values()))
    return isinstance(value, list) and any(map(_names_class, value))


_READS, _RUNS = "takes text or tables, not images, and may read files", "runs a program outside the file"
# Layers of Keras that are not opened, with what they do.
_REFUSED = {
    **dict.fromkeys(("StringLookup", "IntegerLookup", "TextVectorization", "HashedCrossing", "Hashing"), _READS),
    **dict.fromkeys(("TFSMLayer", "TorchModuleWrapper", "FlaxLayer", "JaxLayer"), _RUNS),
}
_INCOMPLETE = ("Layer", "Lambda", "Wrapper", "Pipeline")


def missing_code(
    class_name: str, layer: Any, *, module: str = "MODULE", custom: Mapping[str, Any] | None = None
) -> ModelError:
    """Return the error for a class or function that is not in the file, with the way to give it.

    Args:
        class_name: name of the class or function.
        layer: name of the layer that has it.
        module: the module that probably defines it.
        custom: the classes and functions that the user gave.
    """
    if class_name in _REFUSED:
        return ModelError(
            f"has a {class_name} (layer {short(layer)}), which {_REFUSED[class_name]}; build the model in Python "
            "without it and give it to dreamfilters.load"
        )
    known = close_names(class_name, [name for name in custom if ">" not in name]) if custom else ""
    way = f"name the module that defines it, if you trust it: --import {module} (imports=[{module!r}])"
    way = f"{way}. {known}" if known else way
    return ModelError(f"needs the code of {class_name!r}, which is not in the file (layer {short(layer)}); {way}")


@cache
def layer_settings(class_name: str) -> frozenset[str] | None:
    """Return the settings of a layer of Keras 3, None if Keras has no such layer."""
    found = getattr(keras.src.applications.convnext if class_name in ELSEWHERE else keras.layers, class_name, None)
    if (
        class_name in _REFUSED
        or class_name in _INCOMPLETE
        or not (isinstance(found, type) and issubclass(found, keras.layers.Layer))
    ):
        return None
    known: set[str] = set()
    for base in found.__mro__:
        own = vars(base).get("__init__")
        if own is not None and base is not object:
            parameters = inspect.signature(own).parameters.values()
            known.update(p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
            if not any(p.kind == p.VAR_KEYWORD for p in parameters):
                break
    return frozenset(known - {"self"})


def short(value: Any) -> str:
    """Return a value as text for an error message, cut to 40 characters."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
