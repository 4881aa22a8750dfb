"""Patches: the part of an image that one position of a layer depends on, with padding marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import TargetError
from dreamfilters.networks.layers.layer_info import LayerInfo

Box: TypeAlias = tuple[int, int, int, int]

# Padding is drawn as a checkerboard of two grays, as image editors draw transparency.
_LIGHT, _DARK = 0.6, 0.4
_SQUARES = 8  # along the longer side


@dataclass(frozen=True, eq=False)
class Patch:
    """The part of an image at one position of a layer.

    Attributes:
        image: (h, w, c) float32, a checkerboard where the receptive field covers padding.
        box: (top, left, bottom, right) in pixels of the network's input; it may exceed the image.
        outside: number of rows and columns of the patch outside the image: (top, left, bottom, right).
        whole_image: whether the position depends on the whole image, as in a dense or global pooling layer.
    """

    image: NDArray[np.float32]
    box: Box
    outside: Box
    whole_image: bool

    def describe(self) -> str:
        """Return the patch in words, such as '32x32 at (9, -3), 3 columns outside the image'."""
        if self.whole_image:
            return "whole image"
        height, width = self.image.shape[:2]
        rows, columns = self.outside[0] + self.outside[2], self.outside[1] + self.outside[3]
        parts = [f"{count} {axis}{'s' * (count > 1)}" for count, axis in ((rows, "row"), (columns, "column")) if count]
        outside = f", {' and '.join(parts)} outside the image" if parts else ""
        return f"{height}x{width} at ({self.box[0]}, {self.box[1]}){outside}"


def extract_patch(image: ArrayLike, layer: LayerInfo, position: tuple[int, int]) -> Patch:
    """Return the patch of an image (h, w, c) at a position of a layer: the receptive field, or a token's patch.

    A class or register token returns the whole image. All patches of a layer have the same size.

    Args:
        image: at the size that was scanned.
        layer: a scanned layer, with known sides.
        position: (row, column) of a map, (token, 0) of tokens, (0, 0) of a vector.

    Raises:
        TargetError: the layer has no such position.

    Example:
        >>> image = np.zeros((48, 48, 3), np.float32)
        >>> extract_patch(image, network.layer("conv2"), (0, 0)).describe()
        '5x5 at (-1, -1), 1 row and 1 column outside the image'
    """
    values = np.asarray(image, np.float32)
    rows, columns = (side or 0 for side in layer.map_size)
    if not (0 <= position[0] < rows and 0 <= position[1] < columns):
        raise TargetError(f"{layer.name}: position {position} is outside its {rows}x{columns} positions")
    height, width, channels = values.shape
    if layer.kind == "tokens":
        box = None if layer.grid is None else layer.grid.box(position[0], height, width)
    else:
        box = None if layer.receptive_field is None else layer.receptive_field.box(*position)
    if box is None:
        return Patch(values, (0, 0, height, width), (0, 0, 0, 0), whole_image=True)
    top, left, bottom, right = box
    outside = (max(0, -top), max(0, -left), max(0, bottom - height), max(0, right - width))
    patch = np.repeat(_checkerboard(bottom - top, right - left)[..., None], channels, axis=-1)
    inside = values[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    patch[outside[0] : outside[0] + inside.shape[0], outside[1] : outside[1] + inside.shape[1]] = inside
    return Patch(patch, box, outside, whole_image=False)


def _checkerboard(height: int, width: int) -> NDArray[np.float32]:
    """Return (h, w) squares, alternately light and dark."""
    side = max(1, -(-max(height, width) // _SQUARES))
    odd = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2
    return np.where(odd, np.float32(_DARK), np.float32(_LIGHT))
