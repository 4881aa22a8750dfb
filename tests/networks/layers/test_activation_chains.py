"""Which layer shows the units of a convolution, its normalization and its activation."""

import keras
import pytest
from keras import layers

from dreamfilters.networks import load
from dreamfilters.networks.layers.activation_chains import activation_layer_after, shown_by


def graph_of(*steps):
    return load(keras.Sequential([layers.Input((8, 8, 3)), *steps])).graph


def shown(graph):
    """Return name -> the name of the step that shows it."""
    found = {step.name: shown_by(graph, step) for step in graph.steps}
    return {name: other.name for name, other in found.items() if other is not None}


def conv(name="conv", **settings):
    return layers.Conv2D(4, 3, name=name, **settings)


@pytest.mark.parametrize("activation", [layers.ReLU, lambda name: layers.Activation("gelu", name=name)])
def test_an_activation_shows_the_convolution_and_the_normalization_before_it(activation):
    graph = graph_of(conv(), layers.BatchNormalization(name="norm"), activation(name="act"), conv("next"))
    assert shown(graph) == {"conv": "act", "norm": "act"}
    assert activation_layer_after(graph, graph.by_name["next"]) is None


def test_a_convolution_shows_the_normalization_behind_it_where_no_activation_follows():
    graph = graph_of(conv(), layers.BatchNormalization(name="norm"), conv("next", activation="relu"))
    assert shown(graph) == {"norm": "conv"}


def test_normalization_of_other_axes_shows_its_own_units():
    graph = graph_of(conv(), layers.BatchNormalization(axis=1, name="rows"), conv("next"))
    assert shown(graph) == {}


def test_a_layer_that_others_read_too_shows_its_own_units():
    image = keras.Input((8, 8, 3))
    one = layers.Conv2D(3, 3, padding="same", name="conv")(image)
    both = layers.Add(name="sum")([one, layers.ReLU(name="act")(one)])
    graph = load(keras.Model(image, layers.ReLU(name="last")(both))).graph
    assert shown(graph) == {"sum": "last"}


def test_a_softmax_shows_nothing_because_its_units_depend_on_each_other():
    graph = graph_of(layers.GlobalAveragePooling2D(), layers.Dense(5, name="dense"), layers.Softmax(name="classes"))
    assert activation_layer_after(graph, graph.by_name["dense"]).name == "classes"
    assert shown(graph) == {}


def test_the_output_of_a_network_shows_its_own_units():
    assert shown(graph_of(conv())) == {}
