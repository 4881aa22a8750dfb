import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import UnknownNameError
from dreamfilters.networks import LOGITS, InputForm, Network


@pytest.fixture
def network(awkward):
    names = ("20", "STOP", "Überholverbot", "Kinder", "Ampel")
    aliases = (("20", "stop sign", "no passing", "children", "signals"),)
    return Network(awkward, InputForm.from_range(0, 1, size=(24, 24)), names, aliases, "signs")


def test_a_layer_is_described(network):
    info = network.layer("separable")
    assert (info.name, info.type) == ("backbone/separable", "SeparableConv2D")
    assert (info.shape, info.units, info.activation) == ((12, 12, 8), 8, "relu6")
    assert info.receptive_field.size == (8, 8)  # 3, pooled by 2: 4, then 2 more places of stride 2
    assert info.dreamable
    dense = network.layer("out")
    assert (dense.shape, dense.units, dense.activation, dense.receptive_field) == ((5,), 5, "softmax", None)


def test_names_of_layers(network):
    assert network.layer("conv1") is network.layer("backbone/conv1")
    assert network.layer("inner:1").name == "backbone/block/inner:1"
    with pytest.raises(UnknownNameError, match=r"conv9: signs has no such layer\. Close names: conv1"):
        network.layer("conv9")


def test_a_name_in_two_nested_models_is_refused():
    def branch(name):
        x = keras.Input((8, 8, 3))
        return keras.Model(x, layers.Conv2D(2, 3, name="conv")(x), name=name)

    x = keras.Input((8, 8, 3))
    network = Network(keras.Model(x, layers.Add()([branch("left")(x), branch("right")(x)])), InputForm())
    with pytest.raises(UnknownNameError, match="conv: network has several: left/conv, right/conv"):
        network.layer("conv")


def test_watching_answers_under_the_name_that_was_given(network, pictures):
    seen = network.watch(frozenset({"conv1", "backbone/conv1", LOGITS}))(network.to_input(pictures))
    assert set(seen) == {"conv1", "backbone/conv1", LOGITS}
    np.testing.assert_array_equal(seen["conv1"], seen["backbone/conv1"])


def test_what_has_a_value_before_its_activation(network):
    assert {name: network.has_linear(name) for name in ("conv1", "relu6", "act", LOGITS, "flat", "norm")} == {
        "conv1": True,
        "relu6": True,
        "act": True,
        LOGITS: True,
        "flat": False,
        "norm": False,
    }


def test_has_relu(network):
    x = keras.Input((8, 8, 3))
    silu = Network(keras.Model(x, layers.Conv2D(2, 3, activation="silu")(x)), InputForm())
    assert network.has_relu
    assert not silu.has_relu
    assert silu.layers[0].activation == "silu"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("STOP", 1),
        ("stop", 1),
        ("stop sign", 1),
        ("ÜBERHOLVERBOT", 2),
        ("No Passing", 2),
        ("4", 4),
        ("0", 0),
        ("20", 0),
    ],
)
def test_a_class_answers_to_many_names(network, name, number):
    assert network.class_number(name) == number


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("99", "class 99: signs has 5 classes, 0 to 4"),
        ("-1", "class -1: signs has 5 classes, 0 to 4"),
        ("Kindr", r"class Kindr: signs has no such class\. Close names: Kinder"),
    ],
)
def test_an_unknown_class_is_refused(network, name, words):
    with pytest.raises(UnknownNameError, match=words):
        network.class_number(name)


def test_what_cannot_be_dreamt_says_why():
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, name="conv")(x)
    tokens = layers.Reshape((36, 4), name="tokens")(y)
    rounded = keras.ops.round(y)
    behind = layers.Conv2D(2, 1, name="behind")(rounded)
    best = keras.ops.argmax(y, axis=-1)
    network = Network(keras.Model(x, [behind, tokens, best]), InputForm())
    reasons = {info.name: info.reason for info in network.layers}
    assert reasons.pop("conv") == ""
    assert reasons.pop("tokens") == "its output (36, 4) is neither a map (h, w, c) nor a vector (c,)"
    assert reasons.pop("behind").startswith("no gradient passes round")
    assert "its output is int32, which has no gradient" in reasons.values()
    assert not network.layer("behind").dreamable
