"""Tests of heatmaps drawn over images."""

import numpy as np
import pytest

from dreamfilters.attribution.overlays import heatmap_scale, overlay


def test_positive_is_red_negative_is_blue_and_zero_is_the_image():
    image = np.full((1, 3, 3), 0.5, "float32")
    drawn = overlay(image, np.array([[2.0, -2.0, 0.0]]))
    red, blue, below = drawn[0]
    assert red[0] > red[2] + 0.4
    assert blue[2] > blue[0] + 0.4
    assert below == pytest.approx(np.full(3, 0.12 + 0.6 * 0.5))  # gray, darker than white


def test_opacity_grows_with_the_value_up_to_the_scale():
    drawn = overlay(np.zeros((1, 4)), np.array([[0.0, 1.0, 2.0, 9.0]]), scale=2.0)[0, :, 0]
    assert np.diff(drawn)[:2] == pytest.approx([drawn[1] - drawn[0]] * 2)
    assert drawn[3] == drawn[2]


def test_one_outlier_does_not_hide_the_others():
    heatmap = np.ones((20, 20))
    heatmap[0, 0] = 1000
    assert heatmap_scale(heatmap) == 1
    assert heatmap_scale(np.zeros((4, 4))) == 0
    assert np.ptp(overlay(np.zeros((4, 4)), np.zeros((4, 4)))) == 0


def test_values_that_are_not_finite_are_not_drawn():
    drawn = overlay(np.zeros((1, 3)), np.array([[np.nan, np.inf, 1.0]]))
    assert (drawn[0, 0] == drawn[0, 1]).all()
    assert drawn[0, 2, 0] > drawn[0, 0, 0]


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6])
def test_images_of_any_number_of_channels(channels):
    assert overlay(np.full((4, 5, channels), 0.3), np.ones((4, 5))).shape == (4, 5, 3)


def test_a_heatmap_without_sign_is_neither_red_nor_blue():
    drawn = overlay(np.zeros((1, 2)), np.array([[1.0, 0.0]]), signed=False)
    # nine tenths of the yellow (1, .8, .15) over black, which is drawn as .12
    np.testing.assert_allclose(drawn[0], [[0.912, 0.732, 0.147], [0.12] * 3], atol=1e-6)
