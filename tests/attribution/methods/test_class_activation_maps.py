"""Tests of class activation maps against maps worked out by hand, the method of Zhou et al. and another library."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.methods.class_activation_maps import (
    GradCam,
    GradCamPlusPlus,
    LayerCam,
    grad_cam_plus_plus,
)
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.evidence.activations import activations

METHODS = [GradCam(), GradCamPlusPlus(), LayerCam()]


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


def test_maps_worked_by_hand(network_of):
    """Two units at 1x2 positions; behind the average, class 0 has the weights 8 and 12, class 1 has -4 and 40."""
    model = keras.Sequential(
        [
            layers.Input((1, 2, 2)),
            layers.Conv2D(2, 1, activation="relu", name="maps"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(2, activation="softmax", name="classes"),
        ]
    )
    model.get_layer("maps").set_weights([np.eye(2).reshape(1, 1, 2, 2), np.zeros(2)])
    model.get_layer("classes").set_weights([np.array([[8.0, -4.0], [12.0, 40.0]]), np.array([0.5, 0.25])])
    network, image = network_of(model), np.array([[[[0.25, 0.0], [0.75, 1.0]]]], "float32")
    # gradients: 4 and 6 for class 0, -2 and 20 for class 1; sums of the maps: 1 and 1
    np.testing.assert_array_equal(GradCam()(network, logit(0), image), [[[1, 9]]])
    np.testing.assert_array_equal(GradCam()(network, logit(1), image), [[[0, 18.5]]])
    np.testing.assert_array_equal(LayerCam()(network, logit(1), image), [[[0, 20]]])
    # weights: 2 positions * 4 / (2 + 4), 2 * 6 / (2 + 6)
    expected = [[[4 / 3 * 0.25, 4 / 3 * 0.75 + 1.5]]]
    np.testing.assert_allclose(GradCamPlusPlus()(network, logit(0), image), expected, rtol=1e-6)


def test_behind_an_average_and_a_dense_layer_grad_cam_is_the_class_activation_map(network_of, pooled, images):
    network = network_of(pooled)
    maps = activations(network, images, ["maps"])["maps"]
    kernel, _ = pooled.get_layer("classes").get_weights()
    for number in range(3):
        expected = np.maximum(0, maps @ kernel[:, number])  # Zhou et al., equation 2, where positive
        assert expected.max() > 0.01
        np.testing.assert_allclose(256 * GradCam()(network, logit(number), images), expected, rtol=1e-4, atol=1e-6)


def test_grad_cam_plus_plus_has_the_weights_of_the_derivatives_of_the_exponential():
    """Y = exp(score) of a linear score: the paper's equations 10 and 19 with derivatives of Y by differences."""
    rng = np.random.default_rng(0)
    activation, gradient = rng.uniform(0, 1, (3, 4, 2)), rng.normal(size=(3, 4, 2))

    def score_class(row, column, unit, change):
        changed = activation.copy()
        changed[row, column, unit] += change
        return np.exp((changed * gradient).sum())

    step, weights = 0.02, np.zeros(2)
    for row, column, unit in np.ndindex(3, 4, 2):
        y = [score_class(row, column, unit, change * step) for change in (-2, -1, 0, 1, 2)]
        first = (y[3] - y[1]) / (2 * step)
        second = (y[3] - 2 * y[2] + y[1]) / step**2
        third = (y[4] - 2 * y[3] + 2 * y[1] - y[0]) / (2 * step**3)
        alpha = second / (2 * second + activation[..., unit].sum() * third)
        weights[unit] += alpha * max(0, first)
    weights /= np.exp((activation * gradient).sum())  # the factor that is left out
    np.testing.assert_allclose(grad_cam_plus_plus(activation, gradient), np.maximum(0, activation @ weights), rtol=0.01)


def test_the_maps_of_a_unit_are_its_own(network, images):
    """The gradient of a channel's mean over 6x6 positions is 1/36 in this channel; a field of 8x8 starts every 2 px."""
    maps = activations(network, images, ["conv2"])["conv2"][..., 3]
    heatmaps = GradCam()(network, channel("conv2", 3), images)
    field = network.layer("conv2").receptive_field
    for row, column in [(1, 2), (4, 4)]:
        down, right = (int(start + size / 2 + index * stride) for start, size, index, stride in
                       zip(field.offset, field.size, (row, column), field.stride, strict=True))  # fmt: skip
        around = heatmaps[:, down - 1 : down + 1, right - 1 : right + 1]  # the center is the corner of four pixels
        bounds = maps[:, row - 1 : row + 2, column - 1 : column + 2]
        assert (around.max(axis=(1, 2)) <= bounds.max(axis=(1, 2)) / 36 + 1e-6).all()
        # bilinear at distances of 1/4 of a stride on each side: (1/4 * neighbors + 3/2 * itself) / 2 along each axis
        weights = np.array([1 / 8, 3 / 4, 1 / 8])
        np.testing.assert_allclose(around.mean(axis=(1, 2)), weights @ (bounds @ weights).T / 36, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_an_image_has_the_same_bytes_alone_and_among_others(network, images, method):
    together = method(network, logit(1), images)
    assert together.shape == (3, 16, 16)
    assert (together >= 0).all()
    assert together.max() > 0
    np.testing.assert_array_equal(
        np.concatenate([method(network, logit(1), image[None]) for image in images]), together
    )


def test_a_layer_that_a_path_bypasses_has_its_full_gradient(branches, network_of, images):
    """In `branches` the stem is added to a convolution of itself: compares with the change of the logit."""
    network, step = network_of(branches), 1e-2
    watch = network.watch(frozenset({"stem", "//logits"}))
    values = np.asarray(watch(images[:1])["stem"])
    change = np.zeros_like(values)
    change[..., 2] = step
    after, before = (
        np.asarray(watch(images[:1], added={"stem": each})["//logits"])[0, 1] for each in (change, -change)
    )
    heatmap = GradCam("stem")(network, logit(1), images[:1])
    weights = np.zeros(4)
    for unit in range(4):
        change = np.zeros_like(values)
        change[..., unit] = step
        after, before = (
            np.asarray(watch(images[:1], added={"stem": sign * change})["//logits"])[0, 1] for sign in (1, -1)
        )
        weights[unit] = (after - before) / (2 * step) / 256
    np.testing.assert_allclose(heatmap, np.maximum(0, values @ weights), rtol=0.02, atol=1e-5)


def test_a_layer_of_a_nested_network_works(nested, network_of, images):
    heatmaps = GradCam("conv1")(network_of(nested), logit(1), images)
    assert heatmaps.shape == (3, 16, 16)
    assert heatmaps.max() > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the other library
def test_another_library_computes_the_same_maps(network_of, pooled, images):
    pytest.importorskip("tf_keras_vis")
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.layercam import Layercam

    linear = keras.models.clone_model(pooled)
    linear.set_weights(pooled.get_weights())
    linear.get_layer("classes").activation = keras.activations.linear
    network = network_of(pooled)
    for ours, theirs in ((GradCam(), Gradcam), (LayerCam(), Layercam)):
        expected = theirs(linear)(
            lambda outputs: outputs[:, 1], images, penultimate_layer="maps", expand_cam=False, normalize_cam=False
        )
        np.testing.assert_allclose(ours(network, logit(1), images), expected, atol=1e-4)


def test_they_are_registered():
    for method in METHODS:
        assert ATTRIBUTIONS[method.name] == method
