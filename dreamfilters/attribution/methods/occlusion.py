"""Occlusion: by how much the score drops when a window of the image is filled.

Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014 (arXiv 1311.2901, 2013).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.attribution.fills import Fill, fill_of
from dreamfilters.attribution.methods.versions import version_batches
from dreamfilters.attribution.scorer import Score, Scorer
from dreamfilters.backend import Tensor
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.settings import Limit, Settings
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network

_PART = Limit("must be above 0 and at most 1, the shorter side", lambda part: 0 < part <= 1)
PartOfSide: TypeAlias = Annotated[float, _PART]


@dataclass(frozen=True)
class Occlusion(Settings):
    """A window slides over the image and is filled; a pixel has the mean drop of the score over its windows.

    The windows lie inside the image, and the last ones in each direction end at its edge. Every window is a forward
    pass: 17 * 17 = 289 with the default settings.

    Attributes:
        window: side of the square window, as a share of the image's shorter side.
        stride: distance between windows, as a share of the shorter side, at most `window`.
        fill: what the window shows: "gray" (0.5), "black", "mean" (the image's mean color) or "blur" (the image,
            blurred).

    Raises:
        RecipeError: a setting is out of range.

    Example:
        >>> Occlusion(window=0.25, stride=0.25)(network, logit(14), images[:2]).shape
        (2, 48, 48)
    """

    name: ClassVar[str] = "occlusion"
    meaning: ClassVar[str] = "the drop of the score when a window over the pixel is filled, averaged over windows"

    window: PartOfSide = 0.2
    stride: PartOfSide = 0.05
    fill: Fill = "gray"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride > self.window:
            raise RecipeError(f"stride={self.stride}: at most window={self.window}, or windows leave pixels out")

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return heatmaps (n, h, w) for images (n, h, w, c) in [0, 1]."""
        boxes = self.boxes(images.shape[1], images.shape[2])
        return np.stack([mean_drop(drops, boxes) for drops in self.drops(network, objective, images)])

    def drops(self, network: Network, objective: Objective, images: Floats) -> NDArray[np.float64]:
        """Return by how much the score of each image drops with each of its `boxes` filled, (n, k)."""
        scorer = Scorer(network, objective)
        boxes = self.boxes(images.shape[1], images.shape[2])
        return np.stack([_drops(scorer, image, fill_of(image, self.fill), boxes) for image in images])

    def boxes(self, height: int, width: int) -> NDArray[np.int32]:
        """Return (top, left, bottom, right) of each window in an image, (k, 4).

        >>> Occlusion(window=0.5, stride=0.5).boxes(4, 6).tolist()
        [[0, 0, 2, 2], [0, 2, 2, 4], [0, 4, 2, 6], [2, 0, 4, 2], [2, 2, 4, 4], [2, 4, 4, 6]]
        """
        shorter = min(height, width)
        side, step = (max(1, round(share * shorter)) for share in (self.window, self.stride))
        tops, lefts = ([*range(0, length - side, step), length - side] for length in (height, width))
        return np.array([(top, left, top + side, left + side) for top in tops for left in lefts], np.int32)


def _drops(scorer: Scorer, image: Floats, fill: Floats, boxes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return by how much the score drops with each box filled, (k,)."""
    program = scorer.program("filled boxes", _scores_of_filled)
    shown, below = backend.tensor(image), backend.tensor(fill)
    with_none = np.concatenate([np.zeros((1, 4), np.int32), boxes])  # the first box is empty: the image itself
    scores = np.concatenate(
        [
            np.asarray(program(shown, below, backend.tensor(with_none[numbers]), wanted))[:count]
            for numbers, wanted, count in version_batches(scorer, len(with_none))
        ]
    ).astype(np.float64)
    return np.asarray(scores[0] - scores[1:])


def _scores_of_filled(score: Score) -> Callable[[Tensor, Tensor, Tensor, Wanted], Tensor]:
    """Return (image (h, w, c), fill (h, w, c), boxes (k, 4), wanted) -> the score with each box filled, (k,)."""

    def scores(image: Tensor, fill: Tensor, boxes: Tensor, wanted: Wanted) -> Tensor:
        rows, columns = (ops.arange(length, dtype="int32") for length in image.shape[:2])
        in_rows = (rows >= boxes[:, 0:1]) & (rows < boxes[:, 2:3])
        in_columns = (columns >= boxes[:, 1:2]) & (columns < boxes[:, 3:4])
        is_filled = in_rows[:, :, None, None] & in_columns[:, None, :, None]
        return score(ops.where(is_filled, fill[None], image[None]), wanted)

    return scores


def mean_drop(drops: NDArray[np.float64], boxes: NDArray[np.int32]) -> Floats:
    """Return the mean drop over the boxes that cover each pixel, (h, w); they reach to all edges."""
    height, width = boxes[:, 2].max(), boxes[:, 3].max()
    total, covering = np.zeros((height, width)), np.zeros((height, width))
    for drop, (top, left, bottom, right) in zip(drops, boxes, strict=True):
        total[top:bottom, left:right] += drop
        covering[top:bottom, left:right] += 1
    return (total / covering).astype(np.float32)
