"""Tests of activation maps and their statistics."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.evidence.maps.map_style import MapScale
from dreamfilters.evidence.maps.unit_maps import UnitMaps, mapped_layers, select_units
from dreamfilters.networks import LayerInfo
from dreamfilters.networks.layers.layer_info import TokenGrid

INFO = LayerInfo("conv", "Conv2D", (2, 2, 3), 3, "relu")
VECTOR = LayerInfo("dense", "Dense", (3,), 3, "relu", kind="vector")
TOKENS = LayerInfo("mlp", "Dense", (5, 2), 2, "gelu", kind="tokens", grid=TokenGrid(2, 2, 1))
MAPS = np.array([[[0, 7, -1], [1, 7, 0]], [[2, 7, 1], [5, 7, 4]]], np.float32)  # units 0, 1 (constant), 2


def test_every_unit_has_its_range_and_mean():
    maps = UnitMaps.of(INFO, MAPS)
    assert maps.ranges[0].tolist() == [0, 7, -1]
    assert maps.ranges[1].tolist() == [5, 7, 4]
    assert maps.means.tolist() == [2, 7, 1]
    assert maps.span == (-1, 7)
    assert maps.planes[2].tolist() == [[-1, 0], [1, 4]]


def test_nonfinite_values_are_counted_and_left_out_of_the_statistics():
    values = MAPS.copy()
    values[0, 0] = [np.nan, np.inf, np.nan]
    values[..., 2] = np.nan
    maps = UnitMaps.of(INFO, values)
    assert maps.nan_counts.tolist() == [1, 0, 4]
    assert maps.infinite_counts.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(maps.ranges, [[1, 7, np.nan], [5, 7, np.nan]])
    np.testing.assert_allclose(maps.means, [8 / 3, 7, np.nan])
    assert maps.span == (1, 7)
    values = maps.as_values(MapScale())
    assert values["min"] == [1, 7, None]
    assert values["nan"] == [1, 0, 4]
    json.dumps(values, allow_nan=False)


def test_the_scale_is_by_unit_by_layer_or_fixed():
    maps = UnitMaps.of(INFO, MAPS, units=[2, 0])
    assert [end.tolist() for end in maps.limits(MapScale())] == [[-1, 0], [4, 5]]
    assert [end.tolist() for end in maps.limits(MapScale("layer"))] == [[-1, -1], [7, 7]]  # includes units left out
    assert [end.tolist() for end in maps.limits(MapScale("fixed", 0, 6))] == [[0, 0], [6, 6]]


def test_vectors_share_one_scale():
    maps = UnitMaps.of(VECTOR, np.float32([3, -2, 0]))
    assert maps.is_vector
    assert [end.tolist() for end in maps.limits(MapScale())] == [[-2] * 3, [3] * 3]
    assert maps.as_values(MapScale())["scale"] == {"by": "layer", "low": -2, "high": 3}


def test_numbers_in_json_are_exact_float32():
    value = np.float32(1) / 3
    text = json.dumps(UnitMaps.of(INFO, np.full((2, 2, 3), value)).as_values(MapScale()))
    assert "0.33333334" in text
    assert np.float32(json.loads(text)["max"][0]) == value


def test_layers_that_forward_their_input_are_left_out_unless_named(network):
    assert [info.name for info in mapped_layers(network)] == ["conv1", "pool1", "conv2", "classes"]
    assert [info.name for info in mapped_layers(network, ["flat", "conv1"])] == ["conv1", "flat"]
    with pytest.raises(UnknownNameError, match="conv3"):
        mapped_layers(network, ["conv3"])


def test_select_units_of_each_layer(network):
    layers = mapped_layers(network)
    assert select_units(layers, None)["conv1"] is None
    assert select_units(layers, [7, 1, 7]) == {"conv1": (7, 1), "pool1": (7, 1), "conv2": (7, 1), "classes": (1,)}
    assert "classes" not in select_units(layers, [5])
    with pytest.raises(TargetError, match="unit 8: no chosen layer has it; conv1 has 8, 0 to 7"):
        select_units(layers, [0, 8])
    with pytest.raises(TargetError, match="no units: conv1 has 8"):
        select_units(layers, [])


def test_patch_tokens_are_a_map_and_the_class_token_is_beside_it():
    values = np.arange(10, dtype=np.float32).reshape(5, 2)  # unit 0 is 0, 2, 4, 6, 8; the first is the class token
    maps = UnitMaps.of(TOKENS, values)
    assert maps.planes.tolist() == [[[2, 4], [6, 8]], [[3, 5], [7, 9]]]
    assert maps.other_tokens.tolist() == [[0], [1]]
    assert maps.ranges[0].tolist() == [0, 1]  # of all tokens
    assert maps.means.tolist() == [4, 5]
    assert UnitMaps.of(TOKENS, values, units=[1]).planes.tolist() == [[[3, 5], [7, 9]]]


def test_tokens_without_a_grid_are_one_row():
    maps = UnitMaps.of(dataclasses.replace(TOKENS, grid=None), np.arange(10, dtype=np.float32).reshape(5, 2))
    assert maps.planes[1].tolist() == [[1, 3, 5, 7, 9]]
    assert maps.other_tokens.shape == (2, 0)


def test_a_network_without_maps_is_refused_in_one_line(network_of):
    flat = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()], name="flat")
    with pytest.raises(TargetError, match="flat: no layer has units to map; 'dreamfilters layers' gives the reasons"):
        mapped_layers(network_of(flat))
