"""The image that a technique starts from: read, with the channels of the network, at its size or another one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ImageError
from dreamfilters.images import ImageArray, read_image, resize
from dreamfilters.images.arrays import as_samples
from dreamfilters.networks import Network

GivenImage: TypeAlias = ArrayLike | str | Path
LARGEST_SIDE = 256  # pixels of an image at its own size; a step on twice the side takes four times as long

_LEVELS = 255


@dataclass(frozen=True, eq=False)
class NamedImage:
    """An image in memory that has a name, such as an upload.

    Attributes:
        name: of its file.
        values: (h, w, c) in [0, 1].
    """

    name: str
    values: ImageArray

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype, copy=copy)


def given_image(network: Network, image: GivenImage, size: tuple[int, int] | None = None) -> ImageArray:
    """Return an image (h, w, c) in [0, 1] of a size, with the network's channels and resize rule.

    Args:
        network: whose images have these channels.
        image: (h, w, c) in [0, 1] or of uint8, a dream, or an image file.
        size: (height, width); default: the network's input size, and the image's own size where it accepts any.

    Raises:
        ImageError: the file cannot be read, or the array is no image of so many channels.
    """
    form = network.form
    values = opened(network, image)
    height, width = size or (form.size[0] or values.shape[0], form.size[1] or values.shape[1])
    return values if values.shape[:2] == (height, width) else resize(values, (height, width), form.resize)


def opened(network: Network, image: GivenImage) -> ImageArray:
    """Return an image (h, w, c) in [0, 1] at its own size, with the network's channels.

    Raises:
        ImageError: as in `given_image`.
    """
    form = network.form
    if isinstance(image, str | Path):
        return read_image(image, channels=form.channels, bits=form.bits)
    values = as_samples(np.asarray(image), form.bits)
    values = values[..., None] if values.ndim == 2 and form.channels == 1 else values
    if values.ndim != 3 or values.shape[-1] != form.channels or 0 in values.shape:
        raise ImageError(f"an image of shape {values.shape}: give one image (h, w, {form.channels})")
    return values


def own_size(image: ImageArray, longest: int = LARGEST_SIDE) -> tuple[int, int]:
    """Return the (height, width) of an image, scaled down to at most `longest` pixels a side.

    >>> own_size(np.zeros((100, 50, 3))), own_size(np.zeros((1024, 512, 3)))
    ((100, 50), (256, 128))
    """
    return scaled_size(image, min(longest, max(image.shape[:2])))


def scaled_size(image: ImageArray, longer: int) -> tuple[int, int]:
    """Return the (height, width) of an image, scaled so that the longer side has `longer` pixels.

    >>> scaled_size(np.zeros((100, 50, 3)), 256)
    (256, 128)
    """
    height, width = (max(1, round(side * longer / max(image.shape[:2]))) for side in image.shape[:2])
    return height, width


def name_of(image: GivenImage, name: str = "image") -> str:
    """Return the name of an image: of its file, of a dream, or `name`.

    >>> name_of("images/stop.png"), name_of(np.zeros((2, 2, 3)))
    ('stop.png', 'image')
    """
    return Path(image).name if isinstance(image, str | Path) else str(getattr(image, "name", name))


def digest_of(image: GivenImage) -> str:
    """Return the SHA-256 of an image: of its file, or of its values, in hexadecimal digits.

    >>> digest_of(np.zeros((1, 1, 3), "float32"))[:8]
    '15ec7bf0'
    """
    content = Path(image).read_bytes() if isinstance(image, str | Path) else np.asarray(image).tobytes()
    return hashlib.sha256(content).hexdigest()


def sized(recipe: Recipe, size: tuple[int, int]) -> Recipe:
    """Return the recipe with a canvas of (height, width)."""
    parameterization: Any = recipe.parameterization
    return replace(recipe, parameterization=replace(parameterization, size=size))


def adapted(recipe: Recipe, *, steps: int | None = None, size: tuple[int, int] | None = None) -> Recipe:
    """Return the recipe with another number of steps, and another canvas, where they are given."""
    chosen = recipe if steps is None else replace(recipe, steps=steps)
    return chosen if size is None else sized(chosen, size)


def in_8_bits(image: ArrayLike) -> ImageArray:
    """Return an image as a PNG stores it: its values rounded to multiples of 1 / 255."""
    return np.asarray(np.round(np.clip(np.asarray(image, np.float32), 0, 1) * _LEVELS) / _LEVELS, np.float32)
