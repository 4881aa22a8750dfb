"""RISE: the score of an image behind random masks, against how much of each pixel they show.

Source: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018
(arXiv 1806.07421).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.attribution.fills import Fill, fill_of
from dreamfilters.attribution.methods.versions import version_batches
from dreamfilters.attribution.scorer import Score, Scorer
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.settings import Limit, NonNegativeInt, PositiveInt, Settings, at_least
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network

_SMALL = 1e-12  # variance of a mask below which a pixel was never hidden or always


@dataclass(frozen=True)
class Rise(Settings):
    """Random masks of a coarse grid show parts of the image; a pixel has the slope of the score on how much it shows.

    Each cell of the grid is shown with probability `shown`. The grid is enlarged bilinearly to the image and shifted at
    random by less than a cell. With the masks M_i and the scores s_i, the value of a pixel is cov(s, M) / var(M), the
    slope of the least-squares line of the score on the mask's value there. The paper has sum(s_i * M_i) / (N * shown),
    which ranks the pixels alike for many masks; minus the mean, the sign has a meaning and the noise is smaller. For a
    score that is linear in the pixels and a mask of single pixels it is weight * (pixel - fill).

    All images see the same masks, which depend on `seed` only.

    Attributes:
        masks: number of masks, each a forward pass, at least 2; the paper has 4,000 to 8,000. The noise falls with the
            root of the number.
        grid: cells of the grid along each side.
        shown: probability that a cell is shown.
        fill: what hidden pixels show: "gray" (0.5), "black", "mean" (the image's mean color) or "blur" (the image,
            blurred).
        seed: seed of the masks.

    Raises:
        RecipeError: a setting is out of range.

    Example:
        >>> Rise(masks=64)(network, logit(14), images[:2]).shape
        (2, 48, 48)
    """

    name: ClassVar[str] = "rise"
    meaning: ClassVar[str] = "the rise of the score from random masks that hide the pixel to those that show it"

    masks: Annotated[int, at_least(2)] = 1024
    grid: PositiveInt = 7
    shown: Annotated[float, Limit("a probability between 0 and 1", lambda shown: 0 < shown < 1)] = 0.5
    fill: Fill = "gray"
    seed: NonNegativeInt = 0

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w) for images (n, h, w, c) in [0, 1]."""
        scorer = Scorer(network, objective)
        if self.grid > min(images.shape[1:3]):
            raise RecipeError(f"grid={self.grid}: more cells than the image has pixels, {images.shape[1:3]}")
        return np.stack([self._heatmap(scorer, image) for image in images])

    def _heatmap(self, scorer: Scorer, image: Floats) -> Floats:
        program = scorer.program(f"random masks {self.grid} {self.shown}", self._sums)
        seed = backend.tensor(np.array([backend.seed_of("rise", self.seed)]))
        shown, below = backend.tensor(image), backend.tensor(fill_of(image, self.fill))
        total, with_masks = 0.0, np.zeros((3, *image.shape[:2]))
        for numbers, wanted, count in version_batches(scorer, self.masks):
            is_real = (np.arange(len(numbers)) < count).astype(np.float32)
            score, sums = program(shown, below, seed, numbers, is_real, wanted)
            total += float(score)
            with_masks += np.asarray(sums, np.float64)
        of_scores, mean, squared = with_masks / self.masks
        covariance, variance = of_scores - total / self.masks * mean, squared - mean**2
        slope = np.divide(covariance, variance, out=np.zeros_like(mean), where=variance > _SMALL)
        return np.asarray(slope, np.float32)

    def _sums(self, score: Score) -> Callable[..., tuple[Tensor, Tensor]]:
        """Return the program from an image and numbers of masks to sums over the masks that are real.

        They are the sum of the scores, and (3, h, w): the sums of score * mask, mask and mask squared.
        """

        def sums(
            image: Tensor, fill: Tensor, seed: Tensor, numbers: Tensor, is_real: Tensor, wanted: Wanted
        ) -> tuple[Tensor, Tensor]:
            height, width, _ = image.shape
            masks = random_masks(backend.fold(seed, numbers), (height, width), self.grid, self.shown)
            scores = is_real * score(fill + masks[..., None] * (image - fill), wanted)
            flat = ops.reshape(masks, (-1, height * width))
            with_mask = ops.matmul(ops.stack([scores, is_real]), flat)
            squared = ops.matmul(is_real[None], flat * flat)
            return ops.sum(scores), ops.reshape(ops.concatenate([with_mask, squared]), (3, height, width))

        return sums


def random_masks(seeds: Tensor, size: tuple[int, int], grid: int, shown: float) -> Tensor:
    """Return random masks (n, h, w) in [0, 1], mask i from its own seed.

    Each has (grid + 1)**2 cells, 1 with probability `shown` and else 0. They are enlarged bilinearly so that `grid`
    cells cover the image, and shifted by a random part of a cell.
    """
    cells = ops.cast(backend.uniform(backend.fold(seeds, 0), (grid + 1, grid + 1)) < shown, "float32")
    shifts = backend.uniform(backend.fold(seeds, 1), (2,))
    rows, columns = (_enlarging(shifts[:, axis], size[axis], grid) for axis in (0, 1))
    return ops.matmul(ops.matmul(rows, cells), ops.transpose(columns, (0, 2, 1)))


def _enlarging(shifts: Tensor, length: int, grid: int) -> Tensor:
    """Return the matrices (n, length, grid + 1) that enlarge the cells of one axis; shifts (n,) are parts of a cell."""
    cell = -(-length // grid)  # pixels
    shifted = np.arange(length, dtype=np.float32) + ops.floor(shifts[:, None] * cell)
    places = ops.clip((shifted + 0.5) / cell - 0.5, 0, grid)  # of pixel centers, in cells from the first center
    return ops.maximum(0.0, 1.0 - ops.abs(places[:, :, None] - np.arange(grid + 1, dtype=np.float32)))
