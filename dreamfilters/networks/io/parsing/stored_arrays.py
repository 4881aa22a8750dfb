"""Arrays in a file, which are described first and read in pieces later."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

Piece: TypeAlias = Any  # a buffer of bytes

# Types of numbers, by NumPy's names, and their bytes. NumPy has no bfloat16: its bytes are the upper half of a float32.
SIZES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
}  # fmt: skip


@dataclass(frozen=True)
class ArrayInfo:
    """The type, a key of `SIZES`, and the shape of an array; the type of an array without numbers is what it holds."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """The count of numbers, 0 if it holds others."""
        return math.prod(self.shape) if self.dtype in SIZES else 0

    @property
    def nbytes(self) -> int:
        """The bytes of its numbers."""
        return self.count * SIZES.get(self.dtype, 0)


@dataclass(frozen=True)
class StoredArray:
    """An array in a file.

    Attributes:
        info: its type and shape.
        pieces: function that yields its bytes in C order, the lowest byte of each number first.
    """

    info: ArrayInfo
    pieces: Callable[[], Iterator[Piece]]
