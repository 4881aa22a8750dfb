"""`ImageArrays`: images in memory where an `ImageFolder` would be images in files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.images.arrays import as_samples
from dreamfilters.images.decoding import ImageArray


@dataclass(frozen=True, eq=False)
class ImageArrays:
    """Images in memory, with the members of an `ImageFolder` that need no files.

    Attributes:
        images: (n, h, w, c) in [0, 1] or of uint8, or a sequence of (h, w, c).
        failures: none; all of them can be read.
    """

    images: Sequence[ArrayLike] | NDArray[Any]
    failures: tuple[tuple[Path, str], ...] = ()

    @classmethod
    def of(cls, images: ArrayLike) -> ImageArrays:
        """Return images (n, h, w, c), a sequence of (h, w, c), or a single one."""
        values: Any = images if isinstance(images, (list, tuple)) else np.asarray(images)
        return cls(values[None] if isinstance(values, np.ndarray) and values.ndim == 3 else values)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """A name for each image."""
        return tuple(f"image {number}" for number in range(len(self.images)))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The label of each image, which is unknown."""
        return ("",) * len(self.images)

    def __len__(self) -> int:
        return len(self.images)

    def tried(self, index: int) -> ImageArray:
        """Return one image."""
        return as_samples(np.asarray(self.images[index]))

    def only(self, indices: Iterable[int]) -> Iterator[tuple[int, ImageArray]]:
        """Yield these images with their indices."""
        return ((index, self.tried(index)) for index in indices)
