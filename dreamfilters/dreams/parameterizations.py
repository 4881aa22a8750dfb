"""Parameterizations of an image: pixels, a Fourier spectrum, phases, a Laplacian pyramid or a CPPN.

A parameterization is a pair of pure functions, `start` and `to_image`, and `fit`, which returns the parameters of a
given image. Each `to_image` ends in `to_valid_rgb`, so an image lies in [0, 1] at every step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np

from dreamfilters.dreams.priors import Prior
from dreamfilters.dreams.settings import Limit, NonNegative, PositiveInt, Settings, above, between
from dreamfilters.errors import RecipeError
from dreamfilters.lazy_module import custom_gradient

if TYPE_CHECKING:
    from keras import ops

    from dreamfilters import backend
    from dreamfilters.backend import Tensor
    from dreamfilters.dreams.priors.learned_prior import LearnedPrior
else:
    from dreamfilters.lazy_module import backend, ops

Params: TypeAlias = dict[str, "Tensor"]  # each array has one row per image
Size: TypeAlias = int | tuple[int, int] | None
Contrast: TypeAlias = Literal["standardized", "free"]
CanvasSize: TypeAlias = Annotated[Size, Limit("at least one pixel", lambda size: size is None or np.min(size) >= 1)]
Gain: TypeAlias = Annotated[float, above(0, usual="0.5 to 2")]

_EDGE = 1e-3  # images are clipped to [.001, .999] for finite logits: a quarter of one gray level


@dataclass(frozen=True)
class Canvas:
    """The size of an image in pixels, its color statistics, and the learned prior, if there is one."""

    height: int
    width: int
    prior: Prior
    learned: LearnedPrior | None = None

    @property
    def channels(self) -> int:
        """The number of color channels."""
        return self.prior.channels


class Parameterization(Protocol):
    """Parameters of images as pure functions, one row per image."""

    @property
    def size(self) -> Size:
        """Return the canvas in pixels, one side or (height, width); None is the network's size."""

    @property
    def prior(self) -> str:
        """Return the name of the color statistics: 'network', 'imagenet', 'none' or a file."""

    def start(self, seeds: backend.Seeds, canvas: Canvas) -> Params:
        """Return the initial parameters of the images with these seeds."""

    def to_image(self, params: Params, canvas: Canvas) -> Tensor:
        """Return the images (n, h, w, c) in [0, 1]."""

    def fit(self, image: np.ndarray, canvas: Canvas) -> Params:
        """Return the parameters of images (n, h, w, c)."""


@runtime_checkable
class OwnSteps(Protocol):
    """A parameterization whose parameters after a step are not the sum of those before it and the move."""

    def moved(
        self, params: Params, move: Params, canvas: Canvas, seeds: backend.Seeds, number: Tensor, steps: int
    ) -> Params:
        """Return the parameters after a step.

        Args:
            params: those before it.
            move: what the optimizer adds to them.
            canvas: of the images.
            seeds: of the images.
            number: of the step, from 0.
            steps: number of steps.
        """


def to_valid_rgb(z: Tensor, canvas: Canvas, contrast: Contrast, gain: float) -> Tensor:
    """Return images in [0, 1] of uncorrelated channels (n, h, w, c): sigmoid(mean + gain * z @ colors).

    With contrast "standardized", each image is first scaled to mean 0 and std 1, so that the ascent changes the content
    and not the contrast. With "free", the ascent changes both, as in Lucid's `to_valid_rgb`.
    """
    if contrast == "standardized":
        z = _standardize(z)
    return ops.sigmoid(backend.matmul(z, gain * canvas.prior.colors) + canvas.prior.mean)


@custom_gradient
def _standardize(z: Tensor) -> Any:
    """Scale each image to mean 0 and std 1.

    Its gradient is (dy - mean(dy) - y * mean(dy * y)) / std. Automatic differentiation would sum broadcasts in an order
    that depends on the batch, and an image must have the same bytes alone and in any batch.
    """

    def mean(x: Tensor) -> Tensor:
        return backend.row_means(x)[:, None, None, None]

    centered = z - mean(z)
    std = ops.maximum(ops.sqrt(mean(ops.square(centered))), 1e-4)
    y = centered / std

    def back(dy: Tensor) -> Tensor:
        return (dy - mean(dy) - y * mean(dy * y)) / std

    return y, back


@custom_gradient
def clipped(image: Tensor) -> Any:
    """Clip to [0, 1]; the gradient passes, so that a pixel can return from beyond the ends."""
    return ops.clip(image, 0.0, 1.0), lambda upstream: upstream


def from_valid_rgb(image: np.ndarray, canvas: Canvas, contrast: Contrast, gain: float) -> np.ndarray:
    """Return the z for which `to_valid_rgb` returns `image`; with "standardized", up to its contrast."""
    clipped = np.clip(np.asarray(image, "float64"), _EDGE, 1 - _EDGE)
    logits = np.log(clipped / (1 - clipped)) - canvas.prior.mean
    z = logits @ np.linalg.inv(canvas.prior.colors.astype("float64")) / gain
    return np.asarray(z, "float32")


@dataclass(frozen=True)
class Pixels(Settings):
    """One parameter per pixel and channel, without a prior on frequencies."""

    size: CanvasSize = None
    gain: Gain = 1.0
    contrast: Contrast = "free"
    prior: str = "none"
    std: float = 0.1  # of the random start

    def start(self, seeds: backend.Seeds, canvas: Canvas) -> Params:
        """Return normal noise of the given std."""
        return {"pixels": backend.normal(seeds, (canvas.height, canvas.width, canvas.channels)) * self.std}

    def to_image(self, params: Params, canvas: Canvas) -> Tensor:
        """Return the images in [0, 1]."""
        return to_valid_rgb(params["pixels"], canvas, self.contrast, self.gain)

    def fit(self, image: np.ndarray, canvas: Canvas) -> Params:
        """Return the pixels of `image`."""
        return {"pixels": from_valid_rgb(image, canvas, self.contrast, self.gain)}


@dataclass(frozen=True)
class Fourier(Settings):
    """A Fourier spectrum with weights 1 / f ** decay, or those that the prior measured (Olah et al. 2017).

    A step of the optimizer changes every frequency equally, so the image changes at all scales at once.
    """

    size: CanvasSize = None
    decay: NonNegative = 1.0  # 0 is a flat spectrum, 1 that of natural images
    gain: Gain = 1.0
    contrast: Contrast = "standardized"
    prior: str = "network"
    std: float = 1.0  # of the random start, before the weights

    def start(self, seeds: backend.Seeds, canvas: Canvas) -> Params:
        """Return normal coefficients, real and imaginary."""
        shape = (2, canvas.channels, canvas.height, canvas.width // 2 + 1)
        both = backend.normal(seeds, shape) * self.std
        # two arrays, because the gradient of a slice costs more than the FFT
        return {"real": both[:, 0], "imaginary": both[:, 1]}

    def to_image(self, params: Params, canvas: Canvas) -> Tensor:
        """Return the images in [0, 1]."""
        weight = self._weight(canvas)
        z = backend.irfft2(params["real"] * weight, params["imaginary"] * weight, canvas.height, canvas.width)
        return to_valid_rgb(ops.transpose(z, (0, 2, 3, 1)), canvas, self.contrast, self.gain)

    def fit(self, image: np.ndarray, canvas: Canvas) -> Params:
        """Return the coefficients of `image`."""
        z = from_valid_rgb(image, canvas, self.contrast, self.gain)
        spectrum = np.fft.rfft2(np.moveaxis(z, -1, 1))
        weight = self._weight(canvas)
        real, imaginary = spectrum.real / weight, spectrum.imag / weight
        return {"real": real.astype("float32"), "imaginary": imaginary.astype("float32")}

    def _weight(self, canvas: Canvas) -> np.ndarray:
        amplitude = canvas.prior.amplitude(canvas.height, canvas.width, self.decay)
        if canvas.prior.spectrum is not None:  # its scale depends on the size of the measured images
            amplitude = amplitude / math.sqrt(float(np.mean(amplitude**2)))
        # irfft2 divides by height * width; its root makes one learning rate fit every size, as in Lucid
        return amplitude * math.sqrt(canvas.height * canvas.width)


@dataclass(frozen=True)
class Phase(Settings):
    """Fourier phases; the amplitudes are those of the prior (MACO, Fel et al. 2023).

    The image keeps the colors and the spectrum of natural images.
    """

    size: CanvasSize = None
    decay: NonNegative = 1.0  # of the amplitudes if the prior has no spectrum
    gain: Gain = 1.0
    prior: str = "network"

    def start(self, seeds: backend.Seeds, canvas: Canvas) -> Params:
        """Return uniform phases."""
        shape = (canvas.channels, canvas.height, canvas.width // 2 + 1)
        return {"phase": backend.uniform(seeds, shape, -math.pi, math.pi)}

    def to_image(self, params: Params, canvas: Canvas) -> Tensor:
        """Return the images in [0, 1]."""
        amplitude = canvas.prior.amplitude(canvas.height, canvas.width, self.decay)
        real, imaginary = amplitude * ops.cos(params["phase"]), amplitude * ops.sin(params["phase"])
        z = backend.irfft2(real, imaginary, canvas.height, canvas.width)
        return to_valid_rgb(ops.transpose(z, (0, 2, 3, 1)), canvas, "standardized", self.gain)

    def fit(self, image: np.ndarray, canvas: Canvas) -> Params:
        """Return the phases of `image`; its amplitudes are those of the prior."""
        z = from_valid_rgb(image, canvas, "standardized", self.gain)
        return {"phase": np.angle(np.fft.rfft2(np.moveaxis(z, -1, 1))).astype("float32")}


@dataclass(frozen=True)
class Pyramid(Settings):
    """A Laplacian pyramid: images of halved sizes, enlarged and added (Burt and Adelson 1983; Lucid)."""

    size: CanvasSize = None
    levels: Annotated[int, between(1, 10)] = 4
    gain: Gain = 1.0
    contrast: Contrast = "standardized"
    prior: str = "network"
    std: float = 0.3  # of the random start, on each level

    def start(self, seeds: backend.Seeds, canvas: Canvas) -> Params:
        """Return normal noise on each level."""
        return {
            f"level{number}": backend.normal(backend.fold(seeds, number), (height, width, canvas.channels)) * self.std
            for number, (height, width) in enumerate(self._sizes(canvas))
        }

    def to_image(self, params: Params, canvas: Canvas) -> Tensor:
        """Return the images in [0, 1]."""
        z = params["level0"]
        for number in range(1, len(params)):
            z = z + ops.image.resize(params[f"level{number}"], (canvas.height, canvas.width), interpolation="bilinear")
        return to_valid_rgb(z, canvas, self.contrast, self.gain)

    def fit(self, image: np.ndarray, canvas: Canvas) -> Params:
        """Return the image on the finest level and 0 on the others."""
        z = from_valid_rgb(image, canvas, self.contrast, self.gain)
        sizes = self._sizes(canvas)[1:]
        empty = {f"level{n}": np.zeros((len(z), *size, canvas.channels), "float32") for n, size in enumerate(sizes, 1)}
        return {"level0": z, **empty}

    def _sizes(self, canvas: Canvas) -> list[tuple[int, int]]:
        halved = [(-(-canvas.height // 2**k), -(-canvas.width // 2**k)) for k in range(self.levels)]
        return [size for k, size in enumerate(halved) if k == 0 or min(size) >= 2]


@dataclass(frozen=True)
class CPPN(Settings):
    """The weights of a small network from coordinates to colors (Stanley 2007; Mordvintsev et al. 2018).

    The image is smooth at any size. Each image has its own network of `depth` layers with `width` units and the
    activations (a / .67, a^2 / .6) of a = arctan(z), which have unit variance, as in Lucid.
    """

    size: CanvasSize = None
    width: PositiveInt = 16
    depth: PositiveInt = 6
    gain: Gain = 1.0
    prior: str = "none"

    def start(self, seeds: backend.Seeds, canvas: Canvas) -> Params:
        """Return weights of std 1 / sqrt(inputs), a tenth of it in the last layer, for an image near gray."""
        params: Params = {}
        inputs = 3
        for number in range(self.depth):
            weights = backend.normal(backend.fold(seeds, number), (inputs, self.width))
            params[f"layer{number}"] = weights / math.sqrt(inputs)
            inputs = 2 * self.width
        last = backend.normal(backend.fold(seeds, self.depth), (inputs, canvas.channels))
        params["color"] = last * (0.1 / math.sqrt(inputs))
        return params

    def to_image(self, params: Params, canvas: Canvas) -> Tensor:
        """Return the images in [0, 1]."""
        rows = np.linspace(-math.sqrt(3), math.sqrt(3), canvas.height, dtype="float32")
        columns = np.linspace(-math.sqrt(3), math.sqrt(3), canvas.width, dtype="float32")
        y, x = np.meshgrid(rows, columns, indexing="ij")
        z: Tensor = np.stack([x.ravel(), y.ravel(), np.ones(x.size, "float32")], axis=-1)  # (h * w, 3)
        for number in range(self.depth):
            a = ops.arctan(backend.matmul(z, params[f"layer{number}"]))  # (n, h * w, width)
            z = ops.concatenate([a / 0.67, ops.square(a) / 0.6], axis=-1)
        z = ops.reshape(backend.matmul(z, params["color"]), (-1, canvas.height, canvas.width, canvas.channels))
        return to_valid_rgb(z, canvas, "free", self.gain)

    def fit(self, image: np.ndarray, canvas: Canvas) -> Params:
        """Raise a RecipeError: no formula gives the weights of an image."""
        raise RecipeError("cppn: cannot start from an image; use pixels, fourier or pyramid")


def free_spectrum(parameterization: Parameterization) -> Parameterization:
    """Return the Fourier spectrum of free contrast and color in place of one that fixes them; others stay as they are.

    >>> free_spectrum(Phase(32, gain=0.5)).contrast, free_spectrum(CPPN()) == CPPN()
    ('free', True)
    """
    if isinstance(parameterization, Phase):
        kept = parameterization
        return Fourier(kept.size, kept.decay, kept.gain, "free", kept.prior)
    if isinstance(parameterization, (Pixels, Fourier, Pyramid)):
        return replace(parameterization, contrast="free")
    return parameterization
