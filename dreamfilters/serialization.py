"""Dataclasses as plain values for JSON, and back."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_MOST = 2**53  # an integer above it is no count, and not exact as a float
_SHOWN = 60  # characters of a wrong value in an error
_WORDS: dict[Any, str] = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def plain(thing: Any) -> Any:
    """Return a value as dicts, lists, strings and numbers; numbers that are not finite become None.

    >>> plain({"share": (0.5, float("nan"))})
    {'share': [0.5, None]}
    """
    if is_dataclass(thing) and not isinstance(thing, type):
        return {part.name: plain(getattr(thing, part.name)) for part in fields(thing)}
    if isinstance(thing, Mapping):
        return {str(key): plain(value) for key, value in thing.items()}
    if hasattr(thing, "dtype"):  # of NumPy, which is not imported for it: commands check their options first
        return plain(thing.tolist())
    if isinstance(thing, Sequence) and not isinstance(thing, str):
        return [plain(part) for part in thing]
    return None if isinstance(thing, float) and not math.isfinite(thing) else thing


def finite(number: float) -> float | None:
    """Return a number as a float, None where it is not finite."""
    return float(number) if math.isfinite(number) else None


def typed(kind: Any, value: Any, where: str = "value") -> Any:
    """Return the thing of this type whose plain values were stored; null becomes NaN where a float is wanted.

    Args:
        kind: a dataclass, bool, int, float, str, None, Any, `Literal`, a union, `tuple[kind, ...]`, `tuple` of so many
            kinds, or `Mapping[str, kind]`.
        value: values as `plain` returns them, from any source.
        where: what the value is, for the error.

    Raises:
        ValueError: it does not have this type, or a key is missing or unknown.

    >>> typed(tuple[float, ...], [1, None])
    (1.0, nan)
    >>> typed(Mapping[str, int], {"top": "4"})
    Traceback (most recent call last):
    ValueError: value.top='4': must be a whole number
    """
    origin, given = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _of_union(given, value, where)
    if origin is Literal:
        return _known(value in given and type(value) in map(type, given), value, where, f"one of {given}")
    if origin is tuple:
        return _tuple(given, value, where)
    if origin is not None and issubclass(origin, Mapping):
        _known(isinstance(value, dict), value, where, "an object")
        return {key: typed(given[1], part, f"{where}.{key}") for key, part in value.items()}
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    return _simple(kind, value, where)


def _simple(kind: Any, value: Any, where: str) -> Any:
    if kind is None or kind is types.NoneType:
        return _known(value is None, value, where, "null")
    if kind is float:
        fits = type(value) in (int, float) and not math.isinf(value)
        return math.nan if value is None else float(_known(fits, value, where, _WORDS[kind]))
    fits = type(value) is kind and (kind is not int or abs(value) <= _MOST)
    return _known(fits, value, where, _WORDS[kind])


def _of_union(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    errors = []
    for kind in kinds:
        try:
            return typed(kind, value, where)
        except ValueError as error:
            errors.append(error)
    raise errors[0]


def _tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _known(isinstance(value, list | tuple), value, where, "a list")
    each = kinds[:1] * len(value) if kinds[1:] == (...,) else kinds
    _known(len(each) == len(value), value, where, f"{len(each)} values")
    return tuple(typed(kind, part, f"{where}[{at}]") for at, (kind, part) in enumerate(zip(each, value, strict=True)))


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    _known(isinstance(value, dict), value, where, "an object")
    hints, needed = _fields(kind)
    for key in [*(value.keys() - hints.keys()), *(needed - value.keys())]:
        raise ValueError(f"{where}: the key {key[:80]!r} is {'unknown' if key in value else 'missing'}")
    return kind(**{key: typed(hints[key], part, f"{where}.{key}") for key, part in value.items()})


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], set[str]]:
    """Return field -> type of a dataclass, and the fields without a default."""
    hints = get_type_hints(kind)
    found = {part.name: hints[part.name] for part in fields(kind) if part.init}
    return found, {part.name for part in fields(kind) if part.default is part.default_factory is MISSING}


def _known(fits: bool, value: Any, where: str, wanted: str) -> Any:
    """Return the value if it fits, else raise a ValueError that says what is wanted."""
    if not fits:
        raise ValueError(f"{where}={repr(value)[:_SHOWN]}: must be {wanted}")
    return value
