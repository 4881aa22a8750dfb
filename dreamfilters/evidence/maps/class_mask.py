"""The predicted mask of a map of classes: the class of each position, in color over the image."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.maps.layer_page import PageImage, header
from dreamfilters.evidence.maps.map_tiles import nearest_positions
from dreamfilters.images import ImageArray
from dreamfilters.images.panels import (
    Color,
    Panel,
    TextLine,
    blank,
    framed,
    image_panel,
    side_by_side,
    stacked,
    text_panel,
)
from dreamfilters.networks.classes.class_head import ClassHead
from dreamfilters.networks.classes.predictions import Prediction
from dreamfilters.networks.layers.layer_info import LayerInfo

_SIDE = 512  # pixels of the drawn image
_OPACITY = 0.55  # of the mask
_GOLDEN = 0.618034  # of a turn of hue from class to class: no two of the first dozens look alike
_LISTED = 24  # classes of the legend
_GAP, _MARGIN, _SWATCH = 20, 16, 12


def class_mask(head: ClassHead, logits: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the class of each position of logits (h, w, classes), (h, w); -1 where nothing is drawn.

    That is where no class is predicted and, for one sigmoid, where it is below a half.

    >>> class_mask(ClassHead("sigmoid"), np.float32([[[1, 2], [-1, -2]]])).tolist()
    [[1, -1]]
    """
    mask = head.predicted(logits)
    return np.where(mask == 0, -1, mask) if head.kind == "binary" else mask


def class_color(number: int) -> Color:
    """Return the color of a class in a mask, the same in every image."""
    value = 1.0 if number % 2 == 0 else 0.8
    red, green, blue = colorsys.hsv_to_rgb(number * _GOLDEN % 1, 0.75, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def mask_over(image: ImageArray, mask: NDArray[np.intp], output: LayerInfo) -> Panel:
    """Return an image (h, w, c) in [0, 1], enlarged, with the color of each position's class over it.

    Args:
        image: of the network's input size.
        mask: the class of each position, -1 for none.
        output: the layer of the map of classes.
    """
    below = image_panel(image, _SIDE)
    size, field = image.shape[:2], output.receptive_field
    rows = nearest_positions(below.shape[0], size[0], mask.shape[0], field, 0)
    columns = nearest_positions(below.shape[1], size[1], mask.shape[1], field, 1)
    numbers = np.where((rows >= 0)[:, None] & (columns >= 0), mask[rows][:, columns], -1)
    present, places = np.unique(numbers, return_inverse=True)
    colors = np.array([class_color(number) for number in present.tolist()], np.float64)[places.reshape(numbers.shape)]
    weight = np.where(numbers < 0, 0, _OPACITY)[..., None]
    return np.asarray(np.round(below * (1 - weight) + colors * weight).astype(np.uint8))


def mask_page(given: PageImage, mask: NDArray[np.intp], classes: Sequence[Prediction], output: LayerInfo) -> Panel:
    """Return the page of a predicted mask: the image, the mask over it, and the colors of the classes in it.

    Args:
        given: the image of the page.
        mask: (h, w) the class of each position, -1 for none.
        classes: the predictions of all classes.
        output: the layer of the map of classes.
    """
    size = f"{mask.shape[0]} × {mask.shape[1]} positions of {output.name}"
    lines = [TextLine("predicted classes", 14), TextLine(size, 12)]
    legend = [_legend_row(each) for each in classes if (mask == each.number).any()]
    parts = [mask_over(given.image, mask, output), stacked([*legend[:_LISTED], blank(1, 1)], gap=4)]
    return framed(stacked([header(given, lines), side_by_side(parts, gap=_GAP)], gap=_GAP), _MARGIN)


def _legend_row(prediction: Prediction) -> Panel:
    swatch = framed(blank(_SWATCH, _SWATCH, class_color(prediction.number)), 2)
    return side_by_side([swatch, text_panel([TextLine(f"{prediction.name}, {prediction.size}", 12)])], gap=8)
