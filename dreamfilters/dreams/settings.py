"""Settings of a recipe and of its parts: frozen dataclasses whose annotations state the allowed values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

from dreamfilters.errors import RecipeError
from dreamfilters.text_files import shown


@dataclass(frozen=True)
class Limit:
    """The allowed values of a setting, given in its annotation.

    Attributes:
        words: the allowed values in words, for the error message.
        allows: value -> whether it is allowed; False for NaN.
    """

    words: str
    allows: Callable[[Any], bool]


def at_least(least: float) -> Limit:
    """Return the limit to numbers from `least` up."""
    return Limit(f"at least {least:g}", lambda value: value >= least)


def between(least: float, most: float) -> Limit:
    """Return the limit to numbers from `least` to `most`."""
    return Limit(f"from {least:g} to {most:g}", lambda value: least <= value <= most)


def below(least: float, end: float) -> Limit:
    """Return the limit to numbers from `least` up to `end`, without `end`."""
    return Limit(f"from {least:g} up to, not including, {end:g}", lambda value: least <= value < end)


def above(bound: float, usual: str = "") -> Limit:
    """Return the limit to numbers above `bound`; the error message states the usual values."""
    return Limit(f"must be above {bound:g}{usual and f', usually {usual}'}", lambda value: value > bound)


NonNegative: TypeAlias = Annotated[float, at_least(0)]
NonNegativeInt: TypeAlias = Annotated[int, at_least(0)]
PositiveInt: TypeAlias = Annotated[int, at_least(1)]
Share: TypeAlias = Annotated[float, between(0, 1)]


class Settings:
    """A base of dataclasses that raises a RecipeError for a field outside of its `Limit` or `Literal` annotation.

    >>> @dataclass(frozen=True)
    ... class Flip(Settings):
    ...     probability: Annotated[float, between(0, 1)] = 0.5
    >>> Flip(2.0)
    Traceback (most recent call last):
    dreamfilters.errors.RecipeError: probability=2.0: from 0 to 1
    """

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            value = getattr(self, name)
            for limit in getattr(hint, "__metadata__", ()):
                if not limit.allows(value):
                    raise RecipeError(f"{name}={value}: {limit.words}")
            if get_origin(hint) is Literal and value not in get_args(hint):
                *others, last = map(repr, get_args(hint))
                raise RecipeError(f"{name}={shown(value)}: {', '.join(others)} or {last}")
