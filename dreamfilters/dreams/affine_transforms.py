"""Affine transforms: matrices that are multiplied before the image is resampled once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.errors import RecipeError


@runtime_checkable
class AffineTransform(Protocol):
    """A transform that only moves pixels; successive ones are merged."""

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return (n, 3, 3): output positions (x, y, 1) in pixels from the center -> input positions."""


def warped(image: Tensor, matrices: list[Tensor]) -> Tensor:
    """Return the images resampled once through the product of the matrices, of which the last applies first."""
    if not matrices:
        return image
    product = matrices[0]
    for matrix in matrices[1:]:
        product = ops.matmul(product, matrix)
    _, height, width, _ = image.shape
    return backend.warp(image, _about_center(product, height, width), height, width)


class _Affine:
    """Makes an affine transform callable, as every transform is."""

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        raise NotImplementedError

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        return warped(image, [self.matrix(seeds, image.shape[1], image.shape[2])])


@dataclass(frozen=True)
class Rotate(_Affine):
    """Rotate each image by up to `degrees` either way, mirrored beyond its edges."""

    degrees: float

    def __post_init__(self) -> None:
        if not 0 <= self.degrees < 180:
            raise RecipeError(f"degrees={self.degrees}: from 0 up to, not including, 180")

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the rotations (n, 3, 3), uniform in the tangent of half the angle (no cosine: see `backend.LANES`)."""
        half = backend.uniform(seeds, (), -1.0, 1.0) * math.tan(math.radians(self.degrees) / 2)
        square = half * half
        cosine, sine, zero = (1 - square) / (1 + square), 2 * half / (1 + square), ops.zeros_like(half)
        return _matrix(cosine, -sine, zero, sine, cosine, zero)


@dataclass(frozen=True)
class Scale(_Affine):
    """Scale each image by a factor from 1 / (1 + `by`) to 1 + `by`, mirrored beyond its edges."""

    by: float

    def __post_init__(self) -> None:
        at_least("by", self.by)

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the scalings (n, 3, 3)."""
        factor = stretch(backend.uniform(seeds, (), -1.0, 1.0), self.by)
        zero = ops.zeros_like(factor)
        return _matrix(factor, zero, zero, zero, factor, zero)


@dataclass(frozen=True)
class Shear(_Affine):
    """Shear each image horizontally by up to `by` pixels per row, mirrored beyond its edges."""

    by: float

    def __post_init__(self) -> None:
        at_least("by", self.by)

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the shears (n, 3, 3)."""
        slant = backend.uniform(seeds, (), -1.0, 1.0) * self.by
        zero, one = ops.zeros_like(slant), ops.ones_like(slant)
        return _matrix(one, slant, zero, zero, one, zero)


@dataclass(frozen=True)
class Shift(_Affine):
    """Shift each image by up to `pixels` in each direction, fractions included, mirrored beyond its edges."""

    pixels: float

    def __post_init__(self) -> None:
        at_least("pixels", self.pixels)

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the translations (n, 3, 3)."""
        by = backend.uniform(seeds, (2,), -1.0, 1.0) * self.pixels
        zero, one = ops.zeros_like(by[:, 0]), ops.ones_like(by[:, 0])
        return _matrix(one, zero, by[:, 0], zero, one, by[:, 1])


@dataclass(frozen=True)
class Crop:
    """Take `views` random crops of each image, enlarged to its full size (MACO, Fel et al. 2023).

    The side of a crop is between `smallest` and `largest` times that of the image. Its center is normally distributed
    around the middle, with `spread` times the side as std, and clipped so that the crop stays inside.
    """

    views: int = 1
    smallest: float = 0.2
    largest: float = 0.3
    spread: float = 0.15

    def __post_init__(self) -> None:
        at_least("views", self.views, 1)
        if not 0 < self.smallest <= self.largest <= 1:
            raise RecipeError(f"smallest={self.smallest}, largest={self.largest}: 0 < smallest <= largest <= 1")
        at_least("spread", self.spread)

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return (n * views, h, w, c)."""
        _, height, width, _ = image.shape
        seeds = backend.repeat_seeds(seeds, self.views)
        side = backend.uniform(backend.fold(seeds, 0), (), self.smallest, self.largest)
        room = (1 - side)[:, None] / 2
        center = ops.clip(backend.normal(backend.fold(seeds, 1), (2,)) * self.spread, -room, room)
        zero = ops.zeros_like(side)
        matrix = _matrix(side, zero, center[:, 0] * width, zero, side, center[:, 1] * height)
        views = ops.repeat(image, self.views, axis=0) if self.views > 1 else image
        return warped(views, [matrix])


def _matrix(a: Tensor, b: Tensor, x: Tensor, c: Tensor, d: Tensor, y: Tensor) -> Tensor:
    """Stack six (n,) into (n, 3, 3): (a b x; c d y; 0 0 1)."""
    zero, one = ops.zeros_like(a), ops.ones_like(a)
    rows = [ops.stack(row, axis=-1) for row in ((a, b, x), (c, d, y), (zero, zero, one))]
    return ops.stack(rows, axis=1)


def _about_center(matrix: Tensor, height: int, width: int) -> Tensor:
    """Return the matrix between pixel numbers of a matrix between offsets from the center."""
    x, y = (width - 1) / 2, (height - 1) / 2
    to_center = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]], "float32")
    back = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], "float32")
    return ops.matmul(ops.matmul(back, matrix), to_center)


def stretch(draw: Tensor, by: float) -> Tensor:
    """Return factors from 1 / (1 + by) to 1 + by for draws in [-1, 1); only + and *, see `backend.LANES`."""
    return 1 + draw * ops.where(draw < 0, by / (1 + by), by)


def at_least(name: str, value: float, least: float = 0.0) -> None:
    """Raise a RecipeError for a setting below its minimum."""
    if not value >= least:
        raise RecipeError(f"{name}={value}: at least {least:g}")
