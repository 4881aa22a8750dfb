"""Recipes: how a dream is made, as a frozen value that is read from TOML and written as JSON values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_type_hints

from dreamfilters.display import frame, heading, table
from dreamfilters.dreams import builtin_recipes, optimizers, parameterizations, penalties, transforms
from dreamfilters.dreams.optimizers import Nadam, Optimizer, Schedule
from dreamfilters.dreams.parameterizations import Fourier, Parameterization, Size
from dreamfilters.dreams.penalties import Edit, Penalty
from dreamfilters.dreams.perturbation import Perturbation
from dreamfilters.dreams.priors.denoised import Denoised
from dreamfilters.dreams.settings import PositiveInt, Settings, above, between
from dreamfilters.dreams.transforms import Rotate, Scale, Shift, Transform
from dreamfilters.errors import RecipeError, close_names
from dreamfilters.text_files import parse_toml, shown

ClassScore: TypeAlias = Literal["logit", "margin"]
StepPrecision: TypeAlias = Literal["auto", "float32", "bfloat16"]


def _kinds(module: Any, names: str) -> dict[str, type]:
    return {_kind(name): getattr(module, name) for name in names.split()}


def _kind(name: str) -> str:
    """Return the name of a class in TOML: TotalVariation -> total-variation, RMSprop -> rmsprop."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "-", name).lower()


# section of a recipe -> kind in TOML -> class
KINDS: dict[str, dict[str, type]] = {
    "parameterization": {
        **_kinds(parameterizations, "Pixels Fourier Phase Pyramid CPPN"),
        "denoised": Denoised,
        "perturbation": Perturbation,
    },
    "transforms": _kinds(transforms, "Rotate Scale Shear Shift Crop Jitter Pad Trim Views Noise Blur Flip Color"),
    "penalties": _kinds(penalties, "TotalVariation SquaredVariation L1 L2 Lp BlurDistance"),
    "edits": _kinds(penalties, "Decay BlurEvery ClipNorm ClipContribution"),
    "optimizer": _kinds(optimizers, "Adam Nadam RMSprop Momentum Sign Normalized"),
}
_LISTS = ("transforms", "penalties", "edits")


@dataclass(frozen=True)
class Recipe(Settings):
    """How dreams are made.

    Attributes:
        parameterization: the optimized parameters, and the canvas.
        transforms: applied to the image in order before the network sees it.
        penalties: subtracted from the score.
        edits: applied to the pixels after each step; they require `Pixels`.
        optimizer: turns gradients into steps.
        schedule: how the learning rate changes over the steps.
        steps: number of steps on each octave.
        octaves: number of sizes, from small to full, each `octave_scale` times the one before.
        octave_scale: ratio of two successive sizes.
        class_score: objective of a class target: its "logit", or the "margin" over the other classes.
        transparency: whether to return where the image matters as an alpha channel (MACO).
        precision: of the pass through the network in each step: "float32", "bfloat16", or "auto" for bfloat16 where
            Keras runs on JAX on an accelerator, else float32. Scores are those of float32 in any case.
        name: name of the recipe.
        calibrated: whether the motions are at most as strong as the network tolerates, see `calibrate`.

    Example:
        >>> Recipe(Fourier(96), transforms=(Shift(2),), steps=32).steps
        32
    """

    parameterization: Parameterization = field(default_factory=Fourier)
    transforms: tuple[Transform, ...] = (Rotate(5.0), Scale(0.05), Shift(2.0))
    penalties: tuple[Penalty, ...] = ()
    edits: tuple[Edit, ...] = ()
    optimizer: Optimizer = field(default_factory=Nadam)
    schedule: Schedule = "constant"
    steps: PositiveInt = 64
    octaves: Annotated[int, between(1, 12)] = 1
    octave_scale: Annotated[float, above(1, usual="1.2 to 1.5")] = 1.4
    class_score: ClassScore = "logit"
    transparency: bool = False
    precision: StepPrecision = "auto"
    name: str = "custom"
    calibrated: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.edits and not isinstance(self.parameterization, parameterizations.Pixels):
            kind = _kind(type(self.parameterization).__name__)
            raise RecipeError(f"edits change pixels, which {kind} does not have: set parameterization.kind = 'pixels'")

    def __repr__(self) -> str:
        parts = [part for key in _LISTS for part in getattr(self, key)]
        kinds = ", ".join(type(part).__name__ for part in (self.parameterization, *parts, self.optimizer))
        return f"Recipe({self.name[:60]!r}, {self.steps} steps: {kinds[:180]})"

    def _repr_html_(self) -> str:
        rows = [
            {"setting": name, "value": "\n".join(map(repr, value)) if isinstance(value, tuple) else value}
            for name, value in vars(self).items()
            if value != () and name != "name"
        ]
        return frame(heading(f"Recipe {self.name}"), table("", rows))

    def as_values(self) -> dict[str, Any]:
        """Return the recipe as JSON values, which `from_values` reads."""
        return {name: _plain(value) for name, value in vars(self).items()}

    @property
    def canvas_size(self) -> tuple[int, int] | None:
        """Return (height, width), or None for the network's size."""
        size = self.parameterization.size
        return (size, size) if isinstance(size, int) else size


def _plain(value: Any) -> Any:
    """Return a setting as JSON values; those of a part start with its kind."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {"kind": _kind(type(value).__name__), **{name: _plain(inner) for name, inner in vars(value).items()}}
    return value


def read_recipe(source: str | Path, *, settings: Sequence[str] = ()) -> Recipe:
    """Return a recipe by name ('standard', 'natural', ...) or from a TOML file, with some settings changed.

    Args:
        source: a name or a file.
        settings: such as "steps=128", "optimizer.rate=.1" or, for a part of a list, "transforms.rotate.degrees=10".

    Raises:
        RecipeError: an unknown key, with the known ones, or a wrong value.
        UnknownNameError: no such recipe.

    Example:
        >>> read_recipe("standard", settings=["steps=128"]).steps
        128
    """
    values, name = builtin_recipes.values(str(source))
    values.pop("description", None)
    for setting in settings:
        _change(values, setting)
    return from_values({"name": name, **values}, where=str(source))


def from_values(values: Mapping[str, Any], *, where: str = "recipe") -> Recipe:
    """Return the recipe of values as TOML or JSON give them.

    Args:
        values: as `Recipe.as_values` returns them; keys that are absent have their defaults.
        where: what error messages name as the source.

    Example:
        >>> from_values({"steps": 8, "optimizer": {"kind": "adam"}}).optimizer
        Adam(rate=0.05, beta1=0.9, beta2=0.999)
    """
    parts = dict(values)
    for key in [section for section in KINDS if section in values]:
        value = values[key]
        if key not in _LISTS:
            parts[key] = _part(key, value, where)
        elif isinstance(value, list):
            parts[key] = tuple(_part(key, item, where) for item in value)
        else:
            raise RecipeError(f"{where}: {key} is a list of tables ([[{key}]]), not {shown(value)}")
    return _validated(Recipe, parts, where)  # type: ignore[no-any-return]


def _suggestion(key: str, allowed: Sequence[str]) -> str:
    close = close_names(key, allowed)
    return f"{close}. " * close.startswith("Close") + f"Allowed: {', '.join(allowed)}"


def _part(section: str, values: Any, where: str) -> Any:
    if not isinstance(values, Mapping) or "kind" not in values:
        raise RecipeError(
            f"{where}: {section} is a table with a kind, one of {', '.join(KINDS[section])}; got {shown(values)}"
        )
    rest = dict(values)
    kind = rest.pop("kind")
    if not isinstance(kind, str) or kind not in KINDS[section]:
        raise RecipeError(f"{where}: {section} kind {shown(kind)}; {_suggestion(str(kind), list(KINDS[section]))}")
    return _validated(KINDS[section][kind], rest, f"{where}: {section} {kind}")


def _validated(cls: type, values: dict[str, Any], where: str) -> Any:
    """Return the dataclass of these values, checked against its annotations."""
    allowed = [entry.name for entry in dataclasses.fields(cls)]
    for key in values:
        if key not in allowed:
            raise RecipeError(f"{where}: unknown key {shown(key)}; {_suggestion(key, allowed)}")
    checked = {key: _typed(cls, key, value, where) for key, value in values.items()}
    try:
        return cls(**checked)
    except RecipeError as error:
        raise RecipeError(f"{where}: {error}") from None
    except TypeError:
        missing = [e.name for e in dataclasses.fields(cls) if _required(e) and e.name not in checked]
        raise RecipeError(f"{where}: needs {', '.join(missing)}") from None


def _required(entry: dataclasses.Field[Any]) -> bool:
    return entry.default is dataclasses.MISSING and entry.default_factory is dataclasses.MISSING


# type of a setting -> accepted types, and their words in an error message
_ACCEPTED: dict[Any, tuple[tuple[type, ...], str]] = {
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bool: ((bool,), "true or false"),
    str: ((str,), "text in quotes"),
    Size: ((int, tuple, type(None)), "one side in pixels, or [height, width]"),
}


def _typed(cls: type, key: str, value: Any, where: str) -> Any:
    """Return a value with the type of its field: a list becomes a tuple, a whole number a float."""
    hint = get_type_hints(cls)[key]
    if hint not in _ACCEPTED:
        return value  # a part, already checked, or one of several words, which its class checks
    types, words = _ACCEPTED[hint]
    typed: Any = tuple(value) if hint == Size and isinstance(value, list) else value
    is_pair = not isinstance(typed, tuple) or (len(typed) == 2 and all(type(side) is int for side in typed))
    if type(typed) not in types or not is_pair:
        raise RecipeError(f"{where}: {key}={shown(value)}: {words}")
    return float(typed) if hint is float else typed


def _change(values: dict[str, Any], setting: str) -> None:
    """Apply one 'key=value' to the values of a recipe."""
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {setting}: give KEY=VALUE, for example steps=128 or optimizer.rate=.1")
    path = key.strip().split(".")
    table: Any = values
    for word in path[:-1]:
        table = _enter(table, word, setting)
    if isinstance(table, list):
        raise RecipeError(
            f"--set {setting}: {path[-2]} is a list; name a part and its setting, such as transforms.rotate.degrees=10"
        )
    table[path[-1]] = _value(text.strip())
    if path[-1] == "kind":  # the settings of another kind do not fit
        for other in [name for name in table if name not in ("kind", "size")]:
            del table[other]


def _enter(table: Any, word: str, setting: str) -> Any:
    if isinstance(table, list):
        for part in table:
            if part.get("kind") == word:
                return part
        kinds = ", ".join(str(part.get("kind")) for part in table) or "none"
        raise RecipeError(f"--set {setting}: the recipe's list has no {word!r}; it has {kinds}")
    inner = table.setdefault(word, {})
    if not isinstance(inner, (dict, list)):
        raise RecipeError(f"--set {setting}: {word} is a value, not a table")
    return inner


def _value(text: str) -> Any:
    """Return the value of TOML text; a bare word is text, '.1' is 0.1."""
    if text.lstrip("+-").startswith("."):
        text = text.replace(".", "0.", 1)
    try:
        return parse_toml(f"value = {text}", "", error=RecipeError)["value"]
    except RecipeError:
        return text
