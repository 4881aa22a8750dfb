import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.evaluator import Evaluator
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.errors import RecipeError
from dreamfilters.images.resizing import RULES
from dreamfilters.networks import InputForm, Network


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [(20, 24), (10, 9)])
def test_a_head_of_one_size_is_given_other_canvases_resized_by_the_input_form(size, rule, network):
    goal = logit([1])
    network = dataclasses.replace(network, form=dataclasses.replace(network.form, resize=rule))
    evaluator = Evaluator(network, goal, Canvas(*size, priors.neutral(3)))
    image = np.random.default_rng(0).uniform(0, 1, (2, *size, 3)).astype("float32")
    expected = evaluator.score(np.stack([network.form.fit(each) for each in image]), goal.wanted)
    assert np.asarray(evaluator.score(image, goal.wanted)) == pytest.approx(np.asarray(expected), rel=1e-5)


def test_the_objective_is_given_its_layers_in_the_same_order_in_every_process(network):
    """The order of the set differs from process to process: with 5 names it is sorted by chance in 1 of 120."""
    names = ["conv1", "pool1", "conv2", "flat", "classes"]
    goal = Objective(frozenset(names), lambda seen, wanted: list(seen), np.zeros(1, "float32"), ("all",), "order")
    evaluator = Evaluator(network, goal, Canvas(16, 16, priors.neutral(3)))
    assert evaluator.score(np.zeros((1, 16, 16, 3), "float32"), goal.wanted) == sorted(names)


def test_a_network_of_any_size_accepts_any(fill):
    model = keras.Sequential([layers.Input((None, None, 3)), layers.Conv2D(4, 3, name="conv")], name="free")
    network = Network(fill(model), InputForm.from_range(0, 1), name="free")
    for height, width in ((7, 9), (40, 30)):
        Evaluator(network, channel("conv", [0]), Canvas(height, width, priors.neutral(3)))
    with pytest.raises(RecipeError, match="canvas 2x9: too small for conv of free"):
        Evaluator(network, channel("conv", [0]), Canvas(2, 9, priors.neutral(3)))
