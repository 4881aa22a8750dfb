"""The arguments of `load` as options of the command line, for commands that are printed to be copied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_OF_FORM = {"range": "--range", "order": "--order", "bits": "--bits", "size": "--input-size"}  # keys with an option
_NAMES = ("classes", "architecture", "form", "size", "input", "inputs", "output", "trust", "imports")


def writable_arguments(arguments: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return the arguments of `load` that can be written on one line, as literals; not a list of names or an object.

    >>> writable_arguments({"form": Path("form.toml"), "classes": ["a", "b"], "trust": False})
    (('form', 'form.toml'),)
    """
    found = [(name, _literal(name, arguments.get(name))) for name in _NAMES]
    return tuple((name, value) for name, value in found if value)


def command_options(arguments: Mapping[str, Any]) -> list[str]:
    """Return the words of the command line that stand for arguments of `load`.

    >>> command_options({"form": {"range": (0.0, 255.0), "size": (28, 28)}, "inputs": {"mask": 1.0}, "trust": True})
    ['--range', '0', '255', '--input-size', '28x28', '--input', 'mask=1', '--trust']
    """
    return [word for name, value in writable_arguments(arguments) for word in _words(name, value)]


def _literal(name: str, value: Any) -> Any:
    if name == "imports":
        return (value,) if isinstance(value, str) else tuple(value or ())
    if name == "inputs":
        values = {key: str(each) if isinstance(each, Path) else each for key, each in (value or {}).items()}
        return values if all(isinstance(each, str | int | float) for each in values.values()) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value) if set(value) <= set(_OF_FORM) else None
    return tuple(value) if _is_size(value) else value if isinstance(value, str | int) else None


def _is_size(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(side, int) for side in value)


def _words(name: str, value: Any) -> list[str]:
    if value is True:
        return [f"--{name}"]
    if name == "imports":
        return [word for module in value for word in ("--import", module)]
    if name == "inputs":
        return [word for key, each in value.items() for word in ("--input", f"{key}={_text(each)}")]
    if isinstance(value, dict):
        return [word for key, each in value.items() for word in (_OF_FORM[key], *_texts(key, each))]
    return [f"--{name}", *_texts(name, value)]


def _texts(name: str, value: Any) -> list[str]:
    """Return the words of a value: one of a size, two of a range."""
    if isinstance(value, tuple | list):
        numbers = [_text(each) for each in value]
        return ["x".join(numbers)] if name == "size" else numbers
    return [_text(value)]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
