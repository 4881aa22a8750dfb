"""`Denoised`: images that a denoiser makes of noise, step by step, while the ascent pushes them.

Each step takes the image that the denoiser expects behind the noisy one, adds the move of the ascent to it, and goes
toward the sum as far as the noise level falls. This is the sampler of Karras et al., "Elucidating the design space of
diffusion-based generative models", 2022, algorithm 1 (Euler steps, their noise levels), guided by a gradient through
the denoiser (Dhariwal and Nichol 2021; Ho et al. 2022) of a length that does not depend on the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from dreamfilters.dreams.parameterizations import Canvas, CanvasSize, Params, clipped
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.settings import NonNegative, Settings, above
from dreamfilters.errors import RecipeError
from dreamfilters.images.resizing import resize_matrix

if TYPE_CHECKING:
    from keras import ops

    from dreamfilters import backend
    from dreamfilters.backend import Tensor
    from dreamfilters.dreams.priors.image_statistics import Prior
    from dreamfilters.dreams.recipe import Recipe
else:
    from dreamfilters.lazy_module import backend, ops

_LONGEST = 0.5  # rms of a move, for images in [-1, 1]
_CHURN_ABOVE = 0.05  # noise level above which noise is replaced; below it, the image would stay grainy
_SEED = 2_000_000  # seed number of the first step's noise; steps and robust views have smaller numbers
_TINY = 1e-8

_NEEDS_LEARNED = (
    "needs a learned prior; train one with `dreamfilters prior IMAGES --out FILE`, and give it with --prior FILE "
    "(in Python prior=read_prior(FILE))"
)


@dataclass(frozen=True)
class Denoised(Settings):
    """Noisy images, and the denoiser of a learned prior that makes images of them (`dream(..., prior=)`).

    The noise level falls from `sigma_max` to `sigma_min` as sigma^(1 / rho) falls linearly, and the last step removes
    what is left. Each step above a level of .05 replaces noise: what it keeps is 1 / (1 + `churn`) of it. A move of the
    optimizer counts `min(sigma, 1)` times.
    """

    size: CanvasSize = None
    sigma_max: Annotated[float, above(0)] = 20.0
    sigma_min: Annotated[float, above(0)] = 0.03
    rho: Annotated[float, above(0)] = 5.0
    churn: NonNegative = 0.3
    prior: str = "learned"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sigma_min > self.sigma_max:
            raise RecipeError(f"sigma_min={self.sigma_min}: must be at most sigma_max={self.sigma_max}")

    def levels(self, steps: int) -> np.ndarray:
        """Return the noise level before each step, and 0 after the last one, (steps + 1,).

        >>> Denoised(sigma_max=16.0, sigma_min=1.0, rho=2.0).levels(4).round(6).tolist()
        [16.0, 9.0, 4.0, 1.0, 0.0]
        """
        first, last = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        levels = np.linspace(first, last, steps) ** self.rho if steps > 1 else np.array([self.sigma_max])
        return np.append(levels, 0.0).astype("float32")

    def start(self, seeds: backend.Seeds, canvas: Canvas) -> Params:
        """Return noise of the highest level at the size of the prior."""
        prior = learned(canvas)
        noise = backend.normal(seeds, (*prior.size, prior.channels))
        sigma = np.float32(self.sigma_max)
        return {"noisy": noise * sigma, "sigma": ops.ones_like(noise[:, :1, :1, :1]) * sigma}

    def to_image(self, params: Params, canvas: Canvas) -> Tensor:
        """Return the images that the denoiser expects, in [0, 1], enlarged to the canvas."""
        prior = learned(canvas)
        image = _clean(params, prior) / 2 + 0.5
        height, width = prior.size
        if (height, width) != (canvas.height, canvas.width):
            # one product per image and per row, whose bytes do not depend on the batch
            rows, columns = (
                resize_matrix(height, canvas.height, "bicubic"),
                resize_matrix(width, canvas.width, "bicubic"),
            )
            image = backend.matmul(rows, ops.reshape(image, (-1, height, width * prior.channels)))
            image = backend.matmul(columns, ops.reshape(image, (-1, canvas.height, width, prior.channels)))
        return clipped(image)

    def moved(
        self, params: Params, move: Params, canvas: Canvas, seeds: backend.Seeds, number: Tensor, steps: int
    ) -> Params:
        """Return the parameters after a step.

        Args:
            params: those before it.
            move: what the optimizer adds to them.
            canvas: whose prior has the denoiser.
            seeds: of the images.
            number: of the step, from 0.
            steps: number of steps.
        """
        levels = self.levels(steps)
        churned = levels[1:] > _CHURN_ABOVE
        kept = np.where(churned, 1 / (1 + self.churn), 1.0)  # share of the noise
        of_old = (kept * levels[1:] / levels[:-1]).astype("float32")
        of_new = (np.sqrt(1 - kept**2) * levels[1:]).astype("float32")  # the variances add up to that of the level
        push = move["noisy"] * ops.minimum(params["sigma"], 1.0)
        length = ops.sqrt(backend.row_means(ops.square(push)))[:, None, None, None] + _TINY
        aim = _clean(params, learned(canvas)) + push * ops.minimum(_LONGEST / length, 1.0)
        fresh = backend.normal(backend.fold(seeds, _SEED + number), tuple(aim.shape[1:]))
        noisy = aim + _at(of_old, number) * (params["noisy"] - aim) + _at(of_new, number) * fresh
        return {"noisy": noisy, "sigma": ops.ones_like(params["sigma"]) * _at(levels[1:], number)}

    def fit(self, image: np.ndarray, canvas: Canvas) -> Params:
        """Raise a RecipeError: the steps begin with noise."""
        raise RecipeError("denoised: cannot start from an image; use the recipe natural or standard")


def check_prior(recipe: Recipe, prior: Prior | LearnedPrior | None) -> None:
    """Raise RecipeError unless the prior is of the kind that the recipe uses, or there is none and it needs none."""
    is_denoised, is_learned = isinstance(recipe.parameterization, Denoised), isinstance(prior, LearnedPrior)
    if is_denoised and not is_learned:
        raise RecipeError(f"recipe {recipe.name}: {_NEEDS_LEARNED}")
    if is_learned and not is_denoised:
        raise RecipeError(
            f"recipe {recipe.name}: uses colors and spectrum only; a learned prior is for recipe 'learned'"
        )


def learned(canvas: Canvas) -> LearnedPrior:
    """Return the learned prior of a canvas, or raise RecipeError if it has none."""
    if canvas.learned is None:
        raise RecipeError(f"denoised: {_NEEDS_LEARNED}")
    return canvas.learned


def _clean(params: Params, prior: LearnedPrior) -> Tensor:
    """Return the images in about [-1, 1] that the denoiser expects behind the noisy ones."""
    from dreamfilters.dreams.priors.denoiser import denoised

    sigma = ops.stop_gradient(params["sigma"])
    return denoised(prior.weights, params["noisy"], sigma)


def _at(numbers: np.ndarray, index: Tensor) -> Tensor:
    return ops.take(backend.tensor(numbers), index)
