"""Transforms that only move pixels: matrices, multiplied before anything is resampled."""

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
    """A transform that only moves pixels and can be merged with its neighbors."""

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return (n, 3, 3): output places (x, y, 1) in pixels from the center -> input places."""


def moved(image: Tensor, matrices: list[Tensor]) -> Tensor:
    """Resample once through the product of the motions: the last one meets the output place first."""
    if not matrices:
        return image
    product = matrices[0]
    for matrix in matrices[1:]:
        product = ops.matmul(product, matrix)
    _, height, width, _ = image.shape
    return backend.warp(image, _about_center(product, height, width), height, width)


class _Moves:
    """Makes a motion callable on its own, as every transform is."""

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        raise NotImplementedError

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        return moved(image, [self.matrix(seeds, image.shape[1], image.shape[2])])


@dataclass(frozen=True)
class Rotate(_Moves):
    """Turn each image by up to `degrees` either way, mirrored beyond its edges."""

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
    """Enlarge each image or shrink it, by a factor from 1 to 1 + `by`, mirrored beyond its edges."""

    by: float

    def __post_init__(self) -> None:
        at_least("by", self.by)

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the scalings (n, 3, 3)."""
        factor = stretch(backend.uniform(seeds, (), -1.0, 1.0), self.by)
        zero = ops.zeros_like(factor)
        return _matrix(factor, zero, zero, zero, factor, zero)


@dataclass(frozen=True)
class Shear(_Moves):
    """Slant each image sideways by up to `by` pixels a row, mirrored beyond its edges."""

    by: float

    def __post_init__(self) -> None:
        at_least("by", self.by)

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the shears (n, 3, 3)."""
        slant = backend.uniform(seeds, (), -1.0, 1.0) * self.by
        zero, one = ops.zeros_like(slant), ops.ones_like(slant)
        return _matrix(one, slant, zero, zero, one, zero)


@dataclass(frozen=True)
class Shift(_Moves):
    """Move each image by up to `pixels` in each direction, fractions included, mirrored beyond its edges."""

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
    """Show `views` square-cornered parts of each image, enlarged to its full size (MACO, Fel et al. 2023).

    A part has between `smallest` and `largest` of the side; its center is normal around the middle with `spread` times
    the side as std, clipped so that it stays inside.
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
        shown = ops.repeat(image, self.views, axis=0) if self.views > 1 else image
        return moved(shown, [matrix])


def _matrix(a: Tensor, b: Tensor, x: Tensor, c: Tensor, d: Tensor, y: Tensor) -> Tensor:
    """Stack six (n,) into (n, 3, 3): (a b x; c d y; 0 0 1)."""
    zero, one = ops.zeros_like(a), ops.ones_like(a)
    rows = [ops.stack(row, axis=-1) for row in ((a, b, x), (c, d, y), (zero, zero, one))]
    return ops.stack(rows, axis=1)


def _about_center(matrix: Tensor, height: int, width: int) -> Tensor:
    """Turn a map between offsets from the center into one between pixel numbers."""
    x, y = (width - 1) / 2, (height - 1) / 2
    to_center = np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]], "float32")
    back = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], "float32")
    return ops.matmul(ops.matmul(back, matrix), to_center)


def stretch(draw: Tensor, by: float) -> Tensor:
    """Turn draws in [-1, 1) into factors from 1 / (1 + by) to 1 + by; only + and *, see `backend.LANES`."""
    return 1 + draw * ops.where(draw < 0, by / (1 + by), by)


def at_least(name: str, value: float, least: float = 0.0) -> None:
    """Raise a RecipeError for a setting below its least value."""
    if not value >= least:
        raise RecipeError(f"{name}={value}: at least {least:g}")
