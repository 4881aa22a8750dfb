"""How a picture becomes a network's input: size, channel order and value range, true or assumed.

A model file does not say how its pictures were prepared, and strangers' networks differ: raw 0..255, divided by 255,
BGR, grey. A dream for the wrong range is meaningless, so the form is part of the network and what was assumed is said.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import keras
import numpy as np
from keras import layers, ops

from dreamfilters.errors import InputFormError

Tensor: TypeAlias = Any
Order: TypeAlias = Literal["RGB", "BGR", "grey", "channels"]

_KEYS = ("size", "range", "scale", "mean", "deviation", "order", "classes")


@dataclass(frozen=True)
class InputForm:
    """Pictures in [0, 1] become (order(picture) * scale - mean) / deviation.

    Attributes:
        size: (height, width) in pixels; None where any will do.
        channels: of the network's input.
        scale: the largest pixel value, 1 or 255.
        mean: per channel of the input, in the input's order.
        deviation: per channel of the input.
        order: "RGB" or "BGR" for three channels, "grey" for one, "channels" for any other number.

    Example:
        >>> InputForm.from_range(0, 255, size=(30, 30), order="BGR").describe()
        '30x30 BGR, 0 to 255'
    """

    size: tuple[int | None, int | None] = (None, None)
    channels: int = 3
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    order: Order = "RGB"

    def __post_init__(self) -> None:
        if self.order not in get_args(Order):
            raise InputFormError(f"order={self.order!r}: one of {', '.join(get_args(Order))}")
        wanted = {"RGB": 3, "BGR": 3, "grey": 1}.get(self.order, self.channels)
        if self.channels != wanted:
            raise InputFormError(f"order={self.order!r} has {wanted} channels, the network's input has {self.channels}")
        for name in ("mean", "deviation"):
            if len(getattr(self, name)) not in (1, self.channels):
                raise InputFormError(f"{name}={list(getattr(self, name))}: one number, or one for each of {self.channels} channels")
        if not self.scale > 0 or not all(value > 0 for value in self.deviation):
            raise InputFormError(f"scale={self.scale}, deviation={list(self.deviation)}: above 0")

    @classmethod
    def from_range(cls, low: float, high: float, **rest: Any) -> InputForm:
        """Return the form whose input runs from `low` (black) to `high` (white)."""
        if not high > low:
            raise InputFormError(f"range=[{low:g}, {high:g}]: the second number is the larger one")
        return cls(scale=float(high - low), mean=(-float(low),), deviation=(1.0,), **rest)

    @property
    def picture_channels(self) -> int:
        """Return the channels of a picture before it is reordered."""
        return self.channels

    def to_input(self, picture: Tensor) -> Tensor:
        """Turn pictures (n, h, w, c) in [0, 1] into what the network takes."""
        if self.order == "BGR":
            picture = ops.flip(picture, axis=-1)
        plain = self.mean == (0.0,) and self.deviation == (1.0,)
        scaled = picture if self.scale == 1 else picture * self.scale
        return scaled if plain else (scaled - np.asarray(self.mean, "float32")) / np.asarray(self.deviation, "float32")

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the largest valid input of each channel, (c,) each."""
        mean, deviation = (np.broadcast_to(np.asarray(v, "float64"), self.channels) for v in (self.mean, self.deviation))
        return -mean / deviation, (self.scale - mean) / deviation

    def describe(self) -> str:
        """Return the form in one line."""
        size = "x".join("any" if side is None else str(side) for side in self.size)
        order = f"{self.channels} channels" if self.order == "channels" else self.order
        low, high = self.box()
        if len(set(low)) == 1 and len(set(high)) == 1:
            return f"{size} {order}, {low[0]:g} to {high[0]:g}"
        mean, deviation = (", ".join(f"{v:g}" for v in values) for values in (self.mean, self.deviation))
        return f"{size} {order}, 0 to {self.scale:g} minus {mean} over {deviation}"


def order_for(channels: int) -> Order:
    """Return the usual channel order of an input with so many channels."""
    return {3: "RGB", 1: "grey"}.get(channels, "channels")  # type: ignore[return-value]


def read_toml(path: Path) -> dict[str, Any]:
    """Return the keys of the TOML file that lies beside a model.

    Raises:
        InputFormError: naming an unknown key and those that exist.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputFormError(f"{path}: not a TOML file: {error}") from None
    for key in values:
        if key not in _KEYS:
            raise InputFormError(f"{path}: unknown key {key!r}; allowed: {', '.join(_KEYS)}")
    return values


def from_values(values: dict[str, Any], *, size: tuple[int | None, int | None], channels: int, where: str) -> InputForm:
    """Build a form from plain values; what they leave open is the network's own size and RGB in 0..1."""
    try:
        sides = values.get("size", size)
        sides = (sides, sides) if isinstance(sides, int) else tuple(sides)
        rest: dict[str, Any] = {"size": sides, "channels": channels, "order": values.get("order", order_for(channels))}
        if "range" in values:
            clash = [key for key in ("scale", "mean", "deviation") if key in values]
            if clash:
                raise InputFormError(f"range and {clash[0]} say the same thing twice; give one")
            low, high = values["range"]
            return InputForm.from_range(float(low), float(high), **rest)
        return InputForm(
            scale=float(values.get("scale", 1.0)), mean=_floats(values.get("mean", 0.0)),
            deviation=_floats(values.get("deviation", 1.0)), **rest,
        )  # fmt: skip
    except InputFormError as error:
        raise InputFormError(f"{where}: {error}") from None
    except (TypeError, ValueError):
        raise InputFormError(
            f'{where}: wrong value; for example size = [48, 48], range = [0, 255], mean = [123, 117, 104], order = "BGR"'
        ) from None


def _floats(value: Any) -> tuple[float, ...]:
    return tuple(float(number) for number in value) if isinstance(value, (list, tuple)) else (float(value),)


def deduced(first: Any, *, size: tuple[int | None, int | None], channels: int) -> InputForm | None:
    """Return the form that a leading Rescaling or Normalization layer implies, None where there is none.

    Rescaling(1/255) and Rescaling(1/127.5, -1) take 0..255; one that maps 0..1 to -1..1 takes 0..1. Normalization takes
    0..255 if its mean lies above 1.
    """
    rest: dict[str, Any] = {"size": size, "channels": channels, "order": order_for(channels)}
    if isinstance(first, layers.Rescaling):
        span = float(np.max(np.abs(keras.ops.convert_to_numpy(first.scale))))
        return InputForm.from_range(0, 255 if span < 0.1 else 1, **rest)
    if isinstance(first, layers.Normalization) and getattr(first, "mean", None) is not None:
        mean = float(np.max(np.abs(keras.ops.convert_to_numpy(first.mean))))
        return InputForm.from_range(0, 255 if mean > 1 else 1, **rest)
    return None
