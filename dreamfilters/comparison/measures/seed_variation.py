"""How much a unit's dream depends on the random seed: scores and images of several seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.measure import NO_VALUE, Caption, Figure, ImagePart, Measure, Missing, ShownImage
from dreamfilters.display import frame, table
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.features import centered, feature_vectors, mean_cosine_distance
from dreamfilters.number_format import number
from dreamfilters.serialization import plain


@dataclass(frozen=True, eq=False)
class SeedVariation:
    """Several seeds' dreams of one unit.

    Attributes:
        count: of dreams.
        mean: of their scores.
        std: of their scores, with n - 1 in the denominator; None for a single dream.
        lowest: their lowest score.
        highest: their highest score.
        distance: mean of 1 - cosine over all pairs of dreams, of the layer's mean responses: 0 where the layer responds
            equally to all of them, wherever the pattern is. None for a single dream, or where all but one leave the
            layer at 0.
        pixel_distance: the same of the images themselves less their mean color, pixel by pixel: 1 where they have
            nothing in common but color.
        dreams: (seed, image) of each dream.
    """

    count: int
    mean: float
    std: float | None
    lowest: float
    highest: float
    distance: float | None
    pixel_distance: float | None
    dreams: tuple[tuple[int, Floats], ...] = field(default=(), repr=False)

    def as_values(self) -> dict[str, Any]:
        """Return everything but the images as plain values."""
        numbers = {name: value for name, value in vars(self).items() if name != "dreams"}
        return {**plain(numbers), "seeds": [seed for seed, _ in self.dreams]}

    def _repr_html_(self) -> str:
        return frame(table("Seeds", [self.as_values()]))


def seed_variation(vectors: Floats, images: Floats, scores: ArrayLike) -> SeedVariation:
    """Return how the dreams of one unit vary from seed to seed.

    Args:
        vectors: (n, units), the mean responses of the unit's layer to the dreams.
        images: (n, h, w, c), one dream a seed.
        scores: (n,) the response of the unit to each.

    Raises:
        ImageError: no images, another number of scores than of images, or a score that is not finite.

    Example:
        >>> images = np.stack([np.eye(4)[..., None], np.eye(4)[::-1, :, None]])
        >>> found = seed_variation(np.array([[1.0, 0.0], [0.0, 1.0]]), images, [1.0, 3.0])
        >>> found.mean, round(found.std, 3), found.distance
        (2.0, 1.414, 1.0)
    """
    values = np.asarray(scores, np.float64).ravel()
    if len(values) != len(images) or not values.size or not np.isfinite(values).all():
        raise ImageError(f"{len(images)} dreams, scores {values.tolist()}: give one finite score a dream")
    pixels = images.reshape(len(values), -1, images.shape[-1])
    shapes = centered(pixels, 1).reshape(len(values), -1)
    return SeedVariation(
        count=len(values),
        mean=math.fsum(values) / len(values),
        std=float(values.std(ddof=1)) if len(values) > 1 else None,
        lowest=float(values.min()),
        highest=float(values.max()),
        distance=mean_cosine_distance(vectors),
        pixel_distance=mean_cosine_distance(shapes),
    )


def seed_variations(batch: Batch) -> Iterable[SeedVariation | Missing]:
    """Yield how each unit's dreams vary."""
    vectors = feature_vectors(batch.network, batch.dream_images, batch.layer, pooled=True)

    def variation(row: int) -> SeedVariation:
        members = list(batch.dream_rows[row])
        scores = [view.response for view in batch.views[row][: len(members)]]
        dreams = batch.dreams[batch.units[row].name]
        found = seed_variation(vectors[members], batch.dream_images[members], scores)
        return replace(found, dreams=tuple((dream.seed, dream.image) for dream in dreams))

    yield from batch.each(variation)


def _caption(value: SeedVariation) -> Caption:
    if value.std is None:
        return Caption(NO_VALUE, "one seed only")
    distance = "" if value.distance is None else f"; distance {number(value.distance)}"
    detail = f"{number(value.lowest)} to {number(value.highest)} over {value.count} seeds{distance}"
    return Caption(f"± {number(value.std)}", detail)


def _figure(value: SeedVariation) -> Figure | None:
    others = [ShownImage(image, f"seed {seed}", f"Dream of seed {seed}") for seed, image in value.dreams[1:]]
    return Figure("Other seeds", "", (ImagePart(tuple(others)),)) if others else None


SEED_VARIATION = Measure(
    name="seed_variation",
    title="Seeds",
    meaning="How much the dream depends on the random seed: standard deviation of the responses; the distance is 0 "
    "where the layer responds equally to all dreams.",
    needs=frozenset({"seeds"}),
    compute=seed_variations,
    caption=_caption,
    columns={"seed_std": lambda value: value.std, "seed_distance": lambda value: value.distance},
    figure=_figure,
)
