import numpy as np
import pytest

from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.canvas_watch import CanvasWatch, layer_activations
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.errors import RecipeError, UnknownNameError
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS


def test_at_the_size_of_the_network_the_activations_are_those_of_the_network(network, scene):
    images = np.stack([scene(seed=1), scene(seed=2), scene(seed=3)])
    expected = activations(network, images, ["conv1", LOGITS])
    found = layer_activations(network, ["conv1", LOGITS], images)
    assert found["conv1"].tobytes() == expected["conv1"].tobytes()
    assert found[LOGITS].tobytes() == expected[LOGITS].tobytes()


def test_an_image_has_the_same_activations_alone_and_among_others(network, scene):
    images = np.stack([scene(seed=1), scene(seed=2)])
    together = layer_activations(network, ["conv2"], images)["conv2"]
    assert layer_activations(network, ["conv2"], images[:1])["conv2"].tobytes() == together[:1].tobytes()


def test_a_map_is_that_of_the_canvas_and_a_vector_that_of_the_resized_image(network, scene):
    image = scene(24, 20)[None]
    found = layer_activations(network, ["conv1", "conv2"], image)
    assert found["conv1"].shape == (1, 24, 20, 8)
    assert layer_activations(network, ["classes"], image)["classes"].shape == (1, 3)


def test_a_canvas_that_is_too_small_and_a_layer_that_does_not_exist_are_refused(network):
    with pytest.raises(RecipeError, match="canvas 3x3: too small for conv2 of tiny"):
        CanvasWatch(network, ["conv2"], Canvas(3, 3, priors.neutral(3)))
    with pytest.raises(UnknownNameError, match="conv9"):
        layer_activations(network, ["conv9"], np.zeros((1, 16, 16, 3), "float32"))
