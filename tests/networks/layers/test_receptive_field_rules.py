from fractions import Fraction

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.networks.graph import flatten
from dreamfilters.networks.layers.layer_info import ReceptiveField
from dreamfilters.networks.layers.receptive_field_rules import receptive_fields
from dreamfilters.networks.watching import watch


def field_of(*stack, size=(24, 24)):
    graph = flatten(keras.Sequential([keras.Input((*size, 1)), *stack]))
    return receptive_fields(graph)[graph.steps[-1].name]


def square(size, stride, offset):
    return ReceptiveField((size, size), (stride, stride), (offset, offset))


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ([layers.Conv2D(1, 3)], square(3, 1, 0)),
        ([layers.Conv2D(1, 3, padding="same")], square(3, 1, -1)),
        ([layers.Conv2D(1, 3), layers.Conv2D(1, 3)], square(5, 1, 0)),
        ([layers.Conv2D(1, 3), layers.MaxPooling2D(2)], square(4, 2, 0)),
        ([layers.Conv2D(1, 3), layers.MaxPooling2D(2), layers.Conv2D(1, 3)], square(8, 2, 0)),
        ([layers.Conv2D(1, 3, dilation_rate=2)], square(5, 1, 0)),
        ([layers.Conv2D(1, 3, strides=2, padding="same")], square(3, 2, 0)),  # 24 even: nothing before, one after
        ([layers.Conv2D(1, 7, strides=2, padding="same")], square(7, 2, -2)),
        ([layers.ZeroPadding2D(3), layers.Conv2D(1, 7, strides=2)], square(7, 2, -3)),
        ([layers.Cropping2D(2), layers.AveragePooling2D(2)], square(2, 2, 2)),
        ([layers.Conv2D(1, (1, 5))], ReceptiveField((1, 5), (1, 1), (0, 0))),
        ([layers.Conv2D(1, 3), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.1)], square(3, 1, 0)),
        ([layers.DepthwiseConv2D(3), layers.SeparableConv2D(1, 3)], square(5, 1, 0)),
        ([layers.UpSampling2D(2)], square(Fraction(3, 2), Fraction(1, 2), Fraction(-1, 2))),
        ([layers.Flatten()], None),
        ([layers.Conv2D(1, 3), layers.GlobalAveragePooling2D(keepdims=True)], None),
        ([layers.Resizing(12, 12)], None),
    ],
)
def test_hand_worked(stack, expected):
    assert field_of(*stack) == expected


def test_same_padding_of_an_odd_size_is_even():
    assert field_of(layers.Conv2D(1, 3, strides=2, padding="same"), size=(25, 25)) == square(3, 2, -1)


def test_the_field_of_branches_is_their_union():
    x = keras.Input((24, 24, 1))
    y = layers.Conv2D(2, 3, padding="same")(x)
    graph = flatten(keras.Model(x, layers.Add(name="sum")([y, layers.Conv2D(2, 7, padding="same")(y)])))
    assert receptive_fields(graph)["sum"] == square(9, 1, -4)


def test_a_gate_over_the_whole_image_has_a_global_field():
    x = keras.Input((24, 24, 2))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    graph = flatten(keras.Model(x, layers.Multiply(name="gated")([x, gate])))
    assert receptive_fields(graph)["gated"] is None


@pytest.mark.parametrize(
    "prepare",
    [
        keras.applications.mobilenet_v2.preprocess_input,
        keras.applications.densenet.preprocess_input,
        keras.applications.resnet.preprocess_input,
        lambda x: x[..., ::-1] - np.arange(3, dtype="float32"),
        lambda x: keras.ops.flip(x, axis=-1) * 2.0,
        lambda x: keras.ops.concatenate(keras.ops.split(x, 3, axis=-1)[::-1], axis=-1),
        lambda x: keras.ops.concatenate([keras.ops.expand_dims(x[..., i] - 1.0, -1) for i in range(3)], axis=3),
        lambda x: keras.ops.stack(keras.ops.unstack(x, axis=3), axis=3),
        lambda x: x + np.ones((12, 14, 1), "float32"),
    ],
)
def test_fields_survive_operations_on_channels(prepare):
    x = keras.Input((12, 14, 3))
    graph = flatten(keras.Model(x, layers.Conv2D(2, 3, name="conv")(prepare(x))))
    assert receptive_fields(graph)["conv"] == square(3, 1, 0)


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x[:, ::-1],
        lambda x: x[:, 2:, 2:],
        lambda x: keras.ops.flip(x, axis=1),
        lambda x: keras.ops.flip(x),
        lambda x: keras.ops.expand_dims(keras.layers.Dense(14)(x[..., 0]), -1),
        lambda x: keras.ops.stack([x[:, i] for i in range(12)], axis=1)[:, :, None, 0],
    ],
)
def test_operations_on_positions_are_not_passed(mix):
    x = keras.Input((12, 14, 3))
    graph = flatten(keras.Model(x, layers.Conv2D(2, 1, name="conv")(mix(x))))
    assert receptive_fields(graph)["conv"] is None


def test_fields_survive_operations_on_channels_that_come_first():
    x = keras.Input((3, 12, 14))
    turned = keras.ops.stack([x[:, i, :] for i in (2, 1, 0)], axis=1)
    graph = flatten(keras.Model(x, layers.Conv2D(2, 3, name="conv", data_format="channels_first")(turned)))
    assert receptive_fields(graph)["conv"] == square(3, 1, 0)


def test_a_box_in_pixels():
    assert square(7, 2, -3).box(0, 5) == (-3, 7, 4, 14)
    assert square(Fraction(3, 2), Fraction(1, 2), Fraction(-1, 2)).box(2, 1) == (0, 0, 2, 2)


@pytest.mark.parametrize(
    ("kind", "size"), [("plain", (22, 25)), ("plain", (24, 21)), ("branches", (22, 26)), ("branches", (24, 20))]
)
def test_gradients_fill_exactly_the_box(kind, size):
    """With positive weights and average pooling each pixel that is seen has a gradient above zero."""
    x = keras.Input((*size, 1))
    positive = {"kernel_initializer": "ones", "padding": "same"}
    if kind == "plain":
        y = layers.Conv2D(1, (5, 3), strides=2, **positive)(x)
        y = layers.AveragePooling2D(3, strides=2, padding="same")(y)
        y = layers.Conv2D(1, 2, **positive)(layers.ZeroPadding2D(((1, 0), (0, 2)))(y))
    else:
        y = layers.AveragePooling2D(2)(layers.Conv2D(1, 3, kernel_initializer="ones")(x))
        y = layers.Concatenate()([layers.Conv2D(1, 1, **positive)(y), layers.Conv2D(1, 4, **positive)(y)])
    graph = flatten(keras.Model(x, y))
    last = graph.steps[-1]
    run, field = watch(graph, frozenset({last.name})), receptive_fields(graph)[last.name]
    for place in ((0, 0), (2, 1), (last.shape[0] - 1, last.shape[1] - 1)):
        both = backend.value_and_gradient(lambda x, at=place: (keras.ops.sum(run(x)[last.name][:, at[0], at[1]]), 0))
        gradient = np.asarray(both(backend.tensor(np.ones((1, *size, 1), "float32")))[1])[0, :, :, 0]
        top, left, bottom, right = field.box(*place)
        expected = np.zeros(size, bool)
        expected[max(top, 0) : bottom, max(left, 0) : right] = True
        np.testing.assert_array_equal(gradient > 0, expected)


@pytest.mark.parametrize("layer", [layers.UpSampling2D(2), layers.Conv2DTranspose(1, 3, strides=2, padding="same")])
def test_behind_enlarging_the_box_holds_every_pixel_seen(layer):
    x = keras.Input((8, 8, 1))
    graph = flatten(keras.Model(x, layer(layers.Conv2D(1, 3, kernel_initializer="ones")(x))))
    name = graph.steps[-1].name
    run, field = watch(graph, frozenset({name})), receptive_fields(graph)[name]
    for y in range(4):
        both = backend.value_and_gradient(lambda x, y=y: (keras.ops.sum(run(x)[name][:, y, 3]), 0))
        seen = np.asarray(both(backend.tensor(np.ones((1, 8, 8, 1), "float32")))[1])[0, :, :, 0] != 0
        rows, columns = np.nonzero(seen)
        top, left, bottom, right = field.box(y, 3)
        assert top <= rows.min()
        assert rows.max() < bottom <= rows.max() + 3
        assert left <= columns.min()
        assert columns.max() < right
