"""The control of every table of trust: a heatmap of random numbers, which a measure has to find worthless."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from dreamfilters import backend
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network


@dataclass(frozen=True)
class RandomHeatmap:
    """A method that knows neither the network nor the objective; the same image has the same random numbers."""

    name: str = "random"
    meaning: str = "random numbers, a control that knows nothing"

    def __call__(self, network: Network, objective: Objective, images: Floats) -> Floats:
        """Return random numbers (n, h, w)."""
        return np.stack([_noise(image) for image in images])


def _noise(image: Floats) -> Floats:
    digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()
    random = np.random.default_rng(int(backend.seed_of("random heatmap", digest)))
    return random.normal(size=image.shape[:2]).astype(np.float32)


RANDOM_HEATMAP = RandomHeatmap()
