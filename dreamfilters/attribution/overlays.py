"""Heatmaps laid over their image: red where a pixel raises the score, blue where it lowers it, yellow without sign."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.images import ImageArray
from dreamfilters.images.decoding import in_channels, with_channels

# Red and blue of equal lightness (CIE L* 58 and 57), which people with color blindness distinguish.
_RAISES, _LOWERS = (0.96, 0.36, 0.24), (0.20, 0.55, 1.00)
_MAGNITUDE = (1.0, 0.80, 0.15)  # yellow, distinct from both
_OPACITY = 0.9  # of a value at the end of the scale
_LIGHTNESS = (0.12, 0.72)  # of black and white below the heatmap, so that its colors stand out from both
_OUTLIERS = 99  # percentile; single pixels of a gradient are many times as large as the others


def heatmap_scale(heatmap: ArrayLike) -> float:
    """Return the absolute value that gets the full color: the 99th percentile of those that are not zero.

    It is 0 for a heatmap without any. Values that are not finite are left out.

    >>> heatmap_scale([[0.0, -2.0], [0.0, 0.0]])
    2.0
    """
    sizes = np.abs(np.asarray(heatmap, np.float64))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return float(np.percentile(sizes, _OUTLIERS)) if sizes.size else 0.0


def overlay(image: ArrayLike, heatmap: ArrayLike, scale: float | None = None, *, signed: bool = True) -> ImageArray:
    """Return the heatmap over its image in gray, (h, w, 3) in [0, 1]: red raises the score, blue lowers it.

    The larger a value, the more opaque it is. Values that are not finite are not drawn.

    Args:
        image: (h, w) or (h, w, c) in [0, 1].
        heatmap: (h, w).
        scale: the absolute value of the full color; default: `heatmap_scale`.
        signed: False for a heatmap of magnitudes, which is drawn in yellow.

    >>> (255 * overlay(np.zeros((1, 2, 3)), [[1.0, 0.0]])).round().tolist()
    [[[223.0, 86.0, 58.0], [31.0, 31.0, 31.0]]]
    """
    values = np.nan_to_num(np.asarray(heatmap, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    top = heatmap_scale(values) if scale is None else scale
    opacity = _OPACITY * np.clip(np.abs(values) / top, 0, 1)[..., None] if top else np.zeros((*values.shape, 1))
    color = np.where(values[..., None] > 0, _RAISES if signed else _MAGNITUDE, _LOWERS if signed else _MAGNITUDE)
    black, white = _LIGHTNESS
    below = black + (white - black) * np.clip(in_channels(with_channels(image), 1), 0, 1)
    return np.asarray(below * (1 - opacity) + color * opacity, np.float32)
