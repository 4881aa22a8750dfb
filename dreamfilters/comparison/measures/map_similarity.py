"""How similar the activation maps of one unit are on its dream and on real images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from skimage.metrics import structural_similarity

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.measure import NO_VALUE, Caption, Measure
from dreamfilters.display import Tabular
from dreamfilters.errors import ImageError
from dreamfilters.number_format import number

_WINDOW = 7  # positions; the usual one of SSIM without Gaussian weights


@dataclass(frozen=True)
class MapSimilarity(Tabular):
    """The similarity of two maps of one unit.

    Attributes:
        ssim: structural similarity, 1 for equal maps; None where it is undefined: maps below 3x3, or both constant.
        cosine: of the flattened maps, 1 for equal ones; None where one is zero everywhere. Maps behind a ReLU have no
            negative values, so theirs is at least 0 and seldom small.
    """

    ssim: float | None
    cosine: float | None


def map_similarity(first: ArrayLike, second: ArrayLike) -> MapSimilarity:
    """Return how similar two maps (h, w) are, position by position.

    SSIM of Wang et al., "Image quality assessment: from error visibility to structural similarity" (IEEE Transactions
    on Image Processing, 2004), as scikit-image computes it with a uniform window of 7x7 positions, or the largest odd
    one that fits. SSIM is defined for light, which is never negative, so both maps are first scaled together: their
    lowest value becomes 0 and their highest 1. A map with a value that is not finite has no similarity: both are None.

    Raises:
        ImageError: maps of unequal shapes.

    Example:
        >>> map_similarity(np.eye(8), np.eye(8))
        MapSimilarity(ssim=1.0, cosine=1.0)
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.ndim != 2 or one.shape != other.shape:
        raise ImageError(f"maps of shapes {one.shape} and {other.shape}: give two (h, w) of images of one size")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return MapSimilarity(None, None)
    largest = max(np.abs(one).max(), np.abs(other).max())
    if largest == 0:
        return MapSimilarity(None, None)
    return MapSimilarity(_ssim(one / largest, other / largest), _cosine(one, other))  # so that no square overflows


def _ssim(one: np.ndarray, other: np.ndarray) -> float | None:
    low, high = min(one.min(), other.min()), max(one.max(), other.max())
    side = min(_WINDOW, *one.shape)
    window = side if side % 2 else side - 1
    if window < 3 or (np.ptp(one) == 0 and np.ptp(other) == 0):
        return None
    drawn = ((values - low) / (high - low) for values in (one, other))
    return float(structural_similarity(*drawn, win_size=window, data_range=1.0))


def _cosine(one: np.ndarray, other: np.ndarray) -> float | None:
    if not (one.any() and other.any()):
        return None
    a, b = (values.ravel() / np.abs(values).max() for values in (one, other))
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1, 1))


def map_similarities(batch: Batch) -> list[tuple[MapSimilarity, ...]]:
    """Return, for each unit, how similar its map on each shown image is to its map on the dream."""
    return [
        tuple(map_similarity(views[0].map, view.map) for view in views[len(rows) :])
        for rows, views in zip(batch.dream_rows, batch.views, strict=True)
    ]


def _caption(value: tuple[MapSimilarity, ...]) -> Caption:
    ssim, cosine = (NO_VALUE if one is None else number(one) for one in (value[0].ssim, value[0].cosine))
    return Caption(ssim, f"cosine {cosine}")


MAP_SIMILARITY = Measure(
    name="map_similarity",
    title="Maps",
    meaning="Structural similarity of the activation maps on the dream and on the strongest real image: 1 where the "
    "unit responds at the same positions.",
    needs=frozenset({"dream", "maps"}),
    compute=map_similarities,
    caption=_caption,
    columns={"map_ssim": lambda value: value[0].ssim, "map_cosine": lambda value: value[0].cosine},
)
