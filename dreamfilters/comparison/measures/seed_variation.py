"""How much a unit's dream depends on chance: the scores and images of several seeds beside one another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.features import Images, centered, feature_vectors, fitted_images, mean_cosine_distance
from dreamfilters.networks import Network
from dreamfilters.serialization import plain, table


@dataclass(frozen=True)
class SeedVariation:
    """Several seeds' dreams of one unit.

    Attributes:
        count: of dreams.
        mean: of their scores.
        std: of their scores, with n - 1 in the denominator; None for a single one.
        least: the worst score.
        greatest: the best.
        distance: mean 1 - cosine over all pairs of dreams, of the mean answers of the watched layer's units: 0 where
            all dreams show the layer the same, wherever in the image. None for a single one, or where all but one
            leave the layer silent.
        pixel_distance: the same of the images themselves less their mean color, place by place: 1 where they have
            nothing in common but color.
    """

    count: int
    mean: float
    std: float | None
    least: float
    greatest: float
    distance: float | None
    pixel_distance: float | None

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return table("Seeds", [self.as_values()])


def seed_spread(network: Network, images: Images, scores: ArrayLike, layer: str) -> SeedVariation:
    """Return how the dreams of one unit differ from seed to seed.

    Args:
        network: what the dreams were made on.
        images: one dream a seed.
        scores: (n,) theirs.
        layer: the watched layer, or `LOGITS` for a class.

    Raises:
        ImageError: no images, or as many scores as there are not images, or a score that is no number.

    Example:
        >>> made = [dream(network, "conv6:12", recipe, seed=seed)[0] for seed in range(3)]
        >>> seed_spread(network, [one.image for one in made], [one.score for one in made], "conv6").std
        0.51
    """
    return spread_of(feature_vectors(network, images, layer, pooled=True), fitted_images(network, images), scores)


def spread_of(vectors: Floats, images: Floats, scores: ArrayLike) -> SeedVariation:
    """Return what `seed_spread` does, from the mean answers (n, units) of the watched layer's units to the images."""
    values = np.asarray(scores, np.float64).ravel()
    if len(values) != len(images) or not values.size or not np.isfinite(values).all():
        raise ImageError(f"{len(images)} dreams, scores {values.tolist()}: give one finite score a dream")
    pixels = images.reshape(len(values), -1, images.shape[-1])
    shapes = centered(pixels, 1).reshape(len(values), -1)
    return SeedVariation(
        count=len(values),
        mean=math.fsum(values) / len(values),
        std=float(values.std(ddof=1)) if len(values) > 1 else None,
        least=float(values.min()),
        greatest=float(values.max()),
        distance=mean_cosine_distance(vectors),
        pixel_distance=mean_cosine_distance(shapes),
    )
