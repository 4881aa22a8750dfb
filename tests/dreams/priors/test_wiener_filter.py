"""The Wiener filter against what is known of Gaussian images."""

import numpy as np
import pytest

from dreamfilters.dreams.priors.wiener_filter import WienerFilter


def test_of_white_images_it_keeps_the_known_share():
    """Independent pixels of variance 4 and noise of variance 4: half of the difference to the mean is kept."""
    rng = np.random.default_rng(0)
    images = rng.normal(3, 2, (4000, 4, 4, 1))
    found = WienerFilter.measured(images)
    noisy = rng.normal(3, 2, (50, 4, 4, 1))
    np.testing.assert_allclose(found.denoised(noisy, 2.0), 3 + (noisy - 3) / 2, atol=0.3)


def test_its_error_is_that_of_theory_and_below_that_of_other_shares():
    """For each frequency and color the error is p s^2 / (p + s^2); of correlated colors, each axis has its own p."""
    rng, sigma = np.random.default_rng(1), 0.7
    gray = np.repeat(rng.normal(0, 1, (3000, 8, 8, 1)), 2, axis=-1)
    images = gray + rng.normal(0, 0.1, gray.shape)  # along (1, 1) variance 2.01, across it .01
    found = WienerFilter.measured(images)
    noisy = images + rng.normal(0, sigma, images.shape)
    error = np.mean((found.denoised(noisy, sigma) - images) ** 2)
    of_theory = np.mean([p * sigma**2 / (p + sigma**2) for p in (2.01, 0.01)])
    assert error == pytest.approx(of_theory, rel=0.03)
    assert error < np.mean((noisy * (1 / (1 + sigma**2)) - images) ** 2) / 1.5  # each channel by itself


def test_without_noise_it_returns_the_images():
    images = np.random.default_rng(2).normal(0, 1, (40, 6, 7, 3))
    np.testing.assert_allclose(WienerFilter.measured(images).denoised(images, 0.0), images, atol=1e-9)
