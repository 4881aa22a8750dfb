"""Tests of the sanity check: copies with random weights, and heatmaps that ignore them."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.trust.randomized_weights import RandomizedNetworks, randomized_layer
from dreamfilters.attribution.trust.trust_measure import TrustCase
from dreamfilters.attribution.trust.weight_dependence import ALL_LAYERS, UPPER_HALF, rank_correlation
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.evidence.activations import activations
from dreamfilters.networks import LOGITS, load
from dreamfilters.signs.rendering.scenes import render


@pytest.fixture(scope="module")
def scenes(scene):
    return np.stack([scene(seed=seed) for seed in range(3)])


def kernels(network):
    """The weights of each step of a network, by name."""
    weighted = [step for step in network.graph.steps if getattr(step.operation, "weights", ())]
    return {step.name: [np.array(weight) for weight in step.operation.weights] for step in weighted}


def test_layers_become_random_from_the_output_down(network):
    before, fingerprint = kernels(network), network.fingerprint
    copies = RandomizedNetworks().of(network, logit(0))
    changed = [
        {name for name, weights in kernels(copy).items() if not np.array_equal(weights[0], before[name][0])}
        for copy in copies
    ]
    assert changed == [{"classes", "conv2"}, {"classes", "conv1", "conv2"}]
    biases = kernels(copies[-1])["conv2"][1]
    assert (biases == 0).all()
    kernel = kernels(copies[-1])["conv2"][0]
    assert kernel.std() == pytest.approx(np.sqrt(2 / (3 * 3 * 8)), rel=0.1)  # He et al. (2015), of 72 inputs
    assert network.fingerprint == fingerprint


def test_a_copy_computes_with_its_own_weights(network, scenes):
    """The copy equals a Keras model that is given the same weights."""
    (_, copy) = RandomizedNetworks().of(network, logit(0))
    model = keras.models.clone_model(network.model)
    for name, weights in kernels(copy).items():
        model.get_layer(name).set_weights(weights)
    found = activations(copy, scenes, ["classes"])["classes"]
    np.testing.assert_allclose(found, model.predict(scenes, verbose=0), rtol=1e-4, atol=1e-6)
    assert not np.allclose(found, activations(network, scenes, ["classes"])["classes"])


def test_only_layers_that_the_objective_reads_are_random(network):
    copies = RandomizedNetworks().of(network, channel("conv1", 0))
    unchanged = kernels(network)["classes"][0]
    assert all(np.array_equal(kernels(copy)["classes"][0], unchanged) for copy in copies)


def test_the_layers_inside_a_layer_become_random(network_of):
    inputs = layers.Input((4, 4, 3))
    tokens = layers.Reshape((16, 3))(inputs)
    average = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(1, 4, name="attention")(tokens, tokens))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax", name="classes")(average))
    network = network_of(model)
    images = np.random.default_rng(0).uniform(0, 1, (1, 4, 4, 3)).astype("float32")
    layer, before = model.get_layer("attention"), activations(network, images, [LOGITS])[LOGITS]
    double = randomized_layer(layer, 0)
    assert all(one is not other for one, other in zip(double.weights, layer.weights, strict=True))
    assert not np.allclose(double._query_dense.kernel, layer._query_dense.kernel)
    np.testing.assert_array_equal(activations(network, images, [LOGITS])[LOGITS], before)


def test_scales_and_variances_begin_at_one(normed, network_of):
    (_, copy) = RandomizedNetworks().of(network_of(normed), logit(0))
    gamma, beta, mean, variance = kernels(copy)["norm"]
    assert [values.tolist() for values in (gamma, beta, mean, variance)] == [[1] * 8, [0] * 8, [0] * 8, [1] * 8]


@pytest.mark.parametrize("measure", [UPPER_HALF, ALL_LAYERS])
def test_edges_are_found_and_a_gradient_passes(network, scenes, edges, gradient, measure):
    case = TrustCase(network, logit(0), scenes)
    found = {each.name: measure(case, each, each(network, logit(0), scenes)).values for each in (edges, gradient)}
    assert found["edges"] == pytest.approx(np.ones(3))
    assert np.abs(found["gradient-toy"]).max() < 0.5


def test_guided_backpropagation_hardly_depends_on_the_upper_layers():
    """Adebayo et al. (2018) find this on deep convolutional networks; the gradient itself does depend on them."""
    network, images = load("signs"), np.stack([render(14, seed) for seed in range(2)]).astype("float32")
    case = TrustCase(network, logit(14), images)
    guided, signed = (
        UPPER_HALF(case, each, each(network, logit(14), images)).values
        for each in (ATTRIBUTIONS["guided-backprop"], ATTRIBUTIONS["gradient-x-input"])
    )
    assert guided.min() > 0.85
    assert np.abs(signed).max() < 0.3


def test_rank_correlation_by_hand():
    """Ranks 1, 2, 3, 4 and 1, 3, 2, 4: 1 - 6 * 2 / (4 * 15) = 0.8."""
    assert rank_correlation(np.array([[0.1, 5], [6, 100]]), np.array([[1, 3], [2, 4.0]])) == pytest.approx(0.8)
    assert np.isnan(rank_correlation(np.ones((2, 2)), np.eye(2)))
