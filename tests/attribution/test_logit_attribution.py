"""Tests of logit attribution against contributions worked out by hand."""

import json

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.logit_attribution import attribute_logit
from dreamfilters.attribution.network_split import split_network
from dreamfilters.errors import ModelError, RecipeError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(5)])


def test_contributions_worked_by_hand(network_of):
    """Two images of 1x2 positions and two units with the weights 8 and 12 for class 0, -4 and 40 for class 1."""
    model = keras.Sequential(
        [
            layers.Input((1, 2, 2)),
            layers.Activation("relu", name="maps"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(2, activation="softmax", name="classes"),
        ]
    )
    model.get_layer("classes").set_weights([np.array([[8.0, -4.0], [12.0, 40.0]]), np.array([0.5, 0.25])])
    images = np.array([[[[0.25, 0.0], [0.75, 1.0]]], [[[0.5, 0.5], [0.0, 0.0]]]], "float32")
    # mean of unit 0: 1/2 and 1/4, of unit 1: 1/2 and 1/4; both average 3/8 over the images
    found = attribute_logit(network_of(model), images, 0, layer="maps")
    assert [(unit.unit, unit.contribution, unit.activation) for unit in found.units] == [
        (1, 4.5, 0.375),
        (0, 3.0, 0.375),
    ]
    assert (found.total, found.logit, found.count) == (7.5, 8.0, 2)
    other = attribute_logit(network_of(model), images, 1, layer="maps", most=1)
    assert other.units[0].contribution == 15
    assert other.total == 13.5
    assert other.logit == 13.75


def test_before_a_linear_head_contributions_and_bias_add_up_to_the_logit(network, images):
    kernel, bias = network.model.get_layer("classes").get_weights()
    maps = activations(network, images, ["conv2"])["conv2"]
    logits = activations(network, images, [LOGITS])[LOGITS]
    found = attribute_logit(network, images, 2, most=8)
    expected = np.einsum("nhwc,hwc->nc", maps, kernel[:, 2].reshape(maps.shape[1:])).mean(axis=0)
    assert found.layer == "conv2"
    for unit in found.units:
        assert unit.contribution == pytest.approx(expected[unit.unit], abs=1e-5)
        assert unit.activation == pytest.approx(maps.mean(axis=(0, 1, 2))[unit.unit], abs=1e-5)
    assert found.total + bias[2] == pytest.approx(logits[:, 2].mean(), abs=1e-4)
    assert found.logit == pytest.approx(logits[:, 2].mean(), abs=1e-5)
    contributions = [unit.contribution for unit in found.units]
    assert contributions == sorted(contributions, reverse=True)


def test_behind_more_layers_it_is_gradient_times_activation(network, images):
    """Compares with the change of the logit when a unit's map is scaled slightly."""
    found = attribute_logit(network, images[:1], 0, layer="conv1", most=8)
    maps = activations(network, images[:1], ["conv1"])["conv1"]
    rest = split_network(network, "conv1").rest
    base = np.asarray(rest(maps, ()))[0, 0]
    for unit in found.units[:3]:
        scaled = maps.copy()
        scaled[..., unit.unit] *= 1.0001
        change = (float(np.asarray(rest(scaled, ()))[0, 0]) - float(base)) / 0.0001
        assert unit.contribution == pytest.approx(change, rel=0.1, abs=0.05)


def test_a_nested_model_and_a_join_of_branches_can_be_cut(network_of, nested, branches, images):
    for model, layer in ((nested, "backbone/conv1"), (branches, "both")):
        network = network_of(model)
        found = attribute_logit(network, images, 1, layer=layer)
        assert found.logit == pytest.approx(activations(network, images, [LOGITS])[LOGITS][:, 1].mean(), abs=1e-5)


def test_a_bypassed_layer_has_the_contributions_of_its_own_path(network_of, branches, images):
    """`sum` is stem + wide, and its mean goes into the logits: unit u contributes mean(wide_u) times its weight."""
    network = network_of(branches)
    kernel = branches.get_layer("classes").get_weights()[0]
    means = activations(network, images, ["wide"])["wide"].mean(axis=(0, 1, 2))
    found = attribute_logit(network, images, 2, layer="wide")
    assert found.logit == pytest.approx(activations(network, images, [LOGITS])[LOGITS][:, 2].mean(), abs=1e-5)
    for unit in found.units:
        assert unit.contribution == pytest.approx(means[unit.unit] * kernel[4 + unit.unit, 2], abs=1e-5)


def test_the_output_layer_is_refused(network, images):
    with pytest.raises(ModelError, match="classes: is the output layer"):
        attribute_logit(network, images, 0, layer="classes")


def test_a_network_of_one_layer_is_refused(network_of):
    model = keras.Sequential([layers.Input((2, 2, 3)), layers.Flatten(name="flat"), layers.Dense(2, name="classes")])
    with pytest.raises(ModelError, match="has no layer before its logits"):
        attribute_logit(network_of(model), np.zeros((1, 2, 2, 3), "float32"), 0)


def test_wrong_numbers_are_refused(network, images):
    with pytest.raises(UnknownNameError, match="class 3: tiny has 3 classes"):
        attribute_logit(network, images, 3)
    with pytest.raises(UnknownNameError, match="conv9"):
        attribute_logit(network, images, 0, layer="conv9")
    with pytest.raises(RecipeError, match="most=0: must be at least 1"):
        attribute_logit(network, images, 0, most=0)


def test_values_are_json_and_the_model_is_unchanged(network, images):
    before = network.fingerprint
    found = attribute_logit(network, images, 0, most=2)
    json.dumps(found.as_values(), allow_nan=False)
    assert len(found.as_values()["units"]) == 2
    assert "contribution" in found._repr_html_()
    assert type(network)(network.model, network.form, network.classes).fingerprint == before


def test_the_two_classes_of_one_sigmoid_have_opposite_contributions(network_of):
    """One unit of mean 1/2 with the weight 12 and the bias .5: the logit is 6.5 for class 1 and -6.5 for class 0."""
    model = keras.Sequential(
        [layers.Input((1, 2, 1)), layers.GlobalAveragePooling2D(name="average"), layers.Dense(1, "sigmoid")]
    )
    model.layers[-1].set_weights([np.array([[12.0]]), np.array([0.5])])
    images = np.array([[[[0.25], [0.75]]]], "float32")
    found = [attribute_logit(network_of(model), images, number, layer="average") for number in (0, 1)]
    assert [(one.logit, one.total) for one in found] == [(-6.5, -6), (6.5, 6)]


def test_a_margin_is_the_difference_of_two_logits(network, images):
    bias = network.model.get_layer("classes").get_weights()[1]
    first, second, both = (
        attribute_logit(network, images, 2, most=8),
        attribute_logit(network, images, 0, most=8),
        attribute_logit(network, images, 2, against=0, most=8),
    )
    assert (both.number, both.against) == (2, 0)
    assert both.logit == pytest.approx(first.logit - second.logit, abs=1e-5)
    assert both.total + bias[2] - bias[0] == pytest.approx(both.logit, abs=1e-4)
    parts = [{unit.unit: unit.contribution for unit in one.units} for one in (first, second)]
    for unit in both.units:
        assert unit.contribution == pytest.approx(parts[0][unit.unit] - parts[1][unit.unit], abs=1e-5)
    assert "class 2 over class 0" in both._repr_html_()
    with pytest.raises(UnknownNameError, match="class 3: tiny has 3 classes"):
        attribute_logit(network, images, 2, against=3)
