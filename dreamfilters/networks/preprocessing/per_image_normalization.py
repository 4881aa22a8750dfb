"""Normalization of single images: standardization, and histogram equalization."""

from __future__ import annotations

from typing import Any

from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor

_LEVELS = 256


def standardized(image: Tensor) -> Tensor:
    """Return each image (n, h, w, c) minus its mean, divided by its std, over all pixels and channels.

    The std is at least 1 / sqrt(h w c), so that a uniform image becomes 0. Source:
    `tf.image.per_image_standardization`.
    """
    n, height, width, channels = image.shape
    count = height * width * channels
    # A multiple of LANES rows: the last rows of other numbers would be rounded differently.
    rows = ops.pad(ops.reshape(image, (n, count)), ((0, -n % backend.LANES), (0, 0)))
    centered = rows - ops.mean(rows, axis=1, keepdims=True)
    spread = ops.mean(ops.square(centered), axis=1, keepdims=True)
    done = centered / ops.sqrt(ops.maximum(spread, 1 / count))
    return ops.reshape(done[:n], image.shape)


@backend.custom_gradient  # type: ignore[untyped-decorator, unused-ignore]
def equalized(image: Tensor) -> Any:
    """Return gray images (n, h, w, 1) in [0, 1] with equalized histograms, as OpenCV's `equalizeHist` computes them.

    There are 256 levels. A pixel becomes the share of pixels that are not lighter, without those of the darkest level.
    An image of one level is unchanged. The table of levels has no gradient; the gradient is that of the identity.
    Source: OpenCV 4, modules/imgproc/src/histogram.cpp.
    """
    levels = ops.cast(ops.round(image * (_LEVELS - 1)), "int32")
    count = image.shape[1] * image.shape[2]
    levels = ops.reshape(ops.clip(levels, 0, _LEVELS - 1), (-1, count))
    summed = ops.cumsum(ops.bincount(levels, minlength=_LEVELS), axis=1)  # (n, 256) pixels up to each level
    darkest = ops.min(levels, axis=1, keepdims=True)
    first = ops.take_along_axis(summed, darkest, axis=1)
    scale = ops.divide(_LEVELS - 1.0, ops.cast(ops.maximum(count - first, 1), "float32"))
    table = ops.round(ops.cast(summed - first, "float32") * scale)  # (n, 256); round is to even, as cvRound is
    spread = ops.where(first == count, ops.cast(levels, "float32"), ops.take_along_axis(table, levels, axis=1))
    return ops.reshape(spread / (_LEVELS - 1), ops.shape(image)), lambda upstream: upstream
