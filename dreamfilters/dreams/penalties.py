"""Penalties, which read only the image, and edits of its pixels between steps.

A penalty is subtracted from the score, so its gradient is part of the ascent. An edit changes the pixels after each
step: it moves them toward gray, blurs them, or sets the least important ones to gray (Yosinski et al. 2015,
"Understanding neural networks through deep visualization"). Edits require the parameterization `pixels`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol, TypeAlias

from dreamfilters.dreams.settings import NonNegative, PositiveInt, Settings, Share, at_least, between
from dreamfilters.dreams.transforms import gaussian_blur

if TYPE_CHECKING:
    from keras import ops

    from dreamfilters import backend
    from dreamfilters.backend import Tensor
else:
    from dreamfilters.lazy_module import backend, ops

Percent: TypeAlias = Annotated[float, between(0, 100)]


class Penalty(Protocol):
    """(n, h, w, c) images in [0, 1] -> (n,), zero or more; the ascent minimizes it."""

    def __call__(self, image: Tensor) -> Tensor:
        """Return each image's penalty."""


class Edit(Protocol):
    """Pixels (n, h, w, c) around 0, their gradient and the step number -> the edited pixels."""

    def __call__(self, pixels: Tensor, gradient: Tensor, step: Tensor) -> Tensor:
        """Return the edited pixels."""


def _absolute(x: Tensor) -> Tensor:
    """Return |x| with the slope 0 at 0; the slope of `ops.abs` there is 0 with TensorFlow and 1 with JAX."""
    return x * ops.stop_gradient(ops.sign(x))


@dataclass(frozen=True)
class TotalVariation(Settings):
    """Total variation: the mean over pixels of |down| + |right|, summed over channels (Rudin et al. 1992)."""

    weight: NonNegative

    def __call__(self, image: Tensor) -> Tensor:
        """Return (n,)."""
        down = _absolute(image[:, 1:] - image[:, :-1])
        right = _absolute(image[:, :, 1:] - image[:, :, :-1])
        pixels = image.shape[1] * image.shape[2]
        return self.weight * (backend.row_sums(down) + backend.row_sums(right)) / pixels


@dataclass(frozen=True)
class SquaredVariation(Settings):
    """Squared variation: the mean over pixels of down ** 2 + right ** 2, summed over channels.

    It is the regularizer V with beta = 2 of Mahendran and Vedaldi ("Understanding deep image representations by
    inverting them", CVPR 2015, section 3), which removes the spikes that strided layers leave. Unlike total variation
    it smooths edges.
    """

    weight: NonNegative

    def __call__(self, image: Tensor) -> Tensor:
        """Return (n,)."""
        down = ops.square(image[:, 1:] - image[:, :-1])
        right = ops.square(image[:, :, 1:] - image[:, :, :-1])
        pixels = image.shape[1] * image.shape[2]
        return self.weight * (backend.row_sums(down) + backend.row_sums(right)) / pixels


@dataclass(frozen=True)
class L1(Settings):
    """Distance from mid gray: the mean of |x - .5|."""

    weight: NonNegative

    def __call__(self, image: Tensor) -> Tensor:
        """Return (n,)."""
        return self.weight * backend.row_means(_absolute(image - 0.5))


@dataclass(frozen=True)
class L2(Settings):
    """Distance from mid gray: the mean of (x - .5) ** 2."""

    weight: NonNegative

    def __call__(self, image: Tensor) -> Tensor:
        """Return (n,)."""
        return self.weight * backend.row_means(ops.square(image - 0.5))


@dataclass(frozen=True)
class Lp(Settings):
    """Distance from mid gray: the mean of |x - .5| ** power; a high power bounds the extremes (Mahendran 2015: 6)."""

    weight: NonNegative
    power: Annotated[float, at_least(1)] = 6.0

    def __call__(self, image: Tensor) -> Tensor:
        """Return (n,)."""
        return self.weight * backend.row_means(ops.power(_absolute(image - 0.5), self.power))


@dataclass(frozen=True)
class BlurDistance(Settings):
    """Fine detail: the mean of (x - blurred x) ** 2, with the blur held constant (Lucid, `blur_input_each_step`)."""

    weight: NonNegative
    sigma: NonNegative = 1.0

    def __call__(self, image: Tensor) -> Tensor:
        """Return (n,)."""
        sigma = ops.full((ops.shape(image)[0],), self.sigma)
        blurred = ops.stop_gradient(gaussian_blur(image, sigma))
        return self.weight * backend.row_means(ops.square(image - blurred))


@dataclass(frozen=True)
class Decay(Settings):
    """After each step, multiply the pixels, which are 0 for gray, by 1 - `rate`."""

    rate: Share

    def __call__(self, pixels: Tensor, gradient: Tensor, step: Tensor) -> Tensor:
        """Return the decayed pixels."""
        return pixels * (1.0 - self.rate)


@dataclass(frozen=True)
class BlurEvery(Settings):
    """Every `every` steps, blur the pixels by `sigma`."""

    sigma: NonNegative
    every: PositiveInt = 4

    def __call__(self, pixels: Tensor, gradient: Tensor, step: Tensor) -> Tensor:
        """Return the pixels, blurred at every `every`-th step."""
        blurred = gaussian_blur(pixels, ops.full((ops.shape(pixels)[0],), self.sigma))
        due = ops.equal(ops.mod(ops.cast(step, "int32") + 1, self.every), 0)
        return ops.where(due, blurred, pixels)


@dataclass(frozen=True)
class ClipNorm(Settings):
    """After each step, set the `percent` of pixels with the smallest color norm to gray."""

    percent: Percent

    def __call__(self, pixels: Tensor, gradient: Tensor, step: Tensor) -> Tensor:
        """Return the pixels, those with the smallest norm at 0."""
        return pixels * _strongest(ops.sqrt(ops.sum(ops.square(pixels), axis=-1)), self.percent)


@dataclass(frozen=True)
class ClipContribution(Settings):
    """After each step, set the `percent` of pixels with the smallest |sum over channels of x * g| to gray."""

    percent: Percent

    def __call__(self, pixels: Tensor, gradient: Tensor, step: Tensor) -> Tensor:
        """Return the pixels, those with the smallest contribution at 0."""
        return pixels * _strongest(ops.abs(ops.sum(pixels * gradient, axis=-1)), self.percent)


def _strongest(importance: Tensor, percent: float) -> Tensor:
    """Return (n, h, w, 1): 0 at the lowest `percent` of `importance` (n, h, w), 1 elsewhere."""
    flat = ops.reshape(importance, (ops.shape(importance)[0], -1))
    dropped = int(flat.shape[1] * percent / 100)
    if not dropped:
        return ops.ones_like(importance)[..., None]
    if dropped == flat.shape[1]:
        return ops.zeros_like(importance)[..., None]
    threshold = ops.sort(flat, axis=1)[:, dropped, None, None]
    return ops.cast(importance >= threshold, "float32")[..., None]
