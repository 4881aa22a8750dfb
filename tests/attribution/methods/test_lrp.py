"""Tests of layer-wise relevance propagation."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.methods.lrp import Lrp
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel, neuron
from dreamfilters.errors import ModelError
from dreamfilters.networks import InputForm
from tests.batch_independence import any_batch_size
from tests.networks.vision_transformer import vision_transformer

EXACT = Lrp(epsilon=0)
NETWORKS = ["tiny", "nested", "shared", "normed", "branches"]


def noise(model, count=2):
    return np.random.default_rng(3).random((count, *model.input_shape[1:]), "float32")


@pytest.fixture
def one_unit(network_of):
    """Pixels x, y -> h = relu(2 x - y) -> 2 h + 1, of dense layers."""
    model = keras.Sequential(
        [
            layers.Input((1, 2, 1)),
            layers.Flatten(),
            layers.Dense(1, activation="relu", name="hidden"),
            layers.Dense(1, name="out"),
        ]
    )
    model.get_layer("hidden").set_weights([np.float32([[2], [-1]]), np.zeros(1, "float32")])
    model.get_layer("out").set_weights([np.float32([[2]]), np.ones(1, "float32")])
    return network_of(model)


def test_a_network_of_one_unit_by_hand(one_unit):
    """The score is 4, of which the bias takes 1. By z-B, x adds 2 (1 - 0) and y adds -1 (0.5 - 1): shares 2 and 0.5."""
    image = np.float32([[[[1.0], [0.5]]]])
    np.testing.assert_allclose(EXACT(one_unit, channel("out", 0), image), [[[3 * 2 / 2.5, 3 * 0.5 / 2.5]]], rtol=1e-6)


def test_epsilon_takes_a_share_of_dense_layers(one_unit):
    image = np.float32([[[[1.0], [0.5]]]])  # h = 1.5; its share 3 of 4 is divided by 1 + epsilon, for one output
    heatmap = Lrp(epsilon=0.5)(one_unit, channel("out", 0), image)
    assert heatmap.sum() == pytest.approx(3 / 1.5)


@pytest.mark.parametrize("name", NETWORKS)
def test_relevance_adds_up_to_the_logit_of_a_network_without_biases(name, request, network_of):
    """Convolutions, averages, sums, concatenation and merged normalization lose nothing."""
    model = keras.models.clone_model(request.getfixturevalue(name))
    for weight, value in zip(model.weights, request.getfixturevalue(name).weights, strict=True):
        weight.assign(0 * value if weight.name == "bias" else value)
    network, images = network_of(model), noise(model)
    for number in range(3):
        heatmaps, scores = EXACT(network, logit(number), images), Scorer(network, logit(number)).scores(images)
        np.testing.assert_allclose(heatmaps.sum(axis=(1, 2)), scores, rtol=1e-3, atol=1e-5)


def test_biases_of_convolutions_take_nothing_but_where_they_alone_raise_an_output(branches, network_of):
    network, images = network_of(branches), noise(branches)
    bias = branches.get_layer("classes").get_weights()[1][1]
    expected = Scorer(network, logit(1)).scores(images) - bias
    np.testing.assert_allclose(EXACT(network, logit(1), images).sum(axis=(1, 2)), expected, rtol=0.1)


def test_the_shift_of_a_normalization_behind_a_relu_takes_nothing(network_of, fill):
    """Its factor is part of the next kernel, through pooling, padding and flattening."""
    model = fill(
        keras.Sequential(
            [
                layers.Input((16, 16, 3)),
                layers.Conv2D(6, 3, activation="relu", use_bias=False),
                layers.MaxPooling2D(),
                layers.BatchNormalization(),
                layers.Dropout(0.5),
                layers.ZeroPadding2D(1),
                layers.Conv2D(6, 3, activation="relu", use_bias=False),
                layers.BatchNormalization(),
                layers.AveragePooling2D(2),
                layers.Conv2D(4, 2, activation="relu", use_bias=False, name="last"),
            ]
        )
    )
    network, images = network_of(model), noise(model)
    for unit in range(4):
        scores = Scorer(network, channel("last", unit)).scores(images)
        heatmaps = EXACT(network, channel("last", unit), images)
        np.testing.assert_allclose(heatmaps.sum(axis=(1, 2)), scores, rtol=1e-3, atol=1e-6)


def test_the_shift_of_a_normalization_before_a_dense_layer_counts_as_its_bias(network_of, fill):
    """z = W (a x + b) + c is the kernel W a with the bias W b + c; the relevance is z less this bias."""
    x = layers.Input((8, 8, 3))
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, activation="relu", name="conv")(x))
    model = fill(keras.Model(x, layers.Dense(2, name="out")(layers.Flatten()(y))))
    network, images = network_of(model), noise(model)
    zeros = keras.Sequential(model.layers[2:])(np.zeros((1, 6, 6, 4), "float32"))  # the score of a map of zeros
    expected = Scorer(network, channel("out", 1)).scores(images) - zeros[0, 1]
    np.testing.assert_allclose(
        EXACT(network, channel("out", 1), images).sum(axis=(1, 2)), expected, rtol=0.02
    )  # a bias alone raises some outputs of conv


def test_relevance_of_a_neuron_stays_in_its_receptive_field(network):
    image = noise(network.model, 1)
    values = network.watch(frozenset({"conv2"}))(image)["conv2"][0]
    row, column, unit = np.unravel_index(np.argmax(values), values.shape)
    heatmap = EXACT(network, neuron("conv2", [(int(unit), int(row), int(column))]), image)[0]
    assert heatmap.sum() == pytest.approx(float(np.max(values)), rel=1e-4)
    assert heatmap.min() >= 0
    top, left, bottom, right = network.layer("conv2").receptive_field.box(int(row), int(column))
    heatmap[max(0, top) : bottom, max(0, left) : right] = 0
    assert not heatmap.any()


def test_both_classes_of_one_sigmoid_have_opposite_relevance(network_of, fill):
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid", name="classes"),
        ]
    )
    network = network_of(fill(model))
    images = noise(model)
    no, yes = (EXACT(network, logit(number), images) for number in (0, 1))
    np.testing.assert_array_equal(no, -yes)
    expected = Scorer(network, logit(1)).scores(images) - model.get_layer("classes").get_weights()[1]
    np.testing.assert_allclose(yes.sum(axis=(1, 2)), expected, rtol=1e-3)


def test_it_equals_an_implementation_in_numpy(network):
    image = noise(network.model, 1)[0]
    heatmap = EXACT(network, logit(1), image[None])[0]
    np.testing.assert_allclose(heatmap, _in_numpy(network.model, image.astype("float64"), 1), rtol=1e-3, atol=1e-6)


def _in_numpy(model, image, number):
    """LRP of the network `tiny`, with loops over outputs; epsilon 0, alpha1-beta0, z-B with the values 0 and 1."""
    (first, _, second, _, last) = ([np.float64(w) for w in layer.get_weights()] for layer in model.layers)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    one = _convolved(padded, *first)
    blocks = np.maximum(one, 0).reshape(8, 2, 8, 2, 8)
    pooled = blocks.max(axis=(1, 3))
    two = np.maximum(_convolved(pooled, *second), 0)
    # the dense layer: x w / z of z is x w
    relevance = (two.ravel() * last[0][:, number]).reshape(two.shape)
    relevance = _shared(relevance, two, second[0], pooled, np.zeros_like(pooled))
    unpooled = np.zeros_like(blocks)
    for row, column, unit in np.ndindex(8, 8, 8):
        place = np.unravel_index(blocks[row, :, column, :, unit].argmax(), (2, 2))
        unpooled[row, place[0], column, place[1], unit] = relevance[row, column, unit]
    ones = np.pad(np.ones_like(image), ((1, 1), (1, 1), (0, 0)))  # beyond the edge, the greatest value is 0
    return _shared(unpooled.reshape(16, 16, 8), one, first[0], padded, padded - ones)[1:-1, 1:-1].sum(axis=-1)


def _convolved(x, kernel, bias):
    rows, columns = x.shape[0] - 2, x.shape[1] - 2
    patches = np.array([[x[i : i + 3, j : j + 3] for j in range(columns)] for i in range(rows)])
    return np.einsum("ijabc,abcu->iju", patches, kernel) + bias


def _shared(relevance, output, kernel, raising, lowering):
    """Share out the relevance of each output in proportion to `raising` * w+ + `lowering` * w-."""
    total = np.zeros(raising.shape)
    for i, j, unit in zip(*np.nonzero(output > 0), strict=True):
        part, w = (slice(i, i + 3), slice(j, j + 3)), kernel[..., unit]
        shares = raising[part] * np.maximum(w, 0) + lowering[part] * np.minimum(w, 0)
        total[part] += relevance[i, j, unit] * shares / shares.sum() if shares.sum() > 0 else 0
    return total


def test_the_values_of_the_image_count_as_the_network_takes_them(tiny, network_of, fill):
    """Pixels in [0, 1] that a layer rescales, and pixels that the input form rescales, have the same relevance."""
    x = layers.Input((16, 16, 3))
    y = layers.Conv2D(4, 3, activation="relu", name="conv")(layers.Rescaling(2.0, offset=-1.0)(x))
    inside = fill(keras.Model(x, layers.GlobalAveragePooling2D(name="mean")(y)))
    outside = keras.Sequential([layers.Input((16, 16, 3)), layers.Conv2D(4, 3, activation="relu", name="conv")])
    outside.set_weights(inside.get_weights())
    images = noise(inside)
    form = InputForm.from_range(-1, 1, size=(16, 16))
    first = EXACT(network_of(inside), channel("conv", 2), images)
    second = EXACT(network_of(outside, form=form), channel("conv", 2), images)
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-7)
    assert first.min() >= 0


def test_standardized_images_have_the_box_of_their_own_values(tiny, network_of):
    form = InputForm(size=(16, 16), standardized=True)
    network, images = network_of(tiny, form=form), noise(tiny)
    heatmaps = EXACT(network, channel("conv1", 2), images)
    np.testing.assert_allclose(
        heatmaps.sum(axis=(1, 2)), Scorer(network, channel("conv1", 2)).scores(images), rtol=1e-3
    )


def test_a_layer_without_a_rule_is_refused_by_name(network_of):
    network = network_of(vision_transformer())
    with pytest.raises(ModelError, match=r"lrp: no rule for LayerNormalization \(norm\); use integrated-gradients"):
        EXACT(network, logit(1), np.zeros((1, 16, 16, 3), "float32"))


def test_a_probability_is_refused(network, scene):
    with pytest.raises(ModelError, match=r"lrp: no rule for softmax \(classes\); explain its logit"):
        EXACT(network, channel("classes", 1), scene()[None])


@any_batch_size
@pytest.mark.parametrize("name", ["tiny", "normed", "branches"])
def test_an_image_has_the_same_bytes_alone_and_among_others(name, request, network_of):
    model = request.getfixturevalue(name)
    network, images = network_of(model), noise(model, 3)
    together = Lrp()(network, logit(2), images)
    alone = np.concatenate([Lrp()(network, logit(2), images[row : row + 1]) for row in range(3)])
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_network_of_mixed_precision_has_about_the_relevance_of_one_in_float32(precision, network_of, fill):
    def made(dtype):
        stack = [
            layers.Rescaling(1 / 255, dtype=dtype),
            layers.Conv2D(4, 3, activation="relu", dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.AveragePooling2D(2, dtype=dtype),
            layers.SeparableConv2D(4, 3, activation="relu", dtype=dtype),
            layers.GlobalAveragePooling2D(dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Dense(3, dtype="float32"),
        ]
        return fill(keras.Sequential([layers.Input((12, 12, 3)), *stack]))

    images = np.random.default_rng(0).uniform(size=(2, 12, 12, 3)).astype("float32")
    wanted, found = (
        Lrp()(network, logit([1]), images) for network in (network_of(made("float32")), network_of(made(precision)))
    )
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()
