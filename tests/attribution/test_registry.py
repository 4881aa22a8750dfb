"""The registered methods that Xplique has too, on the same weights; skipped where it is not installed."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution.attribution import is_signed
from dreamfilters.attribution.methods.integrated_gradients import IntegratedGradients
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.dreams.objectives.classes import logit


@pytest.fixture(scope="module")
def xplique():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("xplique.attributions", reason="Xplique is not installed")


@pytest.fixture
def model(fill):
    """A function from an activation and a pooling layer to a network of two convolutions and three logits."""

    def made(activation, pooling=layers.MaxPooling2D):
        return fill(
            keras.Sequential(
                [
                    layers.Input((16, 16, 3)),
                    layers.Conv2D(8, 3, padding="same", activation=activation),
                    pooling(2),
                    layers.Conv2D(8, 3, activation=activation),
                    layers.Flatten(),
                    layers.Dense(3, name="classes"),
                ]
            )
        )

    return made


def explained(method, images):
    """The attributions (n, h, w, c) of logit 1 by a method of Xplique."""
    return np.asarray(method.explain(images, np.eye(3, dtype="float32")[[1] * len(images)]))


@pytest.mark.parametrize(
    ("name", "theirs", "reduced"),
    [
        ("gradient", "Saliency", lambda values: np.abs(values).max(axis=-1)),
        ("gradient-x-input", "GradientInput", lambda values: values.sum(axis=-1)),
        ("guided-backprop", "GuidedBackprop", lambda values: np.abs(values).max(axis=-1)),
        ("deconvnet", "DeconvNet", lambda values: np.abs(values).max(axis=-1)),
    ],
)
def test_a_method_equals_that_of_xplique(name, theirs, reduced, xplique, model, network_of, scene):
    relu, images = model("relu"), np.stack([scene(seed=1), scene(seed=2)])
    ours = ATTRIBUTIONS[name](network_of(relu), logit(1), images)
    values = explained(getattr(xplique, theirs)(relu, reducer=None), images)
    np.testing.assert_allclose(ours, reduced(values), rtol=1e-4, atol=1e-4 * np.abs(ours).max())


def test_integrated_gradients_equal_those_of_xplique(xplique, model, network_of, scene):
    """Of a smooth network, for which the trapezoidal rule and that of the middles agree."""
    smooth, images = model("tanh", layers.AveragePooling2D), np.stack([scene(seed=1), scene(seed=2)])
    ours = IntegratedGradients(steps=200)(network_of(smooth), logit(1), images)
    values = explained(xplique.IntegratedGradients(smooth, reducer=None, steps=200), images).sum(axis=-1)
    np.testing.assert_allclose(ours, values, rtol=1e-4, atol=1e-4 * np.abs(ours).max())


def test_exactly_the_methods_whose_meaning_says_so_have_no_sign():
    unsigned = {name for name, method in ATTRIBUTIONS.items() if not is_signed(method)}
    assert unsigned == {"gradient", "smoothgrad", "guided-backprop", "deconvnet"}
    assert unsigned == {name for name, method in ATTRIBUTIONS.items() if method.meaning.endswith("no sign")}
