"""Tests of feature vectors and their similarity."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.features import (
    PIXELS,
    centered,
    cosines,
    feature_vectors,
    fitted_images,
    iter_layers,
    layers_before,
    mean_cosine_distance,
    penultimate,
    unit_length,
)
from dreamfilters.networks import LOGITS


def test_cosines_worked_by_hand():
    first = np.array([[1.0, 0.0], [0.0, 0.0]])
    second = np.array([[3.0, 4.0], [-2.0, 0.0]])
    assert cosines(first, second)[0] == pytest.approx([0.6, -1.0])
    assert np.isnan(cosines(first, second)[1]).all()


def test_the_mean_distance_is_over_pairs_of_nonzero_rows():
    corner = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])
    assert mean_cosine_distance(corner) == pytest.approx((1 + 2 + 1) / 3)
    assert mean_cosine_distance(np.array([[1.0, 0.0], [0.0, 0.0], [2.0, 0.0]])) == 0
    assert mean_cosine_distance(corner[:1]) is None
    assert mean_cosine_distance(np.zeros((3, 2))) is None


def test_a_centered_constant_is_zero_although_its_mean_rounds():
    constant = np.full((1, 7), 0.1, "float32")
    assert not np.any(centered(constant, 1))
    assert centered(np.array([[1.0, 2.0, 6.0]]), 1).tolist() == [[-2.0, -1.0, 3.0]]


def test_unit_length_fills_zero_vectors():
    vectors = np.array([[[3.0, 4.0], [0.0, 0.0]]])
    assert unit_length(vectors).tolist() == [[[0.6, 0.8], [0.0, 0.0]]]
    assert np.isnan(unit_length(vectors, zero=np.nan)[0, 1]).all()
    assert np.isnan(unit_length(np.array([[np.nan, 1.0]]))).all()  # NaN is not treated as zero


def test_feature_vectors_are_flat_or_the_mean_of_each_map(network, scene):
    images = [scene(seed=1), scene(seed=2)]
    maps = activations(network, images, ["conv2"])["conv2"]
    assert np.array_equal(feature_vectors(network, images, "conv2"), maps.reshape(2, -1))
    assert feature_vectors(network, images, "conv2", pooled=True) == pytest.approx(maps.mean(axis=(1, 2)), abs=1e-6)
    assert feature_vectors(network, images, PIXELS)[1] == pytest.approx(images[1].ravel())
    assert feature_vectors(network, images, PIXELS, pooled=True)[0] == pytest.approx(
        images[0].mean(axis=(0, 1)), abs=1e-6
    )
    assert feature_vectors(network, images, LOGITS).shape == (2, 3)


def test_images_are_resized_by_the_rule_of_the_input_form(network):
    """One pixel in each block of 3x3 is white: the nearest pixel is another one, the mean of a block is 1/9."""
    image = np.zeros((48, 48, 3), "float32")
    image[::3, ::3] = 1
    for rule, value in (("area", 1 / 9), ("nearest", 0)):
        other = dataclasses.replace(network, form=dataclasses.replace(network.form, resize=rule))
        assert fitted_images(other, [image]) == pytest.approx(np.full((1, 16, 16, 3), value), abs=1e-6)


def test_images_are_resized_to_the_network_and_invalid_ones_refused(network):
    assert fitted_images(network, [np.full((40, 30, 3), 0.25)]) == pytest.approx(np.full((1, 16, 16, 3), 0.25))
    with pytest.raises(ImageError, match=r"shape \(16, 16\)"):
        fitted_images(network, [np.zeros((16, 16))])
    with pytest.raises(ImageError, match="0 images"):
        fitted_images(network, [])


def test_the_layer_before_the_logits(network, network_of, nested, normed, shared, branches):
    assert penultimate(network) == "conv2"  # the layer between only flattens
    assert penultimate(network_of(nested)) == "head"
    assert penultimate(network_of(normed)) == "relu"  # the logits read the separate ReLU
    assert penultimate(network_of(shared)) == "shared#1"
    assert penultimate(network_of(branches)) == "both"


def test_a_softmax_or_pooling_after_the_logits_is_skipped(network_of, fill):
    x = inputs = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="body")(x)
    x = layers.Conv2D(2, 1, name="scores")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    model = fill(keras.Model(inputs, layers.Activation("softmax", name="odds")(x), name="squeezed"))
    assert penultimate(network_of(model)) == "body"
    assert layers_before(network_of(model), LOGITS) == ("body",)  # not the scores themselves


def test_layers_before_end_in_a_nonlinearity_and_are_upstream(network, network_of, normed, nested):
    assert layers_before(network, "conv2") == ("conv1",)
    assert layers_before(network, LOGITS) == ("conv1", "conv2")
    assert layers_before(network, "conv1") == (PIXELS,)
    assert layers_before(network_of(normed), "classes") == ("relu",)
    assert layers_before(network_of(normed), "relu") == ("conv", "norm")
    assert layers_before(network_of(nested), "head") == ("backbone/conv1", "backbone/conv2")
    assert layers_before(network_of(nested), "classes", most=2) == ("backbone/conv1", "head")


@pytest.mark.parametrize("room", [2**29, 0])
def test_one_pass_and_one_pass_per_layer_give_the_same_values(network, scene, monkeypatch, room):
    monkeypatch.setattr("dreamfilters.evidence.features.MAX_BYTES", room)
    images = [scene(24, 24, seed=1), scene(24, 24, seed=2)]
    found = dict(iter_layers(network, images, ["conv2", PIXELS, "pool1", LOGITS, "flat", "conv1"]))
    assert list(found) == [PIXELS, "conv2", "pool1", LOGITS, "flat", "conv1"]  # given order: sums are rounded alike
    assert np.array_equal(found[PIXELS], fitted_images(network, images))
    for layer in ("conv1", "conv2", LOGITS):
        assert found[layer] == pytest.approx(activations(network, images, [layer])[layer], abs=1e-6)
    assert [layer for layer, _ in iter_layers(network, images, [PIXELS])] == [PIXELS]
