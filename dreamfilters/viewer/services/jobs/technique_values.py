"""The values of a form that a page has filled in: checked, and as a technique and the command line take them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from dreamfilters.dreams import builtin_recipes
from dreamfilters.errors import RecipeError, TargetError, UnknownNameError, close_names, printable
from dreamfilters.viewer.messages import CLASS_LAYER, NetworkDescription, Values
from dreamfilters.viewer.technique_request import GivenFile

_UNIT = re.compile(r"(\w{1,12}):(\d{1,9})", re.ASCII)  # id of a layer, unit
_MOST_LAYERS = 64


def checked(argument: Values, value: Any, description: NetworkDescription) -> Any:
    """Return the value of an argument as its technique takes it; an image stays its id.

    Args:
        argument: of a form, see `Argument.as_values`.
        value: what the page has sent, None for the default.
        description: of the network.

    Raises:
        RecipeError, TargetError, UnknownNameError: the value is missing, of another type or out of range, or names
            what the network does not have.
    """
    if value is None:
        if argument["required"]:
            raise RecipeError(f"{argument['title']}: choose one")
        return argument["default"]
    try:
        return _CHECKS[argument["kind"]](argument, value, description)
    except (TypeError, ValueError, OverflowError):
        text = printable(str(value)[:40])
        raise RecipeError(f"{argument['title']} {text}: expected {_EXPECTED[argument['kind']]}") from None


def word(argument: Values, value: Any) -> str:
    """Return a checked value as a word of the command line.

    >>> word({"prefix": "", "suffix": "/255"}, 8.0), word({"prefix": "steps=", "suffix": ""}, 20)
    ('8/255', 'steps=20')
    """
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, GivenFile):
        return value.name
    text = f"{value:.12g}" if isinstance(value, float) else str(value)
    return f"{argument['prefix']}{text}{argument['suffix']}"


def _unit(argument: Values, value: Any, description: NetworkDescription) -> str:
    """Return the target of a class or unit, which is sent as layer:unit."""
    match = _UNIT.fullmatch(value)
    layer, unit = (match[1], int(match[2])) if match else ("", 0)
    if layer not in description.layers or not unit < description.layers[layer].units:
        raise UnknownNameError(f"{argument['title']} {printable(value[:40])}: the network has no such unit")
    if argument["kind"] == "class" and layer != CLASS_LAYER:
        raise TargetError(f"{argument['title']} {printable(value[:40])}: must be a class")
    if not description.layers[layer].dreamable:
        raise TargetError(f"{description.layers[layer].name}: {description.layers[layer].reason}")
    return description.target(layer, unit)


def _layer(argument: Values, value: Any, description: NetworkDescription) -> str:
    if not isinstance(value, str) or value not in description.layers or value == CLASS_LAYER:
        raise UnknownNameError(f"{argument['title']} {printable(str(value)[:40])}: no layer has this id")
    return description.layers[value].name


def _kernels(argument: Values, value: Any, description: NetworkDescription) -> str:
    name = _layer(argument, value, description)
    if value not in (layer["id"] for layer in description.values["layers"] if layer["kernels"]):
        raise TargetError(f"{argument['title']} {name}: has no kernels to draw")
    return name


def _layer_target(argument: Values, value: Any, description: NetworkDescription) -> str:
    name = _layer(argument, value, description)
    if not description.layers[value].dreamable:
        raise TargetError(f"{name}: no dream is possible: {description.layers[value].reason}")
    return f"layer:{description.layer_targets[value]}"


def _layers(argument: Values, value: Any, description: NetworkDescription) -> tuple[str, ...] | None:
    if not isinstance(value, list) or len(value) > _MOST_LAYERS:
        raise TypeError
    return tuple(dict.fromkeys(_layer(argument, each, description) for each in value)) or None


def _text(argument: Values, value: Any, description: NetworkDescription) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _choice(argument: Values, value: Any, description: NetworkDescription) -> str:
    known = builtin_recipes.complete_names() if argument["kind"] == "recipe" else argument["choices"]
    if _text(argument, value, description) not in known:
        raise UnknownNameError(
            f"{argument['title']} {printable(value[:40])}: there is none. {close_names(value, known)}"
        )
    return str(value)


def _number(argument: Values, value: Any, description: NetworkDescription) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    lowest, highest = argument["lowest"], argument["highest"]
    low, high = -math.inf if lowest is None else lowest, math.inf if highest is None else highest
    if not (math.isfinite(value) and low <= value <= high):
        limits = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise RecipeError(f"{argument['title']} {value:g}: must be {limits}")
    return float(value)


def _integer(argument: Values, value: Any, description: NetworkDescription) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    return int(_number(argument, value, description))


_CHECKS: dict[str, Callable[[Values, Any, NetworkDescription], Any]] = {
    "class": _unit, "target": _unit, "layer": _layer, "kernels": _kernels, "layer-target": _layer_target,
    "layers": _layers, "maps": _layers, "image": _text, "choice": _choice, "recipe": _choice, "integer": _integer,
    "number": _number,
}  # fmt: skip
_EXPECTED = {
    "class": "a class", "target": "a class or a unit", "layer": "a layer", "kernels": "a layer",
    "layer-target": "a layer", "layers": "a list of layers", "maps": "a list of layers", "image": "the id of an image",
    "choice": "one of the choices", "recipe": "a recipe", "integer": "a whole number", "number": "a number",
}  # fmt: skip
