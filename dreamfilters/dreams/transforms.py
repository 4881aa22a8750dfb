"""What the network is shown: pictures moved, turned, cropped, blurred and noised, each by its own chance.

A transform takes (n, h, w, c) and one seed a picture. Those that move pixels say it as a matrix, and neighbours in a
recipe are multiplied before anything is resampled: one interpolation instead of three, and a third of the time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.errors import RecipeError

Tensor: TypeAlias = Any


class Transform(Protocol):
    """(n, h, w, c) pictures and (n,) seeds -> (n * views, h2, w2, c); strength zero is the identity."""

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return what the network is shown."""


@runtime_checkable
class Motion(Protocol):
    """A transform that only moves pixels and can be merged with its neighbours."""

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return (n, 3, 3): output places (x, y, 1) in pixels from the centre -> input places."""


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
        picture = _move(picture, waiting)
        waiting = []
        picture = transform(picture, own)
        seeds = backend.repeat_seeds(seeds, getattr(transform, "views", 1))
    return _move(picture, waiting)


def _move(picture: Tensor, matrices: list[Tensor]) -> Tensor:
    """Resample once through the product of the motions: the last one meets the output place first."""
    if not matrices:
        return picture
    product = matrices[0]
    for matrix in matrices[1:]:
        product = ops.matmul(product, matrix)
    _, height, width, _ = picture.shape
    return backend.warp(picture, _about_centre(product, height, width), height, width)


def _about_centre(matrix: Tensor, height: int, width: int) -> Tensor:
    """Turn a map between offsets from the centre into one between pixel numbers."""
    x, y = (width - 1) / 2, (height - 1) / 2
    to_centre = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]], "float32")
    back = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], "float32")
    return ops.matmul(ops.matmul(back, matrix), to_centre)


def _matrix(a: Tensor, b: Tensor, x: Tensor, c: Tensor, d: Tensor, y: Tensor) -> Tensor:
    """Stack six (n,) into (n, 3, 3): (a b x; c d y; 0 0 1)."""
    zero, one = ops.zeros_like(a), ops.ones_like(a)
    rows = [ops.stack(row, axis=-1) for row in ((a, b, x), (c, d, y), (zero, zero, one))]
    return ops.stack(rows, axis=1)


def _factor(draw: Tensor, by: float) -> Tensor:
    """Turn draws in [-1, 1) into factors from 1 / (1 + by) to 1 + by; only + and *, see `backend.LANES`."""
    return 1 + draw * ops.where(draw < 0, by / (1 + by), by)


def _at_least(name: str, value: float, least: float = 0.0) -> None:
    if not value >= least:
        raise RecipeError(f"{name}={value}: at least {least:g}")


class _Moves:
    """Makes a motion callable on its own, as every transform is."""

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        raise NotImplementedError

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        return _move(picture, [self.matrix(seeds, picture.shape[1], picture.shape[2])])


@dataclass(frozen=True)
class Rotate(_Moves):
    """Turn each picture by up to `degrees` either way, mirrored beyond its edges."""

    degrees: float

    def __post_init__(self) -> None:
        if not 0 <= self.degrees < 180:
            raise RecipeError(f"degrees={self.degrees}: from 0 up to, not including, 180")

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the rotations (n, 3, 3), even in the tangent of half the angle: no cosine, see `backend.LANES`."""
        half = backend.uniform(seeds, (), -1.0, 1.0) * math.tan(math.radians(self.degrees) / 2)
        square = half * half
        cosine, sine, zero = (1 - square) / (1 + square), 2 * half / (1 + square), ops.zeros_like(half)
        return _matrix(cosine, -sine, zero, sine, cosine, zero)


@dataclass(frozen=True)
class Scale(_Moves):
    """Enlarge each picture or shrink it, by a factor from 1 to 1 + `by`, mirrored beyond its edges."""

    by: float

    def __post_init__(self) -> None:
        _at_least("by", self.by)

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the scalings (n, 3, 3)."""
        factor = _factor(backend.uniform(seeds, (), -1.0, 1.0), self.by)
        zero = ops.zeros_like(factor)
        return _matrix(factor, zero, zero, zero, factor, zero)


@dataclass(frozen=True)
class Shear(_Moves):
    """Slant each picture sideways by up to `by` pixels a row, mirrored beyond its edges."""

    by: float

    def __post_init__(self) -> None:
        _at_least("by", self.by)

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the shears (n, 3, 3)."""
        slant = backend.uniform(seeds, (), -1.0, 1.0) * self.by
        zero, one = ops.zeros_like(slant), ops.ones_like(slant)
        return _matrix(one, slant, zero, zero, one, zero)


@dataclass(frozen=True)
class Shift(_Moves):
    """Move each picture by up to `pixels` in each direction, fractions included, mirrored beyond its edges."""

    pixels: float

    def __post_init__(self) -> None:
        _at_least("pixels", self.pixels)

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the translations (n, 3, 3)."""
        by = backend.uniform(seeds, (2,), -1.0, 1.0) * self.pixels
        zero, one = ops.zeros_like(by[:, 0]), ops.ones_like(by[:, 0])
        return _matrix(one, zero, by[:, 0], zero, one, by[:, 1])


@dataclass(frozen=True)
class Jitter:
    """Shift each picture by up to `pixels` whole pixels, wrapping at the edges."""

    pixels: int

    def __post_init__(self) -> None:
        _at_least("pixels", self.pixels)

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
        _at_least("pixels", self.pixels)
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
        _at_least("pixels", self.pixels)

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
        _at_least("views", self.views, 1)

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return each picture `views` times, its copies together."""
        return ops.repeat(picture, self.views, axis=0)


@dataclass(frozen=True)
class Crop:
    """Show `views` square-cornered parts of each picture, enlarged to its full size (MACO, Fel et al. 2023).

    A part has between `smallest` and `largest` of the side; its centre is normal around the middle with `spread` times
    the side as deviation, clipped so that it stays inside.
    """

    views: int = 1
    smallest: float = 0.2
    largest: float = 0.3
    spread: float = 0.15

    def __post_init__(self) -> None:
        _at_least("views", self.views, 1)
        if not 0 < self.smallest <= self.largest <= 1:
            raise RecipeError(f"smallest={self.smallest}, largest={self.largest}: 0 < smallest <= largest <= 1")
        _at_least("spread", self.spread)

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return (n * views, h, w, c)."""
        _, height, width, _ = picture.shape
        seeds = backend.repeat_seeds(seeds, self.views)
        side = backend.uniform(backend.fold(seeds, 0), (), self.smallest, self.largest)
        room = (1 - side)[:, None] / 2
        centre = ops.clip(backend.normal(backend.fold(seeds, 1), (2,)) * self.spread, -room, room)
        zero = ops.zeros_like(side)
        matrix = _matrix(side, zero, centre[:, 0] * width, zero, side, centre[:, 1] * height)
        shown = ops.repeat(picture, self.views, axis=0) if self.views > 1 else picture
        return _move(shown, [matrix])


@dataclass(frozen=True)
class Noise:
    """Add normal noise of deviation `normal` and even noise of up to `uniform` either way; not clipped."""

    normal: float = 0.0
    uniform: float = 0.0

    def __post_init__(self) -> None:
        _at_least("normal", self.normal)
        _at_least("uniform", self.uniform)

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
        _at_least("sigma", self.sigma)

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
            _at_least(name, getattr(self, name))

    def __call__(self, picture: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the pictures in another light; not clipped."""
        draws = backend.uniform(seeds, (3, 1, 1, 1), -1.0, 1.0)
        grey = ops.mean(picture, axis=-1, keepdims=True)
        picture = grey + (picture - grey) * _factor(draws[:, 2], self.saturation)
        mean = ops.mean(picture, axis=(1, 2, 3), keepdims=True)
        picture = mean + (picture - mean) * _factor(draws[:, 1], self.contrast)
        return picture + draws[:, 0] * self.brightness
