import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.networks.graph import flatten
from dreamfilters.networks.narrowing.filter_slice import filter_slice
from dreamfilters.networks.watching import before, watch

UNITS = np.array([0, 5, 2, 2, 3], "int32")


def graph_of(*stack, size=(12, 9, 4)):
    keras.utils.set_random_seed(3)
    return flatten(keras.Sequential([layers.Input(size), *stack]))


def images(count=5, size=(12, 9, 4)):
    return np.random.default_rng(0).normal(size=(count, *size)).astype("float32")


def conv(*, name="conv", **settings):
    given = {"filters": 6, "kernel_size": 3, "activation": "relu", "bias_initializer": "normal", **settings}
    return layers.Conv2D(name=name, **given)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"kernel_size": 1},
        {"kernel_size": (5, 2)},
        {"strides": 2},
        {"strides": (2, 3), "kernel_size": (4, 3)},
        {"dilation_rate": 2},
        {"dilation_rate": (1, 3), "use_bias": False},
        {"activation": "tanh"},
        {"activation": None},
    ],
    ids=str,
)
def test_a_filter_slice_equals_the_whole_layer(padding, settings):
    graph = graph_of(conv(padding=padding, **settings))
    run = watch(graph, frozenset({"conv", before("conv")}))
    whole, alone = run(images()), run(images(), {"conv": UNITS})
    for address, maps in whole.items():
        own = np.stack([np.asarray(maps)[row, :, :, unit] for row, unit in enumerate(UNITS)])
        assert alone[address].shape == (*own.shape, 1)
        np.testing.assert_allclose(np.asarray(alone[address])[..., 0], own, rtol=1e-5, atol=1e-6)


def test_the_gradient_of_a_filter_slice_equals_that_of_the_whole_layer():
    graph = graph_of(conv(padding="same", strides=2), conv(name="second", activation="tanh"))
    run = watch(graph, frozenset({"second"}))

    def whole(x):
        maps = run(x)["second"]
        return sum(keras.ops.sum(keras.ops.square(maps[row, :, :, unit])) for row, unit in enumerate(UNITS)), ()

    def alone(x):
        return keras.ops.sum(keras.ops.square(run(x, {"second": UNITS})["second"])), ()

    x = keras.ops.convert_to_tensor(images())
    (_, expected), (_, found) = (backend.value_and_gradient(score)(x) for score in (whole, alone))
    assert float(keras.ops.max(keras.ops.abs(expected))) > 0.01
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-4, atol=1e-6)


def test_a_layer_that_others_read_is_computed_whole():
    graph = graph_of(conv(), conv(name="second"))
    seen = watch(graph, frozenset({"conv", "second"}))(images(), {"conv": UNITS, "second": UNITS})
    assert (seen["conv"].shape[-1], seen["second"].shape[-1]) == (6, 1)


@pytest.mark.parametrize(
    "layer",
    [
        conv(groups=2),
        conv(activation="softmax"),  # of one channel alone it would be 1 everywhere
        conv(activation=lambda x: x / keras.ops.sum(x, axis=-1, keepdims=True)),
        conv(data_format="channels_first"),
        conv(dtype="float16"),
        layers.DepthwiseConv2D(3, name="conv"),
        layers.Dense(6, name="conv", activation="softmax"),
    ],
    ids=["groups", "softmax", "own function", "channels first", "half precision", "depthwise", "dense softmax"],
)
def test_other_layers_have_no_filter_slice(layer):
    step = graph_of(layer).by_name["conv"]
    assert filter_slice(step) is None


def test_a_layer_without_a_filter_slice_returns_all_units():
    graph = graph_of(layers.Dense(6, activation="softmax", name="dense"))
    seen = watch(graph, frozenset({"dense"}))(images(), {"dense": UNITS})
    assert seen["dense"].shape == (5, 12, 9, 6)
