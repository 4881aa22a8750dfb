"""Whether a dream looks to the network like one more real image, or like nothing it has ever been shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.features import Images, feature_vectors, penultimate, unit_length
from dreamfilters.networks import Network
from dreamfilters.serialization import plain, table

_CHUNK = 1024  # rows whose distances to all others are held at once


@dataclass(frozen=True)
class Plausibility:
    """How far a dream is from real images.

    Attributes:
        distance: to its k-th nearest real image, from 0 to 2.
        median: of the real images' distances to their own k-th nearest among the others.
        ratio: distance / median; None where the real images lie on one point.
        percentile: the share of real images that are no farther from the others than the dream is, 0 to 100: near 50
            for one like any other, 100 for one farther off than all of them.
        nearest: the places of the k nearest real images, the nearest first.
        layer: whose answers were compared.
        k: which neighbor's distance it is.
        count: of real images.
    """

    distance: float
    median: float
    ratio: float | None
    percentile: float
    nearest: tuple[int, ...]
    layer: str
    k: int
    count: int

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return table("Plausibility", [self.as_values()])


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """Real images that dreams are held against, and how far they are from one another.

    Attributes:
        vectors: (n, units), what they are in `layer`.
        distances: (n,), of each to its k-th nearest among the others.
        layer: whose answers are compared.
        k: which neighbor.
    """

    vectors: Floats
    distances: NDArray[np.float64]
    layer: str
    k: int


def neighborhood_of(network: Network, real: Images, *, layer: str | None = None, k: int = 5) -> Neighborhood:
    """Return the real images that any number of dreams can be held against.

    Args:
        network: what the dreams are made on.
        real: held-out real images, more than `k` of them; some hundreds make a percentile that means something. Not
            those that the network was trained on: it may answer them more alike than any new one. Not several frames of
            one scene: they are nearer to one another than to anything else.
        layer: whose answers are compared; the one before the logits by itself.
        k: which neighbor.

    Raises:
        ImageError: not more than `k` real images, or `k` is below 1.
        UnknownNameError: no such layer.
    """
    if not 1 <= k < len(real):
        raise ImageError(f"k={k}: from 1 to {len(real) - 1}, there are {len(real)} real images")
    chosen = penultimate(network) if layer is None else layer
    vectors = feature_vectors(network, real, chosen, pooled=True)
    parts = [np.partition(part, k - 1, axis=1)[:, k - 1] for part in _distances(vectors, vectors, apart=True)]
    return Neighborhood(vectors, np.concatenate(parts), chosen, k)


def neighborhood(network: Network, dreams: Images, crowd: Neighborhood) -> tuple[Plausibility, ...]:
    """Return each dream's distance to real images, beside their distances among one another.

    An image is the vector of the mean answers of a layer's units, scaled to length 1; its distance is the Euclidean
    one to the k-th nearest real image. This is the score of Sun et al., "Out-of-Distribution Detection with Deep
    Nearest Neighbors" (ICML 2022), which Fel et al. (MACO, NeurIPS 2023) take for the plausibility of a dream. A real
    image's own distance is to the others, itself left out.

    Example:
        >>> neighborhood(network, [made.image], neighborhood_of(network, held_out))[0].percentile
        100.0
    """
    ours = feature_vectors(network, dreams, crowd.layer, pooled=True)
    return tuple(_judged(own, crowd) for part in _distances(ours, crowd.vectors) for own in part)


def _judged(own: NDArray[np.float64], crowd: Neighborhood) -> Plausibility:
    nearest = np.argsort(own, kind="stable")[: crowd.k]
    distance, median = float(own[nearest[-1]]), float(np.median(crowd.distances))
    return Plausibility(
        distance=distance,
        median=median,
        ratio=distance / median if median > 0 else None,
        percentile=100 * float(np.mean(crowd.distances <= distance)),
        nearest=tuple(map(int, nearest)),
        layer=crowd.layer,
        k=crowd.k,
        count=len(crowd.distances),
    )


def _distances(first: ArrayLike, second: ArrayLike, *, apart: bool = False) -> Iterator[NDArray[np.float64]]:
    """Yield the distances of some rows to all of `second`; with `apart` a row is infinitely far from itself."""
    ours, theirs = (unit_length(np.asarray(vectors, np.float64)) for vectors in (first, second))
    for start in range(0, len(ours), _CHUNK):
        part = ours[start : start + _CHUNK]
        squares = (part**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1) - 2 * part @ theirs.T
        if apart:
            squares[np.arange(len(part)), np.arange(start, start + len(part))] = np.inf
        yield np.sqrt(np.nan_to_num(np.maximum(squares, 0), nan=np.inf, posinf=np.inf))  # what is no number is far off
