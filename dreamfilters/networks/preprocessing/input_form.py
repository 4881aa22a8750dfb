"""`InputForm`: how an image in [0, 1] becomes the network's input, by size, channel order and range of values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.errors import ImageError, InputFormError
from dreamfilters.images.arrays import as_samples
from dreamfilters.images.decoding import ImageArray
from dreamfilters.images.resizing import RULES, Rule, resize
from dreamfilters.lazy_module import custom_gradient
from dreamfilters.networks.preprocessing.channel_orders import Order, check_bits, check_order, check_range
from dreamfilters.text_files import shown

if TYPE_CHECKING:
    from keras import ops

    from dreamfilters import backend
    from dreamfilters.backend import Tensor
else:
    from dreamfilters.lazy_module import backend, ops

Size: TypeAlias = tuple[int | None, int | None]
_LEVELS = 256  # of an equalized image
_SMALLEST, _LARGEST = 1e-12, 1e12  # of a form's numbers, which float32 computes with
MOST_PIXELS = 2**26  # of an input; a gigabyte with four channels


@dataclass(frozen=True)
class InputForm:
    """The network's input is (order(image) * scale - mean) / std.

    Attributes:
        size: (height, width); None for a side of any length.
        channels: of the network's input.
        scale: the value of white before the mean is subtracted.
        mean: one number, or one per channel in the network's order.
        std: the same.
        order: 'RGB', 'BGR', 'gray', 'equalized' (gray, see `equalized`) or 'channels' (any number of them, unchanged).
        standardized: whether each scaled image is standardized by its own mean and std before `mean` and `std` apply,
            see `standardized`.
        resize: the rule for images of another size, see `images.resizing.resize`.
        bits: of the values in image files of 16 bits, such as 12 for 0..4095.

    >>> InputForm.from_range(-1, 1, size=(48, 48)).describe()
    '48x48 RGB, -1 to 1'
    """

    size: Size = (None, None)
    channels: int = 3
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    order: Order = "RGB"
    standardized: bool = False
    resize: Rule = "bicubic"
    bits: int = 16

    def __post_init__(self) -> None:
        wanted = {"RGB": 3, "BGR": 3, "gray": 1, "equalized": 1}.get(self.order, self.channels)
        check_order(self.order)
        if self.channels != wanted:
            raise InputFormError(
                f"order={self.order!r}: has {wanted} channels, the network's input has {self.channels}"
            )
        if self.resize not in RULES:
            raise InputFormError(f"resize={self.resize!r}: one of {', '.join(RULES)}")
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) not in (1, self.channels):
                raise InputFormError(f"{name}={shown(list(values))}: {len(values)} numbers; give 1 or {self.channels}")
            if not all(abs(value) <= _LARGEST for value in values):  # refuses NaN too
                raise InputFormError(f"{name}={shown(list(values))}: must be finite, at most {_LARGEST:g}")
        if min(self.std) < _SMALLEST:
            raise InputFormError(f"std={shown(list(self.std))}: must be above 0")
        if not _SMALLEST <= self.scale <= _LARGEST:
            raise InputFormError(f"scale={self.scale}: must be above 0, at most {_LARGEST:g}")
        check_bits(self.bits)
        if any(side is not None and side < 1 for side in self.size):
            raise InputFormError(f"size={shown(list(self.size))}: must be at least 1x1")
        if math.prod(side or 1 for side in self.size) > MOST_PIXELS:
            raise InputFormError(f"size={shown(list(self.size))}: at most {MOST_PIXELS:,} pixels, such as 8192x8192")

    @classmethod
    def from_range(
        cls, low: float, high: float, *, size: Size = (None, None), channels: int = 3, order: Order | None = None
    ) -> InputForm:
        """Return the form in which black is `low` and white is `high`."""
        usual: Order = {1: "gray", 3: "RGB"}.get(channels, "channels")  # type: ignore[assignment]
        return cls(size, channels, order=order or usual).in_range(low, high)

    def in_range(self, low: float, high: float) -> InputForm:
        """Return the same form in which black is `low` and white is `high`."""
        check_range(low, high)
        scale, mean = float(high - low), (0.0 - float(low),)
        return replace(self, scale=scale, mean=mean, std=(1.0,), standardized=False)

    @property
    def in_plain_order(self) -> InputForm:
        """The same form for RGB instead of BGR, and for gray instead of an equalized histogram."""
        if self.order == "BGR":
            return replace(self, order="RGB", mean=self.mean[::-1], std=self.std[::-1])
        return replace(self, order="gray") if self.order == "equalized" else self

    def fit(self, image: ArrayLike) -> ImageArray:
        """Return an image (h, w, c) as float32 at the network's input size, resized by the rule `resize`.

        A side for which the network takes any size keeps its length. For one channel, an image may be (h, w). Integers
        become [0, 1], see `as_samples`. Raises ImageError for another number of axes or range of values.
        """
        values = as_samples(np.asarray(image), self.bits)
        values = values[..., None] if values.ndim == 2 and self.channels == 1 else values
        if values.ndim != 3:
            raise ImageError(f"an image of shape {values.shape}: must be (h, w, c)")
        height, width = self.size[0] or values.shape[0], self.size[1] or values.shape[1]
        return values if values.shape[:2] == (height, width) else resize(values, (height, width), self.resize)

    def to_input(self, image: Tensor) -> Tensor:
        """Return the network's input for images (n, h, w, c) in [0, 1], color as RGB; differentiable.

        The gradient of histogram equalization is that of the identity. Raises InputFormError for another number of
        channels.
        """
        image = ops.convert_to_tensor(image, "float32")
        if image.shape[-1] != self.channels:
            raise InputFormError(f"images of {image.shape[-1]} channels: the network takes {self.describe()}")
        if self.order == "BGR":
            image = ops.flip(image, axis=-1)
        if self.order == "equalized":
            image = equalized(image)
        mean, std = np.asarray(self.mean, "float32"), np.asarray(self.std, "float32")
        if self.scale != 1:  # a multiplication by 1 would still take time in every step
            image = image * self.scale
        if self.standardized:
            image = standardized(image)
        if mean.any():
            image = image - mean
        return image if np.all(std == 1) else image / std

    def box(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the minimum and the maximum valid input of each channel, in the network's order.

        The limits of standardized images depend on the input size; raises InputFormError where it is unknown.
        """
        means, stds = np.broadcast_to(self.mean, self.channels), np.broadcast_to(self.std, self.channels)
        least, greatest = 0.0, self.scale
        if self.standardized:
            height, width = self.size
            if height is None or width is None:
                raise InputFormError("size: standardized images have no bounds without one")
            greatest = math.sqrt(height * width * self.channels)  # if all other values are equal (Samuelson 1968)
            least = -greatest
        low, high = (least - means) / stds, (greatest - means) / stds
        return tuple(map(float, low)), tuple(map(float, high))

    def describe_interval(self) -> str:
        """Return the interval of valid inputs, such as '[0, 255]'; the product of those of the channels if they differ.

        >>> InputForm(scale=255.0, mean=(103.9, 116.8, 123.7), order="BGR").describe_interval()
        '[-103.9, 151.1] x [-116.8, 138.2] x [-123.7, 131.3]'
        """
        low, high = self.box()
        intervals = [f"[{least:.4g}, {greatest:.4g}]" for least, greatest in zip(low, high, strict=True)]
        return intervals[0] if len(set(intervals)) == 1 else " x ".join(intervals)

    def describe(self) -> str:
        """Return the form in one line."""
        height, width = ("any" if side is None else str(side) for side in self.size)
        several = f"{self.channels} channels" if self.order == "channels" else self.order
        order = _ORDER_NAMES.get((self.order, self.channels), several)
        return f"{height}x{width} {order}, {self.describe_range()}"

    def describe_range(self) -> str:
        """Return the range of values in one line.

        >>> InputForm.from_range(-1, 1).describe_range()
        '-1 to 1'
        """
        if self.standardized:
            return "each image standardized"
        if len(set(self.mean)) == len(set(self.std)) == 1:
            low, high = self.box()
            return f"{low[0]:.4g} to {high[0]:.4g}"
        means, stds = ("/".join(f"{number:g}" for number in numbers) for numbers in (self.mean, self.std))
        return f"0 to {self.scale:g} less {means} divided by {stds}"


# Names of orders that are not clear by themselves.
_ORDER_NAMES = {("equalized", 1): "equalized gray", ("channels", 2): "gray and alpha", ("channels", 4): "RGB and alpha"}


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


@custom_gradient
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
