"""Predictions are compared with softmax and sigmoid worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.networks.classes.predictions import has_classes, predictions


def ending(activation, count=3):
    return keras.Sequential(
        [layers.Input((4, 4, 3)), layers.GlobalAveragePooling2D(), layers.Dense(count, activation=activation)]
    )


def test_the_surest_class_comes_first(network):
    found = predictions(network, np.float32([0, np.log(6), np.log(3)]), 2)
    assert [(guess.number, guess.name) for guess in found] == [(1, "Vorfahrt achten"), (2, "20")]
    assert [guess.probability for guess in found] == pytest.approx([0.6, 0.3])
    assert found[0].logit == pytest.approx(np.log(6))


def test_a_sigmoid_judges_each_class_alone(network_of):
    found = predictions(network_of(ending("sigmoid")), np.float32([0, 800, -800]), 3)
    assert [guess.probability for guess in found] == pytest.approx([1, 0.5, 0])


def test_a_single_number_is_no_probability(network_of):
    (found,) = predictions(network_of(ending(None, 1)), np.float32([3.5]), 5)
    assert (found.name, found.logit, found.probability) == ("0", 3.5, None)


def test_nan_is_never_the_surest(network):
    assert [guess.number for guess in predictions(network, np.float32([np.nan, -5, -4]), 2)] == [2, 1]


def test_maps_are_no_classes(network, network_of):
    assert has_classes(network)
    assert not has_classes(network_of(keras.Sequential([layers.Input((4, 4, 3)), layers.Conv2D(2, 3)]), classes=()))
