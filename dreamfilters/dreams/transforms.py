"""Transforms of the image before the network: jitter, padding, noise, blur, flips, colors; each image has its own seed.

A transform maps (n, h, w, c) and one seed per image to images. The matrices of successive affine transforms are
multiplied before the image is resampled: one interpolation instead of three, in a third of the time.
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
from dreamfilters.dreams.affine_transforms import AffineTransform, at_least, stretch, warped
from dreamfilters.errors import RecipeError


class Transform(Protocol):
    """(n, h, w, c) images and (n,) seeds -> (n * views, h2, w2, c); strength zero is the identity."""

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the transformed images."""


def views_of(transforms: Sequence[Transform]) -> int:
    """Return the number of views per image in one step."""
    return math.prod(getattr(transform, "views", 1) for transform in transforms)


def apply(transforms: Sequence[Transform], image: Tensor, seeds: backend.Seeds) -> Tensor:
    """Return the images after all transforms in order; each has its own seeds, and affine transforms are merged."""
    matrices: list[Tensor] = []
    for number, transform in enumerate(transforms):
        folded = backend.fold(seeds, number)
        if isinstance(transform, AffineTransform):
            matrices.append(transform.matrix(folded, image.shape[1], image.shape[2]))
            continue
        image = transform(warped(image, matrices), folded)
        matrices = []
        seeds = backend.repeat_seeds(seeds, getattr(transform, "views", 1))
    return warped(image, matrices)


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
    """Pad each image with `pixels` of one gray on every side."""

    pixels: int
    value: float = 0.5

    def __post_init__(self) -> None:
        at_least("pixels", self.pixels)
        if not 0 <= self.value <= 1:
            raise RecipeError(f"value={self.value}: from 0 to 1")

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the padded images."""
        width = ((0, 0), (self.pixels, self.pixels), (self.pixels, self.pixels), (0, 0))
        return ops.pad(image, width, constant_values=self.value)


@dataclass(frozen=True)
class Trim:
    """Remove `pixels` from every edge, the inverse of `Pad`."""

    pixels: int

    def __post_init__(self) -> None:
        at_least("pixels", self.pixels)

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the trimmed images."""
        _, height, width, _ = image.shape
        if 2 * self.pixels >= min(height, width):
            raise RecipeError(
                f"pixels={self.pixels}: at most {(min(height, width) - 1) // 2} for an image of {height}x{width}"
            )
        return image[:, self.pixels : height - self.pixels, self.pixels : width - self.pixels]


@dataclass(frozen=True)
class Views:
    """Repeat each image `views` times; the transforms that follow differ, and the scores are averaged."""

    views: int

    def __post_init__(self) -> None:
        at_least("views", self.views, 1)

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return (n * views, h, w, c), the copies of an image together."""
        return ops.repeat(image, self.views, axis=0)


@dataclass(frozen=True)
class Noise:
    """Add normal noise of std `normal` and uniform noise of up to `uniform` either way; not clipped."""

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
    """Blur image i by a Gaussian of std sigma i, as two matrices whose rows sum to 1."""

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
    """Flip each image left to right with this `probability`."""

    probability: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise RecipeError(f"probability={self.probability}: from 0 to 1")

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images, some of them flipped."""
        flipped = backend.uniform(seeds, (1, 1, 1)) < self.probability
        return ops.where(flipped, ops.flip(image, axis=2), image)


@dataclass(frozen=True)
class Color:
    """Add up to `brightness` to each image, and scale its contrast and saturation by up to their strengths."""

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            at_least(name, getattr(self, name))

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images with changed colors; not clipped."""
        draws = backend.uniform(seeds, (3, 1, 1, 1), -1.0, 1.0)
        gray = ops.mean(image, axis=-1, keepdims=True)
        image = gray + (image - gray) * stretch(draws[:, 2], self.saturation)
        mean = backend.row_means(image)[:, None, None, None]
        image = mean + (image - mean) * stretch(draws[:, 1], self.contrast)
        return image + draws[:, 0] * self.brightness
