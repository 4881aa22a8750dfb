"""What a person says of a network's input, in `model.toml` beside the model or at the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import pydantic

from dreamfilters.errors import InputFormError
from dreamfilters.networks.inputs import InputForm, Order

_Numbers: TypeAlias = Annotated[
    tuple[float, ...], pydantic.BeforeValidator(lambda v: (v,) if isinstance(v, (int, float)) else v)
]
_Size: TypeAlias = Annotated[
    tuple[pydantic.PositiveInt, pydantic.PositiveInt],
    pydantic.BeforeValidator(lambda v: (v, v) if isinstance(v, int) else v),
]


class InputSettings(pydantic.BaseModel):
    """The keys of `model.toml`, all of them optional.

    Attributes:
        range: [black, white], such as [0, 255] or [-1, 1].
        mean: with `deviation` and `scale`: the input is (picture * scale - mean) / deviation.
        deviation: likewise, one number or one per channel in the network's order.
        scale: what a picture's 1 becomes before the mean goes off.
        order: 'RGB', 'BGR', 'grey' or 'channels'.
        size: side, or [height, width].
        classes: list of names, or a file of names relative to this one.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    range: tuple[float, float] | None = None
    mean: _Numbers | None = None
    deviation: _Numbers | None = None
    scale: float | None = None
    order: Order | None = None
    size: _Size | None = None
    classes: tuple[str, ...] | str | None = None

    @property
    def says_range(self) -> bool:
        """Whether the range of values is settled."""
        return not (self.range is None and self.mean is None and self.deviation is None and self.scale is None)

    def over(self, other: InputSettings) -> InputSettings:
        """Return the settings of both, these before those of `other`; a range is taken whole from one of them."""
        lower = other.model_dump(exclude_none=True)
        if self.says_range:
            lower = {key: value for key, value in lower.items() if key not in ("range", "mean", "deviation", "scale")}
        return InputSettings(**{**lower, **self.model_dump(exclude_none=True)})

    def applied(self, form: InputForm) -> InputForm:
        """Return `form` with what was said in place of what was assumed.

        Raises:
            InputFormError: it contradicts itself or the network.
        """
        size, order = self.size or form.size, self.order or form.order
        if self.range is not None:
            if self.mean or self.deviation or self.scale is not None:
                raise InputFormError("range: give either range, or mean, deviation and scale")
            return InputForm.from_range(*self.range, size=size, channels=form.channels, order=order)
        if not self.says_range:
            return InputForm(size, form.channels, form.scale, form.mean, form.deviation, order)
        scale = 1.0 if self.scale is None else self.scale
        return InputForm(size, form.channels, scale, self.mean or (0.0,), self.deviation or (1.0,), order)


def read_settings(source: Path | Mapping[str, Any]) -> InputSettings:
    """Return the settings in a TOML file, or check those given as a mapping.

    Raises:
        InputFormError: no such file, no TOML, or an unknown or wrong key.
    """
    if isinstance(source, Mapping):
        return _checked(source, "input")
    try:
        settings = _checked(tomllib.loads(source.read_text("utf-8")), source.name)
    except OSError as error:
        raise InputFormError(f"{source}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputFormError(f"{source}: is not a text file in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise InputFormError(f"{source}: is not TOML: {error}") from None
    if isinstance(settings.classes, str):
        return settings.model_copy(update={"classes": str(source.parent / settings.classes)})
    return settings


def _checked(keys: Mapping[str, Any], where: str) -> InputSettings:
    try:
        return InputSettings(**keys)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise InputFormError(
                f"{where}: {key}: no such key. Keys: {', '.join(InputSettings.model_fields)}"
            ) from None
        raise InputFormError(f"{where}: {key}={keys[key]!r}: {_EXPECTED[key]}") from None


_EXPECTED = {
    "range": "two numbers, such as [0, 255]",
    "mean": "a number, or one per channel",
    "deviation": "a number, or one per channel",
    "scale": "a number, such as 255",
    "order": "one of 'RGB', 'BGR', 'grey', 'channels'",
    "size": "a side in pixels, or [height, width]",
    "classes": "a list of names, or the name of a file with them",
}
