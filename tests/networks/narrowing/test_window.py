"""A window of the input gives the same value at a position as the whole input."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters import backend
from dreamfilters.networks.graph import flatten
from dreamfilters.networks.narrowing.window import FieldWindow, position_of, window_of
from dreamfilters.networks.watching import watch


def graph_of(build, size=(40, 40)):
    """Return the graph of `build(image)`, whose last layer is the watched one."""
    keras.utils.set_random_seed(3)
    image = layers.Input((*size, 3))
    return flatten(keras.Model(image, build(image)))


def conv(filters=4, kernel=3, **settings):
    return layers.Conv2D(filters, kernel, **{"bias_initializer": "normal", "padding": "same", **settings})


def stacked(*stack):
    return lambda x: keras.Sequential(stack)(x)


def norm():
    return layers.BatchNormalization(beta_initializer="normal", moving_mean_initializer="normal")


def residual(x):
    """Like ResNet: padded, strided, pooled, and a sum of two branches with a stride."""
    x = layers.ZeroPadding2D(3)(x)
    x = layers.ReLU()(norm()(layers.Conv2D(4, 7, strides=2)(x)))
    x = layers.MaxPooling2D(3, strides=2)(layers.ZeroPadding2D(1)(x))
    y = norm()(conv(padding="same")(x))
    x = layers.ReLU()(layers.Add()([conv(kernel=1, strides=2)(x), conv(kernel=1, strides=2)(y)]))
    return conv(kernel=1, activation="tanh")(x)


BUILDS = {
    "valid": stacked(conv(padding="valid"), conv(padding="valid", activation="relu")),
    "same": stacked(conv(), norm(), layers.ReLU(), conv(kernel=5)),
    "strided, valid": stacked(
        conv(padding="valid", strides=2), conv(padding="valid"), conv(padding="valid", strides=3)
    ),
    "strided, same": stacked(conv(strides=2), norm(), layers.Activation("silu"), conv(strides=2), conv()),
    "strides of 2 and 3": stacked(conv(strides=(2, 3)), conv(kernel=(4, 3), strides=(3, 1)), conv()),
    "dilated": stacked(conv(dilation_rate=2), conv(dilation_rate=3, kernel=(3, 2))),
    "dilated, valid": stacked(conv(dilation_rate=2, padding="valid"), layers.DepthwiseConv2D(3, dilation_rate=2)),
    "pooled": stacked(conv(), layers.MaxPooling2D(2), conv(), layers.AveragePooling2D(3, 2, padding="same"), conv()),
    "odd pooling": stacked(
        conv(), layers.MaxPooling2D(3), conv(padding="valid"), layers.MaxPooling2D(2, padding="same")
    ),
    "depthwise": stacked(
        conv(strides=2), layers.DepthwiseConv2D(3, strides=2, padding="same"), layers.LayerNormalization()
    ),
    "separable": stacked(layers.SeparableConv2D(4, 5, strides=2, padding="same"), layers.Dense(4)),
    "residual": residual,
}


@pytest.mark.parametrize("size", [(40, 40), (41, 39)])
@pytest.mark.parametrize("name", BUILDS)
def test_every_position_has_the_value_of_the_whole_input(name, size):
    graph = graph_of(BUILDS[name], size)
    last = graph.steps[-1].name
    run = watch(graph, frozenset({last}))
    window = window_of(graph, last, size)
    assert window.share < 1
    image = np.random.default_rng(0).normal(size=(1, *size, 3)).astype("float32")
    whole = np.asarray(run(image)[last])[0]
    rows, columns = (axis.ravel().astype("int32") for axis in np.indices(whole.shape[:2]))
    starts = np.asarray(window.starts((rows, columns)))
    windows = np.stack([image[0, r : r + window.size[0], c : c + window.size[1]] for r, c in starts])
    np.testing.assert_array_equal(window.cut(np.repeat(image, len(rows), axis=0), starts), windows)
    maps = run(windows)[last]
    found = position_of(maps, window.places((rows, columns), starts))
    assert np.ptp(whole) > 0.1
    np.testing.assert_allclose(np.asarray(found)[:, 0, 0], whole[rows, columns], rtol=2e-5, atol=2e-6)


def test_the_gradient_of_a_window_is_that_of_the_whole_input():
    size = (41, 39)
    graph = graph_of(BUILDS["residual"], size)
    last = graph.steps[-1].name
    run, window = watch(graph, frozenset({last})), window_of(graph, last, size)
    position = (np.array([0, 2, 3], "int32"), np.array([4, 2, 0], "int32"))

    def whole(x):
        return ops.sum(position_of(run(x)[last], position)), ()

    def cut(x):
        starts = window.starts(position)
        maps = run(window.cut(x, starts))[last]
        return ops.sum(position_of(maps, window.places(position, starts))), ()

    x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(3, *size, 3)).astype("float32"))
    (_, expected), (_, found) = (backend.value_and_gradient(score)(x) for score in (whole, cut))
    assert float(ops.max(ops.abs(expected))) > 0.01
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-4, atol=1e-6)


def test_hand_worked():
    """Two strides of 2 with 'same': the field of position i is 4 i to 4 i + 6, see Araujo, Norris and Sim."""
    graph = graph_of(stacked(conv(strides=2), conv(strides=2)))
    window = window_of(graph, graph.steps[-1].name, (40, 40))
    # 7 pixels and up to 3 before them are 10; 40 - 28 = 12 is the next side that leaves a multiple of 4
    assert window == FieldWindow((12, 12), (28, 28), (4, 4), (4, 4), (0, 0))
    starts = np.asarray(window.starts((np.array([0, 3, 9]), np.array([9, 8, 1]))))
    np.testing.assert_array_equal(starts, [[0, 28], [12, 28], [28, 4]])
    assert window.share == pytest.approx(0.09)


def gated(x):
    return layers.Multiply()([x, layers.GlobalAveragePooling2D(keepdims=True)(conv(3)(x))])


@pytest.mark.parametrize(
    "build",
    [
        gated,
        stacked(layers.Cropping2D(4), conv()),
        stacked(conv(), layers.UpSampling2D(2), conv()),
        stacked(layers.Conv2DTranspose(4, 3, strides=2)),
        stacked(conv(), layers.PReLU()),
        stacked(conv(), layers.BatchNormalization(axis=1)),
        lambda x: conv()(x + np.arange(40, dtype="float32").reshape(40, 1, 1)),
        stacked(*(conv(kernel=9) for _ in range(5))),
    ],
    ids=["gate", "cropping", "upsampling", "transposed", "PReLU", "rows", "array", "large field"],
)
def test_no_window_where_it_would_differ_or_be_as_large_as_the_input(build):
    graph = graph_of(build)
    assert window_of(graph, graph.steps[-1].name, (40, 40)) is None
