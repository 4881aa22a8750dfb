"""Steps behind a convolution compute the wanted channel alone, and it equals that of the whole computation."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters import backend
from dreamfilters.networks.activation_functions import RELAXED
from dreamfilters.networks.graph import flatten
from dreamfilters.networks.watching import before, watch
from tests.batch_independence import any_batch_size, needs_avx512

UNITS = np.array([0, 5, 2, 2, 3], "int32")
SIZE = (11, 9, 4)


def images(count=5):
    return np.random.default_rng(0).normal(size=(count, *SIZE)).astype("float32")


def conv(filters=6, **settings):
    return layers.Conv2D(filters, 3, **{"padding": "same", "bias_initializer": "normal", **settings})


def norm(**settings):
    around_1 = keras.initializers.RandomNormal(1.0, 0.3)
    random = {"beta_initializer": "normal", "gamma_initializer": around_1, "moving_mean_initializer": "normal"}
    return layers.BatchNormalization(**{**random, **settings})


def graph_of(build):
    """Return the graph of `build(image)`, whose last layer is the watched one."""
    keras.utils.set_random_seed(3)
    image = layers.Input(SIZE)
    return flatten(keras.Model(image, build(image)))


def stacked(*stack):
    return lambda x: keras.Sequential(stack)(x)


def residual(x):
    x = conv()(x)
    return layers.ReLU()(layers.Add()([x, norm()(conv()(ops.relu(x)))]))


def excited(x):
    x = layers.Activation("silu")(norm()(conv()(x)))
    gate = layers.Conv2D(6, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return norm()(layers.Multiply()([x, gate]))


def hard_swish(x):
    x = norm()(conv()(x))
    return layers.Multiply()([x, layers.ReLU(6.0)(x + 3.0) * (1 / 6)])


def attended(x):
    """A map of one channel multiplies all of them."""
    x = conv()(x)
    return layers.Multiply()([x, layers.Conv2D(1, 5, padding="same", activation="sigmoid")(x)])


def scaled(x):
    from keras.src.applications.convnext import LayerScale, StochasticDepth

    branch = layers.Conv2D(6, 7, padding="same", groups=6, bias_initializer="normal")(conv()(x))
    branch = layers.Dense(6, bias_initializer="normal")(layers.LayerNormalization()(branch))
    return conv()(x) + StochasticDepth(0.5)(LayerScale(0.5, 6)(branch))


BUILDS = {
    "batch normalization": stacked(conv(), norm()),
    "normalization without scale": stacked(conv(), norm(scale=False)),
    "normalization without center": stacked(conv(), norm(center=False)),
    "ReLU": stacked(conv(), norm(), layers.ReLU()),
    "ReLU6": stacked(conv(), norm(), layers.ReLU(6.0)),
    "leaky ReLU": stacked(conv(), norm(), layers.LeakyReLU(0.1)),
    **{name: stacked(conv(), norm(), layers.Activation(name)) for name in ("silu", "gelu", "tanh", "hard_silu", "elu")},
    "own activation first": stacked(conv(activation="tanh"), norm(), layers.Dropout(0.5)),
    "depthwise": stacked(conv(), norm(), layers.DepthwiseConv2D(3, strides=2, padding="same", activation="silu")),
    "depthwise, valid": stacked(conv(), layers.DepthwiseConv2D((2, 3), use_bias=False, bias_initializer="normal")),
    "depthwise, dilated": stacked(conv(), layers.DepthwiseConv2D(3, dilation_rate=2, bias_initializer="normal")),
    "groups": stacked(conv(), conv(groups=6, strides=2)),
    "pooling": stacked(conv(), layers.MaxPooling2D(), layers.ZeroPadding2D(((1, 0), (0, 2))), layers.ReLU()),
    "mean pooling": stacked(conv(), layers.AveragePooling2D(3, padding="same"), layers.UpSampling2D(2)),
    "rescaling": stacked(conv(), layers.Rescaling(2.0, 1.0)),
    "dense": stacked(layers.Dense(6, bias_initializer="normal"), norm()),
    "residual": residual,
    "squeeze and excite": excited,
    "hard swish of operations": hard_swish,
    "spatial attention": attended,
    "layer scale": scaled,
}


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_one_channel_equals_that_of_the_whole_computation(build):
    graph = graph_of(build)
    last = graph.steps[-1].name
    run = watch(graph, frozenset({last}))
    whole, alone = np.asarray(run(images())[last]), np.asarray(run(images(), {last: UNITS})[last])
    own = np.stack([whole[row, :, :, unit] for row, unit in enumerate(UNITS)])
    assert np.ptp(own) > 0.1
    assert alone.shape == (*own.shape, 1)
    np.testing.assert_allclose(alone[..., 0], own, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("rule", [None, RELAXED], ids=["gradient", "relaxed"])
@pytest.mark.parametrize("name", ["ReLU6", "silu", "depthwise", "residual", "squeeze and excite", "layer scale"])
def test_its_gradient_equals_that_of_the_whole_computation(name, rule):
    graph = graph_of(BUILDS[name])
    last = graph.steps[-1].name
    run = watch(graph, frozenset({last}), rule=rule)

    def whole(x):
        maps = run(x)[last]
        return sum(ops.sum(ops.square(maps[row, :, :, unit])) for row, unit in enumerate(UNITS)), ()

    def alone(x):
        return ops.sum(ops.square(run(x, {last: UNITS})[last])), ()

    x = ops.convert_to_tensor(images())
    (_, expected), (_, found) = (backend.value_and_gradient(score)(x) for score in (whole, alone))
    assert float(ops.max(ops.abs(expected))) > 0.01
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-4, atol=1e-5)


def test_a_value_before_the_activation_is_of_one_channel_too():
    graph = graph_of(BUILDS["ReLU"])
    last = graph.steps[-1].name
    seen = watch(graph, frozenset({last, before(last)}))(images(), {last: UNITS})
    assert np.asarray(seen[before(last)]).shape == np.asarray(seen[last]).shape == (5, 11, 9, 1)
    np.testing.assert_array_equal(np.maximum(np.asarray(seen[before(last)]), 0), np.asarray(seen[last]))


def test_a_channel_of_a_map_that_others_read_is_taken_from_all():
    graph = graph_of(BUILDS["residual"])
    first = graph.steps[0].name
    seen = watch(graph, frozenset({first, graph.steps[-1].name}))(images(), {graph.steps[-1].name: UNITS})
    assert seen[first].shape[-1] == 6


@pytest.mark.parametrize(
    "layer",
    [
        layers.LayerNormalization(),
        layers.Softmax(),
        layers.UnitNormalization(),
        layers.BatchNormalization(axis=1),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.PReLU(),
        conv(groups=2),
        layers.ReLU(dtype="float16"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_steps_that_mix_channels_or_round_otherwise_compute_all(layer):
    graph = graph_of(stacked(conv(), layer))
    last = graph.steps[-1].name
    assert watch(graph, frozenset({last}))(images(), {last: UNITS})[last].shape[-1] >= 6


def test_layers_of_users_compute_all_whatever_their_name():
    class Dropout(layers.Layer):
        def call(self, x):
            return x - ops.mean(x, axis=-1, keepdims=True)

    graph = graph_of(stacked(conv(), Dropout()))
    last = graph.steps[-1].name
    assert watch(graph, frozenset({last}))(images(), {last: UNITS})[last].shape[-1] == 6


def test_quantized_layers_compute_all():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([layers.Input(SIZE), layers.Dense(6, name="dense")])
    model.get_layer("dense").quantize("int8")
    graph = flatten(model)
    assert watch(graph, frozenset({"dense"}))(images(), {"dense": UNITS})["dense"].shape[-1] == 6


@needs_avx512
@any_batch_size
@pytest.mark.parametrize("name", BUILDS)
def test_the_bytes_of_an_image_do_not_depend_on_its_batch(name):
    graph = graph_of(BUILDS[name])
    last = graph.steps[-1].name
    run = watch(graph, frozenset({last}))

    def score(x, units):
        def total(x):
            maps = run(x, {last: units})[last]
            return ops.sum(backend.row_means(maps * maps)), maps

        (_, maps), slope = backend.value_and_gradient(total)(x)
        return maps, slope

    compiled = backend.compile(score)
    batch = images(19)
    units = np.arange(19, dtype="int32") % 6
    maps, slope = (np.asarray(part) for part in compiled(backend.tensor(batch), backend.tensor(units)))
    for rows in ([3, 0], [17, 5, 6, 7, 8, 9, 3]):
        some_maps, some_slope = compiled(backend.tensor(batch[rows]), backend.tensor(units[rows]))
        assert np.asarray(some_maps)[:-1].tobytes() == maps[rows[:-1]].tobytes()
        assert np.asarray(some_slope)[:-1].tobytes() == slope[rows[:-1]].tobytes()
