"""Clusters of feature vectors: k-means, the number of clusters by their silhouette, and purity against labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import ClusterError, kmeans2

from dreamfilters.errors import ImageError
from dreamfilters.evidence.features import unit_length

_COMPONENTS = 20  # principal components: distances in more dimensions say less
_STARTS = 10  # of k-means, of which the tightest result is kept
_SHUFFLES = 200  # random partitions for the purity by chance
_LEAST_IN_CLUSTER = 3  # images
_DIGITS = 6  # by which two feature vectors differ


@dataclass(frozen=True, eq=False)
class Clusters:
    """A partition of rows.

    Attributes:
        numbers: (n,) the cluster of each row, from 0; the largest cluster is 0.
        distances: (n,) of each row to the center of its cluster.
        silhouette: the mean silhouette coefficient, see `silhouette`.
    """

    numbers: NDArray[np.int64]
    distances: NDArray[np.float64]
    silhouette: float

    @property
    def count(self) -> int:
        """The number of clusters."""
        return int(self.numbers.max()) + 1

    def members(self, number: int) -> NDArray[np.int64]:
        """Return the rows of a cluster, the nearest to its center first."""
        rows = np.flatnonzero(self.numbers == number)
        return rows[np.argsort(self.distances[rows], kind="stable")]


def clustered(vectors: NDArray[np.float32], count: int | None = None, *, most: int = 5, seed: int = 0) -> Clusters:
    """Return clusters of rows (n, d) by k-means on their first principal components.

    The rows are scaled to length 1 first, so that the direction of a feature vector counts and not its strength.

    Args:
        vectors: (n, d).
        count: number of clusters; default: from 2 to `most`, the number with the largest silhouette.
        most: the largest number by default.
        seed: random seed.

    Raises:
        ImageError: fewer images than clusters, or too many that are alike.

    >>> clustered(np.array([[1.0, 0.1], [1.0, 0.0], [0.0, 1.0], [0.1, 1.0], [1.0, 0.2]]), 2).numbers.tolist()
    [0, 0, 1, 1, 0]
    """
    if len(vectors) < max(2, count or 2):
        raise ImageError(f"{count or 2} clusters of {len(vectors)} images: give more images")
    points = _principal(unit_length(np.asarray(vectors, np.float64)))
    distinct = len(np.unique(points.round(_DIGITS), axis=0))
    if distinct < (count or 2):
        raise ImageError(f"{count or 2} clusters of {len(points)} images: only {distinct} differ in their features")
    counts = [count] if count else range(2, max(2, min(most, distinct // _LEAST_IN_CLUSTER)) + 1)
    return max((_tightest(points, number, seed) for number in counts), key=lambda found: found.silhouette)


def silhouette(points: NDArray[np.float64], numbers: NDArray[np.int64]) -> float:
    """Return the mean over rows of (b - a) / max(a, b): a to the own cluster, b to the nearest other one.

    Both are mean distances; a row that is alone in its cluster counts 0, and a single cluster has 0. Source: Rousseeuw,
    "Silhouettes", Journal of Computational and Applied Mathematics 20 (1987).

    >>> round(silhouette(np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1])), 4)
    0.8997
    """
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    sums = np.stack([distances[:, numbers == one].sum(axis=1) for one in range(numbers.max() + 1)], axis=1)
    sizes = np.bincount(numbers)
    if len(sizes) < 2:
        return 0.0
    rows = np.arange(len(points))
    own = sums[rows, numbers] / np.maximum(sizes[numbers] - 1, 1)
    means = sums / np.maximum(sizes, 1)
    means[rows, numbers] = np.inf
    other = means.min(axis=1)
    values = np.where(sizes[numbers] > 1, (other - own) / np.maximum(np.maximum(own, other), 1e-12), 0.0)
    return float(values.mean())


def purity(numbers: Sequence[int] | NDArray[np.int64], labels: Sequence[str]) -> float:
    """Return the share of rows whose label is the most frequent one of their cluster.

    >>> purity([0, 0, 0, 1], ["a", "a", "b", "b"])
    0.75
    """
    groups: dict[int, Counter[str]] = {}
    for number, label in zip(numbers, labels, strict=True):
        groups.setdefault(int(number), Counter())[label] += 1
    return sum(max(group.values()) for group in groups.values()) / max(1, len(labels))


def purity_by_chance(numbers: Sequence[int] | NDArray[np.int64], labels: Sequence[str], *, seed: int = 0) -> float:
    """Return the mean purity of random clusters of the same sizes."""
    rng, shuffled = np.random.default_rng(seed), np.asarray(labels)
    return float(np.mean([purity(numbers, rng.permutation(shuffled).tolist()) for _ in range(_SHUFFLES)]))


def _principal(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows in their first principal components; the sign of each is fixed."""
    centered = points - points.mean(axis=0)
    left, sizes, right = np.linalg.svd(centered, full_matrices=False)
    kept = min(_COMPONENTS, len(sizes))
    signs = np.sign(right[np.arange(kept), np.abs(right[:kept]).argmax(axis=1)])
    return np.asarray(left[:, :kept] * sizes[:kept] * np.where(signs == 0, 1, signs))


def _tightest(points: NDArray[np.float64], count: int, seed: int) -> Clusters:
    """Return the best of several runs of k-means, its clusters by descending size."""
    best: tuple[float, NDArray[np.int64], NDArray[np.float64]] | None = None
    for start in range(_STARTS):
        rng = np.random.default_rng((seed, count, start))
        try:
            centers, numbers = kmeans2(points, count, minit="++", seed=rng, missing="raise")
        except ClusterError:  # an empty cluster: another start may have none
            continue
        distances = np.linalg.norm(points - centers[numbers], axis=1)
        total = float(np.sum(distances**2))
        if best is None or total < best[0]:
            best = total, numbers, distances
    if best is None:
        raise ImageError(f"{count} clusters of {len(points)} images: too many of them are alike; ask for fewer")
    _, numbers, distances = best
    order = np.argsort(-np.bincount(numbers, minlength=count), kind="stable")
    ranks = np.empty(count, np.int64)
    ranks[order] = np.arange(count)
    return Clusters(ranks[numbers], distances, silhouette(points, ranks[numbers]))
