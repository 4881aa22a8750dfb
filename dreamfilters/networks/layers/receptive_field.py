"""The receptive field of a layer: which pixels of the image one position of its map depends on.

Imports neither TensorFlow nor Keras. `receptive_field_rules` computes the fields of a network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import TypeAlias

Number: TypeAlias = int | Fraction


@dataclass(frozen=True)
class ReceptiveField:
    """The pixels that the positions of a map depend on.

    Attributes:
        size: (height, width) in pixels of the network's input.
        stride: (down, right) from the field of one position to the next one's; a fraction behind upsampling.
        offset: (top, left) of the field of position (0, 0), negative where there is padding.

    Example:
        >>> ReceptiveField((7, 7), (2, 2), (-3, -3)).box(1, 0)
        (-1, -3, 6, 4)
    """

    size: tuple[Number, Number]
    stride: tuple[Number, Number]
    offset: tuple[Number, Number]

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
    def from_values(cls, values: Mapping[str, Sequence[str | float]]) -> ReceptiveField:
        """Return the field that `as_values` wrote.

        >>> ReceptiveField.from_values(ReceptiveField((7, 7), (2, 2), (-3, -3)).as_values()).size
        (7, 7)
        """
        return cls(**{key: tuple(_number(number) for number in pair) for key, pair in values.items()})  # type: ignore[arg-type]


def _number(value: str | float) -> Number:
    fraction = Fraction(value)
    return int(fraction) if fraction.denominator == 1 else fraction
