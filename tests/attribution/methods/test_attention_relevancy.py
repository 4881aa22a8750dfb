"""Tests of gradient-weighted attention."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.methods.attention_relevancy import AttentionRelevancy, relevancy
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.errors import ModelError
from tests.networks.vision_transformer import ClassToken, vision_transformer

HEADS, KEYS, CHANNELS = 2, 3, 4


def attending(*, pooled=False, attention=layers.MultiHeadAttention, mask=None, seed=3):
    """8x8 gray -> 4 patches and a class token -> two layers of attention with a shortcut -> two linear classes."""
    keras.utils.set_random_seed(seed)
    image = layers.Input((8, 8, 1))
    x = layers.Conv2D(CHANNELS, 4, strides=4, name="patches")(image)
    x = layers.Reshape((-1, CHANNELS), name="tokens")(x)
    if not pooled:
        x = layers.Concatenate(axis=1, name="joined")([ClassToken(name="token")(x), x])
    for number in (1, 2):
        heads = {"num_query_heads": 2, "num_key_value_heads": 1} if attention is layers.GroupQueryAttention else {}
        layer = attention(
            **(heads or {"num_heads": HEADS}), **{"head_dim" if heads else "key_dim": KEYS}, name=f"attention{number}"
        )
        more = {} if mask is None else {"attention_mask": mask}
        x = layers.Add(name=f"add{number}")([x, layer(x, x, **more)])
    x = layers.GlobalAveragePooling1D(name="mean")(x) if pooled else x[:, 0]
    model = keras.Model(image, layers.Dense(2, name="classes")(x), name="attending")
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.7, weight.shape))
    return model


class InNumPy:
    """The same network in double precision, whose attention can be changed."""

    def __init__(self, model):
        self.of = {layer.name: [np.float64(weight) for weight in layer.get_weights()] for layer in model.layers}

    def tokens(self, image):
        kernel, bias = self.of["patches"]
        patches = image.reshape(2, 4, 2, 4).transpose(0, 2, 1, 3).reshape(4, 16)
        x = patches @ kernel.reshape(16, CHANNELS) + bias
        return np.concatenate([self.of["token"][0][0], x]) if "token" in self.of else x

    def attention(self, number, x):
        query, query_bias, key, key_bias, *_ = self.of[f"attention{number}"]
        scores = np.einsum(
            "ihd,jhd->hij",
            np.einsum("ic,chd->ihd", x, query) + query_bias,
            np.einsum("jc,chd->jhd", x, key) + key_bias,
        ) / np.sqrt(KEYS)
        powers = np.exp(scores)
        return powers / powers.sum(axis=-1, keepdims=True)

    def add(self, number, x, attention):
        *_, value, value_bias, out, out_bias = self.of[f"attention{number}"]
        values = np.einsum("jc,chd->jhd", x, value) + value_bias
        return x + np.einsum("hij,jhd,hdc->ic", attention, values, out) + out_bias

    def score(self, image, number, change=0.0, at=0):
        """Return the logit of a class, with a change of the attention of one layer, and the attention of both."""
        x, seen = self.tokens(image), {}
        for layer in (1, 2):
            seen[layer] = self.attention(layer, x)
            x = self.add(layer, x, seen[layer] + (change if layer == at else 0.0))
        kernel, bias = self.of["classes"]
        read = x[0] if "token" in self.of else x.mean(axis=0)
        return (read @ kernel + bias)[number], seen

    def weighted(self, image, number, layer):
        """Return the mean over the heads of max(0, gradient * attention), the gradient by central differences."""
        attention, step = self.score(image, number)[1][layer], 1e-5
        gradient = np.zeros_like(attention)
        for place in np.ndindex(attention.shape):
            change = np.zeros_like(attention)
            change[place] = step
            ends = [self.score(image, number, sign * change, layer)[0] for sign in (1, -1)]
            gradient[place] = (ends[0] - ends[1]) / (2 * step)
        return np.maximum(0, gradient * attention).mean(axis=0)


@pytest.fixture(scope="module")
def gray_images():
    return np.random.default_rng(5).uniform(0, 1, (3, 8, 8, 1)).astype("float32")


def test_two_layers_by_a_computation_in_numpy(network_of, gray_images):
    model = attending()
    network, other = network_of(model), InNumPy(model)
    found = AttentionRelevancy()(network, logit(1), gray_images)
    for image, heatmap in zip(gray_images, found, strict=True):
        first, second = (other.weighted(image.astype(np.float64), 1, layer) for layer in (1, 2))
        # R = I, then I + first, then that plus second times that; the row of the class token, without itself
        expected = (np.eye(5) + first + second @ (np.eye(5) + first))[0, 1:].reshape(2, 2)
        np.testing.assert_allclose(heatmap, np.repeat(np.repeat(expected, 4, 0), 4, 1), rtol=1e-4)
        assert other.score(image, 1)[0] == pytest.approx(
            Scorer(network, logit(1)).scores(image[None])[0], rel=1e-4
        )  # it is the same network
    assert found.max() > 0.01


@pytest.mark.thorough
def test_of_a_network_that_averages_its_tokens_it_is_the_mean_over_all(network_of, gray_images):
    model = attending(pooled=True)
    image, other = gray_images[0], InNumPy(model)
    found = AttentionRelevancy()(network_of(model), logit(0), image[None])[0]
    first, second = (other.weighted(image.astype(np.float64), 0, layer) for layer in (1, 2))
    expected = (first + second @ (np.eye(4) + first)).mean(axis=0).reshape(2, 2)
    np.testing.assert_allclose(found[::4, ::4], expected, rtol=1e-4)


@pytest.mark.thorough
def test_a_masked_patch_has_none(network_of, gray_images):
    mask = np.ones((1, 5, 5), bool)
    mask[:, :, 2] = False  # no token attends to the second patch
    found = AttentionRelevancy()(network_of(attending(mask=mask)), logit(1), gray_images)
    assert not found[:, 0, 4].any()
    assert found[:, 0, 0].any()


@pytest.mark.thorough
def test_grouped_queries_and_attention_over_a_map_have_relevancies(network_of, gray_images):
    grouped = network_of(attending(attention=layers.GroupQueryAttention))
    assert AttentionRelevancy()(grouped, logit(1), gray_images).max() > 0
    image = layers.Input((8, 8, 1))
    x = layers.Conv2D(CHANNELS, 4, strides=4, name="patches")(image)
    x = layers.MultiHeadAttention(HEADS, KEYS, attention_axes=(1, 2), name="attention")(x, x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    over_map = network_of(keras.Model(image, layers.Dense(2, name="classes")(x), name="over_map"))
    found = AttentionRelevancy()(over_map, logit(1), gray_images)
    assert found.shape == (3, 8, 8)
    np.testing.assert_array_equal(found[:, :4, :4], np.broadcast_to(found[:, :1, :1], (3, 4, 4)))


@pytest.mark.thorough
def test_an_image_has_the_same_heatmap_alone_and_among_others(network_of, scene):
    transformer = network_of(vision_transformer())
    images = np.stack([scene(seed=seed) for seed in range(3)])
    together = AttentionRelevancy()(transformer, logit(2), images)
    alone = AttentionRelevancy()(transformer, logit(2), images[:1])
    np.testing.assert_allclose(alone[0], together[0], rtol=1e-4)
    assert np.all(together >= 0)
    assert together.max() > 0


def test_relevancies_multiply_through_the_layers():
    first, second = np.array([[0.0, 0.25], [0.0, 0.0]]), np.array([[1.0, 0.0], [2.0, 0.0]])
    # R = I + first = [[1, .25], [0, 1]]; second @ R = [[1, .25], [2, .5]]
    assert relevancy(np.stack([first, second]), np.array([False, True])).tolist() == [2.0, 0.5]


def test_networks_without_attention_and_cross_attention_are_refused(network, network_of, gray_images, scene):
    with pytest.raises(ModelError, match=r"^attention-relevancy: tiny has no MultiHeadAttention layer before class:1;"):
        AttentionRelevancy()(network, logit(1), scene()[None])
    image = layers.Input((8, 8, 1))
    x = layers.Reshape((-1, CHANNELS), name="tokens")(layers.Conv2D(CHANNELS, 4, strides=4, name="patches")(image))
    x = layers.MultiHeadAttention(HEADS, KEYS, name="cross")(ClassToken(name="token")(x), x)
    cross = network_of(keras.Model(image, layers.Dense(2, name="classes")(x[:, 0]), name="crossing"))
    with pytest.raises(ModelError, match=r"cross: attention of 2 x 1 x 4 \(heads x tokens x tokens\) is not that of"):
        AttentionRelevancy()(cross, logit(1), gray_images)
