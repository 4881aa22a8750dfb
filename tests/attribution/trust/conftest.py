"""A network whose decisive pixels are known, images of it, and methods that are right, wrong or blind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.scorer import Scorer
from dreamfilters.attribution.trust.trust_measure import TrustCase
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.networks import Network

ROWS, COLUMNS = slice(3, 6), slice(6, 9)  # the patch that decides class 0


@dataclass(frozen=True)
class Method:
    """A method of one function (network, objective, images) -> heatmaps."""

    function: Callable[..., np.ndarray]
    name: str = "toy"
    meaning: str = "for a test"

    def __call__(self, network, objective, images):
        return self.function(network, objective, images)


@pytest.fixture(scope="session")
def method():
    """The class of such methods."""
    return Method


@pytest.fixture(scope="session")
def patch_network(network_of) -> Network:
    """12x12x1 -> the logit of class 0 is the sum of nine pixels, that of class 1 is 0."""
    model = keras.Sequential(
        [layers.Input((12, 12, 1)), layers.Flatten(), layers.Dense(2, activation="softmax", name="classes")]
    )
    kernel = np.zeros((12, 12, 2), "float32")
    kernel[ROWS, COLUMNS, 0] = 1
    model.layers[-1].set_weights([kernel.reshape(144, 2), np.zeros(2, "float32")])
    return network_of(model)


@pytest.fixture(scope="session")
def patch_images():
    """Eight images of dark noise whose patch is white."""
    images = np.random.default_rng(0).uniform(0, 0.5, (8, 12, 12, 1)).astype("float32")
    images[:, ROWS, COLUMNS] = 1
    return images


@pytest.fixture(scope="session")
def truth():
    """The method that returns the patch."""
    mask = np.zeros((12, 12), "float32")
    mask[ROWS, COLUMNS] = 1
    return Method(lambda network, objective, images: np.repeat(mask[None], len(images), axis=0), "truth")


@pytest.fixture(scope="session")
def gradient():
    """The gradient times the difference to the mean color."""

    def heatmaps(network, objective, images):
        _, gradients = Scorer(network, objective).gradients(images)
        return (gradients * (images - images.mean(axis=(1, 2), keepdims=True))).sum(axis=-1)

    return Method(heatmaps, "gradient-toy")


@pytest.fixture(scope="session")
def edges():
    """The differences of neighboring pixels: it looks convincing and never reads the network."""

    def heatmaps(network, objective, images):
        gray = images.mean(axis=-1)
        return np.abs(np.gradient(gray, axis=1)) + np.abs(np.gradient(gray, axis=2))

    return Method(heatmaps, "edges")


@pytest.fixture
def case(patch_network, patch_images):
    """The logit of class 0 on the images."""
    return TrustCase(patch_network, logit(0), patch_images)
