"""What the network is shown: images moved, turned, cropped, blurred and noised, each by its own chance.

A transform takes (n, h, w, c) and one seed an image. Those that move pixels say it as a matrix, and neighbors in a
recipe are multiplied before anything is resampled: one interpolation instead of three, and a third of the time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.affine_transforms import AffineTransform, at_least, moved, stretch
from dreamfilters.errors import RecipeError


class Transform(Protocol):
    """(n, h, w, c) images and (n,) seeds -> (n * views, h2, w2, c); strength zero is the identity."""

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return what the network is shown."""


def views_of(transforms: Sequence[Transform]) -> int:
    """Return how many looks at each image a step takes."""
    return math.prod(getattr(transform, "views", 1) for transform in transforms)


def apply(transforms: Sequence[Transform], image: Tensor, seeds: backend.Seeds) -> Tensor:
    """Apply transforms in order, the `number`-th with the seeds folded by its number, motions merged."""
    waiting: list[Tensor] = []
    for number, transform in enumerate(transforms):
        own = backend.fold(seeds, number)
        if isinstance(transform, AffineTransform):
            waiting.append(transform.matrix(own, image.shape[1], image.shape[2]))
            continue
        image = moved(image, waiting)
        waiting = []
        image = transform(image, own)
        seeds = backend.repeat_seeds(seeds, getattr(transform, "views", 1))
    return moved(image, waiting)


@dataclass(frozen=True)
class Jitter:
    """Shift each image by up to `pixels` whole pixels, wrapping at the edges."""

    pixels: int

    def __post_init__(self) -> None:
        at_least("pixels", self.pixels)

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images, rolled."""
        if not self.pixels:
            return image
        return backend.roll(image, backend.integers(seeds, (2,), -self.pixels, self.pixels + 1))


@dataclass(frozen=True)
class Pad:
    """Put a frame of `pixels` of one gray around each image; what is shown grows by it."""

    pixels: int
    value: float = 0.5

    def __post_init__(self) -> None:
        at_least("pixels", self.pixels)
        if not 0 <= self.value <= 1:
            raise RecipeError(f"value={self.value}: a gray from 0 to 1")

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images with their frames."""
        width = ((0, 0), (self.pixels, self.pixels), (self.pixels, self.pixels), (0, 0))
        return ops.pad(image, width, constant_values=self.value)


@dataclass(frozen=True)
class Trim:
    """Cut `pixels` off every edge: the counterpart of `Pad`."""

    pixels: int

    def __post_init__(self) -> None:
        at_least("pixels", self.pixels)

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the middle of the images."""
        _, height, width, _ = image.shape
        if 2 * self.pixels >= min(height, width):
            raise RecipeError(
                f"pixels={self.pixels}: leaves nothing of {height}x{width}, at most {(min(height, width) - 1) // 2}"
            )
        return image[:, self.pixels : height - self.pixels, self.pixels : width - self.pixels]


@dataclass(frozen=True)
class Views:
    """Show each image `views` times; what follows draws its own chance for each, and the scores are averaged."""

    views: int

    def __post_init__(self) -> None:
        at_least("views", self.views, 1)

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return each image `views` times, its copies together."""
        return ops.repeat(image, self.views, axis=0)


@dataclass(frozen=True)
class Noise:
    """Add normal noise of std `normal` and even noise of up to `uniform` either way; not clipped."""

    normal: float = 0.0
    uniform: float = 0.0

    def __post_init__(self) -> None:
        at_least("normal", self.normal)
        at_least("uniform", self.uniform)

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images with noise."""
        shape = tuple(image.shape[1:])
        if self.normal:
            image = image + backend.normal(backend.fold(seeds, 0), shape) * self.normal
        if self.uniform:
            image = image + backend.uniform(backend.fold(seeds, 1), shape, -self.uniform, self.uniform)
        return image


@dataclass(frozen=True)
class Blur:
    """Blur each image by a Gaussian of up to `sigma` pixels."""

    sigma: float

    def __post_init__(self) -> None:
        at_least("sigma", self.sigma)

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the blurred images."""
        if not self.sigma:
            return image
        return gaussian_blur(image, backend.uniform(seeds, (), 0.0, self.sigma))


def gaussian_blur(image: Tensor, sigma: Tensor) -> Tensor:
    """Blur image i by sigma i: one matrix for its rows and one for its columns, each of whose rows sums to 1."""

    def kernel(length: int) -> Tensor:
        distances = np.arange(-(-length // backend.LANES) * backend.LANES, dtype="float32")  # whole vectors, see there
        weight = ops.exp(-np.square(distances) / (2 * ops.square(ops.maximum(sigma, 0.05)))[:, None])  # .05: identity
        weight = ops.take(weight, np.abs(np.arange(length)[:, None] - np.arange(length)), axis=1)
        return weight / ops.sum(weight, axis=-1, keepdims=True)  # (n, length, length)

    _, height, width, _ = image.shape
    rows = ops.einsum("nij,njwc->niwc", kernel(height), image)
    return ops.einsum("nij,nhjc->nhic", kernel(width), rows)


@dataclass(frozen=True)
class Flip:
    """Mirror each image left to right with this `probability`."""

    probability: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise RecipeError(f"probability={self.probability}: from 0 to 1")

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images, some mirrored."""
        mirrored = backend.uniform(seeds, (1, 1, 1)) < self.probability
        return ops.where(mirrored, ops.flip(image, axis=2), image)


@dataclass(frozen=True)
class Color:
    """Change each image's light: brightness is added, contrast and saturation scaled, by up to their strengths."""

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            at_least(name, getattr(self, name))

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images in another light; not clipped."""
        draws = backend.uniform(seeds, (3, 1, 1, 1), -1.0, 1.0)
        gray = ops.mean(image, axis=-1, keepdims=True)
        image = gray + (image - gray) * stretch(draws[:, 2], self.saturation)
        mean = backend.row_means(image)[:, None, None, None]
        image = mean + (image - mean) * stretch(draws[:, 1], self.contrast)
        return image + draws[:, 0] * self.brightness
