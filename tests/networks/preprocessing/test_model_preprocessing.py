import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.networks.graph import flatten
from dreamfilters.networks.preprocessing.model_preprocessing import form_of


def norm_of(mean, variance):
    layer = layers.BatchNormalization()
    layer.build((None, 8, 8, 3))
    layer.moving_mean.assign(np.full(3, mean, "float32"))
    layer.moving_variance.assign(np.full(3, variance, "float32"))
    return layer


@pytest.mark.parametrize(
    ("first", "box"),
    [
        ([layers.Rescaling(1 / 255)], (0, 255)),
        ([layers.Rescaling(1 / 127.5, offset=-1)], (0, 255)),
        ([layers.Rescaling(2.0, offset=-1)], (0, 1)),
        ([layers.Rescaling(255.0)], (0, 1)),
        ([layers.Normalization(mean=120.0, variance=3600.0)], (0, 255)),
        ([layers.Normalization(mean=[0.4, 0.5, 0.5], variance=[0.05, 0.05, 0.05])], (0, 1)),
        ([layers.Normalization(mean=-0.1, variance=0.25)], (-1, 1)),
        ([layers.RandomFlip(), layers.Resizing(8, 8), layers.Rescaling(1 / 255)], (0, 255)),
        ([norm_of(110.0, 4000.0)], (0, 255)),
    ],
)
def test_the_first_layers_tell_the_range(first, box):
    model = keras.Sequential([keras.Input((8, 8, 3)), *first, layers.Conv2D(2, 3)])
    form, assumed = form_of(flatten(model), "model.h5")
    assert (form.box()[0][0], form.box()[1][0]) == box
    assert assumed == ""


@pytest.mark.parametrize(
    ("channels", "what"),
    [(1, "gray in 0..1"), (2, "2 channels in 0..1"), (3, "RGB in 0..1"), (4, "4 channels in 0..1")],
)
def test_what_is_assumed_is_said(channels, what):
    model = keras.Sequential([keras.Input((8, 6, channels)), layers.Conv2D(2, 3)])
    form, assumed = form_of(flatten(model), "model.h5")
    assert assumed == f"assumed that model.h5 takes {what} (give --range LOW HIGH, or model.toml next to it)"
    assert form.size == (8, 6)
    assert form.channels == channels


@pytest.mark.parametrize("silent", [layers.Normalization(mean=0.0, variance=1.0), layers.BatchNormalization()])
def test_an_untrained_normalization_tells_nothing(silent):
    model = keras.Sequential([keras.Input((8, 8, 3)), silent, layers.Conv2D(2, 3)])
    assert form_of(flatten(model), "m")[1] == "assumed that m takes RGB in 0..1 (give --range LOW HIGH)"
