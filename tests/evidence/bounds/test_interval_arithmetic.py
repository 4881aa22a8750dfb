"""Tests of interval bound propagation in float32."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from dreamfilters.evidence.bounds.unit_bounds import bound_units


def test_bounds_hold_although_float32_rounds_across_zero(network_of):
    # 32 multiples of x sum to zero, minus 1e-9: negative in real numbers for every x, but not in float32
    parts = np.random.default_rng(6).uniform(0.5, 1, 32).astype("float32")
    signs = np.tile([1.0, -1.0], 16)
    parts[-1] = parts[:-1].astype("float64") @ signs[:-1]
    exact_sum = float(parts.astype("float64") @ signs)
    values = keras.Input((1, 1, 1))
    hidden = layers.Conv2D(32, 1, activation="relu", name="parts")(values)
    model = keras.Model(values, layers.Conv2D(1, 1, activation="relu", name="sum")(hidden))
    bias = np.array([-max(exact_sum, 0) - 1e-9])
    model.set_weights([parts.reshape(1, 1, 1, 32), np.zeros(32), signs.reshape(1, 1, 32, 1), bias])
    images = np.linspace(0, 1, 10_001, dtype="float32").reshape(-1, 1, 1, 1)
    largest = float(np.max(model.predict(images, batch_size=10_001, verbose=0)))
    assert largest > 0
    high = bound_units(network_of(model)).layers["sum"].high_before[0]
    assert largest <= high < 1e-3
