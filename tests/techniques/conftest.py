"""A small network with a disc, and images of it, that the tests of techniques share."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.networks import InputForm, Network


@pytest.fixture(scope="session")
def disc():
    """A function from (row, column, color) to an image (16, 16, 3) with a disc of radius 4, and its mask."""

    def drawn(row=8, column=8, color=(0.9, 0.1, 0.1)):
        y, x = np.mgrid[0:16, 0:16]
        mask = (y - row) ** 2 + (x - column) ** 2 <= 16
        noise = np.random.default_rng((row, column)).uniform(0, 0.1, (16, 16, 3))
        return np.where(mask[..., None], color, 0.3 + noise).astype("float32"), mask

    return drawn


def of_two_colors(bias):
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(2, 1, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(2, activation="softmax", name="classes"),
        ],
        name="red",
    )
    model.get_layer("conv").set_weights([np.array([[[[1.0, -1], [-0.5, -0.5], [-1, 1]]]]), np.full(2, bias)])
    model.get_layer("classes").set_weights([20 * np.eye(2), np.zeros(2)])
    return Network(model, InputForm.from_range(0, 1, size=(16, 16)), ("red", "blue"), name="red")


@pytest.fixture(scope="session")
def red():
    """A network of two classes whose logits are how much red and how much blue an image has."""
    return of_two_colors(0.0)


@pytest.fixture(scope="session")
def always_on():
    """The same with units that respond to every color, so that there is a gradient everywhere."""
    return of_two_colors(1.0)
