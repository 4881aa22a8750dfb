"""Layers that compute in bfloat16: 8 bits of precision, so that 1 + 1/512 is 1."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters import backend
from dreamfilters.networks.layers.precision import changes_for

FINE = np.float32(1 + 1 / 512)


class Recorder(layers.Layer):
    """Record the type of its input."""

    def call(self, x):
        self.seen.append(keras.backend.standardize_dtype(x.dtype))
        return x


@pytest.fixture
def recorded(network_of):
    """(16, 16, 1) -> Rescaling -> a recorder -> Conv2D by FINE -> a recorder; the network and what was recorded."""
    first, second = Recorder(name="first"), Recorder(name="second")
    first.seen, second.seen = [], []
    conv = layers.Conv2D(1, 1, use_bias=False, name="conv")
    model = keras.Sequential([layers.Input((16, 16, 1)), layers.Rescaling(255.0, name="shades"), first, conv, second])
    conv.set_weights([np.full((1, 1, 1, 1), FINE)])
    return network_of(model), first.seen, second.seen


def test_layers_compute_in_bfloat16_and_weights_stay_float32(recorded):
    network, first, second = recorded
    image = backend.tensor(np.full((1, 16, 16, 1), 1 / 255, "float32"))
    kernel = network.model.get_layer("conv").kernel
    exact = network.watch(frozenset({"second"}))(image)["second"]
    rounded = network.watch(frozenset({"second"}), precision="bfloat16")(image)["second"]
    assert (first[-2:], second[-2:]) == (["float32", "bfloat16"], ["float32", "bfloat16"])
    assert np.asarray(exact)[0, 0, 0, 0] == pytest.approx(FINE, rel=1e-6)
    assert np.asarray(rounded)[0, 0, 0, 0] == 1.0
    assert [keras.backend.standardize_dtype(each.dtype) for each in (exact, rounded)] == ["float32"] * 2
    assert (keras.backend.standardize_dtype(kernel.dtype), float(ops.sum(kernel))) == ("float32", FINE)
    assert network.model.get_layer("conv").compute_dtype == "float32"  # the user's layer is as it was


def test_pixels_are_rescaled_in_float32(recorded):
    """254.5 and 254.6 are different shades, though bfloat16 has only even numbers above 256."""
    network, _, _ = recorded
    image = backend.tensor(np.full((1, 16, 16, 1), 254.6 / 255, "float32"))
    shade = network.watch(frozenset({"shades"}), precision="bfloat16")(image)["shades"]
    assert np.asarray(shade)[0, 0, 0, 0] == pytest.approx(254.6, rel=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(1, 1, dtype="mixed_float16"),
        layers.Conv2D(1, 1, dtype="float64"),
        layers.Normalization(),
        layers.Rescaling(1.0),
        ops.add,
    ],
)
def test_what_stays_as_it_is(layer):
    assert changes_for(layer, "bfloat16") == {}


def test_float32_changes_nothing():
    assert changes_for(layers.Dense(1), "float32") == {}
    assert changes_for(layers.Dense(1), "bfloat16")["_dtype_policy"].compute_dtype == "bfloat16"
