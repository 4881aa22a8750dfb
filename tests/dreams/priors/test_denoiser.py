"""The denoiser as a function: its formula, its shapes, and that an image's bytes do not depend on the batch."""

import numpy as np
import pytest

from dreamfilters import backend
from dreamfilters.dreams.priors.denoiser import DATA_STD, denoised, initial_weights
from dreamfilters.dreams.priors.denoiser_weights import MULTIPLE, Architecture
from tests.batch_independence import any_batch_size


def noise(count, side, channels, seed=0):
    return np.random.default_rng(seed).normal(size=(count, side, side, channels)).astype("float32")


def levels(sigma, count):
    return np.full((count, 1, 1, 1), sigma, "float32")


def trained(architecture, seed=1):
    """Weights as after a training: no zeros, so that every part has an effect."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, 0.1, shape).astype("float32") for name, shape in architecture.shapes.items()}


def test_before_the_training_it_is_the_best_linear_estimate():
    """For images of std .5 behind noise of std s it is x * .25 / (.25 + s^2): the last kernel is 0."""
    architecture = Architecture(2)
    x = noise(3, 16, 2)
    for sigma, share in ((0.0, 1.0), (0.5, 0.5), (1.0, 0.2)):
        found = np.asarray(denoised(initial_weights(architecture, 0), x, levels(sigma, 3)))
        np.testing.assert_allclose(found, share * x, atol=1e-6)


def test_without_noise_it_returns_its_input_exactly():
    architecture = Architecture(3)
    x = noise(2, 8, 3)
    assert np.array_equal(np.asarray(denoised(trained(architecture), x, levels(0.0, 2))), x)


@pytest.mark.parametrize(("side", "channels"), [(8, 1), (24, 4), (32, 3)])
def test_it_has_the_shape_of_its_input_and_uses_the_noise_level(side, channels):
    architecture = Architecture(channels)
    assert side % MULTIPLE == 0
    x = noise(2, side, channels)
    low, high = (np.asarray(denoised(trained(architecture), x, levels(s, 2))) for s in (0.2, 2.0))
    assert low.shape == x.shape
    assert not np.allclose(low - x * DATA_STD**2 / (DATA_STD**2 + 0.04), 0, atol=1e-3)
    assert not np.allclose(low, high)


def test_a_position_of_the_output_stays_at_its_place():
    """A change of one pixel changes the output most at that pixel: patches are put back where they came from."""
    architecture = Architecture(1)
    weights, x = initial_weights(architecture, 0), noise(2, 16, 1)
    weights["leave.kernel"] = np.zeros((3, 3, 32, 4), "float32")
    weights["enter.kernel"] = np.zeros((3, 3, 4, 32), "float32")
    for k in range(4):  # pixel k of a patch becomes channel k, which becomes pixel k again
        weights["enter.kernel"][1, 1, k, k] = weights["leave.kernel"][1, 1, k, k] = 1
    # silu(z) of the unit-variance input at sigma .5, of which half is added: c_out = .5 * .5 / root(.5)
    weights |= {name: np.zeros_like(w) for name, w in weights.items() if name.startswith(("up", "coarse", "middle"))}
    z = x / np.sqrt(0.5)
    expected = 0.5 * x + 0.25 / np.sqrt(0.5) * z / (1 + np.exp(-z))
    found = np.asarray(denoised(weights, x, levels(0.5, 2)))
    np.testing.assert_allclose(found, expected, atol=0.02)  # residual blocks begin with kernels near 0


@any_batch_size
@pytest.mark.parametrize("side", [8, 12 * 2])
def test_an_image_has_the_same_bytes_in_any_batch(side):
    architecture = Architecture(3)
    weights, x, sigma = trained(architecture), noise(20, side, 3), np.linspace(0.1, 9, 20, dtype="float32")
    run = backend.compile(lambda x, s: denoised(weights, x, s))

    def of(rows):
        return np.asarray(run(backend.tensor(x[rows]), backend.tensor(sigma[rows].reshape(-1, 1, 1, 1))))

    whole = of(np.arange(20))
    for rows in ([3, 4], [7, 3, 19], list(range(3, 20))):
        assert np.array_equal(of(np.array(rows)), whole[rows])


def test_initial_weights_follow_the_seed_and_begin_near_the_identity():
    architecture = Architecture(3)
    first, again, other = (initial_weights(architecture, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["enter.kernel"], other["enter.kernel"])
    assert first["enter.kernel"].std() == pytest.approx(np.sqrt(2 / (9 * 12 + 9 * 32)), rel=0.05)  # of Glorot's range
    assert {name: value.shape for name, value in first.items()} == architecture.shapes
