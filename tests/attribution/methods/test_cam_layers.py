"""Tests of the layer of a class activation map and of how its positions lie on the image."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.methods.cam_layers import cam_layer, interpolation, over_image
from dreamfilters.attribution.methods.class_activation_maps import GradCam
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.errors import ModelError, TargetError, UnknownNameError
from dreamfilters.networks.layers.layer_info import ReceptiveField
from tests.networks.vision_transformer import vision_transformer

SIZE = (16, 16)


def test_the_last_map_that_the_objective_depends_on_is_chosen(network, network_of, nested, branches):
    assert cam_layer(network, logit(1), None, SIZE).name == "conv2"
    assert cam_layer(network, channel("conv1", 1), None, SIZE).name == "conv1"
    assert cam_layer(network, channel("//before/conv2", 1), None, SIZE).name == "pool1"  # conv2 comes later
    assert cam_layer(network_of(nested), logit(1), None, SIZE).name == "head"
    assert cam_layer(network_of(branches), logit(1), None, SIZE).name == "both"
    assert cam_layer(network_of(branches), channel("narrow", 0), None, SIZE).name == "narrow"


def test_a_class_token_looks_at_the_patches_of_the_last_attention(network_of, scene):
    network = network_of(vision_transformer())
    info = cam_layer(network, logit(1), None, SIZE)
    assert info.name == "norm2a"  # behind it, the class token is alone
    heatmap = GradCam()(network, logit(1), scene()[None])
    assert heatmap.shape == (1, 16, 16)
    assert heatmap.max() > 0


def test_a_network_without_positions_is_refused(network_of):
    model = keras.Sequential(
        [layers.Input((4, 4, 1)), layers.Rescaling(2.0), layers.Flatten(), layers.Dense(2, activation="softmax")],
        name="flat",
    )
    with pytest.raises(TargetError, match="class:0: in flat it depends on no layer with positions for CAM; occlusion"):
        cam_layer(network_of(model), logit(0), None, (4, 4))


def test_a_layer_that_does_not_fit_is_refused(network):
    with pytest.raises(ModelError, match="classes: Dense of 3 is a layer without positions for CAM"):
        cam_layer(network, logit(0), "classes", SIZE)
    with pytest.raises(TargetError, match="conv2: conv1:0 does not depend on it; choose an earlier layer"):
        cam_layer(network, channel("conv1", 0), "conv2", SIZE)
    with pytest.raises(UnknownNameError, match="conv9"):
        cam_layer(network, logit(0), "conv9", SIZE)


def test_positions_lie_at_the_centers_of_their_receptive_fields():
    """Fields of 3 pixels that start at 0 and 2: their centers are 1.5 and 3.5."""
    field = ReceptiveField((3, 3), (2, 2), (0, 0))
    expected = [[1, 0], [1, 0], [0.5, 0.5], [0, 1], [0, 1]]
    np.testing.assert_array_equal(interpolation(5, 2, field, 0), expected)
    inner = ReceptiveField((8, 8), (4, 4), (0, 0))  # centers 4 and 8: 7/8, 5/8, 3/8 and 1/8 of a stride beyond
    expected = [[0.25, 0], [0.75, 0], [1, 0], [1, 0], [0.875, 0.125]]
    np.testing.assert_array_equal(interpolation(12, 2, inner, 0)[:5], expected)
    padded = ReceptiveField((7, 3), (2, 2), (-3, 0))  # centers .5, 2.5, 4.5 in the rows
    np.testing.assert_array_equal(interpolation(5, 3, padded, 0)[[0, 2, 4]], np.eye(3))


def test_a_spot_is_bright_where_it_is(network_of):
    """A convolution of 5x5 without padding, with stride 3, that sums its window; the spot is in one window only."""
    model = keras.Sequential(
        [
            layers.Input((17, 17, 1)),
            layers.Conv2D(1, 5, strides=3, use_bias=False, name="maps"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, name="sum"),
        ]
    )
    model.get_layer("maps").set_weights([np.ones((5, 5, 1, 1))])
    model.get_layer("sum").set_weights([np.ones((1, 1)), np.zeros(1)])
    image = np.zeros((1, 17, 17, 1), "float32")
    image[0, 8, 5] = 1  # the center of the window at (6, 3), position (2, 1)
    (heatmap,) = GradCam()(network_of(model), channel("sum", 0), image)
    assert np.unravel_index(heatmap.argmax(), heatmap.shape) == (8, 5)
    assert heatmap[8, 5] == pytest.approx(1 / 25)
    assert heatmap[8, 8] == 0
    assert heatmap[8, 6] == pytest.approx(2 / 3 / 25)


def test_patches_cover_the_image(network_of):
    network = network_of(vision_transformer())
    maps = np.zeros((1, 4, 4))
    maps[0, 1, 3] = 1
    (heatmap,) = over_image(maps, SIZE, network.layer("norm2a"))
    assert heatmap[5:7, 14:].min() == pytest.approx(0.875)
    assert heatmap[12:].max() == heatmap[:, :8].max() == 0
