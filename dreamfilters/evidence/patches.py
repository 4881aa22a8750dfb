"""The part of an image that one place of a map sees, cut out exactly; what lies beyond is shown as such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import TargetError
from dreamfilters.evidence.scan.result import LayerFacts

Box: TypeAlias = tuple[int, int, int, int]

# A chequerboard of two grays, as image editors draw what is not there; no image is taken for it.
_LIGHT, _DARK = 0.6, 0.4
_SQUARES = 8  # along the longer side


@dataclass(frozen=True, eq=False)
class Patch:
    """What a place sees.

    Attributes:
        image: (h, w, c) float32, chequered where the place sees padding.
        box: (top, left, bottom, right) in pixels of the network's input; it may exceed the image.
        beyond: how many of the crop's rows and columns lie beyond the image: (top, left, bottom, right).
        whole: whether the place sees the whole image by the nature of its layer (dense, global pooling, flatten).
    """

    image: NDArray[np.float32]
    box: Box
    beyond: Box
    whole: bool

    def describe(self) -> str:
        """Return in words what is shown, such as '32x32 at (9, -3), 3 columns beyond the image'."""
        if self.whole:
            return "whole image"
        height, width = self.image.shape[:2]
        rows, columns = self.beyond[0] + self.beyond[2], self.beyond[1] + self.beyond[3]
        parts = [f"{count} {what}{'s' * (count > 1)}" for count, what in ((rows, "row"), (columns, "column")) if count]
        beyond = f", {' and '.join(parts)} beyond the image" if parts else ""
        return f"{height}x{width} at ({self.box[0]}, {self.box[1]}){beyond}"


def extract_patch(image: ArrayLike, layer: LayerFacts, place: tuple[int, int]) -> Patch:
    """Return what the place (row, column) of a layer's maps sees of an image (h, w, c).

    The image has to be of the size that was scanned; every crop of a layer is of equal size.

    Raises:
        TargetError: the layer's maps have no such place.

    Example:
        >>> extract_patch(image, scan.layer("conv6").facts, example.position).describe()
        '32x32 at (9, 9)'
    """
    values = np.asarray(image, np.float32)
    rows, columns, _ = layer.shape
    if not (0 <= place[0] < rows and 0 <= place[1] < columns):
        raise TargetError(f"{layer.name}: place {place}; its maps are {rows}x{columns}")
    height, width, channels = values.shape
    if layer.receptive_field is None:
        return Patch(values, (0, 0, height, width), (0, 0, 0, 0), whole=True)
    top, left, bottom, right = box = layer.receptive_field.box(*place)
    beyond = (max(0, -top), max(0, -left), max(0, bottom - height), max(0, right - width))
    shown = np.repeat(_chequered(bottom - top, right - left)[..., None], channels, axis=-1)
    inside = values[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    shown[beyond[0] : beyond[0] + inside.shape[0], beyond[1] : beyond[1] + inside.shape[1]] = inside
    return Patch(shown, box, beyond, whole=False)


def _chequered(height: int, width: int) -> NDArray[np.float32]:
    """Return (h, w) of squares by turns light and dark."""
    side = max(1, -(-max(height, width) // _SQUARES))
    odd = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2
    return np.where(odd, np.float32(_DARK), np.float32(_LIGHT))
