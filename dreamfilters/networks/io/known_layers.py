"""The layers that a file may contain, and the settings of each; anything else is refused by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import keras

from dreamfilters.errors import ModelError
from dreamfilters.networks.migrate.keras_migrations import ELSEWHERE


def check_known(name: str, kind: str, config: Mapping[str, Any]) -> None:
    """Check that Keras 3 has a layer and all of its settings.

    Raises:
        ModelError: Keras has no such layer, or the layer has an unknown setting or object.
    """
    known = layer_settings(kind)
    if known is None:
        raise ModelError(f"needs the code of {kind!r} (layer {name}), which is not in the file")
    for key, value in config.items():
        if not key.endswith(_WITH_OBJECTS) and _names_class(value):
            raise ModelError(f"its layer {name} ({kind}) has an unknown object as {key}")
        if key not in known:
            raise ModelError(
                f"its layer {name} ({kind}) has the setting {key!r}={short(value)}, which is unknown; "
                "without it, the network might compute something else"
            )


# Settings whose objects were checked. From any other, Keras could build what a file names.
_WITH_OBJECTS = ("activation", "_initializer", "_regularizer", "_constraint", "layer", "cell", "cells")


def _names_class(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "class_name" in value or any(map(_names_class, value.values()))
    return isinstance(value, list) and any(map(_names_class, value))


# Layers that read files or run other programs.
_REFUSED = frozenset(
    {"Layer", "Lambda", "Wrapper", "TFSMLayer", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "StringLookup"}
    | {"IntegerLookup", "TextVectorization", "HashedCrossing", "Hashing", "Pipeline"}
)


@cache
def layer_settings(kind: str) -> frozenset[str] | None:
    """Return the settings of a layer of Keras 3, None if Keras has no such layer."""
    found = getattr(keras.src.applications.convnext if kind in ELSEWHERE else keras.layers, kind, None)
    if kind in _REFUSED or not (isinstance(found, type) and issubclass(found, keras.layers.Layer)):
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
