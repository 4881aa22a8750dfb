"""One small comparison, made once, that the tests of its parts share."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.compare import compare
from dreamfilters.comparison.reference_set import reference_set
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.networks import LOGITS, InputForm, Network

NAMES = ("red", "green", "blue")


def _images(count=24, size=16):
    """Plain images, alternately red, green and blue, with a square of another brightness."""
    rng = np.random.default_rng(3)
    found = rng.uniform(0, 0.2, (count, size, size, 3)).astype("float32")
    for number in range(count):
        found[number, :, :, number % 3] += 0.5
        found[number, 3:9, 4:10] *= rng.uniform(0.5, 1.5)
    return np.clip(found, 0, 1), [NAMES[number % 3] for number in range(count)]


@pytest.fixture(scope="session")
def images_of():
    """The function that makes such images and their labels, the same on every call."""
    return _images


@pytest.fixture(scope="session")
def colors():
    """A network that distinguishes red, green and blue by their mean: one filter each, and one that is always 0."""
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(3, activation="softmax", name="classes"),
        ]
    )
    kernel = np.zeros((3, 3, 3, 4), "float32")
    for unit in range(3):
        kernel[1, 1, unit, unit] = 1.0  # unit i passes on channel i
    kernel[..., 3] = -1.0
    head = np.zeros((4, 3), "float32")
    head[:3] = 10 * np.eye(3)
    model.layers[0].set_weights([kernel, np.zeros(4, "float32")])
    model.layers[-1].set_weights([head, np.zeros(3, "float32")])
    return Network(model, InputForm.from_range(0, 1, size=(16, 16)), classes=NAMES, name="colors")


@pytest.fixture(scope="session")
def real(colors, images_of):
    """The reference set of these images for the filters and classes of `colors`."""
    images, labels = images_of()
    return reference_set(colors, source_of(images, labels), ["conv", LOGITS], top=3, seed=0)


@pytest.fixture(scope="session")
def batch_of(real):
    """A function from units to a batch of them, each with two gray dreams."""

    def batch(*units):
        gray = Dream("", np.full((16, 16, 3), 0.5, "float32"), 0, 0, 0, 1, 0.0, 0, Recipe(), activated=True)
        return Batch(real, units, {unit.name: (gray, gray) for unit in units})

    return batch


@pytest.fixture(scope="session")
def compared(colors):
    """Filters 0 and 3 and the class green of `colors` with 24 images and a user's; the other network is `colors`."""
    images, labels = _images()
    return compare(
        colors, ["conv:0,3", "class:green"], images, labels=labels, recipe=Recipe(steps=8), seeds=2, top=3,
        against=colors, user_image=("own.png", np.full((16, 16, 3), 0.25, "float32")),
    )  # fmt: skip
