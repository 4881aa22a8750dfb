"""Tests of circuits against networks worked out by hand."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.circuits.feeding import circuit, previous_layer
from dreamfilters.errors import ModelError, RecipeError, TargetError
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import before


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(6)])


def test_contributions_worked_by_hand(network_of):
    """Two units that are the red and the green of a pixel feed one unit with the weights 3 and -1 and the bias 0.5.

    The first image has red 1 and green 0.5 at its strongest place, 3 - 0.5 + 0.5 = 3; the second red 0.5: 2.
    """
    inputs = layers.Input((2, 2, 3))
    first = layers.Conv2D(2, 1, activation="relu", name="first")(inputs)
    second = layers.Conv2D(1, 1, activation="relu", name="second")(layers.Dropout(0.5)(first))
    model = keras.Model(inputs, layers.Dense(2, name="classes")(layers.GlobalAveragePooling2D()(second)))
    model.get_layer("first").set_weights([np.eye(3)[None, None, :, :2], np.zeros(2)])
    model.get_layer("second").set_weights([np.array([3.0, -1.0]).reshape(1, 1, 2, 1), np.array([0.5])])
    images = np.zeros((3, 2, 2, 3), np.float32)
    images[0, 1, 0] = 1, 0.5, 0
    images[1, 0, 1, 0] = 0.5
    images[2, :, :, 1] = 1  # 0.5 - 1, the weakest
    found = circuit(network_of(model), "second:0", images, strongest=2)
    assert (found.layer, found.target, found.images, found.count) == ("first", "second:0", 2, 2)
    assert found.response == 2.5
    assert [(one.unit, one.contribution, one.weight) for one in found.units] == [(0, 2.25, 3.0), (1, -0.25, -1.0)]
    assert [one.share for one in found.units] == [0.9, 0.1]
    assert [one.activation for one in found.units] == [(1 / 4 + 0.5 / 4) / 2, 0.5 / 4 / 2]
    assert found.total == 2
    assert found.kernels.tolist() == [[[3.0]], [[-1.0]]]


@pytest.mark.parametrize(("unit", "layer"), [("conv2:5", "pool1"), ("conv2:5", None), ("classes:1", None)])
def test_contributions_and_bias_add_up_to_the_response(network, images, unit, layer):
    found = circuit(network, unit, images, layer=layer, strongest=4)
    name, number = unit.split(":")
    bias = network.model.get_layer(name).get_weights()[1][int(number)]
    value = activations(network, images, [before(name)])[before(name)][..., int(number)].reshape(6, -1).max(axis=1)
    assert found.response == pytest.approx(np.sort(value)[-4:].mean(), abs=1e-5)
    assert found.total + bias == pytest.approx(found.response, abs=1e-4)


def test_a_path_that_bypasses_the_layer_adds_the_rest(network_of, branches, images):
    """`sum` is stem + wide: the contribution of wide to sum:1 is that of unit 1 alone, at the strongest place."""
    network = network_of(branches)
    found = circuit(network, "sum:1", images[:1], layer="wide")
    total, wide = (activations(network, images[:1], [name])[name][0, ..., 1] for name in ("sum", "wide"))
    assert found.units[0].unit == 1
    assert found.units[0].contribution == pytest.approx(wide[np.unravel_index(total.argmax(), total.shape)], abs=1e-6)
    assert [one.contribution for one in found.units[1:]] == [0, 0, 0]
    assert found.kernels[0].tolist() == [[1.0]]


def test_the_previous_layer_keeps_its_units(network, network_of, normed, branches):
    assert previous_layer(network.graph, "conv2") == "conv1"
    assert previous_layer(network.graph, "classes") == "conv2"
    assert previous_layer(network_of(normed).graph, "classes") == "relu"
    with pytest.raises(ModelError, match="conv1: reads the image"):
        previous_layer(network.graph, "conv1")


def test_the_units_of_a_normalization_are_those_of_the_layer_before_it(network_of, fill, images):
    inputs = layers.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(inputs)
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(5, 3, name="second")(layers.MaxPooling2D()(x)))
    x = layers.GlobalAveragePooling2D()(layers.ReLU(name="relu")(x))
    network = network_of(fill(keras.Model(inputs, layers.Dense(2, name="classes")(x))))
    assert [previous_layer(network.graph, name) for name in ("second", "norm", "relu")] == ["first"] * 3
    found = circuit(network, "relu:1", images, strongest=6)
    gamma, beta, mean, variance = network.model.get_layer("norm").get_weights()
    bias = network.model.get_layer("second").get_weights()[1]
    scale = gamma / np.sqrt(variance + network.model.get_layer("norm").epsilon)
    assert found.total + ((bias - mean) * scale + beta)[1] == pytest.approx(found.response, abs=1e-4)


def test_a_layer_that_is_not_taken_as_linear_has_contributions_but_no_weights(network_of, fill, images):
    inputs = layers.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, activation="tanh", name="middle")(layers.Conv2D(4, 3, name="first")(inputs))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="last")(x))
    network = network_of(fill(keras.Model(inputs, layers.Dense(2, name="classes")(x))))
    found = circuit(network, "last:0", images, layer="first")
    assert found.kernels is None
    assert found.sheet is None
    assert found.reason == "middle: has no expanded weights: a tanh is not linear"
    assert len(found.units) == 4


def test_the_result_can_be_shown_and_stored(network, images):
    found = circuit(network, "conv2:5", images, most=3)
    assert len(json.loads(json.dumps(found.as_values()))["units"]) == 3
    assert found.sheet.shape[-1] == 3
    assert "conv2:5 reads conv1" in found._repr_html_()


def test_bad_input_is_refused(network, images):
    with pytest.raises(TargetError, match="conv2:0-1: names 2 units; give one, such as conv2:0"):
        circuit(network, "conv2:0-1", images)
    with pytest.raises(RecipeError, match="most=0: must be at least 1"):
        circuit(network, "conv2:0", images, most=0)
    with pytest.raises(ModelError, match="conv2: conv1 does not depend on it; choose an earlier one"):
        circuit(network, "conv1:0", images, layer="conv2")
