"""Settings of a network's input form, from `model.toml` next to the model or from the command line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import pydantic
from pydantic import Field

from dreamfilters.errors import InputFormError
from dreamfilters.images.resizing import RULES, Rule
from dreamfilters.networks.preprocessing.channel_orders import ORDERS, Order
from dreamfilters.networks.preprocessing.input_form import InputForm
from dreamfilters.networks.preprocessing.tolerance import Tolerance
from dreamfilters.text_files import check_inside, parse_toml, read_text, shown

# Of the type that is written: true is no number, and "3" is none.
_Number: TypeAlias = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Side: TypeAlias = Annotated[int, Field(strict=True, gt=0)]
_Numbers: TypeAlias = Annotated[
    tuple[_Number, ...],
    Field(min_length=1),
    pydantic.BeforeValidator(lambda v: v if isinstance(v, list | tuple) else (v,)),
]
_Size: TypeAlias = Annotated[
    tuple[_Side, _Side], pydantic.BeforeValidator(lambda v: v if isinstance(v, list | tuple) else (v, v))
]


THE_IMAGE = "image"  # the value of an input that takes the same image
_VALUES = ("range", "mean", "std", "scale", "standardized")  # of the range of values; they are taken together
_TOLERANCE = re.compile(r"^tolerance *= *\{[^{}\n]*\} *\n?", re.MULTILINE)
_LONGEST_KEY = 80  # characters of a key in a message
_STANDARDIZED_SCALE = 255.0  # the smallest std in `standardized` is meant for images in 0..255


class InputSettings(pydantic.BaseModel):
    """The keys of `model.toml`, all of them optional; the descriptions complete the error messages.

    `range` is [black, white]. Files in `classes` and `inputs` are relative to this one. Others are as in `InputForm`.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    range: tuple[_Number, _Number] | None = Field(default=None, description="two numbers, such as [0, 255]")
    mean: _Numbers | None = Field(default=None, description="a number, or one per channel")
    std: _Numbers | None = Field(default=None, description="a number, or one per channel")
    scale: _Number | None = Field(default=None, description="a number, such as 255")
    standardized: bool | None = Field(default=None, strict=True, description="true or false")
    order: Order | None = Field(default=None, description=f"one of {', '.join(map(repr, ORDERS))}")
    size: _Size | None = Field(default=None, description="a side in pixels, or [height, width]")
    resize: Rule | None = Field(default=None, description=f"one of {', '.join(map(repr, RULES))}")
    bits: int | None = Field(default=None, strict=True, description="9 to 16, of the values in image files of 16 bits")
    tolerance: dict[str, _Number] | None = Field(
        default=None, description="a table of numbers, which dreamfilters calibrate measures"
    )
    classes: tuple[str, ...] | str | None = Field(
        default=None, description="a list of names, or the name of a file with them"
    )
    inputs: dict[str, _Number | str] | None = Field(
        default=None, description="a number or a file for each input that does not take the image"
    )

    @property
    def has_range(self) -> bool:
        """Whether the range of values is given."""
        return any(getattr(self, key) is not None for key in _VALUES)

    @property
    def other_keys(self) -> tuple[str, ...]:
        """The keys that are given, without those of the range."""
        return tuple(key for key in self.model_dump(exclude_none=True) if key not in _VALUES)

    def over(self, other: InputSettings) -> InputSettings:
        """Return these settings completed by those of `other`; the keys of the range come from one of them only."""
        lower = other.model_dump(exclude_none=True)
        if self.has_range:
            lower = {key: value for key, value in lower.items() if key not in _VALUES}
        return InputSettings(**{**lower, **self.model_dump(exclude_none=True)})

    def applied(self, form: InputForm) -> InputForm:
        """Return `form` with these settings, or raise InputFormError if they contradict each other or `form`."""
        size, order, resize = self.size or form.size, self.order or form.order, self.resize or form.resize
        form = replace(form, size=size, order=order, resize=resize, bits=self.bits or form.bits)
        if self.range is not None:
            if any(getattr(self, key) is not None for key in _VALUES[1:]):
                raise InputFormError("range: give either range, or mean, std, scale and standardized")
            return form.in_range(*self.range)
        if not self.has_range:
            return form
        usual = _STANDARDIZED_SCALE if self.standardized else 1.0
        scale = usual if self.scale is None else self.scale
        mean, std = self.mean or (0.0,), self.std or (1.0,)
        if self.scale is None and max(mean) > usual:
            white = f"white, which is {usual:g} without scale; add scale = 255 for the means of images in 0..255"
            raise InputFormError(f"mean={list(mean)}: above {white}")
        return replace(form, scale=scale, mean=mean, std=std, standardized=bool(self.standardized))


def read_settings(source: Path | Mapping[str, Any]) -> InputSettings:
    """Return the settings in a TOML file or a mapping, or raise InputFormError."""
    if isinstance(source, Mapping):
        return _checked(source, "input")
    settings = _in_file(source)
    here: dict[str, Any] = {}
    if isinstance(settings.classes, str):
        here["classes"] = str(source.parent / settings.classes)
    if settings.inputs is not None:
        held = settings.inputs.items()
        files = {name: str(source.parent / value) for name, value in held if isinstance(value, str)}
        here["inputs"] = {name: value if value == THE_IMAGE else files.get(name, value) for name, value in held}
    return settings.model_copy(update=here)


def inputs_in(path: Path) -> dict[str, float | str]:
    """Return the values of other inputs as a `model.toml` has them; {} where there is no valid file."""
    try:
        check_inside(path, path.parent, error=InputFormError)
        return _in_file(path).inputs or {}
    except InputFormError:
        return {}


def tolerance_in(path: Path) -> Tolerance | None:
    """Return the tolerance that a `model.toml` has; None where there is no valid file."""
    try:
        check_inside(path, path.parent, error=InputFormError)
        values = _in_file(path).tolerance
        return None if values is None else Tolerance.of(values)
    except InputFormError:
        return None


def with_tolerance(path: Path, tolerance: Tolerance, *, force: bool = False) -> str:
    """Return the text of a `model.toml` with this tolerance; its other lines stay.

    Args:
        path: the file, which may not exist.
        tolerance: the tolerance.
        force: whether to replace another one.

    Raises:
        InputFormError: the file is no valid `model.toml`, or has a tolerance that is not replaced.
    """
    if not os.path.lexists(path):
        return tolerance_as_toml(tolerance)
    check_inside(path, path.parent, error=InputFormError)
    text = read_text(path, error=InputFormError)
    if _in_file(path).tolerance is not None:
        if not force:
            raise InputFormError(f"{path}: has a tolerance already; --force replaces it")
        text = _TOLERANCE.sub("", text, count=1)
        if "tolerance" in parse_toml(text, str(path), error=InputFormError):
            raise InputFormError(f"{path}: its tolerance is not a table in one line; remove it from the file first")
    return tolerance_as_toml(tolerance) + text


def tolerance_as_toml(tolerance: Tolerance | None) -> str:
    """Return the line of a `model.toml` with this tolerance, "" for None.

    >>> tolerance_as_toml(Tolerance(rotate=15.0, shift=0.08))
    'tolerance = {rotate = 15.0, scale = 0.0, shift = 0.08, crop = 1.0, noise = 0.0, blur = 0.0}\\n'
    """
    if tolerance is None:
        return ""
    return f"tolerance = {{{', '.join(f'{name} = {value}' for name, value in tolerance.as_values().items())}}}\n"


def _in_file(path: Path) -> InputSettings:
    text = read_text(path, error=InputFormError)
    return _checked(parse_toml(text, str(path), error=InputFormError), path.name)


def form_as_toml(
    form: InputForm,
    classes: tuple[str, ...] | str | None = None,
    inputs: Mapping[str, float | str] | None = None,
    *,
    without: Collection[str] = (),
) -> str:
    """Return the text of a `model.toml` with this form, and with classes and values of other inputs if they are given.

    Keys in `without` are left out; 'range' stands for all keys of the range of values.

    >>> form_as_toml(InputForm.from_range(0, 255, size=(30, 30), order="BGR"))
    'size = [30, 30]\\norder = "BGR"\\nrange = [0.0, 255.0]\\n'
    """
    keys: dict[str, Any] = {} if None in form.size else {"size": list(form.size)}
    keys["order"] = form.order
    if form.standardized:
        keys["standardized"] = True
    if form == form.in_range(low := -form.mean[0], low + form.scale):
        keys["range"] = [low + 0.0, low + form.scale]
    else:
        keys |= {"scale": form.scale, "mean": list(form.mean), "std": list(form.std)}
    if form.resize != InputForm.resize:
        keys["resize"] = form.resize
    if form.bits != InputForm.bits:
        keys["bits"] = form.bits
    if classes is not None:
        keys["classes"] = classes if isinstance(classes, str) else list(classes)
    hidden = {*without, *(_VALUES if "range" in without else ())}
    keys = {key: value for key, value in keys.items() if key not in hidden}
    keys |= {f"inputs.{json.dumps(name, ensure_ascii=False)}": value for name, value in (inputs or {}).items()}
    # Numbers, lists and strings are the same in JSON and TOML, except for one control character.
    values = {key: json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f") for key, value in keys.items()}
    return "".join(f"{key} = {value}\n" for key, value in values.items())


def _checked(keys: Mapping[str, Any], where: str) -> InputSettings:
    try:
        return InputSettings(**keys)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise InputFormError(
                f"{where}: {key[:_LONGEST_KEY]}: no such key. Keys: {', '.join(InputSettings.model_fields)}"
            ) from None
        raise InputFormError(
            f"{where}: {key}={shown(keys[key])}: {InputSettings.model_fields[key].description}"
        ) from None
