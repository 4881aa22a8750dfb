"""Tests of the color tiles of activation maps."""

import numpy as np

from dreamfilters.evidence.maps.map_style import MapScale, MapStyle
from dreamfilters.evidence.maps.map_tiles import map_tiles
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.networks import LayerInfo
from dreamfilters.networks.layers.layer_info import TokenGrid

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
