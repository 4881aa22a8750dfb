"""Distances of images from the nearest ones of a set, at a size at which thousands are stored: is a dream a copy?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamfilters.dreams.priors.learned_prior import THUMBNAIL
from dreamfilters.images import resize

_AT_A_TIME = 256  # images whose distances to all others are in memory


def thumbnails(images: NDArray[np.float32] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images (n, h, w, c) in [0, 1] or of uint8 as (n, 8, 8, c) uint8, each pixel the mean of an area."""
    scale = np.float32(1 if images.dtype == np.uint8 else 255)
    reduced = [resize(np.float32(image) * scale, (THUMBNAIL, THUMBNAIL), "area") for image in images]
    return np.rint(np.clip(np.stack(reduced), 0, 255)).astype(np.uint8)


def nearest_distances(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the root mean square difference of each image (n, h, w, c) to the nearest of `others`, (n,).

    >>> black, gray, white = (np.full((1, 2, 2, 1), value, "uint8") for value in (0, 100, 255))
    >>> nearest_distances(gray, np.concatenate([black, white])).tolist()
    [100.0]
    """
    rows, columns = (array.reshape(len(array), -1).astype(np.float64) for array in (images, others))
    lengths = np.sum(columns**2, axis=1)
    found = []
    for first in range(0, len(rows), _AT_A_TIME):
        own = rows[first : first + _AT_A_TIME]
        squares = np.sum(own**2, axis=1)[:, None] - 2 * own @ columns.T + lengths
        found.append(np.sqrt(np.maximum(squares.min(axis=1), 0) / rows.shape[1]))
    return np.concatenate(found)
