import json

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.logit_attribution import attribute_logit, subgraph_after
from dreamfilters.errors import ModelError, RecipeError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(5)])


def test_contributions_worked_by_hand(network_of):
    """Two images of 1x2 places and two units; one weight a unit and class, 2 3 for class 0, -1 10 for class 1."""
    model = keras.Sequential(
        [
            layers.Input((1, 2, 2)),
            layers.Activation("relu", name="maps"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(2, activation="softmax", name="classes"),
        ]
    )
    model.get_layer("classes").set_weights([np.array([[2.0, -1.0], [3.0, 10.0]]), np.array([0.5, 0.25])])
    images = np.array([[[[1.0, 0.0], [3.0, 4.0]]], [[[2.0, 2.0], [0.0, 0.0]]]], "float32")
    # mean of unit 0: 2 and 1, of unit 1: 2 and 1; averaged over the images 1.5 each
    found = attribute_logit(network_of(model), images, 0, layer="maps")
    assert [(one.unit, one.contribution, one.activation) for one in found.units] == [(1, 4.5, 1.5), (0, 3.0, 1.5)]
    assert (found.total, found.logit, found.count) == (7.5, 8.0, 2)
    against = attribute_logit(network_of(model), images, 1, layer="maps", most=1)
    assert against.units[0].contribution == 15
    assert against.total == 13.5
    assert against.logit == 13.75


def test_before_a_linear_head_it_is_weight_times_activation_and_adds_up(network, images):
    kernel, bias = network.model.get_layer("classes").get_weights()
    maps = activations(network, images, ["conv2"])["conv2"]
    logits = activations(network, images, [LOGITS])[LOGITS]
    found = attribute_logit(network, images, 2, most=8)
    expected = np.einsum("nhwc,hwc->nc", maps, kernel[:, 2].reshape(maps.shape[1:])).mean(axis=0)
    assert found.layer == "conv2"
    for one in found.units:
        assert one.contribution == pytest.approx(expected[one.unit], abs=1e-5)
        assert one.activation == pytest.approx(maps.mean(axis=(0, 1, 2))[one.unit], abs=1e-5)
    assert found.total + bias[2] == pytest.approx(logits[:, 2].mean(), abs=1e-4)
    assert found.logit == pytest.approx(logits[:, 2].mean(), abs=1e-5)
    contributions = [one.contribution for one in found.units]
    assert contributions == sorted(contributions, reverse=True)


def test_behind_more_layers_it_is_the_slope_times_the_activation(network, images):
    """Against small changes of the network itself: a bias of conv2 moves a unit wherever it is awake."""
    found = attribute_logit(network, images[:1], 0, layer="conv1", most=8)
    maps = activations(network, images[:1], ["conv1"])["conv1"]
    head = subgraph_after(network.graph, "conv1")
    from dreamfilters.networks.watching import watch

    run = watch(head, frozenset({LOGITS}))
    base = np.asarray(run(maps)[LOGITS])[0, 0]
    for one in found.units[:3]:
        louder = maps.copy()
        louder[..., one.unit] *= 1.0001
        slope = (float(np.asarray(run(louder)[LOGITS])[0, 0]) - float(base)) / 0.0001
        assert one.contribution == pytest.approx(slope, rel=0.1, abs=0.05)


@pytest.mark.parametrize("layer", ["conv1", "pool1", "conv2", "flat"])
def test_what_is_behind_a_layer_computes_the_rest(network, images, layer):
    from dreamfilters.networks.watching import watch

    values = activations(network, images, [layer])[layer]
    logits = activations(network, images, [LOGITS])[LOGITS]
    rest = watch(subgraph_after(network.graph, layer), frozenset({LOGITS}))(values)[LOGITS]
    assert np.asarray(rest) == pytest.approx(logits, abs=1e-5)


def test_a_nested_model_and_a_joint_of_branches_can_be_cut(network_of, nested, branches, images):
    for model, layer in ((nested, "backbone/conv1"), (branches, "both")):
        network = network_of(model)
        found = attribute_logit(network, images, 1, layer=layer)
        assert found.logit == pytest.approx(activations(network, images, [LOGITS])[LOGITS][:, 1].mean(), abs=1e-5)


def test_a_layer_that_others_lead_past_is_refused(network_of, branches, images):
    with pytest.raises(ModelError, match="wide: a way to the output leads past it, into sum"):
        attribute_logit(network_of(branches), images, 0, layer="wide")


def test_the_output_itself_carries_nothing(network, images):
    with pytest.raises(ModelError, match="classes: is the output itself"):
        attribute_logit(network, images, 0, layer="classes")


def test_a_network_of_one_layer_has_no_carriers(network_of):
    model = keras.Sequential([layers.Input((2, 2, 3)), layers.Flatten(name="flat"), layers.Dense(2, name="classes")])
    with pytest.raises(ModelError, match="no layer lies before its logits"):
        attribute_logit(network_of(model), np.zeros((1, 2, 2, 3), "float32"), 0)


def test_wrong_numbers_are_refused(network, images):
    with pytest.raises(UnknownNameError, match="class 3: tiny has 3 classes"):
        attribute_logit(network, images, 3)
    with pytest.raises(UnknownNameError, match="conv9"):
        attribute_logit(network, images, 0, layer="conv9")
    with pytest.raises(RecipeError, match="most=0: at least 1"):
        attribute_logit(network, images, 0, most=0)


def test_it_is_plain_values_and_the_model_is_untouched(network, images):
    before = network.fingerprint
    found = attribute_logit(network, images, 0, most=2)
    json.dumps(found.as_values(), allow_nan=False)
    assert len(found.as_values()["units"]) == 2
    assert "contribution" in found._repr_html_()
    assert type(network)(network.model, network.form, network.classes).fingerprint == before
