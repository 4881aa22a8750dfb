import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.evaluator import Evaluator
from dreamfilters.dreams.objectives.units import channel, logit
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.errors import RecipeError
from dreamfilters.networks import InputForm, Network


def test_a_head_of_one_size_is_shown_other_canvases_resized(network):
    goal = logit([1])
    evaluator = Evaluator(network, goal, Canvas(20, 24, priors.neutral(3)))
    image = np.random.default_rng(0).uniform(0, 1, (1, 20, 24, 3)).astype("float32")
    small = keras.ops.image.resize(image, (16, 16), interpolation="bilinear", antialias=True)
    assert np.asarray(evaluator.score(image, goal.wanted)) == pytest.approx(
        np.asarray(evaluator.score(small, goal.wanted)), rel=1e-6
    )


def test_a_network_without_a_size_of_its_own_takes_any(fill):
    model = keras.Sequential([layers.Input((None, None, 3)), layers.Conv2D(4, 3, name="conv")], name="free")
    network = Network(fill(model), InputForm.from_range(0, 1), name="free")
    for height, width in ((7, 9), (40, 30)):
        Evaluator(network, channel("conv", [0]), Canvas(height, width, priors.neutral(3)))
    with pytest.raises(RecipeError, match="canvas 2x9: too small for conv of free"):
        Evaluator(network, channel("conv", [0]), Canvas(2, 9, priors.neutral(3)))
