"""Tests of Score-CAM and Ablation-CAM against a second implementation and weights worked out by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.methods.unit_masks import AblationCam, ScoreCam
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import activations
from tests.networks.vision_transformer import vision_transformer


@pytest.fixture
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(3)])


@pytest.fixture(scope="module")
def pooled(fill):
    """16x16x3 -> maps (6, relu, 16x16) -> global average -> 3 classes."""
    inputs = layers.Input((16, 16, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="maps")(inputs)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return fill(keras.Model(inputs, layers.Dense(3, activation="softmax", name="classes")(x), name="pooled"))


def test_score_cam_equals_showing_one_map_after_the_other(pooled, network_of, images):
    network = network_of(pooled)
    maps = activations(network, images, ["maps"])["maps"]
    scorer = Scorer(network, logit(1))
    for image, planes, heatmap in zip(images, maps, ScoreCam()(network, logit(1), images), strict=True):
        scores = []
        for plane in np.moveaxis(planes, -1, 0):
            mask = ((plane - plane.min()) / (plane.max() - plane.min()))[..., None]
            scores.append(scorer.scores((mask * image + (1 - mask) * 0.5)[None])[0])
        powers = np.exp(np.float64(scores))
        np.testing.assert_allclose(heatmap, np.maximum(0, planes @ (powers / powers.sum())), atol=1e-5)


def test_a_flat_map_has_no_weight(pooled, network_of, images):
    """Unit 0 is 1 and unit 1 is 0 everywhere: the map is that of the four others."""
    model = keras.models.clone_model(pooled)
    model.set_weights(pooled.get_weights())
    kernel, bias = model.get_layer("maps").get_weights()
    kernel[..., :2], bias[:2] = 0, [1, -1]
    model.get_layer("maps").set_weights([kernel, bias])
    kernel[..., 2:], bias[2:] = 0, 0.5
    heatmap = ScoreCam()(network_of(model), logit(1), images[:1])
    (planes,) = activations(network_of(model), images[:1], ["maps"])["maps"]
    assert heatmap.max() > 0
    assert heatmap.min() >= planes[..., 2:].min()
    assert heatmap.max() <= planes[..., 2:].max()  # a mean of them; with unit 0 it would lie above in dark places
    model.get_layer("maps").set_weights([kernel, bias])
    assert not ScoreCam()(network_of(model), logit(1), images[:1]).any()  # all maps are flat


def test_before_a_linear_head_a_unit_is_worth_its_weight_times_its_mean(pooled, network_of, images):
    network = network_of(pooled)
    maps = activations(network, images, ["maps"])["maps"]
    kernel, _ = pooled.get_layer("classes").get_weights()
    worth = kernel[:, 2] * maps.mean(axis=(1, 2))
    expected = np.maximum(0, np.einsum("nhwc,nc->nhw", maps, worth))
    assert expected.max() > 0.001
    np.testing.assert_allclose(AblationCam()(network, logit(2), images), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("method", [ScoreCam(), AblationCam()], ids=lambda method: method.name)
def test_an_image_has_the_same_bytes_alone_and_among_others(network, images, method, monkeypatch):
    together = method(network, logit(1), images)
    assert together.shape == (3, 16, 16)
    assert together.max() > 0
    np.testing.assert_array_equal(
        np.concatenate([method(network, logit(1), image[None]) for image in images]), together
    )
    monkeypatch.setattr(Scorer, "batch_size", 3)
    np.testing.assert_allclose(method(network, logit(1), images), together, atol=1e-5)


def test_tokens_have_a_map_on_their_grid(network_of, images):
    network = network_of(vision_transformer())
    for method in (ScoreCam(), AblationCam()):
        assert method(network, logit(1), images[:1]).shape == (1, 16, 16)


def test_a_wrong_fill_is_refused():
    with pytest.raises(RecipeError, match="fill='white'"):
        ScoreCam(fill="white")


def test_they_are_registered():
    assert ATTRIBUTIONS["score-cam"] == ScoreCam()
    assert ATTRIBUTIONS["ablation-cam"] == AblationCam()
