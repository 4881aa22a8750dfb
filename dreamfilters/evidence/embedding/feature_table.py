"""`ImageFeatures`: a layer's features of many images, with thumbnails. Imports neither TensorFlow nor Keras."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dreamfilters.display import frame, heading, tiles
from dreamfilters.errors import ImageError
from dreamfilters.images.decoding import MID_GRAY

_LONGEST = 64  # pixels, the longer side of a thumbnail
_NUMBERS = 2**26  # of all thumbnails; they are compared as float32 in memory
_LEAST = 8  # pixels, the longer side of a thumbnail of very many images
_DIGITS = 10  # of a label that is sorted by its value
_SHOWN = 24  # images in a notebook


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """A layer's features of m images, as `image_features` and `read_features` return them.

    Attributes:
        network: the network's name.
        fingerprint: of its weights and configuration.
        form: its input form as plain values.
        size: (height, width) to which every image was resized.
        layer: the layer.
        pooled: whether a row holds the mean of each unit's map; otherwise the whole activation, flattened.
        names: m, the file name of each image that was read.
        labels: m, the class of each, "" for none.
        rows: (m, d) float32, the features.
        thumbnails: (m, h, w, c) uint8, the images at a small size, see `thumbnail_size`.
        failures: name and reason of each image that could not be read.
        remark: how the labels are read, "" for as they are.

    Example:
        >>> features = image_features(network, "signs", "conv6")
        >>> features.rows.shape, features.thumbnails.shape
        ((172, 128), (172, 48, 48, 3))
    """

    network: str
    fingerprint: str
    form: Mapping[str, Any]
    size: tuple[int, int]
    layer: str
    pooled: bool
    names: tuple[str, ...]
    labels: tuple[str, ...]
    rows: NDArray[np.float32]
    thumbnails: NDArray[np.uint8]
    failures: tuple[tuple[str, str], ...] = ()
    remark: str = ""

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    @cached_property
    def pixels(self) -> NDArray[np.float32]:
        """(m, h * w * c) in [0, 1], the pixels of the thumbnails as features to compare with."""
        return np.divide(self.thumbnails.reshape(len(self), -1), 255, dtype=np.float32)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, numbers by their value, then the others by name."""
        return tuple(sorted(set(self.labels) - {""}, key=_order))

    @cached_property
    def numbers(self) -> NDArray[np.intp]:
        """(m,) the place of each image's label in `classes`, -1 for none."""
        known = {label: number for number, label in enumerate(self.classes)}
        return np.array([known.get(label, -1) for label in self.labels], np.intp)

    def thumbnail(self, index: int) -> NDArray[np.float32]:
        """Return the thumbnail of one image, (h, w, c) in [0, 1]."""
        return np.asarray(np.divide(self.thumbnails[index], 255, dtype=np.float32))

    def only(self, indices: Sequence[int] | NDArray[np.intp]) -> ImageFeatures:
        """Return the features of these images."""
        chosen = np.asarray(indices, np.intp)
        names, labels = (tuple(texts[index] for index in chosen) for texts in (self.names, self.labels))
        return self.with_rows(names, labels, self.rows[chosen], self.thumbnails[chosen])

    def with_rows(
        self,
        names: tuple[str, ...],
        labels: tuple[str, ...],
        rows: NDArray[np.float32],
        thumbnails: NDArray[np.uint8],
    ) -> ImageFeatures:
        """Return the features of other images, of the same network and layer."""
        return replace(self, names=names, labels=labels, rows=rows, thumbnails=thumbnails, failures=())

    def and_more(self, others: ImageFeatures) -> ImageFeatures:
        """Return these images, then others of the same network and layer, with thumbnails of the size of the first."""
        return replace(
            self,
            names=(*self.names, *others.names),
            labels=(*self.labels, *others.labels),
            rows=np.concatenate([self.rows, others.rows]),
            thumbnails=np.concatenate([self.thumbnails, self.fitted(others.thumbnails)]),
            failures=(*self.failures, *others.failures),
        )

    def fitted(self, thumbnails: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return thumbnails of other images (n, h, w, c) at the size of those of these."""
        size = self.thumbnails.shape[1:3]
        if thumbnails.shape[1:3] == size:
            return thumbnails
        return stacked_thumbnails((np.divide(one, 255, dtype=np.float32) for one in thumbnails), size)

    def describe(self) -> str:
        """Return images, classes and layer in one line.

        >>> image_features(network, images, "conv6").describe()
        '16 images by 128 features of conv6 of signs: the mean of each unit over its map'
        """
        classes = f" of {len(self.classes)} class{'es' * (len(self.classes) != 1)}" if self.classes else ""
        what = "the mean of each unit over its map" if self.pooled else "the whole activation, flattened"
        images = f"{len(self):,} image{'s' * (len(self) != 1)}"
        return f"{images}{classes} by {self.rows.shape[1]:,} features of {self.layer} of {self.network[:80]}: {what}"

    def __repr__(self) -> str:
        shape = f"{len(self)} images, {self.rows.shape[1]} features"
        return f"ImageFeatures({self.network[:80]!r}, {self.layer[:80]!r}, {shape})"

    def _repr_html_(self) -> str:
        shown = range(min(len(self), _SHOWN))
        first = tiles([(self.thumbnail(index), (self.names[index], self.labels[index])) for index in shown], side=64)
        more = [f"The first {_SHOWN} of {len(self):,} images."] if len(self) > _SHOWN else []
        failures = [f"{name}: {reason}" for name, reason in self.failures[:_SHOWN]]
        return frame(heading(f"Features of {self.layer}", self.describe()), first, *more, *failures)


def _order(label: str) -> tuple[bool, int, str]:
    is_number = label.isascii() and label.isdecimal() and len(label) < _DIGITS
    return not is_number, int(label) if is_number else 0, label


def thumbnail_size(count: int, size: tuple[int, int], channels: int) -> tuple[int, int]:
    """Return the (height, width) of the thumbnails of so many images of a size.

    They are no larger than the images, their longer side is at most 64 pixels, and fewer for many images, because all
    of them are held in memory.

    >>> thumbnail_size(100, (48, 48), 3), thumbnail_size(100, (224, 112), 3), thumbnail_size(12630, (48, 48), 3)
    ((48, 48), (64, 32), (42, 42))
    """
    height, width = size
    affordable = math.sqrt(_NUMBERS / max(1, count * channels * height * width))
    longer = max(height, width)
    factor = max(min(1.0, _LONGEST / longer, affordable), min(1.0, _LEAST / longer))
    return max(1, math.floor(height * factor)), max(1, math.floor(width * factor))


def stacked_thumbnails(images: Iterable[NDArray[np.float32]], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return images (h, w, c) in [0, 1] at a (height, width), (n, height, width, c) uint8.

    Raises:
        ImageError: there are none.
    """
    found = [thumbnail(image, size) for image in images]
    if not found:
        raise ImageError("no images: give at least one")
    return np.stack(found)


def thumbnail(image: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image (h, w, c) in [0, 1] at a smaller (height, width) as uint8; a pixel is the mean of its area."""
    pixels = np.floor(np.clip(np.nan_to_num(image, nan=MID_GRAY), 0, 1) * 255 + 0.5).astype(np.uint8)
    if pixels.shape[:2] == size:
        return np.asarray(pixels)
    channels = pixels.shape[-1]
    parts = [pixels] if channels == 3 else [pixels[..., channel] for channel in range(channels)]
    small = [Image.fromarray(np.ascontiguousarray(part)).resize(size[::-1], Image.Resampling.BOX) for part in parts]
    return np.asarray(small[0]) if channels == 3 else np.stack([np.asarray(part) for part in small], axis=-1)
