"""Tests of the color tiles of activation maps."""

import numpy as np

from dreamfilters.evidence.maps.map_style import MapScale, MapStyle
from dreamfilters.evidence.maps.map_tiles import map_tiles, overlay_maps
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.networks import LayerInfo
from dreamfilters.networks.layers.layer_info import ReceptiveField, TokenGrid

IMAGE = np.zeros((4, 4, 3), np.float32)
PLAIN = MapStyle()


def tiles_of(values, style=PLAIN, grid=None, side=96):
    values = np.asarray(values, np.float32)
    kind = "map" if values.ndim == 3 else "tokens"
    info = LayerInfo("layer", "Dense", values.shape, values.shape[-1], "relu", kind=kind, grid=grid)
    return map_tiles(UnitMaps.of(info, values), IMAGE, style, side)


def test_a_position_is_a_square_of_its_color():
    tiles = tiles_of([[[0], [255]], [[51], [102]]], MapStyle(MapScale("fixed", 0, 255)))
    assert tiles.shape == (1, 96, 96, 3)
    assert tiles[0, ::48, ::48, 0].tolist() == [[0, 255], [51, 102]]


def test_large_maps_are_shrunk():
    assert tiles_of(np.zeros((600, 300, 2))).shape == (2, 200, 100, 3)  # every 3x3 positions are one pixel


def test_other_tokens_are_in_columns_to_the_right_of_the_grid():
    values = np.linspace(0, 1, 9)[:, None]  # five register tokens before a grid of 2x2
    tiles = tiles_of(values, grid=TokenGrid(2, 2, 5))
    assert tiles.shape == (1, 96, 96 + 3 * (4 + 48), 3)  # three columns of at most two tokens
    first = tiles[0, :, 96 + 4, 0]
    assert (first[0], first[48]) == (0, 32)  # tokens 0 and 1
    assert tiles[0, 0, 96 + 4 + 2 * 52, 0] == 128  # token 4
    assert tiles[0, 48, 96 + 4 + 2 * 52, 0] == 26  # background below it


def test_tokens_without_a_grid_are_one_row_also_in_an_overlay():
    for overlay in (False, True):
        tiles = tiles_of([[0.0], [1.0], [0.5]], MapStyle(overlay=overlay))
        assert tiles.shape == (1, 32, 96, 3)
        assert tiles[0, 0, ::32, 0].tolist() == [0, 255, 128]


RED = (255, 0, 0)


def overlaid(shares, field, factor=1):
    """Return a red map over a gray image of 8 by 8 pixels."""
    shares = np.asarray(shares, float)[None]
    painted = np.broadcast_to(np.uint8(RED), (*shares.shape, 3))
    return overlay_maps(np.full((8 * factor, 8 * factor, 3), 100, np.uint8), painted, shares, (8, 8), field)[0]


def test_a_position_covers_the_pixels_around_the_center_of_its_field():
    shares = np.zeros((3, 3))
    shares[0, 2] = 1  # of a 4x4 convolution with stride 2: pixels 0 to 3 and 4 to 7, so their centers are 2 and 6
    page = overlaid(shares, ReceptiveField((4, 4), (2, 2), (0, 0)))
    strong = (page == np.round(np.array([60, 60, 60]) * 0.1 + np.array(RED) * 0.9)).all(axis=-1)
    assert np.argwhere(strong).tolist() == [[1, 5], [1, 6], [2, 5], [2, 6]]


def test_pixels_far_from_every_center_show_the_image_alone():
    page = overlaid(np.ones((4, 4)), ReceptiveField((5, 5), (1, 1), (0, 0)))  # centers from 2.5 to 5.5
    alone = (page == 60).all(axis=-1)
    assert np.flatnonzero(~alone.all(axis=1)).tolist() == [2, 3, 4, 5]
    assert np.flatnonzero(~alone.all(axis=0)).tolist() == [2, 3, 4, 5]


def test_without_a_field_the_map_is_stretched_over_all():
    page = overlaid([[1.0, 0.0]], None)
    assert (page[:, :4, 0] == 236).all()  # .9 of 255 and .1 of .6 of 100
    assert (page[:, 4:, 0] == 80).all()  # .1 of 255 and .9 of .6 of 100


def test_nan_is_as_opaque_as_the_maximum():
    np.testing.assert_array_equal(overlaid([[np.nan]], None), overlaid([[1.0]], None))


def test_positions_are_enlarged_with_the_image():
    shares = np.eye(8)
    field = ReceptiveField((3, 3), (1, 1), (-1, -1))
    page = overlaid(shares, field, factor=3)
    np.testing.assert_array_equal(page, overlaid(shares, field).repeat(3, 0).repeat(3, 1))
