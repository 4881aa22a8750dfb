"""What replaces the hidden part of an image: gray, black, its mean color, or its blurred self."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from scipy import ndimage

from dreamfilters.evidence.activations import Floats
from dreamfilters.images.decoding import MID_GRAY

Fill: TypeAlias = Literal["gray", "black", "mean", "blur"]

_BLUR = 0.1  # std of the Gaussian, as a share of the shorter side: leaves colors and no shape


def fill_of(image: Floats, fill: Fill) -> Floats:
    """Return the image (h, w, c) in [0, 1] that shows where an image is hidden.

    >>> fill_of(np.float32([[[0.0], [1.0]]]), "mean").ravel().tolist()
    [0.5, 0.5]
    """
    if fill == "blur":
        std = _BLUR * min(image.shape[:2])
        return np.asarray(ndimage.gaussian_filter(image, (std, std, 0), mode="nearest"), np.float32)
    color = {"gray": MID_GRAY, "black": 0.0}.get(fill, image.mean(axis=(0, 1), dtype=np.float64))
    return np.broadcast_to(np.asarray(color, np.float32), image.shape).copy()
