import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent import evaluator
from dreamfilters.dreams.ascent.evaluator import Evaluator
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.units import channel, neuron
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.errors import RecipeError
from dreamfilters.images.resizing import RULES
from dreamfilters.networks import InputForm, Network


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [(20, 24), (10, 9)])
def test_a_head_of_one_size_is_given_other_canvases_resized_by_the_input_form(size, rule, network):
    goal = logit([1])
    network = dataclasses.replace(network, form=dataclasses.replace(network.form, resize=rule))
    made = Evaluator(network, goal, Canvas(*size, priors.neutral(3)))
    image = np.random.default_rng(0).uniform(0, 1, (2, *size, 3)).astype("float32")
    expected = made.score(np.stack([network.form.fit(each) for each in image]), goal.wanted)
    assert np.asarray(made.score(image, goal.wanted)) == pytest.approx(np.asarray(expected), rel=1e-5)


def test_the_objective_is_given_its_layers_in_the_same_order_in_every_process(network):
    """The order of the set differs from process to process: with 5 names it is sorted by chance in 1 of 120."""
    names = ["conv1", "pool1", "conv2", "flat", "classes"]
    goal = Objective(frozenset(names), lambda seen, wanted: list(seen), np.zeros(1, "float32"), ("all",), "order")
    made = Evaluator(network, goal, Canvas(16, 16, priors.neutral(3)))
    assert made.score(np.zeros((1, 16, 16, 3), "float32"), goal.wanted) == sorted(names)


def test_a_network_of_any_size_accepts_any(fill):
    model = keras.Sequential([layers.Input((None, None, 3)), layers.Conv2D(4, 3, name="conv")], name="free")
    network = Network(fill(model), InputForm.from_range(0, 1), name="free")
    for height, width in ((7, 9), (40, 30)):
        Evaluator(network, channel("conv", [0]), Canvas(height, width, priors.neutral(3)))
    with pytest.raises(RecipeError, match="canvas 2x9: too small for conv of free"):
        Evaluator(network, channel("conv", [0]), Canvas(2, 9, priors.neutral(3)))


@pytest.fixture
def local(fill):
    """A network with fields of 15 pixels, normalization and activation layers, on 48 pixels."""
    image = layers.Input((48, 48, 3))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2, padding="same")(image)))
    x = layers.Conv2D(8, 3, padding="same", activation="silu")(x)
    x = layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same", name="conv")(x))
    return Network(fill(keras.Model(image, layers.ReLU(name="relu")(x))), InputForm.from_range(-1, 1, size=(48, 48)))


@pytest.mark.parametrize("layer", ["relu", "conv"])
def test_neurons_are_computed_on_their_receptive_fields(layer, local, monkeypatch):
    goal = neuron(layer, [(0, 0, 0), (3, 12, 23), (5, 23, 1), (2, 9, 9)]) * 2.0
    canvas = Canvas(48, 48, priors.neutral(3))
    image = np.random.default_rng(0).uniform(0, 1, (4, 48, 48, 3)).astype("float32")
    of_field = Evaluator(local, goal, canvas)
    monkeypatch.setattr(evaluator, "_LARGEST_WINDOW", 0.0)
    whole = Evaluator(local, goal, canvas)
    assert (of_field.window.size, whole.window) == ((12, 12), None)
    wanted = backend.tensor(goal.wanted[0]), tuple(map(backend.tensor, goal.wanted[1]))
    for one in ("score", "rest", "ascent_score", "relaxed_score"):
        for found, expected in zip(
            *(keras.tree.flatten(getattr(each, one)(image, wanted)) for each in (of_field, whole)), strict=True
        ):
            np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "goal",
    [
        channel("relu", [0]),
        neuron("relu", [(0, 1, 1)]) + neuron("conv", [(0, 1, 1)]),
        neuron("relu", [(0, 1, 1)]) + channel("relu", [1]),
    ],
    ids=repr,
)
def test_other_objectives_are_computed_on_the_whole_canvas(goal, local):
    assert Evaluator(local, goal, Canvas(48, 48, priors.neutral(3))).window is None
