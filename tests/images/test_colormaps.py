"""Colormaps: perceptually uniform; constant maps and NaN are marked."""

import numpy as np
import pytest
from skimage.color import rgb2lab

from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.images import heat
from dreamfilters.images.colormaps import colormap


def test_brightness_grows_evenly_from_black_to_pale_yellow():
    colors = heat(np.linspace(0, 1, 101)[None])
    lightness = rgb2lab(colors)[0, :, 0]  # CIE L*, 0 to 100
    assert lightness[0] < 1
    assert lightness[-1] > 97
    assert 0.4 < np.diff(lightness).min() <= np.diff(lightness).max() < 1.4  # 1 would be perfect


def test_low_and_high_are_the_ends_of_the_scale():
    ends = heat([[2.0, 4.0]])
    assert heat([[-9.0, 2.0, 4.0, 9.0, np.inf, -np.inf]], low=2, high=4).tolist() == [
        [*[ends[0, 0].tolist()] * 2, *[ends[0, 1].tolist()] * 3, ends[0, 0].tolist()]
    ]
    np.testing.assert_allclose(ends[0, 1] * 255, [252, 253, 191], atol=0.01)


def test_the_middle_lies_between_the_eighth_and_ninth_stop():
    middle = heat([[0.5]], low=0, high=1)[0, 0] * 255
    np.testing.assert_allclose(middle, [(168 + 196) / 2, (50 + 60) / 2, (125 + 117) / 2], atol=0.01)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e30])
def test_a_constant_map_is_constant(value):
    heated = heat(np.full((4, 5), value))
    assert (heated == heated[0, 0]).all()
    assert heated.max() < 0.02


def test_nan_is_gray_which_no_number_is():
    heated = heat([[np.nan, 0.0, 1.0]])
    assert heated[0, 0].tolist() == [0.5, 0.5, 0.5]
    assert heat([[np.nan]]).tolist() == [[[0.5, 0.5, 0.5]]]
    scale = heat(np.linspace(0, 1, 256)[None])[0]
    assert np.abs(scale - 0.5).max(axis=1).min() > 0.1


def test_a_scale_upside_down_is_refused():
    with pytest.raises(ImageError, match=r"heat: shape \(1, 1\), low 2, high 1; must be"):
        heat([[1.5]], low=2, high=1)


def test_a_low_above_all_values_shows_the_lowest_color():
    assert heat([[1.0, 2.0]], low=5).max() < 0.02


@pytest.mark.parametrize("name", ["magma", "viridis", "gray"])
def test_a_colormap_grows_evenly_lighter(name):
    steps = np.diff(rgb2lab(colormap(name).colors[::15][None])[0, :, 0])
    assert steps.min() > 0
    assert steps.max() < 2.2 * steps.mean()


@pytest.mark.parametrize("name", ["magma", "viridis", "gray"])
def test_nan_has_a_color_that_no_number_has(name):
    chosen = colormap(name)
    painted = chosen.paint([np.nan, 0.0, np.inf, -np.inf], 0, 1)
    assert painted[0].tolist() == list(chosen.missing)
    assert painted[1:].tolist() == chosen.colors[[0, 255, 0]].tolist()
    assert np.abs(chosen.colors.astype(int) - chosen.missing).max(axis=1).min() > 25


def test_each_map_may_have_ends_of_its_own():
    maps = np.array([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0], [-1.0, 0.5, 9.0]])
    painted = colormap("gray").paint(maps, np.array([[0], [5], [0]]), np.array([[2], [5], [1]]))
    assert painted[..., 0].tolist() == [[0, 128, 255], [0, 0, 0], [0, 128, 255]]


def test_the_widest_numbers_of_float32_have_a_place():
    largest = np.finfo(np.float32).max
    assert colormap("gray").paint(np.float32([-largest, 0, largest]), -largest, largest)[:, 0].tolist() == [0, 128, 255]


def test_an_unknown_colormap_is_refused():
    with pytest.raises(UnknownNameError, match=r"colormap=viridid: no such colormap\. Close names: viridis"):
        colormap("viridid")
