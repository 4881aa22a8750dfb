import numpy as np

from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.networks import LayerInfo
from dreamfilters.viewer.worker.map_encoding import layer_maps, quantized, reduced, unit_map


def maps_of(values):
    values = np.asarray(values, "float32")
    return UnitMaps.of(LayerInfo("conv", "Conv2D", values.shape, values.shape[-1], "relu", None), values)


def test_a_sheet_holds_each_map_between_its_own_ends():
    first, second = [[0, 1], [2, 4]], [[-1, -1], [-1, -1]]  # the second is constant
    drawn = layer_maps(maps_of(np.stack([first, second], axis=-1)))
    assert np.frombuffer(drawn.sheet, "uint8").reshape(2, 2, 2).tolist() == [[[0, 64], [128, 255]], [[0, 0], [0, 0]]]
    assert drawn.values["minimum"] == [0, -1]
    assert drawn.values["maximum"] == [4, -1]
    assert drawn.values["mean"] == [1.75, -1]
    assert drawn.values["zero_fraction"] == [0.25, 0]
    assert (drawn.values["display"], drawn.values["full"]) == ("maps", [2, 2])


def test_what_is_not_finite_is_black_and_no_number():
    planes = np.array([[[np.nan, 1], [3, np.inf]], [[np.nan, np.nan], [np.nan, np.nan]]], "float32")
    drawn = layer_maps(maps_of(np.moveaxis(planes, 0, -1)))
    assert np.frombuffer(drawn.sheet, "uint8").reshape(2, 4)[0].tolist() == [0, 0, 255, 255]
    assert drawn.values["minimum"] == [1, None]
    assert drawn.values["maximum"] == [3, None]


def test_numbers_of_a_dense_layer_are_bars():
    drawn = layer_maps(maps_of([0.5, -2]))
    assert (drawn.values["display"], drawn.values["maximum"], drawn.values["full"]) == ("bars", [0.5, -2], [1, 1])
    assert len(drawn.sheet) == 2


def test_a_large_map_keeps_the_greatest_value_of_each_block():
    planes = np.zeros((1, 130, 5), "float32")
    planes[0, 129, 2] = 7  # in the last block, of one row: 130 rows in blocks of 3 are 43 and one left over
    small = reduced(planes)
    assert small.shape == (1, 44, 5)
    assert small[0, 43, 2] == 7
    assert small.sum() == 7


def test_quantizing_rounds_to_the_nearest():
    found = quantized(np.array([[[0.0, 0.499, 0.501, 1.0]]], "float32"), np.float32([0]), np.float32([255]))
    assert found.tolist() == [[[0, 0, 1, 1]]]


def test_a_units_map_has_the_place_of_its_greatest_value():
    found = unit_map(np.array([[1, 5], [np.nan, 0.123456789]], "float32"))
    assert found["position"] == [0, 1]
    assert found["values"] == [[1, 5], [None, 0.1234568]]
