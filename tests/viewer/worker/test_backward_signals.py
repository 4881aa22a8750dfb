"""Signals of a backward pass of a network whose score is the mean of 2 r - b over the pixels of its image."""

import base64
import io

import keras
import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import ModelError
from dreamfilters.viewer.worker.backward_signals import backward_signal
from dreamfilters.viewer.worker.explanations import pixel_heatmap
from dreamfilters.viewer.worker.session import ModelSession

IMAGE = np.full((2, 2, 3), 0.5, "float32")


@pytest.fixture(scope="module")
def session(network_of):
    model = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            keras.layers.Conv2D(1, 1, use_bias=False, name="conv"),
            keras.layers.GlobalAveragePooling2D(name="mean"),
            keras.layers.Dense(2, activation="softmax", use_bias=False, name="out"),
        ]
    )
    model.set_weights([np.array([[[[2.0], [0.0], [-1.0]]]]), np.array([[1.0, 1.0]])])
    return ModelSession(network_of(model))


def pixels(values):
    content = base64.b64decode(values["overlay"].removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image)


@pytest.fixture(scope="module")
def conv(session):
    return next(key for key, info in session.description.layers.items() if info.name == "conv")


def test_a_signal_is_drawn_around_mid_gray(session, conv):
    found = backward_signal(session, conv, 0, IMAGE, "gradient", "signal")
    # The gradient of each pixel is (0.5, 0, -0.25), the largest magnitude of which is drawn in full.
    assert (found["scale"], found["signed"], found["score"]) == (pytest.approx(0.5), True, pytest.approx(0.5))
    assert pixels(found).reshape(-1, 3).tolist() == [[255, 128, 64]] * 4


def test_the_mean_and_the_norm_of_the_channels(session, conv):
    gray = backward_signal(session, conv, 0, IMAGE, "gradient", "gray")
    assert gray["scale"] == pytest.approx(0.25 / 3)
    assert (pixels(gray) == 255).all()
    norm = backward_signal(session, conv, 0, IMAGE, "gradient", "norm")
    assert (norm["scale"], norm["signed"]) == (pytest.approx(np.hypot(0.5, 0.25)), False)
    blurred = backward_signal(session, conv, 0, IMAGE, "gradient", "blurred-norm")
    assert blurred["scale"] == pytest.approx(norm["scale"])  # the same everywhere, so that a blur changes nothing


def test_a_method_that_does_not_fit_has_its_reason_only(session, conv):
    with pytest.raises(ModelError, match="has no ReLU"):
        backward_signal(session, conv, 0, IMAGE, "deconvnet", "norm")
    found = pixel_heatmap(session, conv, 0, IMAGE, "guided-backprop", drawn="norm")
    assert list(found) == ["reason"]
    assert "use gradient" in found["reason"]


def test_a_zero_signal_is_drawn(session, conv, network_of):
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Conv2D(1, 1, name="conv", activation="relu")])
    model.set_weights([np.array([[[[-1.0]]]]), np.zeros(1)])
    silent = ModelSession(network_of(model, classes=()))
    found = backward_signal(silent, "L0", 0, IMAGE[..., :1], "gradient", "norm")
    assert (found["scale"], pixels(found).max()) == (0, 0)
