"""Transforms of the image before the network; each image has its own seed.

A transform maps (n, h, w, c) and one seed per image to images. The matrices of successive affine transforms are
multiplied before the image is resampled: one interpolation instead of three, in a third of the time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Annotated, Protocol, Self

import numpy as np

from dreamfilters.dreams.settings import NonNegative, NonNegativeInt, PositiveInt, Settings, Share, below
from dreamfilters.errors import RecipeError
from dreamfilters.networks.preprocessing.tolerance import Tolerance

if TYPE_CHECKING:
    from keras import ops

    from dreamfilters import backend
    from dreamfilters.backend import Tensor
else:
    from dreamfilters.lazy_module import backend, ops


class Transform(Protocol):
    """(n, h, w, c) images and (n,) seeds -> (n * views, h2, w2, c); strength zero is the identity."""

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the transformed images."""


class Motion(Settings):
    """A transform that moves what the network sees; strength zero leaves it in place."""

    def weakened(self, by: float) -> Self:
        """Return the motion at `by` times its strength."""
        return type(self)(**{name: value * by for name, value in vars(self).items()})

    def limited(self, tolerance: Tolerance, side: int) -> Self:
        """Return the motion, at most as strong as a network tolerates on a canvas of this side in pixels."""
        return self


def motions_of(transforms: Sequence[Transform]) -> tuple[Transform, ...]:
    """Return those transforms that are motions."""
    return tuple(each for each in transforms if isinstance(each, Motion))


def weakened(transforms: Sequence[Transform], by: float) -> tuple[Transform, ...]:
    """Return the transforms with every motion at `by` times its strength; the others stay as they are.

    >>> weakened((Rotate(15.0), Noise(0.1)), 0.5)
    (Rotate(degrees=7.5), Noise(normal=0.1, uniform=0.0))
    """
    return tuple(each.weakened(by) if isinstance(each, Motion) else each for each in transforms)


def limited(transforms: Sequence[Transform], tolerance: Tolerance, side: int) -> tuple[Transform, ...]:
    """Return the transforms with every motion at most as strong as a network tolerates; the others stay as they are.

    >>> limited((Rotate(15.0), Shift(2.0), Noise(0.1)), Tolerance(rotate=8, shift=0.05), 100)
    (Rotate(degrees=8), Shift(pixels=2.0, share=0.0), Noise(normal=0.1, uniform=0.0))
    """
    return tuple(each.limited(tolerance, side) if isinstance(each, Motion) else each for each in transforms)


class AffineTransform(Motion):
    """A transform that only moves pixels; successive ones are merged."""

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return (n, 3, 3): output positions (x, y, 1) in pixels from the center -> input positions."""
        raise NotImplementedError

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images, resampled."""
        return warped(image, [self.matrix(seeds, image.shape[1], image.shape[2])])


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


def warped(image: Tensor, matrices: list[Tensor]) -> Tensor:
    """Return the images resampled once through the product of the matrices, of which the last applies first."""
    if not matrices:
        return image
    _, height, width, _ = image.shape
    return backend.warp(image, _about_center(reduce(backend.matmul, matrices), height, width), height, width)


@dataclass(frozen=True)
class Rotate(AffineTransform):
    """Rotate each image by up to `degrees` either way, mirrored beyond its edges."""

    degrees: Annotated[float, below(0, 180)]

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the rotations (n, 3, 3), uniform in the tangent of half the angle (no cosine: see `backend.LANES`)."""
        half = backend.uniform(seeds, (), -1.0, 1.0) * math.tan(math.radians(self.degrees) / 2)
        square = half * half
        cosine, sine, zero = (1 - square) / (1 + square), 2 * half / (1 + square), ops.zeros_like(half)
        return _matrix(cosine, -sine, zero, sine, cosine, zero)

    def limited(self, tolerance: Tolerance, side: int) -> Self:
        """Return the rotations, at most as strong as a network tolerates."""
        return replace(self, degrees=min(self.degrees, tolerance.rotate))


@dataclass(frozen=True)
class Scale(AffineTransform):
    """Scale each image by a factor from 1 / (1 + `by`) to 1 + `by`, mirrored beyond its edges."""

    by: NonNegative

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the scalings (n, 3, 3)."""
        factor = stretch(backend.uniform(seeds, (), -1.0, 1.0), self.by)
        zero = ops.zeros_like(factor)
        return _matrix(factor, zero, zero, zero, factor, zero)

    def limited(self, tolerance: Tolerance, side: int) -> Self:
        """Return the scalings, at most as strong as a network tolerates."""
        return replace(self, by=min(self.by, tolerance.scale))


@dataclass(frozen=True)
class Shear(AffineTransform):
    """Shear each image horizontally by up to `by` pixels per row, mirrored beyond its edges."""

    by: NonNegative

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the shears (n, 3, 3)."""
        slant = backend.uniform(seeds, (), -1.0, 1.0) * self.by
        zero, one = ops.zeros_like(slant), ops.ones_like(slant)
        return _matrix(one, slant, zero, zero, one, zero)


@dataclass(frozen=True)
class Shift(AffineTransform):
    """Shift each image by up to `pixels` and `share` of its side, fractions included, mirrored beyond its edges."""

    pixels: NonNegative = 0.0
    share: Share = 0.0

    def matrix(self, seeds: backend.Seeds, height: int, width: int) -> Tensor:
        """Return the translations (n, 3, 3)."""
        most = self.pixels + self.share * np.array([width, height])
        by = backend.uniform(seeds, (2,), -1.0, 1.0) * most.astype("float32")
        zero, one = ops.zeros_like(by[:, 0]), ops.ones_like(by[:, 0])
        return _matrix(one, zero, by[:, 0], zero, one, by[:, 1])

    def limited(self, tolerance: Tolerance, side: int) -> Self:
        """Return the shifts, at most as strong as a network tolerates."""
        most = self.pixels / side + self.share
        return self if most <= tolerance.shift else replace(self, pixels=0.0, share=tolerance.shift)


@dataclass(frozen=True)
class Crop(Motion):
    """Take `views` random crops of each image, enlarged to its full size (MACO, Fel et al. 2023).

    The side of a crop is between `smallest` and `largest` times that of the image. Its center is normally distributed
    around the middle, with `spread` times the side as std, and clipped so that the crop stays inside.
    """

    views: PositiveInt = 1
    smallest: float = 0.2
    largest: float = 0.3
    spread: NonNegative = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.smallest <= self.largest <= 1:
            raise RecipeError(f"smallest={self.smallest}, largest={self.largest}: 0 < smallest <= largest <= 1")

    def weakened(self, by: float) -> Self:
        """Return crops that leave out `by` times as much of each side."""
        smallest, largest = (by * side + (1 - by) for side in (self.smallest, self.largest))
        return replace(self, smallest=smallest, largest=largest)

    def limited(self, tolerance: Tolerance, side: int) -> Self:
        """Return crops that are no smaller than a network tolerates."""
        return replace(self, smallest=max(self.smallest, tolerance.crop), largest=max(self.largest, tolerance.crop))

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


@dataclass(frozen=True)
class Jitter(Motion):
    """Shift each image by up to `pixels` whole pixels, wrapping at the edges."""

    pixels: NonNegativeInt

    def weakened(self, by: float) -> Self:
        """Return the jitter at `by` times its strength, rounded to whole pixels."""
        return replace(self, pixels=round(self.pixels * by))

    def limited(self, tolerance: Tolerance, side: int) -> Self:
        """Return the jitter, at most as strong as a network tolerates shifts."""
        return replace(self, pixels=min(self.pixels, int(tolerance.shift * side)))

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images, rolled."""
        if not self.pixels:
            return image
        return backend.roll(image, backend.integers(seeds, (2,), -self.pixels, self.pixels + 1))


@dataclass(frozen=True)
class Pad(Settings):
    """Pad each image with `pixels` of one gray on every side."""

    pixels: NonNegativeInt
    value: Share = 0.5

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the padded images."""
        width = ((0, 0), (self.pixels, self.pixels), (self.pixels, self.pixels), (0, 0))
        return ops.pad(image, width, constant_values=self.value)


@dataclass(frozen=True)
class Trim(Settings):
    """Remove `pixels` from every edge, the inverse of `Pad`."""

    pixels: NonNegativeInt

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the trimmed images."""
        _, height, width, _ = image.shape
        if 2 * self.pixels >= min(height, width):
            raise RecipeError(
                f"pixels={self.pixels}: at most {(min(height, width) - 1) // 2} for an image of {height}x{width}"
            )
        return image[:, self.pixels : height - self.pixels, self.pixels : width - self.pixels]


@dataclass(frozen=True)
class Views(Settings):
    """Repeat each image `views` times; the transforms that follow differ, and the scores are averaged."""

    views: PositiveInt

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return (n * views, h, w, c), the copies of an image together."""
        return ops.repeat(image, self.views, axis=0)


@dataclass(frozen=True)
class Noise(Settings):
    """Add normal noise of std `normal` and uniform noise of up to `uniform` either way; not clipped."""

    normal: NonNegative = 0.0
    uniform: NonNegative = 0.0

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images with noise."""
        shape = tuple(image.shape[1:])
        if self.normal:
            image = image + backend.normal(backend.fold(seeds, 0), shape) * self.normal
        if self.uniform:
            image = image + backend.uniform(backend.fold(seeds, 1), shape, -self.uniform, self.uniform)
        return image


@dataclass(frozen=True)
class Blur(Settings):
    """Blur each image by a Gaussian of up to `sigma` pixels."""

    sigma: NonNegative

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
    rows = backend.in_whole_shares(partial(ops.einsum, "nij,njwc->niwc"))(kernel(height), image)
    return backend.in_whole_shares(partial(ops.einsum, "nij,nhjc->nhic"))(kernel(width), rows)


@dataclass(frozen=True)
class Flip(Settings):
    """Flip each image left to right with this `probability`."""

    probability: Share = 0.5

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images, some of them flipped."""
        flipped = backend.uniform(seeds, (1, 1, 1)) < self.probability
        return ops.where(flipped, ops.flip(image, axis=2), image)


@dataclass(frozen=True)
class Color(Settings):
    """Add up to `brightness` to each image, and scale its contrast and saturation by up to their strengths."""

    brightness: NonNegative = 0.0
    contrast: NonNegative = 0.0
    saturation: NonNegative = 0.0

    def __call__(self, image: Tensor, seeds: backend.Seeds) -> Tensor:
        """Return the images with changed colors; not clipped."""
        draws = backend.uniform(seeds, (3, 1, 1, 1), -1.0, 1.0)
        gray = ops.mean(image, axis=-1, keepdims=True)
        image = gray + (image - gray) * stretch(draws[:, 2], self.saturation)
        mean = backend.row_means(image)[:, None, None, None]
        image = mean + (image - mean) * stretch(draws[:, 1], self.contrast)
        return image + draws[:, 0] * self.brightness


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
    return backend.matmul(backend.matmul(back, matrix), to_center)


def stretch(draw: Tensor, by: float) -> Tensor:
    """Return factors from 1 / (1 + by) to 1 + by for draws in [-1, 1); only + and *, see `backend.LANES`."""
    return 1 + draw * ops.where(draw < 0, by / (1 + by), by)
