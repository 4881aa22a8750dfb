"""How an image in [0, 1] becomes the network's input: size, channels, their order, and the range of values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from dreamfilters.backend import Tensor
from dreamfilters.errors import ImageError, InputFormError
from dreamfilters.images.decoding import ImageArray
from dreamfilters.images.resizing import RULES, Rule, resize
from dreamfilters.networks.preprocessing.per_image_normalization import equalized, standardized

Order: TypeAlias = Literal["RGB", "BGR", "gray", "equalized", "channels"]
ORDERS: tuple[Order, ...] = ("RGB", "BGR", "gray", "equalized", "channels")


@dataclass(frozen=True)
class InputForm:
    """The network's input is (order(image) * scale - mean) / std.

    Attributes:
        size: (height, width); None where the network takes any.
        channels: of the network's input.
        scale: what an image's 1 becomes before the mean goes off.
        mean: one number, or one per channel in the network's order.
        std: likewise.
        order: 'RGB', 'BGR', 'gray' (one channel), 'equalized' (gray with its histogram equalized, see
            `normalizing.equalized`) or 'channels' (any number, taken as they are).
        standardized: whether each scaled image loses its own mean and is divided by its own std before the
            others go off, see `normalizing.standardized`.
        resize: how an image of another size comes to `size`, see `images.sizing.resize`.

    Example:
        >>> InputForm.from_range(-1, 1, size=(48, 48)).describe()
        '48x48 RGB, -1 to 1'
    """

    size: tuple[int | None, int | None] = (None, None)
    channels: int = 3
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    order: Order = "RGB"
    standardized: bool = False
    resize: Rule = "bicubic"

    def __post_init__(self) -> None:
        wanted = {"RGB": 3, "BGR": 3, "gray": 1, "equalized": 1}.get(self.order, self.channels)
        if self.order not in ORDERS:
            raise InputFormError(f"order={self.order!r}: one of {', '.join(ORDERS)}")
        if self.channels != wanted:
            raise InputFormError(
                f"order={self.order!r}: has {wanted} channels, the network's input has {self.channels}"
            )
        if self.resize not in RULES:
            raise InputFormError(f"resize={self.resize!r}: one of {', '.join(RULES)}")
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) not in (1, self.channels):
                raise InputFormError(f"{name}={list(values)}: {len(values)} numbers; give 1 or {self.channels}")
            if not np.all(np.isfinite(values)):
                raise InputFormError(f"{name}={list(values)}: must be finite")
        if min(self.std) <= 0:
            raise InputFormError(f"std={list(self.std)}: must be above 0")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise InputFormError(f"scale={self.scale}: must be above 0")
        if any(side is not None and side < 1 for side in self.size):
            raise InputFormError(f"size={list(self.size)}: must be at least 1x1")

    @classmethod
    def from_range(
        cls,
        low: float,
        high: float,
        *,
        size: tuple[int | None, int | None] = (None, None),
        channels: int = 3,
        order: Order | None = None,
    ) -> InputForm:
        """Return the form in which black is `low` and white is `high`."""
        return cls(size, channels, order=order or usual_order(channels)).in_range(low, high)

    def in_range(self, low: float, high: float) -> InputForm:
        """Return the same form in which black is `low` and white is `high`."""
        if not high > low:
            raise InputFormError(f"range=[{low:g}, {high:g}]: the second number must be above the first")
        scale, mean = float(high - low), (0.0 - float(low),)
        return replace(self, scale=scale, mean=mean, std=(1.0,), standardized=False)

    @property
    def image_channels(self) -> int:
        """The channels of an image for this network: 3 for color, 1 for gray."""
        return self.channels

    def fit(self, image: ArrayLike) -> ImageArray:
        """Return an image (h, w, c) as float32 at the network's input size, resized by the rule `resize`.

        A side for which the network takes any size keeps its length.

        Raises:
            ImageError: the image has another number of axes.
        """
        values = np.asarray(image, np.float32)
        if values.ndim != 3:
            raise ImageError(f"an image of shape {values.shape}: must be (h, w, c)")
        height, width = self.size[0] or values.shape[0], self.size[1] or values.shape[1]
        return values if values.shape[:2] == (height, width) else resize(values, (height, width), self.resize)

    def to_input(self, image: Tensor) -> Tensor:
        """Turn images (n, h, w, c) in [0, 1], color as RGB, into the network's input; differentiable.

        The gradient passes an equalized histogram as if it were left as it is.

        Raises:
            InputFormError: the images have another number of channels.
        """
        image = ops.convert_to_tensor(image, "float32")
        if image.shape[-1] != self.channels:
            raise InputFormError(f"images of {image.shape[-1]} channels: the network takes {self.describe()}")
        if self.order == "BGR":
            image = ops.flip(image, axis=-1)
        if self.order == "equalized":
            image = equalized(image)
        mean, std = np.asarray(self.mean, "float32"), np.asarray(self.std, "float32")
        if self.scale != 1:  # a pass over all pixels that changes nothing still takes its time in every step
            image = image * self.scale
        if self.standardized:
            image = standardized(image)
        if mean.any():
            image = image - mean
        return image if np.all(std == 1) else image / std

    def box(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the least and the greatest valid input of each channel, in the network's order.

        Raises:
            InputFormError: each image is standardized and their size is not known, on which it depends.
        """
        means = np.broadcast_to(self.mean, self.channels)
        stds = np.broadcast_to(self.std, self.channels)
        least, greatest = (-self._farthest(), self._farthest()) if self.standardized else (0.0, self.scale)
        low, high = (least - means) / stds, (greatest - means) / stds
        return tuple(map(float, low)), tuple(map(float, high))

    def _farthest(self) -> float:
        """Return how far from the mean a value can be, in stds: if all others are equal (Samuelson 1968)."""
        height, width = self.size
        if height is None or width is None:
            raise InputFormError("size: images that are standardized each by itself have no bounds without one")
        return math.sqrt(height * width * self.channels)

    def describe(self) -> str:
        """Return the form in one line."""
        height, width = ("any" if side is None else str(side) for side in self.size)
        several = f"{self.channels} channels" if self.order == "channels" else self.order
        order = _NAMED.get((self.order, self.channels), several)
        if self.standardized:
            return f"{height}x{width} {order}, each image standardized by itself"
        if len(set(self.mean)) == len(set(self.std)) == 1:
            low, high = self.box()
            return f"{height}x{width} {order}, {low[0]:.4g} to {high[0]:.4g}"
        means, stds = _listed(self.mean), _listed(self.std)
        return f"{height}x{width} {order}, 0 to {self.scale:g} less {means} divided by {stds}"


# What an order is called where its own word does not say it.
_NAMED = {("equalized", 1): "equalized gray", ("channels", 2): "gray and alpha", ("channels", 4): "RGB and alpha"}


def usual_order(channels: int) -> Order:
    """Return what that many channels most likely are."""
    orders: dict[int, Order] = {1: "gray", 3: "RGB"}
    return orders.get(channels, "channels")


def _listed(numbers: Sequence[float]) -> str:
    return "/".join(f"{number:g}" for number in numbers)
