"""The style of drawn activation maps: color scale, colormap and overlay."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from dreamfilters.errors import RecipeError
from dreamfilters.images.colormaps import colormap

By: TypeAlias = Literal["unit", "layer", "fixed"]


@dataclass(frozen=True)
class MapScale:
    """The values of the darkest and the brightest color.

    Attributes:
        by: "unit": the least and greatest value of each map, so that maps cannot be compared with each other; "layer":
            those of the whole layer on this image; "fixed": `low` and `high`.
        low: with "fixed", the value of the darkest color.
        high: with "fixed", the value of the brightest color.

    Example:
        >>> MapScale.read("0:6")
        MapScale(by='fixed', low=0.0, high=6.0)
    """

    by: By = "unit"
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.by not in ("unit", "layer", "fixed"):
            raise RecipeError(f"scale={self.by}: must be unit, layer or LOW:HIGH")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise RecipeError(f"scale={self.low:g}:{self.high:g}: LOW must be below HIGH, both finite")

    @classmethod
    def read(cls, text: str) -> MapScale:
        """Return the scale named by a text: 'unit', 'layer' or 'LOW:HIGH'.

        Raises:
            RecipeError: any other text, or LOW is not below HIGH.
        """
        numbers = [number for number in re.split(r"[:,\s]+", text.strip()) if number]
        if len(numbers) != 2:
            return cls(text.strip())  # type: ignore[arg-type]
        try:
            low, high = map(float, numbers)
        except ValueError:
            raise RecipeError(f"scale={text}: must be unit, layer or LOW:HIGH") from None
        return cls("fixed", low, high)


@dataclass(frozen=True)
class MapStyle:
    """How maps are drawn.

    Attributes:
        scale: the values of the darkest and the brightest color.
        colormap: "gray", "magma" or "viridis".
        overlay: draw each map over the image.
    """

    scale: MapScale = field(default_factory=MapScale)
    colormap: str = "gray"
    overlay: bool = False

    def __post_init__(self) -> None:
        colormap(self.colormap)
