"""Vectors whose angles are known."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.errors import ModelError, RecipeError, UnknownNameError
from dreamfilters.evidence.duplicate_filters import DuplicatePair, near_duplicates, weight_vectors


def test_pairs_come_most_alike_first():
    vectors = [[1.0, 0.0], [1.0, 1.0], [0.0, 2.0], [3.0, 0.0], [0.0, 0.0], [-1.0, 0.0]]
    assert near_duplicates(vectors) == (DuplicatePair(0, 3, 1.0),)
    loose = near_duplicates(vectors, threshold=0.7)
    assert [(pair.first, pair.second) for pair in loose] == [(0, 3), (0, 1), (1, 2), (1, 3)]
    assert loose[1].cosine == pytest.approx(np.sqrt(0.5))


def test_parallel_vectors_of_any_length_are_alike_at_a_threshold_of_one():
    vector = np.random.default_rng(0).normal(size=300)
    assert near_duplicates([vector, vector * 1e-6, -vector], threshold=1.0)[0].first == 0


@pytest.mark.parametrize("threshold", [0, -1, 1.5])
def test_other_thresholds_are_refused(threshold):
    with pytest.raises(RecipeError, match=rf"threshold={threshold}: a cosine above 0 and at most 1"):
        near_duplicates([[1.0]], threshold=threshold)


def test_weights_come_with_their_bias(tiny, network_of):
    kernel, bias = tiny.get_layer("conv2").get_weights()
    vectors = weight_vectors(network_of(tiny), "conv2")
    assert vectors.shape == (8, 3 * 3 * 8 + 1)
    assert vectors[5, :-1] == pytest.approx(kernel[..., 5].ravel())
    assert vectors[5, -1] == pytest.approx(bias[5])


def test_a_batch_normalization_is_folded_in(normed, network_of, scene):
    # What the folded weights say of a 3x3 patch is what the normalized map says in its corner.
    network = network_of(normed)
    image = scene()[None]
    vectors = weight_vectors(network, "conv")
    seen = np.asarray(network.watch(frozenset({"norm"}))(image)["norm"])[0, 0, 0]
    assert vectors @ [*image[0, :3, :3].ravel(), 1] == pytest.approx(seen, abs=1e-5)


def test_copied_filters_are_found_though_their_scales_differ(network_of, fill):
    image = keras.Input((8, 8, 3))
    model = fill(keras.Model(image, layers.Conv2D(5, 3, activation="relu", name="conv")(image)))
    kernel, bias = model.get_layer("conv").get_weights()
    kernel[..., 4], bias[4] = 3 * kernel[..., 1], 3 * bias[1]
    model.get_layer("conv").set_weights([kernel, bias])
    (pair,) = near_duplicates(weight_vectors(network_of(model), "conv"))
    assert (pair.first, pair.second) == (1, 4)
    assert pair.cosine == pytest.approx(1)


def test_a_depthwise_filter_is_its_own_kernel(network_of, fill):
    image = keras.Input((8, 8, 3))
    model = fill(keras.Model(image, layers.DepthwiseConv2D(3, depth_multiplier=2, name="deep")(image)))
    kernel = model.get_layer("deep").get_weights()[0]  # (3, 3, 3, 2): unit 3 is the second of the second channel
    assert weight_vectors(network_of(model), "deep")[3, :-1] == pytest.approx(kernel[:, :, 1, 1].ravel())


def test_layers_without_weights_are_refused(network):
    with pytest.raises(ModelError, match="pool1: a MaxPooling2D has no weights to compare"):
        weight_vectors(network, "pool1")
    with pytest.raises(UnknownNameError):
        weight_vectors(network, "conv9")
