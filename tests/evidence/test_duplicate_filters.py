"""Tests of near-duplicate filters on vectors with known angles."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError, RecipeError, UnknownNameError
from dreamfilters.evidence.duplicate_filters import DuplicatePair, near_duplicates, weight_vectors


def test_pairs_are_sorted_by_similarity():
    vectors = [[1.0, 0.0], [1.0, 1.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]
    assert near_duplicates(vectors) == (DuplicatePair(0, 3, 1.0),)
    more = near_duplicates(vectors, threshold=0.7)
    assert [(pair.first, pair.second) for pair in more] == [(0, 3), (0, 1), (1, 2), (1, 3)]
    assert more[1].cosine == pytest.approx(np.sqrt(0.5))


def test_parallel_vectors_of_any_length_are_duplicates_at_a_threshold_of_one():
    vector = np.random.default_rng(0).normal(size=300)
    assert near_duplicates([vector, vector * 1e-6, -vector], threshold=1.0)[0].first == 0


@pytest.mark.parametrize("threshold", [0, -1, 1.5])
def test_other_thresholds_are_refused(threshold):
    with pytest.raises(RecipeError, match=rf"threshold={threshold}: must be above 0 and at most 1"):
        near_duplicates([[1.0]], threshold=threshold)


def test_weight_vectors_include_the_bias(tiny, network_of):
    kernel, bias = tiny.get_layer("conv2").get_weights()
    vectors = weight_vectors(network_of(tiny), "conv2")
    assert vectors.shape == (8, 3 * 3 * 8 + 1)
    assert vectors[5, :-1] == pytest.approx(kernel[..., 5].ravel())
    assert vectors[5, -1] == pytest.approx(bias[5])


def test_a_batch_normalization_is_folded_in(normed, network_of, scene):
    # the folded weights times a 3x3 patch equal the normalized map at its position
    network = network_of(normed)
    image = scene()[None]
    vectors = weight_vectors(network, "conv")
    normalized = np.asarray(network.watch(frozenset({"norm"}))(image)["norm"])[0, 0, 0]
    assert vectors @ [*image[0, :3, :3].ravel(), 1] == pytest.approx(normalized, abs=1e-5)


def test_scaled_copies_of_filters_are_duplicates(network_of, fill):
    image = keras.Input((8, 8, 3))
    model = fill(keras.Model(image, layers.Conv2D(5, 3, activation="relu", name="conv")(image)))
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[..., 4], bias[4] = 3 * kernel[..., 1], 3 * bias[1]
    model.get_layer("conv").set_weights([kernel, bias])
    (pair,) = near_duplicates(weight_vectors(network_of(model), "conv"))
    assert (pair.first, pair.second) == (1, 4)
    assert pair.cosine == pytest.approx(1)


def test_a_depthwise_filter_is_one_kernel(network_of, fill):
    image = keras.Input((8, 8, 3))
    model = fill(keras.Model(image, layers.DepthwiseConv2D(3, depth_multiplier=2, name="deep")(image)))
    kernel = model.get_layer("deep").get_weights()[0]  # (3, 3, 3, 2): unit 3 is the second of the second channel
    assert weight_vectors(network_of(model), "deep")[3, :-1] == pytest.approx(kernel[:, :, 1, 1].ravel())


def test_layers_without_weights_are_refused(network):
    with pytest.raises(ModelError, match="pool1: a MaxPooling2D has no weights to compare"):
        weight_vectors(network, "pool1")
    with pytest.raises(UnknownNameError):
        weight_vectors(network, "conv9")
