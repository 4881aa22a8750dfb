"""Resizing of images with any number of channels, with the rules of Pillow, Keras, OpenCV and TensorFlow."""

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from dreamfilters.errors import ImageError
from dreamfilters.images.decoding import ImageArray

Rule: TypeAlias = Literal["bicubic", "bilinear", "linear", "nearest", "area"]
RULES: tuple[Rule, ...] = get_args(Rule)

_SMOOTHED = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
    "area": Image.Resampling.BOX,
}


def resize(image: ArrayLike, size: tuple[int, int], rule: Rule = "bicubic") -> ImageArray:
    """Return an image (h, w) or (h, w, c) of any c and range of values at `size` = (height, width), float32.

    Each channel is clipped to its own range, so that a cubic does not overshoot.

    Rules: 'bicubic' (Keys, "Cubic convolution interpolation", 1981), 'bilinear' and 'area' are those of Pillow, which
    widens the kernel when it shrinks an image, to avoid aliasing. 'nearest' is the default of Keras' `load_img`.
    'linear' interpolates between the four nearest pixels only, the default of OpenCV and `tf.image.resize`.

    Raises:
        ImageError: the image or the new size is empty.
    """
    values = np.asarray(image, np.float32)
    if values.ndim == 2:
        return resize(values[..., None], size, rule)[..., 0]
    height, width = size
    if values.ndim != 3 or min(*values.shape, height, width) < 1:
        raise ImageError(
            f"resize: shape {values.shape} cannot be resized to {height}x{width}; must be (h, w, c), all at least 1"
        )
    if rule == "linear":
        return _along(_along(values, 0, height), 1, width)
    resized = np.empty((height, width, values.shape[2]), np.float32)
    for number in range(values.shape[2]):
        channel = np.ascontiguousarray(values[..., number])  # one at a time, because an image can be large
        larger = np.asarray(Image.fromarray(channel).resize((width, height), _SMOOTHED[rule]))
        lowest, highest = np.fmin.reduce(channel, axis=None), np.fmax.reduce(channel, axis=None)  # ignore NaN
        np.clip(larger, lowest, highest, out=resized[..., number])
    return resized


def middle(pixels: ImageArray, size: tuple[int, int]) -> ImageArray:
    """Return the largest part around the middle of an image (h, w, c) that has the shape of `size`, (height, width).

    >>> middle(np.zeros((10, 30, 3)), (20, 20)).shape, middle(np.zeros((30, 10, 3)), (1, 2)).shape
    ((10, 10, 3), (5, 10, 3))
    """
    height, width = pixels.shape[:2]
    scale = min(height / size[0], width / size[1])
    rows, columns = (min(side, max(1, round(scale * new))) for side, new in ((height, size[0]), (width, size[1])))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]


def resize_matrix(length: int, count: int, rule: Rule) -> NDArray[np.float32]:
    """Return the matrix (count, length) that resizes one axis by a rule, before overshoot is clipped.

    Example:
        >>> resize_matrix(2, 1, "area").tolist()
        [[0.5, 0.5]]
    """
    identity = np.eye(length, dtype=np.float32)
    if rule == "linear":
        return _along(identity[..., None], 0, count)[..., 0]
    return np.asarray(Image.fromarray(identity).resize((length, count), _SMOOTHED[rule]))


def _along(values: NDArray[np.float32], axis: int, count: int) -> NDArray[np.float32]:
    """Return values with `count` positions along an axis, interpolated between the two nearest pixel centers."""
    length = values.shape[axis]
    places = np.clip((np.arange(count) + 0.5) * length / count - 0.5, 0, length - 1)
    before = np.floor(places).astype(int)
    share = np.expand_dims((places - before).astype(np.float32), tuple({0, 1, 2} - {axis}))
    first, second = (np.take(values, np.minimum(before + step, length - 1), axis) for step in (0, 1))
    return np.asarray(first + (second - first) * share, np.float32)
