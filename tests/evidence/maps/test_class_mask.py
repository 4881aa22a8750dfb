"""The predicted mask of a map of classes: which class each position has, and its color over the image."""

import numpy as np
import pytest

from dreamfilters.evidence.maps.class_mask import class_color, class_mask, mask_page
from dreamfilters.evidence.maps.layer_page import PageImage
from dreamfilters.networks import LayerInfo
from dreamfilters.networks.classes.class_head import ClassHead
from dreamfilters.networks.classes.predictions import Prediction
from dreamfilters.networks.layers.layer_info import ReceptiveField

FIELD = ReceptiveField((1, 1), (1, 1), (0, 0))
SEG = LayerInfo("seg", "Conv2D", (2, 2, 3), 3, "softmax", FIELD)


@pytest.mark.parametrize(
    ("kind", "logits", "mask"),
    [
        ("softmax", [[[3, 1, 2], [0, 0, 1]]], [[0, 2]]),
        ("sigmoid", [[[-3, 1, 2], [-1, -2, -3]]], [[2, -1]]),
        ("binary", [[[2, -2], [-1, 1]]], [[-1, 1]]),  # below a half the image alone is drawn
    ],
)
def test_the_class_of_each_position(kind, logits, mask):
    assert class_mask(ClassHead(kind), np.float32(logits)).tolist() == mask


def test_each_position_has_the_color_of_its_class_over_the_image():
    """An image of 2x2 pixels is enlarged 256 times: .45 of a white pixel shows through a class, all of it elsewhere."""
    given = PageImage("street.png", np.ones((2, 2, 3), np.float32))
    found = (Prediction(1, "sky", 2.0, 0.5, share=0.5), Prediction(2, "car", 1.0, 0.3, share=0.25))
    page = mask_page(given, np.array([[1, 1], [2, -1]]), found, SEG)
    top = page.shape[0] - 16 - 512
    corners = [page[top + row, 16 + column].tolist() for row, column in ((10, 10), (10, 500), (500, 10), (500, 500))]
    sky, car = ([round(0.45 * 255 + 0.55 * part) for part in class_color(number)] for number in (1, 2))
    assert corners == [sky, sky, car, [255, 255, 255]]


def test_the_colors_of_classes_differ():
    colors = np.array([class_color(number) for number in range(21)], float)
    apart = np.abs(colors[:, None] - colors[None]).sum(axis=-1) + 999 * np.eye(21)
    assert apart.min() > 30
