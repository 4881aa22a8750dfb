"""What replaces the hidden part of an image: gray, black, its mean color, or its blurred self."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import RecipeError
from dreamfilters.images.decoding import MID_GRAY

Fill: TypeAlias = Literal["gray", "black", "mean", "blur"]
FILLS: tuple[Fill, ...] = get_args(Fill)

_BLUR = 0.1  # std of the Gaussian, as a share of the shorter side: leaves colors and no shape


def fill_of(image: NDArray[np.float32], fill: Fill, *, blur: tuple[float, float] | None = None) -> NDArray[np.float32]:
    """Return the image (h, w, c) in [0, 1] that shows where an image is hidden.

    Args:
        image: (h, w, c) in [0, 1].
        fill: "gray" (0.5), "black", "mean" (the image's mean color) or "blur" (the image, blurred by a Gaussian).
        blur: std of the Gaussian in pixels, down and across; default: a tenth of the shorter side.

    >>> fill_of(np.float32([[[0.0], [1.0]]]), "mean").ravel().tolist()
    [0.5, 0.5]
    """
    if fill == "blur":
        stds = blur or (_BLUR * min(image.shape[:2]),) * 2
        from scipy import ndimage

        return np.asarray(ndimage.gaussian_filter(image, (*stds, 0), mode="nearest"), np.float32)
    color = {"gray": MID_GRAY, "black": 0.0}.get(fill, image.mean(axis=(0, 1), dtype=np.float64))
    return np.broadcast_to(np.asarray(color, np.float32), image.shape).copy()


def check_fill(fill: str) -> None:
    """Raise RecipeError unless there is such a fill."""
    if fill not in FILLS:
        raise RecipeError(f"fill={fill!r}: {', '.join(map(repr, FILLS[:-1]))} or {FILLS[-1]!r}")
