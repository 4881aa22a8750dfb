"""A denoiser of images: a U-Net with the noise level as an input (Karras et al. 2022), as a function of its weights.

The output is c_skip * noisy + c_out * F(c_in * noisy, log(sigma) / 2), where F is the U-Net (Ronneberger et al. 2015)
and the factors are those of Karras et al., "Elucidating the design space of diffusion-based generative models", 2022,
table 1 (EDM). At sigma 0 it returns its input. Images are in [-1, 1] here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import LANES, Tensor, in_whole_shares
from dreamfilters.dreams.priors.denoiser_weights import PATCH, Architecture
from dreamfilters.networks.reproducible import with_enough_rows

Weights: TypeAlias = Mapping[str, Any]  # arrays by name, see `Architecture.shapes`

DATA_STD = 0.5  # of images in [-1, 1], as EDM assumes it
_FREQUENCIES = np.exp(np.linspace(np.log(0.5), np.log(16.0), LANES)).astype("float32")  # they fill vectors, see LANES
_LEAST_SIGMA = 1e-4  # for its logarithm
_TINY = 1e-8  # keeps TensorFlow from an approximate reciprocal root, which differs between batches
_NEAR_ZERO = 1e-3  # std of the last kernel of a residual block, which begins near the identity


def initial_weights(architecture: Architecture, seed: int) -> dict[str, np.ndarray]:
    """Return the weights before training: kernels of Glorot and Bengio (2010), near 0 at the end of a residual block.

    The last kernel, the kernels by which the noise level acts and all biases are 0.
    """
    rng = np.random.default_rng([seed, 0])
    weights = {}
    for name, shape in architecture.shapes.items():
        limit = np.sqrt(6 / (np.prod(shape[:-1]) + np.prod(shape[:-2]) * shape[-1]))
        if name.endswith(".second.kernel"):
            values = rng.normal(0, _NEAR_ZERO, shape)
        elif name.endswith((".bias", ".level.kernel")) or name == "leave.kernel":
            values = np.zeros(shape)
        else:
            values = rng.uniform(-limit, limit, shape)
        weights[name] = values.astype("float32")
    return weights


def denoised(weights: Weights, noisy: Tensor, sigma: Tensor) -> Tensor:
    """Return the expected images, (n, h, w, c) in [-1, 1], of images plus normal noise.

    Args:
        weights: of the denoiser.
        noisy: (n, h, w, c), sides that are multiples of `MULTIPLE`.
        sigma: (n, 1, 1, 1) std of the noise.
    """
    variance = sigma * sigma + DATA_STD**2
    spread = ops.sqrt(variance) + _TINY
    change = unet(weights, noisy / spread, sigma)
    return DATA_STD**2 / variance * noisy + sigma * DATA_STD / spread * change


def unet(weights: Weights, scaled: Tensor, sigma: Tensor) -> Tensor:
    """Return F of the module's formula for images of unit variance, (n, h, w, c)."""
    level = _embedded(weights, sigma)
    fine = _block(weights, "fine1", _conv(weights, "enter", _patches(scaled)), level)
    middle = _block(weights, "middle1", _conv(weights, "down1", fine, 2), level)
    x = _block(weights, "coarse1", _conv(weights, "down2", middle, 2), level)
    x = _block(weights, "coarse2", x, level)
    x = _block(weights, "middle2", _conv(weights, "up2", _doubled(x)) + middle, level)
    x = _block(weights, "fine2", _conv(weights, "up1", _doubled(x)) + fine, level)
    return _unpatched(_conv(weights, "leave", ops.silu(x)))


def _embedded(weights: Weights, sigma: Tensor) -> Tensor:
    """Return (n, numbers) of the noise levels: sines and cosines of log(sigma) / 2, then two dense layers."""
    rows = ops.reshape(sigma, (-1, 1)) * np.ones((1, LANES), "float32")
    angles = ops.log(ops.maximum(rows, _LEAST_SIGMA)) / 2 * _FREQUENCIES
    x = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
    return ops.silu(_dense(weights, "level2", ops.silu(_dense(weights, "level1", x))))


def _block(weights: Weights, name: str, x: Tensor, level: Tensor) -> Tensor:
    """Return x plus two convolutions of it, between which the noise level scales and shifts each channel."""
    factors = _dense(weights, f"{name}.level", level)[:, None, None, :]
    width = x.shape[-1]
    inner = _conv(weights, f"{name}.first", ops.silu(x))
    inner = inner * (1 + factors[..., :width]) + factors[..., width:]
    return x + _conv(weights, f"{name}.second", ops.silu(inner))


def _conv(weights: Weights, name: str, x: Tensor, stride: int = 1) -> Tensor:
    def conv(images: Tensor) -> Tensor:
        return ops.conv(images, weights[f"{name}.kernel"], stride, "same")

    return in_whole_shares(conv, least=2, share=1 if stride == 1 else backend.THREADS)(x) + weights[f"{name}.bias"]


def _dense(weights: Weights, name: str, x: Tensor) -> Tensor:
    """Return x @ kernel + bias, with bytes for an image that do not depend on the other images."""
    return with_enough_rows(lambda rows: ops.matmul(rows, weights[f"{name}.kernel"]) + weights[f"{name}.bias"])(x)


def _patches(x: Tensor) -> Tensor:
    """Return each square of pixels as the channels of one position."""
    side = PATCH
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height // side, side, width // side, side, channels))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height // side, width // side, side**2 * channels))


def _unpatched(x: Tensor) -> Tensor:
    """Return the inverse of `_patches`."""
    side = PATCH
    _, height, width, depth = x.shape
    channels = depth // side**2
    x = ops.transpose(ops.reshape(x, (-1, height, width, side, side, channels)), (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, height * side, width * side, channels))


def _doubled(x: Tensor) -> Tensor:
    """Return a map of twice the size, each position four times."""
    return ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)
