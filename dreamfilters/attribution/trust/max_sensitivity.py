"""Max-sensitivity: how much a heatmap changes when the image changes invisibly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.trust.trust_measure import Measured, TrustCase
from dreamfilters.evidence.activations import Floats

_RADIUS = 0.02  # of the noise, in images in [0, 1]
_SAMPLES = 8  # noisy copies of each image


@dataclass(frozen=True)
class MaxSensitivity:
    """The largest relative change of a heatmap under noise, |heatmap(noisy) - heatmap| / |heatmap|.

    Yeh et al., "On the (In)fidelity and Sensitivity of Explanations" (NeurIPS 2019), definition 3.1: here the maximum
    over 8 images with uniform noise of at most 0.02, and the norm of the difference as a share of the heatmap's.
    """

    name: str = "sensitivity"
    meaning: str = "Largest change of the heatmap under noise of 0.02, as a share of its size: 0 if it does not change."
    better: Literal["lower", "higher"] = "lower"
    points: Sequence[float] = ()

    def __call__(self, case: TrustCase, method: Attribution, heatmaps: Floats) -> Measured:
        """See `TrustMeasure`."""
        noisy = case.shared("noisy", lambda: np.concatenate([_noisy(case, row) for row in range(len(case.images))]))
        changed = method(case.network, case.objective, noisy).reshape(len(heatmaps), _SAMPLES, *heatmaps.shape[1:])
        distances = _norms(changed.astype(np.float64) - heatmaps[:, None]).max(axis=1)
        sizes = _norms(heatmaps.astype(np.float64))
        return Measured(np.where(sizes > 0, distances / np.where(sizes > 0, sizes, 1), np.nan).astype(np.float32))


def _noisy(case: TrustCase, row: int) -> Floats:
    """Return noisy copies of an image, (samples, h, w, c)."""
    image = case.images[row]
    noise = case.random("noise", row).uniform(-_RADIUS, _RADIUS, (_SAMPLES, *image.shape))
    return np.asarray(np.clip(image + noise, 0, 1), np.float32)


def _norms(maps: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.square(maps).sum(axis=(-2, -1))))


MAX_SENSITIVITY = MaxSensitivity()
