"""Layers that fold windows into the batch axis, as Swin transformers do, and networks that hold them."""

from fractions import Fraction

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.units import layer
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ModelError, RecipeError, TargetError
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.bounds.unit_bounds import bound_units
from dreamfilters.evidence.maps.unit_maps import mapped_layers
from dreamfilters.evidence.scan.scan_job import scan
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.networks.graph import flatten
from dreamfilters.networks.layers.batch_axis import rows_per_image
from tests.backends import needs_tensorflow

FOLDS_4 = "it folds 4 windows of each image into the batch axis"


class Windows(layers.Layer):
    """(n, 4, 4, c) -> (4 n, 2, 2, c), in a layer of the user."""

    def call(self, x):
        x = ops.reshape(x, (-1, 2, 2, 2, 2, x.shape[-1]))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2, 2, x.shape[-1]))


class Joined(layers.Layer):
    """(4 n, 2, 2, c) -> (n, 4, 4, c); with JAX, Keras cannot tell its output shape from one of an unknown n."""

    def call(self, x):
        x = ops.reshape(x, (-1, 2, 2, 2, 2, x.shape[-1]))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 4, 4, x.shape[-1]))


def swin(*, custom):
    """Attention inside four windows of 2x2 patches."""
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 4, strides=4, name="patches")(image)
    if custom:
        x = Windows(name="windows")(x)
    else:
        x = ops.transpose(ops.reshape(x, (-1, 2, 2, 2, 2, 8)), (0, 1, 3, 2, 4, 5))
        x = ops.reshape(x, (-1, 2, 2, 8))
    x = layers.Dense(8, activation="relu", name="win")(x)
    tokens = layers.Reshape((4, 8), name="tokens")(x)
    tokens = layers.MultiHeadAttention(2, 4, name="wmsa")(tokens, tokens)
    x = layers.Reshape((2, 2, 8), name="back")(tokens)
    if custom:
        x = Joined(name="joined")(x)
    else:
        x = ops.transpose(ops.reshape(x, (-1, 2, 2, 2, 2, 8)), (0, 1, 3, 2, 4, 5))
        x = ops.reshape(x, (-1, 4, 4, 8))
    x = layers.Conv2D(6, 1, activation="relu", name="after")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(3, activation="softmax", name="classes")(x), name="swin")


@pytest.fixture(
    scope="module", params=[False, pytest.param(True, marks=needs_tensorflow)], ids=["operations", "layers"]
)
def windows(request, network_of):
    return network_of(swin(custom=request.param))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((5, 16, 16, 3), "float32")


def test_windows_in_the_batch_axis_are_not_visual(windows):
    for name in ("win", "tokens", "wmsa", "back"):
        info = windows.layer(name)
        assert (info.kind, info.reason, info.dreamable) == ("not visual", FOLDS_4, False)
    assert {name: windows.layer(name).kind for name in ("patches", "after", "classes")} == {
        "patches": "map",
        "after": "map",
        "classes": "vector",
    }
    joined = windows.graph.writers[windows.graph.by_name["after"].inputs[0]].name
    assert windows.layer(joined).kind == "map"


@pytest.mark.parametrize("name", ["win", "wmsa"])
def test_windows_are_never_taken_for_images(windows, images, name):
    with pytest.raises(ModelError, match=f"{name}: cannot be watched: {FOLDS_4}"):
        activations(windows, images, [name])
    with pytest.raises(ModelError, match=FOLDS_4):
        dream(windows, layer(name), Recipe(steps=1))
    with pytest.raises(TargetError, match=FOLDS_4):
        dream(windows, f"layer:{name}", Recipe(steps=1))
    with pytest.raises(TargetError, match=FOLDS_4):
        mapped_layers(windows, [name])
    with pytest.raises((RecipeError, ModelError), match=FOLDS_4):
        scan(windows, images, [name], k=1)


def test_the_layers_around_windows_are_those_of_the_model(windows, images):
    seen = activations(windows, images, ["after", "classes"])
    for name, values in seen.items():
        wanted = keras.Model(windows.model.input, windows.model.get_layer(name).output)(images)
        np.testing.assert_allclose(values, wanted, atol=1e-5)
    one = activations(windows, images[3:4], ["after"])["after"]
    np.testing.assert_allclose(one[0], seen["after"][3], atol=1e-5)


def test_the_default_scan_leaves_windows_out(windows, images):
    names = default_layers(windows)
    assert {"patches", "after", "classes"} <= set(names)
    assert not {"win", "wmsa", "tokens", "back"} & set(names)
    found = scan(windows, images, k=2)
    after = activations(windows, images, ["after"])["after"]
    np.testing.assert_allclose(found.layer("after").maximum, after.max(axis=(0, 1, 2)), atol=1e-5)


def test_rows_of_the_batch_for_each_image():
    image = keras.Input((4, 6, 3))
    halves = ops.reshape(image, (-1, 2, 6, 3))
    total = ops.sum(halves, axis=0, keepdims=True)
    columns = ops.transpose(image, (2, 0, 1, 3))
    model = keras.Model(image, [halves, total, columns, layers.Flatten()(image)])
    rows = {step.type: count for step, count in zip(*_rows(model), strict=True)}
    assert rows == {"Reshape": 2, "Sum": Fraction(1, 7), "Transpose": Fraction(6, 7), "Flatten": 1}


def test_channels_first_and_any_size_keep_the_batch():
    first = keras.Input((3, None, None))
    x = ops.relu(layers.Permute((2, 3, 1))(first))
    assert set(_rows(keras.Model(first, layers.Conv2D(2, 3)(x)))[1]) == {1}


def _rows(model):
    graph = flatten(model)
    rows = rows_per_image(graph)
    return graph.steps, [rows[step.name] for step in graph.steps]


def test_a_fold_that_cannot_be_traced_ends_at_the_first_image(network_of, images):
    class Untraceable(Windows):
        def compute_output_spec(self, x):
            if x.shape[0] is not None:
                raise ValueError("only a batch of unknown length")
            return keras.KerasTensor((None, 2, 2, 8))

    image = keras.Input((16, 16, 3))
    x = Untraceable(name="windows")(layers.Conv2D(8, 4, strides=4)(image))
    network = network_of(keras.Model(image, layers.Dense(2, name="win")(x)))
    with pytest.raises(ModelError, match="win: cannot be watched: its output has 12 rows for 3 images"):
        network.watch(frozenset({"win"}))(images[:3])


def test_there_are_no_bounds_behind_windows(network_of):
    image = keras.Input((4, 4, 3))
    x = layers.Conv2D(2, 1, name="conv")(image)
    x = layers.Conv2D(2, 2, padding="same", name="win")(ops.reshape(x, (-1, 2, 2, 2)))
    network = network_of(keras.Model(image, ops.reshape(x, (-1, 4, 4, 2))))
    found = bound_units(network).layers
    fold = network.graph.steps[1].name
    assert found["conv"].before(0) is not None
    assert found["win"].before(0) is None
    assert found["win"].reason == f"no bounds are known for {fold}: {FOLDS_4}"


def test_an_operation_over_the_whole_batch_returns_one_number(network_of):
    """Its output has no first axis."""
    image = keras.Input((4, 4, 3))
    x = layers.Conv2D(2, 1, name="conv")(image)
    network = network_of(keras.Model(image, x * ops.mean(x)))
    assert [info.kind for info in network.layers] == ["map", "not visual", "map"]
    assert network.layers[1].reason == "its first axis is not the images"
