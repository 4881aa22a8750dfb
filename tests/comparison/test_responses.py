import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.responses import responses_to
from dreamfilters.dreams.transforms import Jitter
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS


@pytest.fixture(scope="module")
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(6)])


def test_answers_are_the_mean_and_the_maximum_of_the_maps(network, images):
    maps = activations(network, images, ["conv2"])["conv2"]
    answers = responses_to(network, images, {"conv2": [5, 2]})["conv2"]
    assert answers.mean == pytest.approx(maps.mean(axis=(1, 2))[:, [5, 2]], abs=1e-6)
    assert np.array_equal(answers.maximum, maps.max(axis=(1, 2))[:, [5, 2]])


def test_a_class_answers_with_its_logit(network, images):
    logits = activations(network, images, [LOGITS])[LOGITS]
    answers = responses_to(network, images, {LOGITS: [1]})[LOGITS]
    assert np.array_equal(answers.mean[:, 0], logits[:, 1])
    assert np.array_equal(answers.maximum, answers.mean)


def test_a_motion_of_strength_zero_changes_nothing(network, images):
    still = responses_to(network, images, {"conv2": [0, 1]})["conv2"]
    moved = responses_to(network, images, {"conv2": [0, 1]}, transforms=(Jitter(0),), views=3)["conv2"]
    assert moved.mean == pytest.approx(still.mean, abs=1e-6)
    assert moved.maximum == pytest.approx(still.maximum, abs=1e-6)


def test_motions_follow_from_the_seed_and_the_place_and_not_from_the_neighbors(network, images):
    all_six = responses_to(network, images, {"conv2": [0]}, views=4, seed=3)["conv2"]
    first_two = responses_to(network, images[:2], {"conv2": [0]}, views=4, seed=3)["conv2"]
    other = responses_to(network, images, {"conv2": [0]}, views=4, seed=4)["conv2"]
    assert first_two.mean == pytest.approx(all_six.mean[:2], abs=1e-6)
    assert np.abs(other.mean - all_six.mean).max() > 1e-4


def test_a_shifted_blob_moves_the_average_as_worked_by_hand(network_of):
    """A filter that only sees the corner pixel, and an image that is white there: under rolls by at most one pixel
    the corner stays white in one of nine."""
    model = keras.Sequential([layers.Input((4, 4, 1)), layers.Flatten(name="flat"), layers.Dense(1, name="corner")])
    weights = np.zeros((16, 1), "float32")
    weights[0] = 1
    model.layers[-1].set_weights([weights, np.zeros(1, "float32")])
    images = np.zeros((10, 4, 4, 1), "float32")
    images[:, 0, 0] = 1
    corner = responses_to(network_of(model), images, {"corner": [0]}, transforms=(Jitter(1),), views=90)["corner"]
    seen = corner.mean.mean()
    assert seen == pytest.approx(1 / 9, abs=0.035)  # three stds of 900 draws


def test_looks_below_zero_are_refused(network, images):
    with pytest.raises(RecipeError, match="views=-1: at least 0"):
        responses_to(network, images, {"conv2": [0]}, views=-1)
