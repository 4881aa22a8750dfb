"""Tests of what replaces the hidden part of an image."""

import numpy as np
import pytest

from dreamfilters.attribution.fills import FILLS, check_fill, fill_of
from dreamfilters.errors import RecipeError


def dotted():
    image = np.full((12, 12, 3), 0.5, np.float32)
    image[3, 8] = (1, 0, 0)
    return image


def test_gray_black_and_the_mean_color_are_one_color():
    image = dotted()
    assert (fill_of(image, "gray") == 0.5).all()
    assert (fill_of(image, "black") == 0).all()
    assert fill_of(image, "mean")[0, 0] == pytest.approx([(143 * 0.5 + 1) / 144, 143 * 0.5 / 144, 143 * 0.5 / 144])


def test_blur_removes_details_and_keeps_the_mean_of_the_image():
    image = dotted()
    blurred, more = fill_of(image, "blur"), fill_of(image, "blur", blur=(4.0, 4.0))
    assert 0.5 < more[3, 8, 0] < blurred[3, 8, 0] < 1
    assert more.mean() == pytest.approx(image.mean(), abs=0.01)
    across = fill_of(image, "blur", blur=(0.0, 4.0))
    assert (across[4:] == 0.5).all()  # only the row of the dot changes
    assert across[3, 0, 0] > 0.5


def test_an_unknown_fill_is_refused():
    for fill in FILLS:
        check_fill(fill)
    with pytest.raises(RecipeError, match="fill='red': 'gray', 'black', 'mean' or 'blur'"):
        check_fill("red")
