import numpy as np

from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.networks import LayerInfo
from dreamfilters.networks.layers.layer_info import TokenGrid
from dreamfilters.viewer.worker.map_encoding import block_maxima, encode_layer_maps, encode_unit_map, quantize


def maps_of(values):
    values = np.asarray(values, "float32")
    return UnitMaps.of(LayerInfo("conv", "Conv2D", values.shape, values.shape[-1], "relu", None), values)


def test_a_sheet_holds_each_map_between_its_minimum_and_maximum():
    first, second = [[0, 1], [2, 4]], [[-1, -1], [-1, -1]]  # the second is constant
    encoded = encode_layer_maps(maps_of(np.stack([first, second], axis=-1)))
    assert np.frombuffer(encoded.sheet, "uint8").reshape(2, 2, 2).tolist() == [[[0, 64], [128, 255]], [[0, 0], [0, 0]]]
    assert encoded.values["minimum"] == [0, -1]
    assert encoded.values["maximum"] == [4, -1]
    assert encoded.values["mean"] == [1.75, -1]
    assert encoded.values["zero_fraction"] == [0.25, 0]
    assert (encoded.values["display"], encoded.values["full"]) == ("maps", [2, 2])


def test_values_that_are_not_finite_are_zero_on_the_sheet_and_null_in_json():
    planes = np.array([[[np.nan, 1], [3, np.inf]], [[np.nan, np.nan], [np.nan, np.nan]]], "float32")
    encoded = encode_layer_maps(maps_of(np.moveaxis(planes, 0, -1)))
    assert np.frombuffer(encoded.sheet, "uint8").reshape(2, 4)[0].tolist() == [0, 0, 255, 255]
    assert encoded.values["minimum"] == [1, None]
    assert encoded.values["maximum"] == [3, None]


def test_the_units_of_a_dense_layer_are_bars():
    encoded = encode_layer_maps(maps_of([0.5, -2]))
    assert (encoded.values["display"], encoded.values["maximum"], encoded.values["full"]) == ("bars", [0.5, -2], [1, 1])
    assert len(encoded.sheet) == 2


def test_a_large_map_keeps_the_maximum_of_each_block():
    planes = np.zeros((1, 130, 5), "float32")
    planes[0, 129, 2] = 7  # in the last block, of one row: 130 rows in blocks of 3 are 43 and one left over
    small = block_maxima(planes)
    assert small.shape == (1, 44, 5)
    assert small[0, 43, 2] == 7
    assert small.sum() == 7


def test_quantization_rounds_to_the_nearest():
    found = quantize(np.array([[[0.0, 0.499, 0.501, 1.0]]], "float32"), np.float32([0]), np.float32([255]))
    assert found.tolist() == [[[0, 0, 1, 1]]]


def test_the_map_of_a_unit_has_the_position_of_its_maximum():
    found = encode_unit_map(maps_of(np.array([[[1], [5]], [[np.nan], [0.123456789]]], "float32")))
    assert found["position"] == [0, 1]
    assert found["values"] == [[1, 5], [None, 0.1234568]]
    assert found["other_tokens"] == []


def test_patch_tokens_are_drawn_on_their_grid_and_the_class_token_is_separate():
    info = LayerInfo("mlp", "Dense", (5, 2), 2, "gelu", kind="tokens", grid=TokenGrid(2, 2, leading=1))
    values = np.array([[9, -9], [1, 0], [2, 0], [3, 0], [4, 0]], "float32")  # class token first
    encoded = encode_layer_maps(UnitMaps.of(info, values))
    assert (encoded.values["display"], encoded.values["full"]) == ("maps", [2, 2])
    assert encoded.values["other_tokens"] == [[9], [-9]]
    assert (encoded.values["minimum"], encoded.values["maximum"]) == ([1, -9], [9, 0])  # of all tokens
    first = np.frombuffer(encoded.sheet, "uint8").reshape(2, 2, 2)[0]
    assert first.tolist() == [[0, 32], [64, 96]]  # round(255 (v - 1) / 8)
    unit = encode_unit_map(UnitMaps.of(info, values, (0,)))
    assert (unit["values"], unit["position"], unit["other_tokens"]) == ([[1, 2], [3, 4]], [1, 1], [9])


def test_tokens_without_a_grid_are_drawn_as_one_row():
    info = LayerInfo("lstm", "LSTM", (3, 1), 1, "tanh", kind="tokens")
    encoded = encode_layer_maps(UnitMaps.of(info, np.array([[1], [2], [3]], "float32")))
    assert (encoded.values["full"], encoded.values["other_tokens"]) == ([1, 3], [])
