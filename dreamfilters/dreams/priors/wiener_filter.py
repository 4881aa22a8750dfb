"""The Wiener filter: the best linear denoiser of images whose statistics are the same everywhere, as a baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class WienerFilter:
    """A denoiser that scales each frequency of each color axis by power / (power + sigma^2) (Wiener 1949).

    Attributes:
        mean: (h, w, c) mean image.
        axes: (c, c) columns are the principal axes of the colors.
        power: (h, w // 2 + 1, c) mean squared amplitude of each frequency, for noise of std 1 everywhere 1.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    power: NDArray[np.float64]

    @classmethod
    def measured(cls, images: NDArray[np.float32]) -> WienerFilter:
        """Return the filter of images (n, h, w, c).

        >>> images = np.random.default_rng(0).normal(0, 2, (400, 8, 8, 1))
        >>> round(float(WienerFilter.measured(images).power.mean()), 1)
        4.0
        """
        mean = images.mean(axis=0, dtype=np.float64)
        centered = images - mean
        colors = centered.reshape(-1, centered.shape[-1])
        axes = np.linalg.eigh(colors.T @ colors)[1]
        spectrum = np.fft.rfft2(centered @ axes, axes=(1, 2), norm="ortho")
        return cls(mean, axes, np.mean(np.abs(spectrum) ** 2, axis=0))

    def denoised(self, noisy: NDArray[np.float32], sigma: float) -> NDArray[np.float64]:
        """Return the expected images of (n, h, w, c) images plus normal noise of std `sigma`."""
        spectrum = np.fft.rfft2((noisy - self.mean) @ self.axes, axes=(1, 2), norm="ortho")
        kept = spectrum * (self.power / (self.power + sigma**2))
        filtered = np.fft.irfft2(kept, s=noisy.shape[1:3], axes=(1, 2), norm="ortho")
        return np.asarray(filtered @ self.axes.T + self.mean)
