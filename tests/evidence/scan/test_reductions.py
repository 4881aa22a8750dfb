"""Tests of the reductions of activation maps against the maps themselves."""

import keras
import numpy as np
import pytest

from dreamfilters.evidence.scan.reductions import reduce_maps, reducer
from dreamfilters.networks import LOGITS, InputForm, Network, before
from tests.evidence.scan.map_numbers import numbers_of_maps

ALL = np.full((4, 10_000), -np.inf, np.float32)
NONE = -ALL


@pytest.fixture(scope="module")
def network(tiny):
    return Network(tiny, InputForm.from_range(0, 1, size=(16, 16)))


def images(n=5, size=16, seed=0):
    return np.random.default_rng(seed).random((n, size, size, 3), dtype=np.float32)


def assert_equals_the_maps(network, layers, given):
    expected = numbers_of_maps(network, layers, images())
    units = expected["maximum"].shape[1]
    found = reducer(network, layers)(given, ALL[:, :units])
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-5, atol=1e-6)


def test_maps_vectors_logits_and_values_before_the_activation(network):
    layers = ["conv1", "pool1", "conv2", before("conv2"), "flat", "classes", LOGITS]
    assert_equals_the_maps(network, layers, images())


def test_unit_counts_that_are_no_multiple_of_eight(branches, network_of):
    assert_equals_the_maps(network_of(branches), ["stem", "both", "average"], images())


def test_rows_longer_than_a_byte_can_count():
    inputs = keras.Input((2, 300, 3))
    maps = keras.layers.Conv2D(8, 1, name="conv", use_bias=False)(inputs)
    network = Network(keras.Model(inputs, maps), InputForm.from_range(0, 1, size=(2, 300)))
    image = np.ones((1, 2, 300, 3), np.float32)
    image[0, 1, :7] = 0
    found = reducer(network, ["conv"])(image, ALL[:, :8])
    assert found.zeros.tolist() == [[7] * 8]


def test_of_equal_maxima_the_first_in_row_major_order_counts():
    inputs = keras.Input((4, 5, 1))
    network = Network(
        keras.Model(inputs, keras.layers.MaxPooling2D(1, name="same")(inputs)),
        InputForm.from_range(0, 1, size=(4, 5), channels=1),
    )
    image = np.zeros((1, 4, 5, 1), np.float32)
    image[0, 2, 4] = image[0, 2, 1] = image[0, 3, 0] = 1
    assert reducer(network, ["same"])(image, ALL[:, :1]).position[0, 0] == 2 * 5 + 1


def test_positions_are_computed_only_above_a_threshold(network):
    found = reducer(network, ["conv1"])(images(), ALL[:, :8])
    thresholds = NONE[:, :8].copy()
    thresholds[0, 3] = np.sort(found.maximum[:, 3])[-2]  # one image exceeds it
    best = found.maximum[:, 3].argmax()
    positions = reducer(network, ["conv1"])(images(), thresholds).position
    assert positions[best, 3] == found.position[best, 3]
    positions[best, 3] = 0
    assert not positions.any()


def test_a_nonfinite_map_is_marked(network):
    given = images()
    given[1, 5, 5, 0] = np.nan
    found = reducer(network, [before("conv1")])(given, ALL[:, :8])  # a ReLU may turn NaN into zero
    assert np.isnan(found.mean[1]).all()
    assert np.isnan(found.maximum[1]).all()
    assert np.isfinite(found.mean[[0, 2, 3, 4]]).all()


@pytest.mark.parametrize(
    "shape",
    [(5, 1, 1, 7), (4, 9, 1, 1), (3, 1, 11, 2), (70, 12, 13, 3), (2, 300, 5, 8), (3, 600, 1, 3), (5, 9000, 1, 1)],
)
def test_reductions_equal_numpys_and_do_not_depend_on_the_batch(shape):
    maps = np.random.default_rng(1).normal(size=shape).astype(np.float32).clip(0)
    flat = maps.reshape(shape[0], -1, shape[-1]).astype(np.float64)
    found = reduce_maps(maps)
    np.testing.assert_array_equal(found.numbers[:2], [flat.max(axis=1), flat.min(axis=1)])
    np.testing.assert_allclose(found.numbers[2:4], [flat.mean(axis=1), (flat**2).mean(axis=1)], rtol=1e-5)
    np.testing.assert_array_equal(found.numbers[4], (flat == 0).sum(axis=1))
    np.testing.assert_array_equal(found.argmax(np.ones((shape[0], shape[-1]), bool)), flat.argmax(axis=1))
    for number in range(shape[0]):
        np.testing.assert_array_equal(reduce_maps(maps[number : number + 1]).numbers[:, 0], found.numbers[:, number])
