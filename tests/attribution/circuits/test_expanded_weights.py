"""Tests of expanded weights against the kernels that they are made of."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy.signal import convolve2d

from dreamfilters.attribution.circuits.expanded_weights import expanded_weights
from dreamfilters.errors import ModelError, TargetError

IMAGE = np.full((16, 16, 3), 0.5, np.float32)


def test_between_adjacent_convolutions_they_are_the_kernel(network_of, nested):
    kernel = nested.get_layer("backbone").get_layer("conv2").get_weights()[0]
    found = expanded_weights(network_of(nested), "backbone/conv1", "backbone/conv2:4", IMAGE)
    assert found == pytest.approx(np.moveaxis(kernel[..., 4], -1, 0), abs=1e-6)


def test_average_pooling_spreads_each_weight_over_its_window(network, tiny):
    """Behind maximum pooling of 2 x 2, taken as the average, each weight covers 2 x 2 places with a quarter."""
    kernel = np.moveaxis(tiny.get_layer("conv2").get_weights()[0][..., 3], -1, 0)
    found = expanded_weights(network, "conv1", "conv2:3", IMAGE)
    assert found == pytest.approx(np.kron(kernel, np.full((1, 2, 2), 0.25)), abs=1e-6)


def test_batch_normalization_scales_them(network_of, fill):
    inputs = layers.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Conv2D(5, 3, name="second")(layers.ReLU(name="relu")(x))
    model = fill(keras.Model(inputs, layers.Dense(2, name="classes")(layers.GlobalAveragePooling2D()(x))))
    gamma, _, _, variance = model.get_layer("norm").get_weights()
    scale = gamma / np.sqrt(variance + model.get_layer("norm").epsilon)
    kernel = np.moveaxis(model.get_layer("second").get_weights()[0][..., 2], -1, 0)
    found = expanded_weights(network_of(model), "first", "second:2", IMAGE)
    assert found == pytest.approx(kernel * scale[:, None, None], abs=1e-6)


def test_two_convolutions_are_the_convolution_of_their_kernels(network_of, nested):
    """Unit u reaches the head through all six units of conv2: the sum of the full convolutions of both kernels."""
    second = nested.get_layer("backbone").get_layer("conv2").get_weights()[0]
    head = nested.get_layer("head").get_weights()[0]
    found = expanded_weights(network_of(nested), "backbone/conv1", "head:1", IMAGE)
    for unit in range(6):
        expected = sum(convolve2d(second[..., unit, middle], head[..., middle, 1]) for middle in range(6))
        assert found[unit] == pytest.approx(expected, abs=1e-6)


def test_a_dense_layer_has_a_weight_for_each_place(network, tiny):
    kernel = tiny.get_layer("classes").get_weights()[0][:, 1].reshape(6, 6, 8)
    assert expanded_weights(network, "conv2", "classes:1", IMAGE) == pytest.approx(np.moveaxis(kernel, -1, 0), abs=1e-6)


def test_what_has_none_is_refused(network, network_of, fill):
    with pytest.raises(TargetError, match="conv2:0-1: names 2 units; give one"):
        expanded_weights(network, "conv1", "conv2:0-1", IMAGE)
    inputs = layers.Input((16, 16, 3))
    x = layers.LayerNormalization(name="norm")(layers.Conv2D(4, 3, name="first")(inputs))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3, name="second")(x))
    other = network_of(fill(keras.Model(inputs, layers.Dense(2, name="classes")(x))))
    with pytest.raises(ModelError, match="norm: has no expanded weights: a LayerNormalization is not taken as linear"):
        expanded_weights(other, "first", "second:0", IMAGE)
