"""`MapQuality`: how far a map of images can be trusted, against the same numbers by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamfilters.display import Tabular
from dreamfilters.evidence.embedding.nearest import Metric, NearestTable
from dreamfilters.number_format import percent

NEIGHBORS = 10  # of an image, in every number
_ROWS = 1_000  # images whose neighbors are counted; the standard error of a share is then below 0.016


@dataclass(frozen=True)
class MapQuality(Tabular):
    """Numbers from 0 to 1 about the k nearest neighbors of images, in the features and on the map.

    Attributes:
        k: neighbors of each image.
        images: images whose neighbors were counted, a random sample of many.
        trustworthiness: of the map, 1 if neighbors on the map are neighbors in the features, see `trustworthiness`.
        by_chance: the trustworthiness of the same map with its images exchanged at random, about 0.5.
        kept: share of the neighbors in the features that are neighbors on the map.
        class_in_features: share of the neighbors in the features that have the class of the image, of as many as could
            have it, see `class_agreement`; NaN without labels.
        class_in_pixels: the same in the pixels.
        class_on_map: the same on the map.
        class_by_chance: the same in the features, with the labels exchanged at random.
    """

    k: int
    images: int
    trustworthiness: float
    by_chance: float
    kept: float
    class_in_features: float
    class_in_pixels: float
    class_on_map: float
    class_by_chance: float

    def describe(self) -> str:
        """Return the numbers in one line."""
        parts = [f"trustworthiness {self.trustworthiness:.3f} (by chance {self.by_chance:.3f})"]
        parts.append(f"{percent(self.kept, 1)} of the {self.k} nearest neighbors are kept")
        if not np.isnan(self.class_on_map):
            shares = (self.class_on_map, self.class_in_features, self.class_in_pixels, self.class_by_chance)
            on_map, features, pixels, chance = (percent(share, 1) for share in shares)
            parts.append(
                f"neighbors of the same class: {on_map} on the map, {features} in the features, {pixels} in the "
                f"pixels, {chance} with shuffled labels"
            )
        return "; ".join(parts)


def map_quality(
    rows: NDArray[np.float32],
    pixels: NDArray[np.float32],
    positions: NDArray[np.float64],
    numbers: NDArray[np.intp],
    metric: Metric,
    *,
    seed: int,
) -> MapQuality:
    """Return the quality of a map.

    Args:
        rows: (n, d) features.
        pixels: (n, p) the images as features.
        positions: (n, 2) the map.
        numbers: (n,) the class of each image, -1 for none; these do not count for classes.
        metric: of the features.
        seed: of the sample and of what is exchanged at random.
    """
    random, count = np.random.default_rng(seed), len(rows)
    k = min(NEIGHBORS, (count - 1) // 2)
    sample = np.sort(random.permutation(count)[:_ROWS])
    exchanged = random.permutation(count)
    labeled = np.flatnonzero(numbers >= 0)
    shuffled = numbers.copy()
    shuffled[labeled] = numbers[random.permutation(labeled)]
    space, plane = NearestTable(rows, metric), NearestTable(positions, "euclidean")
    in_space, on_map = (table.nearest(table.rows[sample], k, sample)[0] for table in (space, plane))
    in_pixels = NearestTable(pixels, "euclidean").nearest(pixels[sample], k, sample)[0]
    kept = (in_space[:, :, None] == on_map[:, None]).any(axis=2).mean()
    return MapQuality(
        k=k,
        images=len(sample),
        trustworthiness=trustworthiness(space, sample, on_map),
        by_chance=_exchanged(space, positions[exchanged], sample, k),
        kept=float(kept),
        class_in_features=class_agreement(numbers, sample, in_space),
        class_in_pixels=class_agreement(numbers, sample, in_pixels),
        class_on_map=class_agreement(numbers, sample, on_map),
        class_by_chance=class_agreement(shuffled, sample, in_space),
    )


def trustworthiness(table: NearestTable, sample: NDArray[np.intp], on_map: NDArray[np.intp]) -> float:
    """Return the trustworthiness of a map, the mean over the images of a sample.

    It is 1 minus a sum over the k nearest neighbors j of each image i on the map that are not among its k nearest in
    the features: by how much the rank r(i, j) in the features exceeds k, divided by the most that the sum can be:
    n k (2n - 3k - 1) / 2.

    Source: J. Venna, S. Kaski, "Neighborhood preservation in nonlinear projection methods", ICANN 2001.

    Args:
        table: the features.
        sample: (m,) the images i.
        on_map: (m, k) the nearest neighbors of each on the map, k below half the number of images.
    """
    count, k = len(table.rows), on_map.shape[1]
    ranks = table.ranks(sample, on_map)
    excess = np.maximum(ranks - k, 0).sum()
    return float(1 - 2 * excess / (len(sample) * k * (2 * count - 3 * k - 1)))


def _exchanged(table: NearestTable, positions: NDArray[np.float64], sample: NDArray[np.intp], k: int) -> float:
    plane = NearestTable(positions, "euclidean")
    return trustworthiness(table, sample, plane.nearest(positions[sample], k, sample)[0])


def class_agreement(numbers: NDArray[np.intp], sample: NDArray[np.intp], neighbors: NDArray[np.intp]) -> float:
    """Return the share of the neighbors of the same class, of as many as there could be.

    An image of a class with few others can have only so many neighbors of its class. Images without a class, or the
    only one of it, are left out; NaN if all are.

    Args:
        numbers: (n,) the class of each image, -1 for none.
        sample: (m,) the images.
        neighbors: (m, k) the neighbors of each.
    """
    own = numbers[sample]
    others = np.bincount(numbers[numbers >= 0], minlength=numbers.max(initial=0) + 1)[own] - 1
    counted = (own >= 0) & (others > 0)
    same = (numbers[neighbors] == own[:, None]).sum(axis=1)[counted]
    possible = np.minimum(neighbors.shape[1], others[counted])
    return float(same.sum() / possible.sum()) if len(same) else float("nan")
