"""How alike the maps of one unit are on two images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from skimage.metrics import structural_similarity

from dreamfilters.errors import ImageError
from dreamfilters.serialization import plain, table

_WINDOW = 7  # places; the usual one of SSIM without Gaussian weights


@dataclass(frozen=True)
class MapSimilarity:
    """Two maps of one unit beside each other.

    Attributes:
        ssim: structural similarity, 1 for equal maps; None where it is undefined: maps below 3x3, or both constant.
        cosine: of the maps laid flat, 1 for equal ones; None where one is zero everywhere. Maps behind a ReLU have no
            negative place, so theirs is at least 0 and seldom small.
    """

    ssim: float | None
    cosine: float | None

    def as_values(self) -> dict[str, Any]:
        """Return both as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return table("Maps", [self.as_values()])


def map_similarity(first: ArrayLike, second: ArrayLike) -> MapSimilarity:
    """Return how alike two maps (h, w) are, place by place.

    SSIM of Wang et al., "Image quality assessment: from error visibility to structural similarity" (IEEE Transactions
    on Image Processing, 2004), as scikit-image computes it with an even window of 7x7 places, or the largest odd one
    that fits. It is meant for light, which is never below 0, so both maps are first brought to the one scale on which
    they are drawn beside each other, the least value of both at 0 and the greatest at 1. A map with a number that is
    not finite is like none: both are None.

    Raises:
        ImageError: maps of unequal shapes.

    Example:
        >>> map_similarity(np.eye(8), np.eye(8))
        Likeness(ssim=1.0, cosine=1.0)
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
