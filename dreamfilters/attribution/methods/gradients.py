"""Saliency by the gradient of the score: `gradient`, `gradient-x-input` and `smoothgrad`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dreamfilters import backend
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.settings import NonNegativeInt, PositiveInt, Settings, Share
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network


@dataclass(frozen=True)
class Gradient(Settings):
    """The saliency map: how strongly the score reacts to a small change of a pixel, in any direction.

    The value is the maximum over the channels of |d score / d x|, for x in [0, 1]. It has no sign: it states how much
    a pixel matters, not whether it raises the score. Source: Simonyan, Vedaldi, Zisserman, "Deep inside convolutional
    networks", arXiv 1312.6034 (2013), section 3.1.

    Example:
        >>> Gradient()(network, logit(14), images[:2]).shape
        (2, 48, 48)
    """

    name: ClassVar[str] = "gradient"
    meaning: ClassVar[str] = "the largest |d score / d pixel| of the channels; no sign"
    signed: ClassVar[bool] = False

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w) of zero or more for images (n, h, w, c) in [0, 1]."""
        return largest(Scorer(network, objective).gradients(images)[1])


@dataclass(frozen=True)
class GradientXInput(Settings):
    """The first-order share of each pixel in the score: the sum over the channels of x * d score / d x.

    x is in [0, 1], so that a black pixel has the value 0. The sum over the pixels is the score less its biases if the
    score is linear along the line from a black image. Source: Shrikumar et al., "Not just a black box", arXiv
    1605.01713 (2016).

    Example:
        >>> GradientXInput()(network, logit(14), np.zeros_like(images[:1])).max()
        np.float32(0.0)
    """

    name: ClassVar[str] = "gradient-x-input"
    meaning: ClassVar[str] = "pixel times d score / d pixel, summed over the channels; positive raises the score"

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return signed heatmaps (n, h, w) for images (n, h, w, c) in [0, 1]."""
        return np.asarray((images * Scorer(network, objective).gradients(images)[1]).sum(axis=-1), np.float32)


@dataclass(frozen=True)
class SmoothGrad(Settings):
    """The saliency map of the mean gradient over noisy copies of the image, in which much of its noise cancels.

    The noise is Gaussian. All images get the same noise, so that a heatmap does not depend on the other images. The
    value is the maximum over the channels of the |mean|. Source: Smilkov et al., "SmoothGrad: removing noise by adding
    noise", arXiv 1706.03825 (2017): 10 to 20 % noise, about 50 samples.

    Attributes:
        samples: noisy copies of an image.
        noise: std of the noise, as a share of the range of the image's values.
        seed: random seed.

    Example:
        >>> SmoothGrad(samples=4)(network, logit(14), images[:1]).shape
        (1, 48, 48)
    """

    name: ClassVar[str] = "smoothgrad"
    meaning: ClassVar[str] = "the largest |mean d score / d pixel| of the channels over noisy copies; no sign"
    signed: ClassVar[bool] = False

    samples: PositiveInt = 50
    noise: Share = 0.15
    seed: NonNegativeInt = 0

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w) of zero or more for images (n, h, w, c) in [0, 1]."""
        scorer = Scorer(network, objective)
        seeds = np.array([backend.seed_of(self.seed, self.name, sample) for sample in range(self.samples)])
        noise: Floats = np.float32(self.noise) * np.asarray(backend.normal(seeds, images.shape[1:]))
        return np.stack([self._of(scorer, image, noise) for image in images])

    def _of(self, scorer: Scorer, image: Floats, noise: Floats) -> Floats:
        _, gradients = scorer.gradients(image + noise * (image.max() - image.min()))
        return largest(gradients.mean(axis=0, dtype=np.float64))


def largest(gradients: Floats) -> Floats:
    """Return the largest magnitude of the channels, (..., c) -> (...).

    >>> largest(np.array([[1.0, -3.0, 2.0]]))
    array([3.], dtype=float32)
    """
    return np.asarray(np.abs(gradients).max(axis=-1), np.float32)
