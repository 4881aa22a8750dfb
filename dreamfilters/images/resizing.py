"""An image of any number of channels at another size, smoothed before it shrinks."""

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
    """`image` (h, w) or (h, w, c), for any c and any range of values, at `size` = (height, width), as float32.

    Channel by channel. Where a cubic overshoots it is cut at the channel's own extremes: an image in [0, 1] stays
    there and a constant stays what it is. Raises ImageError if either size is empty.

    The rules: 'bicubic' (Keys, "Cubic convolution interpolation", 1981), 'bilinear' and 'area' as Pillow does them,
    the kernel widened when it shrinks, so that nothing aliases; 'nearest', as Keras' `load_img` does by itself; and
    'linear' between the four nearest pixels and nothing else, as OpenCV and `tf.image.resize` do by themselves.
    """
    values = np.asarray(image, np.float32)
    if values.ndim == 2:
        return resize(values[..., None], size, rule)[..., 0]
    height, width = size
    if values.ndim != 3 or min(*values.shape, height, width) < 1:
        raise ImageError(
            f"resize: shape {values.shape} cannot become {height}x{width}; wanted (h, w, c), all 1 or more"
        )
    if rule == "linear":
        return _along(_along(values, 0, height), 1, width)
    resized = np.empty((height, width, values.shape[2]), np.float32)
    for number, channel in enumerate(np.ascontiguousarray(np.moveaxis(values, -1, 0))):
        larger = np.asarray(Image.fromarray(channel).resize((width, height), _SMOOTHED[rule]))
        lowest, highest = np.fmin.reduce(channel, axis=None), np.fmax.reduce(channel, axis=None)  # blind to NaN
        np.clip(larger, lowest, highest, out=resized[..., number])
    return resized


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
    """`values` with `count` places along an axis, each between its two nearest; a pixel's place is its middle."""
    length = values.shape[axis]
    places = np.clip((np.arange(count) + 0.5) * length / count - 0.5, 0, length - 1)
    before = np.floor(places).astype(int)
    share = np.expand_dims((places - before).astype(np.float32), tuple({0, 1, 2} - {axis}))
    first, second = (np.take(values, np.minimum(before + step, length - 1), axis) for step in (0, 1))
    return np.asarray(first + (second - first) * share, np.float32)
