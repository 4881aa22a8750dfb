"""Tests of changed networks against numbers worked out by hand, and against the ablation of the same units."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.ablation.ablated_layer import AblatedLayer
from dreamfilters.attribution.ablation.changed_network import changed_network
from dreamfilters.attribution.ablation.unit_change import MOST_UNITS, UnitChange
from dreamfilters.attribution.attribute import attribute
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.targets import parse
from dreamfilters.errors import ModelError, TargetError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.preprocessing.input_form import InputForm

WHITE = np.ones((1, 2, 2, 3), np.float32)


@pytest.fixture
def chain(network_of):
    """Unit 0 of `first` is red, unit 1 green; unit 0 of `second` is their sum, unit 1 green alone, both times 2."""
    inputs = layers.Input((2, 2, 3))
    first = layers.Conv2D(2, 1, activation="relu", name="first")(inputs)
    second = layers.Conv2D(2, 1, activation="relu", name="second")(first)
    x = layers.GlobalAveragePooling2D(name="average")(second)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax", name="classes")(x), name="chain")
    model.get_layer("first").set_weights([np.eye(3, 2).reshape(1, 1, 3, 2), np.zeros(2)])
    model.get_layer("second").set_weights([np.array([[2.0, 0.0], [2.0, 2.0]]).reshape(1, 1, 2, 2), np.zeros(2)])
    model.get_layer("classes").set_weights([np.eye(2), np.zeros(2)])
    return network_of(model, classes=("sum", "green"))


def logits(network):
    return activations(network, WHITE, [LOGITS])[LOGITS][0].tolist()


def test_factors_multiply_the_outputs_of_units_for_all_later_layers(chain):
    assert logits(chain) == [4, 2]
    ablated = changed_network(chain, [UnitChange("first", 1, 0.0)])
    seen = activations(ablated, WHITE, ["first", "second", LOGITS])
    assert seen["first"][0, 0, 0].tolist() == [1, 0]
    assert seen["second"][0, 0, 0].tolist() == [2, 0]
    assert seen[LOGITS][0].tolist() == [2, 0]
    # 2 * (3 * red + green) = 8, half of it is 4; green alone is 2
    both = [UnitChange("first", 0, 3.0), UnitChange("second", 0, 0.5)]
    assert logits(changed_network(chain, both)) == [4, 2]
    assert logits(chain) == [4, 2]


def test_the_gradient_is_that_of_the_changed_network(chain):
    """The logit of "sum" is 2 red + 2 green; with `first:0` times 3 it is 6 red + 2 green, over four positions."""
    goal = parse(chain, "class:sum")
    changed = changed_network(chain, [UnitChange("first", 0, 3.0)])
    for network, slopes in ((chain, [2, 2, 0]), (changed, [6, 2, 0])):
        _, gradient = Scorer(network, goal).gradients(WHITE)
        assert gradient.sum(axis=(0, 1, 2)).tolist() == pytest.approx(slopes)
    reasons = attribute(changed, "class:sum", WHITE, methods=["gradient", "lrp"]).reasons
    assert reasons == {"lrp": "has no rule for changed units; use gradient"}


@pytest.mark.parametrize(("layer", "unit"), [("conv1", 3), ("pool1", 2), ("conv2", 1)])
def test_an_ablated_unit_changes_the_logits_as_in_an_ablation(network, layer, unit):
    images = np.random.default_rng(7).random((3, 16, 16, 3), np.float32)
    changed = activations(changed_network(network, [UnitChange(layer, unit, 0.0)]), images, [LOGITS])[LOGITS]
    labels = changed.argmax(axis=1)
    fill = np.zeros(network.layer(layer).units, np.float32)
    expected = AblatedLayer(network, layer, ((unit,),), fill).changes(images, None, labels).after[0]
    assert changed.max(axis=1) == pytest.approx(expected.logit, rel=1e-5)


def test_channels_first_layers_have_their_units_on_the_first_axis():
    inputs = layers.Input((3, 2, 2))
    maps = layers.Conv2D(2, 1, name="maps", data_format="channels_first")(inputs)
    x = layers.GlobalAveragePooling2D(data_format="channels_first", name="average")(maps)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax", name="classes")(x))
    model.get_layer("maps").set_weights([np.eye(3, 2).reshape(1, 1, 3, 2), np.zeros(2)])
    form = InputForm.from_range(0, 1, size=(2, 2))
    changed = changed_network(Network(model, form), [UnitChange("maps", 1, 5.0)])
    assert activations(changed, WHITE, ["maps"])["maps"][0, 1, 0].tolist() == [1, 5]


def test_the_name_of_a_layer_may_hold_what_a_target_separates(network_of):
    name = "a b:3@1 <i>"
    inputs = layers.Input((2, 2, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 1, name=name)(inputs))
    network = network_of(keras.Model(inputs, layers.Dense(2, activation="softmax")(x)))
    changed = changed_network(network, [UnitChange(name, 1, 0.0)])
    assert activations(changed, WHITE, [name])[name][..., 1].max() == 0


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), -1.0, 1001.0])
def test_a_factor_that_is_not_from_0_to_1000_is_refused(factor):
    with pytest.raises(TargetError, match="a number from 0, which ablates the unit, to 1000"):
        UnitChange("conv6", 12, factor)


def test_units_that_cannot_be_changed_are_refused_in_one_line(chain):
    for changes, error, words in (
        ([UnitChange("third", 0, 0.0)], UnknownNameError, "third: chain has no such layer"),
        ([UnitChange("first", 2, 0.0)], TargetError, "first has 2 units, 0 to 1"),
        ([UnitChange("classes", 0, 0.0)], ModelError, "classes: is the output layer; choose an earlier one"),
        ([UnitChange("first", 0, 0.0)] * 2, TargetError, "first:0: is changed twice"),
        ([UnitChange("first", 0, 0.0)] * (MOST_UNITS + 1), TargetError, "17 changed units: at most 16"),
    ):
        with pytest.raises(error, match=words) as raised:
            changed_network(chain, changes)
        assert "\n" not in str(raised.value)
