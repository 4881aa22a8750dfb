import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters.networks.graph import flatten
from dreamfilters.networks.preprocessing.form_origin import FormOrigin
from dreamfilters.networks.preprocessing.model_preprocessing import form_of, implied_range


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
        ([layers.Rescaling(255.0), layers.Rescaling(1 / 255)], None),  # together they change nothing
        ([layers.Rescaling(255.0), layers.Normalization(mean=120.0, variance=3600.0)], (0, 1)),
        ([layers.Rescaling(1 / 255), layers.Normalization(mean=0.5, variance=0.04)], (0, 255)),
        ([layers.Rescaling(127.5, offset=127.5), layers.Normalization(mean=120.0, variance=3600.0)], (-1, 1)),
        ([layers.ZeroPadding2D(2), layers.Rescaling(1 / 255)], (0, 255)),
        ([layers.Pipeline([layers.RandomFlip(), layers.Rescaling(1 / 255)])], (0, 255)),
        ([layers.AutoContrast(), layers.Rescaling(1 / 255)], (0, 255)),
        ([layers.RandAugment(), layers.AugMix(), layers.Rescaling(1 / 255)], (0, 255)),
        ([layers.MixUp(), layers.CutMix(), layers.RandomErasing(), layers.Rescaling(1 / 255)], (0, 255)),
        ([layers.Lambda(lambda x: x / 127.5 - 1)], (0, 255)),
        ([layers.Lambda(lambda x: x * x / 255)], None),
        ([layers.Flatten(), layers.Rescaling(1 / 255), layers.Reshape((8, 8, 3))], (0, 255)),
    ],
)
def test_the_first_layers_imply_the_range(first, box):
    model = keras.Sequential([keras.Input((8, 8, 3)), *first, layers.Conv2D(2, 3)])
    form, origin = form_of(flatten(model), "model.h5")
    assert (form.box()[0][0], form.box()[1][0]) == (box or (0, 1))
    assert origin.source == ("model" if box else "assumed")


def tf_style(x):
    return x / 127.5 - 1.0


def torch_style(x):
    return (x / 255.0 - np.array([0.485, 0.456, 0.406], "float32")) / np.array([0.229, 0.224, 0.225], "float32")


def caffe_style(x):
    return ops.stack([x[..., i] for i in (2, 1, 0)], axis=-1) + np.array([-103.9, -116.8, -123.7], "float32")


def reversed_and_scaled(x):
    return (x[..., ::-1] - 127.5) * (1 / 127.5)


def by_channel(x):
    red, green, blue = ops.split(x, 3, axis=-1)
    return ops.concatenate([blue - 104.0, green - 117.0, red - 123.0], axis=-1)


@pytest.mark.parametrize(
    ("prepare", "box"),
    [
        (tf_style, (0, 255)),
        (torch_style, (0, 255)),
        (caffe_style, (0, 255)),
        (reversed_and_scaled, (0, 255)),
        (by_channel, (0, 255)),
        (keras.applications.mobilenet_v2.preprocess_input, (0, 255)),
        (keras.applications.densenet.preprocess_input, (0, 255)),
        (keras.applications.resnet.preprocess_input, (0, 255)),
        (lambda x: (x - 0.5) * 2, (0, 1)),
        (lambda x: (x + 1) * 127.5, (-1, 1)),
        (lambda x: x[..., ::-1], None),
        (lambda x: x * x, None),
    ],
)
def test_operations_imply_the_range(prepare, box):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.Conv2D(2, 3)(prepare(image)))
    form, origin = form_of(flatten(model), "model.h5")
    assert (form.box()[0][0], form.box()[1][0]) == (box or (0, 1))
    assert origin.source == ("model" if box else "assumed")


def test_branches_imply_a_range_if_they_agree():
    """A branch that reads the image itself implies nothing."""
    image = keras.Input((8, 8, 3))
    scaled = layers.Conv2D(3, 1)(layers.Rescaling(1 / 255)(image))
    shortcut = keras.Model(image, layers.Concatenate()([scaled, image]))
    assert implied_range(flatten(shortcut)) == (0, 255, ("Rescaling",))
    other = layers.Conv2D(3, 1)(layers.Rescaling(2.0, offset=-1)(image))
    assert implied_range(flatten(keras.Model(image, layers.Add()([scaled, other])))) is None


def test_operations_with_the_channels_first_imply_the_range():
    image = keras.Input((3, 8, 8))
    mean = np.array([103.9, 116.8, 123.7], "float32").reshape(1, 3, 1, 1)
    prepared = ops.stack([image[:, i, :] for i in (2, 1, 0)], axis=1) - mean
    model = keras.Model(image, layers.Conv2D(2, 3, data_format="channels_first")(prepared))
    assert implied_range(flatten(model)) == (0, 255, ("GetItem", "Stack", "Subtract"))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_what_is_assumed_is_stated(channels):
    model = keras.Sequential([keras.Input((8, 6, channels)), layers.Conv2D(2, 3)])
    form, origin = form_of(flatten(model), "model.h5")
    assert origin == FormOrigin("assumed", "assumed; --range LOW HIGH or model.toml sets another range")
    assert (form.size, form.channels, form.box()) == ((8, 6), channels, ((0.0,) * channels, (1.0,) * channels))


@pytest.mark.parametrize("silent", [layers.Normalization(mean=0.0, variance=1.0), layers.BatchNormalization()])
def test_an_untrained_normalization_implies_nothing(silent):
    model = keras.Sequential([keras.Input((8, 8, 3)), silent, layers.Conv2D(2, 3)])
    assert form_of(flatten(model), "m")[1].text == "assumed; --range LOW HIGH sets another range"


def test_the_origin_names_the_steps_that_imply_the_range():
    stack = [layers.RandomFlip(), layers.Rescaling(1 / 255), layers.Normalization(mean=0.5, variance=0.04)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *stack, layers.Conv2D(2, 3)])
    assert form_of(flatten(model), "m")[1].text == "read from the model: Rescaling, Normalization"
    trained = keras.Sequential([keras.Input((8, 8, 3)), norm_of(110.0, 4000.0), layers.Conv2D(2, 3)])
    assert form_of(flatten(trained), "m")[1].text == "read from the model: BatchNormalization"
