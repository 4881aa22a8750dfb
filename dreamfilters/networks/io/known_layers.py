"""Which layers a file may ask for, and which settings each of them takes: what is not here is refused by its name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import keras

from dreamfilters.errors import ModelError
from dreamfilters.networks.migrate.keras_migrations import ELSEWHERE


def check_known(name: str, kind: str, config: Mapping[str, Any]) -> None:
    """Pass over a layer whose settings Keras 3 takes as they are.

    Raises:
        ModelError: there is no such layer, or it has another setting or an object where it takes none.
    """
    known = layer_settings(kind)
    if known is None:
        raise ModelError(f"needs the code of its own {kind!r} (layer {name}), which is not in the file")
    for key, value in config.items():
        if not key.endswith(_MADE) and _names_class(value):
            raise ModelError(f"its layer {name} ({kind}) has an object as {key}, which is in no table of changes")
        if key not in known:
            raise ModelError(
                f"its layer {name} ({kind}) has the setting {key!r}={short(value)}, which is in no table of changes; "
                "left out, the network might compute something else"
            )


# Settings whose objects were upgraded; in any other, Keras might make whatever a file names.
_MADE = ("activation", "_initializer", "_regularizer", "_constraint", "layer", "cell", "cells")


def _names_class(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "class_name" in value or any(map(_names_class, value.values()))
    return isinstance(value, list) and any(map(_names_class, value))


# These read other files, or run a program of another kind.
_NO_LAYERS = frozenset(
    {"Layer", "Lambda", "Wrapper", "TFSMLayer", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "StringLookup"}
    | {"IntegerLookup", "TextVectorization", "HashedCrossing", "Hashing", "Pipeline"}
)


@cache
def layer_settings(kind: str) -> frozenset[str] | None:
    """Return the settings that a layer of Keras 3 takes, None if it has no layer of this name."""
    found = getattr(keras.src.applications.convnext if kind in ELSEWHERE else keras.layers, kind, None)
    if kind in _NO_LAYERS or not (isinstance(found, type) and issubclass(found, keras.layers.Layer)):
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
    """Return a value as an error message shows it."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
