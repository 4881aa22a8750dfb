"""What is known of a layer before it runs: its kind, which names its axes, its units, token grid and receptive field.

Imports neither TensorFlow nor Keras, so that stored results can hold these values and be read quickly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.serialization import typed

Kind: TypeAlias = Literal["map", "tokens", "vector", "not visual"]
Shape: TypeAlias = tuple[int | None, ...]
Number: TypeAlias = int | Fraction

# The names of a layer's axes; the last one is the units. A layer that is not visual has no such names.
AXES: dict[Kind, tuple[str, ...]] = {
    "map": ("row", "column", "channel"),
    "tokens": ("token", "channel"),
    "vector": ("unit",),
    "not visual": (),
}

_LEAST_PATCHES = 4
_NUMBER = re.compile("-?[0-9]{1,9}(/[1-9][0-9]{0,8})?")  # of a receptive field, such as 3/2
MOST_LEADING = 8  # class and register tokens before the patches: one in ViT, five in DINOv2 with registers


@dataclass(frozen=True)
class TokenGrid:
    """How the tokens of a layer cover the image: (rows, columns) of patches, row by row.

    `leading` is the number of class and register tokens before the patches. Tokens after them are also possible.

    >>> TokenGrid(14, 14, 1).position(15)
    (1, 0)
    """

    rows: int
    columns: int
    leading: int = 0

    @property
    def count(self) -> int:
        """The number of patches."""
        return self.rows * self.columns

    def position(self, token: int) -> tuple[int, int] | None:
        """Return the (row, column) of a token's patch, None for a class or register token."""
        patch = token - self.leading
        return divmod(patch, self.columns) if 0 <= patch < self.count else None

    def box(self, token: int, height: int, width: int) -> tuple[int, int, int, int] | None:
        """Return (top, left, bottom, right) of a token's patch in an image, None for a class or register token.

        Behind attention, a token depends on the whole image.

        >>> TokenGrid(2, 2, 1).box(2, 32, 48)
        (0, 24, 16, 48)
        """
        position = self.position(token)
        if position is None:
            return None
        row, column = position
        top, bottom = row * height // self.rows, (row + 1) * height // self.rows
        return top, column * width // self.columns, bottom, (column + 1) * width // self.columns

    def patches(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the patch tokens of (..., t, c) as maps (..., rows, columns, c)."""
        chosen = values[..., self.leading : self.leading + self.count, :]
        return chosen.reshape(*values.shape[:-2], self.rows, self.columns, values.shape[-1])

    def other_tokens(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the class and register tokens of (..., t, c) in their order, (..., t - rows * columns, c)."""
        end = self.leading + self.count
        return np.concatenate([values[..., : self.leading, :], values[..., end:, :]], axis=-2)


@dataclass(frozen=True)
class ReceptiveField:
    """The pixels of the network's input that the positions of a map depend on.

    >>> ReceptiveField((7, 7), (2, 2), (-3, -3)).box(1, 0)
    (-1, -3, 6, 4)
    """

    size: tuple[Number, Number]  # (height, width)
    stride: tuple[Number, Number]  # (down, right) from one position's field to the next; fractions behind upsampling
    offset: tuple[Number, Number]  # (top, left) of the field of position (0, 0), negative where there is padding

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return (top, left, bottom, right) of the field of a position: `image[top:bottom, left:right]`.

        With padding it exceeds the image. It may include a last row or column that a pooling layer drops because its
        window would be incomplete.
        """
        (top, bottom), (left, right) = (
            (math.floor(offset + position * stride), math.ceil(offset + position * stride + size))
            for position, size, stride, offset in zip((row, column), self.size, self.stride, self.offset, strict=True)
        )
        return top, left, bottom, right

    def as_values(self) -> dict[str, list[str]]:
        """Return the field as plain values for JSON; fractions are text such as '3/2'."""
        return {key: [str(number) for number in pair] for key, pair in asdict(self).items()}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> ReceptiveField:
        """Return the field that `as_values` wrote.

        Raises:
            ValueError: the values are not those of a receptive field.

        >>> ReceptiveField.from_values(ReceptiveField((7, 7), (2, 2), (-3, -3)).as_values()).size
        (7, 7)
        """
        pairs = {key: typed(tuple[str, str], pair, key) for key, pair in typed(Mapping[str, Any], values).items()}
        if wrong := [text for pair in pairs.values() for text in pair if not _NUMBER.fullmatch(text)]:
            raise ValueError(f"{wrong[0][:20]!r}: is no number or fraction of a receptive field")
        if pairs.keys() != {"size", "stride", "offset"}:
            raise ValueError(f"a receptive field has no {', '.join(pairs)[:20]}")
        return cls(**{key: (whole(pair[0]), whole(pair[1])) for key, pair in pairs.items()})


def whole(value: str | float | Fraction) -> Number:
    """Return a number as an int where it is whole, and as a fraction otherwise."""
    fraction = Fraction(value)
    return int(fraction) if fraction.denominator == 1 else fraction


@dataclass(frozen=True)
class LayerInfo:
    """A layer or operation of a network.

    Attributes:
        name: as targets name it.
        type: its class, such as 'Conv2D'.
        shape: of its output without the batch, with the channels last; None where a side depends on the image.
        units: filters, neurons or token channels, 0 where their number depends on the image.
        activation: 'relu', 'softmax', 'linear', ...
        receptive_field: of one position of its map; None for the whole image.
        kind: 'map' (h, w, c), 'tokens' (t, c), 'vector' (c,), or 'not visual'.
        grid: how its tokens cover the image; None where that is unknown, and for other kinds.
        dreamable: whether an image can be made for its units.
        reason: why it is not visual or not dreamable, or ''.
    """

    name: str
    type: str
    shape: Shape
    units: int
    activation: str
    receptive_field: ReceptiveField | None = None
    kind: Kind = "map"
    grid: TokenGrid | None = None
    dreamable: bool = True
    reason: str = ""

    @property
    def title(self) -> str:
        """The name to show: 'logits' for the values before the softmax, whose address is no name of a layer."""
        return "logits" if self.type == "logits" else self.name

    @property
    def is_visual(self) -> bool:
        """Whether its output is a map, tokens or a vector, so that its units have responses to images."""
        return self.kind != "not visual"

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of its axes, such as ('row', 'column', 'channel'), () where it is not visual."""
        return AXES[self.kind]

    @property
    def positions(self) -> int | None:
        """The number of positions of a unit: 1 for a vector, None where it depends on the image."""
        sides = self.shape[:-1]
        return None if None in sides else math.prod(side or 0 for side in sides)

    @property
    def map_size(self) -> tuple[int | None, int | None]:
        """(h, w) of its output as `as_maps` returns it: (t, 1) for tokens, (1, 1) for a vector."""
        rows, columns, *_ = (*self.shape[:-1], 1, 1)
        return rows, columns

    def as_values(self) -> dict[str, Any]:
        """Return the layer as plain values for JSON."""
        field = self.receptive_field
        return {**asdict(self), "receptive_field": None if field is None else field.as_values()}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> LayerInfo:
        """Return the layer that `as_values` wrote.

        Raises:
            ValueError: the values are not those of a layer.

        >>> info = LayerInfo("mlp", "Dense", (197, 768), 768, "gelu", kind="tokens", grid=TokenGrid(14, 14, 1))
        >>> LayerInfo.from_values(info.as_values()) == info
        True
        """
        info: LayerInfo = typed(cls, {**values, "receptive_field": None}, "layer")
        grid = info.grid or TokenGrid(1, 1)
        sides = [side for side in (*info.shape, info.units + 1, grid.rows, grid.columns) if side is not None]
        if min(sides) < 1 or grid.leading < 0 or len(info.shape) != len(info.axes or info.shape):
            raise ValueError(f"{info.name!r}: no layer has the shape {info.shape} and {info.units} units")
        field = values.get("receptive_field")
        return info if field is None else replace(info, receptive_field=ReceptiveField.from_values(field))


def position_axes(activation: Any) -> tuple[int, ...]:
    """Return the axes of an activation (n, ..., c) that are positions: (1, 2) of maps, (1,) of tokens, () of vectors.

    >>> position_axes(np.zeros((5, 197, 768)))
    (1,)
    """
    return tuple(range(1, len(activation.shape) - 1))


def as_maps(activation: NDArray[Any]) -> NDArray[Any]:
    """Return an activation as (n, h, w, c): maps as they are, tokens as (n, t, 1, c), vectors as (n, 1, 1, c).

    >>> as_maps(np.zeros((5, 197, 768))).shape
    (5, 197, 1, 768)
    """
    shape = activation.shape
    sides = (*shape[1:-1], 1, 1)[:2]
    return activation.reshape(shape[0], *sides, shape[-1])


def square_grid(tokens: int, size: Shape) -> TokenGrid | None:
    """Return the grid of so many tokens by the square rule, None where it fits no grid.

    Patches are taken to be square, so the grid has the proportions of the image: it is square for a square image, and
    for one of unknown size. Tokens that are left over, at most `MOST_LEADING`, come first; the fewest are assumed.

    `size` is (height, width) of the network's input, None for a side that is not known.

    >>> square_grid(197, (224, 224)), square_grid(33, (32, 64))
    (TokenGrid(rows=14, columns=14, leading=1), TokenGrid(rows=4, columns=8, leading=1))
    """
    height, width = (side or 1 for side in size[:2]) if all(size[:2]) else (1, 1)
    divisor = math.gcd(height, width)
    rows, columns = height // divisor, width // divisor
    for leading in range(min(MOST_LEADING, tokens - _LEAST_PATCHES) + 1):
        scale = math.isqrt((tokens - leading) // (rows * columns))
        if rows * columns * scale**2 == tokens - leading:
            return TokenGrid(rows * scale, columns * scale, leading)
    return None
