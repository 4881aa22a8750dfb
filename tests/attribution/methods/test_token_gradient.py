"""Tests of gradient times activation of tokens."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.methods.token_gradient import TokenGradient, _program, on_grid
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.errors import ModelError, UnknownNameError
from dreamfilters.networks.layers.layer_info import TokenGrid
from tests.batch_independence import any_batch_size, needs_avx512
from tests.networks.vision_transformer import vision_transformer


@pytest.fixture(scope="module")
def transformer(network_of):
    return network_of(vision_transformer())


@pytest.fixture
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(3)])


def pooled(image_size=8):
    """Patches of 4x4 -> tokens -> relu of the mean minus an eighth of the diagonal -> the mean -> a linear class."""
    x = layers.Input((image_size, image_size, 1))
    y = layers.Reshape((-1, 2), name="tokens")(layers.Conv2D(2, 4, strides=4, name="patches")(x))
    y = layers.Dense(1, activation="relu", name="difference")(y)
    y = layers.GlobalAveragePooling1D(name="mean")(y)
    model = keras.Model(x, layers.Dense(1, name="out")(y), name="pooled")
    model.get_layer("patches").set_weights(
        [np.stack([np.full((4, 4, 1), 1 / 16), np.eye(4)[..., None] / 8], -1), np.zeros(2)]
    )
    model.get_layer("difference").set_weights([np.float32([[1.0], [-1.0]]), np.zeros(1)])
    model.get_layer("out").set_weights([np.float32([[8.0]]), np.ones(1)])
    return model


def test_each_patch_has_activation_times_gradient_of_its_token_by_hand(network_of):
    image = np.zeros((1, 8, 8, 1), "float32")
    image[0, :4, :4] = 0.5  # its mean is 0.5, its diagonal adds up to 2: 0.5 - 2 / 8
    image[0, 0, 7] = 0.8  # off the diagonal: the mean is 0.05
    image[0, 4, 1] = 0.4  # 0.025
    image[0, 4, 4] = 1.0  # on the diagonal: 1 / 16 - 1 / 8, inactive
    # the score is 8 / 4 of the sum over tokens, and 1
    expected = np.repeat(np.repeat([[0.5, 0.1], [0.05, 0]], 4, axis=0), 4, axis=1)
    network = network_of(pooled())
    for layer in (None, "difference", "tokens"):  # the sum over the channels is the same before the dense layer
        heatmap = TokenGradient(layer)(network, channel("out", 0), image)
        np.testing.assert_allclose(heatmap[0], expected, atol=1e-6)
    assert Scorer(network, channel("out", 0)).scores(image)[0] == pytest.approx(1.65)


def test_of_a_network_that_reads_the_class_token_it_is_the_input_of_the_last_attention(transformer, images):
    heatmaps = TokenGradient()(transformer, logit(1), images)
    np.testing.assert_array_equal(heatmaps, TokenGradient("norm2a")(transformer, logit(1), images))
    assert not TokenGradient("norm")(transformer, logit(1), images).any()  # only the class token is read
    assert np.all(heatmaps[:, ::4, ::4])


@pytest.mark.slow
def test_it_is_a_derivative_by_the_scale_of_a_token(images, network_of):
    """The score's change when the tokens of a layer are scaled by 1 + step, all patches and the class token."""
    model = vision_transformer()
    network, goal, step = network_of(model), logit(2), 1e-2
    before = TokenGradient("norm2a")(network, goal, images)
    scores = []
    for factor in (1 + step, 1 - step):
        scaled = keras.models.clone_model(model)
        scaled.set_weights(model.get_weights())
        norm, old = scaled.get_layer("norm2a"), model.get_layer("norm2a")
        norm.set_weights([factor * weight for weight in old.get_weights()])
        scores.append(Scorer(network_of(scaled), goal).scores(images))
    slope = (scores[0] - scores[1]) / (2 * step)
    of_patches = before[:, ::4, ::4].sum(axis=(1, 2))
    assert np.all(np.abs(of_patches) < np.abs(slope) + 1)  # the class token has the rest
    of_class = slope - of_patches
    np.testing.assert_allclose(of_class, _of_class_token(network, goal, images), rtol=0.05, atol=1e-4)


def _of_class_token(network, goal, images):
    program = _program(network, goal, ("norm2a",))
    return np.concatenate(
        [np.asarray(program(*batch)["norm2a"])[:count, 0] for batch, count in Scorer(network, goal).batches(images)]
    )


def test_a_grid_that_does_not_divide_the_image_has_the_boxes_of_its_patches():
    values, grid = np.arange(7, dtype="float32")[None], TokenGrid(2, 3, leading=1)
    heatmap = on_grid(values, grid, 5, 7)[0]
    for token in range(1, 7):
        top, left, bottom, right = grid.box(token, 5, 7)
        assert np.all(heatmap[top:bottom, left:right] == token)


def test_a_network_without_tokens_and_other_layers_are_refused(network, transformer, images):
    with pytest.raises(
        ModelError, match=r"token-gradient: tiny has no layer of tokens with a grid before class:1; use"
    ):
        TokenGradient()(network, logit(1), images)
    with pytest.raises(
        ModelError, match=r"token-gradient: patches: give a layer of tokens before the score, such as norm"
    ):
        TokenGradient("patches")(transformer, logit(1), images)
    with pytest.raises(UnknownNameError, match=r"nrm: .* Close names: norm"):
        TokenGradient("nrm")(transformer, logit(1), images)


@any_batch_size
@needs_avx512
def test_an_image_has_the_same_bytes_alone_and_among_others(transformer, images):
    together = TokenGradient()(transformer, logit(2), images)
    alone = [TokenGradient()(transformer, logit(2), images[row : row + 1]) for row in range(3)]
    np.testing.assert_array_equal(np.concatenate(alone), together)
