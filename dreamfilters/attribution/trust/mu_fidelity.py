"""Mu-fidelity: whether what a heatmap says of a set of pixels is what their removal does to the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.trust.trust_measure import Measured, TrustCase
from dreamfilters.evidence.activations import Floats

_SIDE = 9  # cells along each side of the grid; fewer for images with fewer pixels
_SHARE = 0.2  # of the cells in a set
_SETS = 128  # random sets for each image
_LEAST = 1e-9  # std of what is correlated, as a share of its size; below it all values are equal


@dataclass(frozen=True)
class MuFidelity:
    """The correlation of the sum of a heatmap over a set of pixels with the fall of the score when they are removed.

    Bhatt, Weller, Moura, "Evaluating and Aggregating Feature-based Model Explanations" (IJCAI 2020), equation 3:
    Pearson's correlation over 128 random sets of a fifth of the cells of a 9x9 grid. Removed pixels have the image's
    mean color. The sets are the same for all methods.
    """

    name: str = "mu-fidelity"
    meaning: str = (
        "Correlation of a heatmap's sum over random pixels with the fall of the score without them: 1 is best."
    )
    better: Literal["lower", "higher"] = "higher"
    points: Sequence[float] = ()

    def __call__(self, case: TrustCase, method: Attribution, heatmaps: Floats) -> Measured:
        """See `TrustMeasure`."""
        found = [
            _correlation((mask * heatmap).sum(axis=(1, 2), dtype=np.float64), falls)
            for heatmap, (mask, falls) in zip(heatmaps, removals(case), strict=True)
        ]
        return Measured(np.array(found, np.float32))


def removals(case: TrustCase) -> list[tuple[NDArray[np.bool_], NDArray[np.float64]]]:
    """Return for each image its sets of pixels, (sets, h, w), and how much the score falls without each, (sets,)."""
    return case.shared("mu-fidelity", lambda: [_removals(case, row) for row in range(len(case.images))])


def _removals(case: TrustCase, row: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    image, blank = case.images[row], case.blank[row]
    masks = random_sets(image.shape[:2], case.random("mu-fidelity", row))
    scores = case.scorer.scores(np.where(masks[..., None], blank, image).astype(np.float32))
    return masks, case.scores[row].astype(np.float64) - scores


def random_sets(size: tuple[int, int], random: np.random.Generator) -> NDArray[np.bool_]:
    """Return sets of pixels (sets, h, w), each a fifth of the cells of a grid."""
    height, width = size
    rows, columns = min(_SIDE, height), min(_SIDE, width)
    cells = (np.arange(height) * rows // height)[:, None] * columns + np.arange(width) * columns // width
    count = max(1, round(_SHARE * rows * columns))
    ranks = random.random((_SETS, rows * columns)).argsort(axis=1).argsort(axis=1)
    return np.asarray((ranks < count)[:, cells])


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return Pearson's correlation, NaN where one of them is constant."""
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return np.nan
    sizes = [(values.std(), np.abs(values).max()) for values in (one, other)]
    if any(std <= _LEAST * size for std, size in sizes):
        return np.nan
    return float(np.corrcoef(one, other)[0, 1])


MU_FIDELITY = MuFidelity()
