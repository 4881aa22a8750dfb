"""What the network is shown: pictures moved, turned, cropped, blurred and noised, each by its own chance.

A transform takes (n, h, w, c) and one seed a picture. Those that move pixels say it as a matrix, and neighbours in a
recipe are multiplied before anything is resampled: one interpolation instead of three, and a third of the time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.affine_transforms import Motion, at_least, moved, stretch
from dreamfilters.errors import RecipeError

Tensor: TypeAlias = Any


class Transform(Protocol):
    """(n, h, w, c) pictures and (n,) seeds -> (n * views, h2, w2, c); strength zero is the identity."""

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return what the network is shown."""


def views_of(transforms: Sequence[Transform]) -> int:
    """Return how many looks at each picture a step takes."""
    return math.prod(getattr(transform, "views", 1) for transform in transforms)


def apply(transforms: Sequence[Transform], picture: Tensor, seeds: backend.Seeds) -> Tensor:
    """Apply transforms in order, the `number`-th with the seeds folded by its number, motions merged."""
    waiting: list[Tensor] = []
    for number, transform in enumerate(transforms):
        own = backend.fold(seeds, number)
        if isinstance(transform, Motion):
            waiting.append(transform.matrix(own, picture.shape[1], picture.shape[2]))
            continue
        picture = moved(picture, waiting)
        waiting = []
        picture = transform(picture, own)
        seeds = backend.repeat_seeds(seeds, getattr(transform, "views", 1))
    return moved(picture, waiting)


@dataclass(frozen=True)
class Jitter:
    """Shift each picture by up to `pixels` whole pixels, wrapping at the edges."""

    pixels: int

    def __post_init__(self) -> None:
        at_least("pixels", self.pixels)

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the pictures, rolled."""
        if not self.pixels:
            return picture
        return backend.roll(picture, backend.integers(seeds, (2,), -self.pixels, self.pixels + 1))


@dataclass(frozen=True)
class Pad:
    """Put a frame of `pixels` of one grey around each picture; what is shown grows by it."""

    pixels: int
    value: float = 0.5

    def __post_init__(self) -> None:
        at_least("pixels", self.pixels)
        if not 0 <= self.value <= 1:
            raise RecipeError(f"value={self.value}: a grey from 0 to 1")

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the pictures with their frames."""
        width = ((0, 0), (self.pixels, self.pixels), (self.pixels, self.pixels), (0, 0))
        return ops.pad(picture, width, constant_values=self.value)


@dataclass(frozen=True)
class Trim:
    """Cut `pixels` off every edge: the counterpart of `Pad`."""

    pixels: int

    def __post_init__(self) -> None:
        at_least("pixels", self.pixels)

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the middle of the pictures."""
        _, height, width, _ = picture.shape
        if 2 * self.pixels >= min(height, width):
            raise RecipeError(
                f"pixels={self.pixels}: leaves nothing of {height}x{width}, at most {(min(height, width) - 1) // 2}"
            )
        return picture[:, self.pixels : height - self.pixels, self.pixels : width - self.pixels]


@dataclass(frozen=True)
class Views:
    """Show each picture `views` times; what follows draws its own chance for each, and the scores are averaged."""

    views: int

    def __post_init__(self) -> None:
        at_least("views", self.views, 1)

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return each picture `views` times, its copies together."""
        return ops.repeat(picture, self.views, axis=0)


@dataclass(frozen=True)
class Noise:
    """Add normal noise of deviation `normal` and even noise of up to `uniform` either way; not clipped."""

    normal: float = 0.0
    uniform: float = 0.0

    def __post_init__(self) -> None:
        at_least("normal", self.normal)
        at_least("uniform", self.uniform)

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the pictures with noise."""
        shape = tuple(picture.shape[1:])
        if self.normal:
            picture = picture + backend.normal(backend.fold(seeds, 0), shape) * self.normal
        if self.uniform:
            picture = picture + backend.uniform(backend.fold(seeds, 1), shape, -self.uniform, self.uniform)
        return picture


@dataclass(frozen=True)
class Blur:
    """Blur each picture by a Gaussian of up to `sigma` pixels."""

    sigma: float

    def __post_init__(self) -> None:
        at_least("sigma", self.sigma)

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the blurred pictures."""
        if not self.sigma:
            return picture
        return gaussian_blur(picture, backend.uniform(seeds, (), 0.0, self.sigma))


def gaussian_blur(picture: Tensor, sigma: Tensor) -> Tensor:
    """Blur picture i by sigma i: one matrix for its rows and one for its columns, each of whose rows sums to 1."""

    def kernel(length: int) -> Tensor:
        distances = np.arange(-(-length // backend.LANES) * backend.LANES, dtype="float32")  # whole vectors, see there
        weight = ops.exp(-np.square(distances) / (2 * ops.square(ops.maximum(sigma, 0.05)))[:, None])  # .05: identity
        weight = ops.take(weight, np.abs(np.arange(length)[:, None] - np.arange(length)), axis=1)
        return weight / ops.sum(weight, axis=-1, keepdims=True)  # (n, length, length)

    _, height, width, _ = picture.shape
    rows = ops.einsum("nij,njwc->niwc", kernel(height), picture)
    return ops.einsum("nij,nhjc->nhic", kernel(width), rows)


@dataclass(frozen=True)
class Flip:
    """Mirror each picture left to right with this `probability`."""

    probability: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise RecipeError(f"probability={self.probability}: from 0 to 1")

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the pictures, some mirrored."""
        mirrored = backend.uniform(seeds, (1, 1, 1)) < self.probability
        return ops.where(mirrored, ops.flip(picture, axis=2), picture)


@dataclass(frozen=True)
class Colour:
    """Change each picture's light: brightness is added, contrast and saturation scaled, by up to their strengths."""

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            at_least(name, getattr(self, name))

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the pictures in another light; not clipped."""
        draws = backend.uniform(seeds, (3, 1, 1, 1), -1.0, 1.0)
        grey = ops.mean(picture, axis=-1, keepdims=True)
        picture = grey + (picture - grey) * stretch(draws[:, 2], self.saturation)
        mean = backend.row_means(picture)[:, None, None, None]
        picture = mean + (picture - mean) * stretch(draws[:, 1], self.contrast)
        return picture + draws[:, 0] * self.brightness
