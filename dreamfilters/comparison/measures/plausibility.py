"""How plausible a dream is: its distance to real images among the distances of real images to one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.measure import Caption, Measure, Missing
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.display import Tabular
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.features import Images, feature_vectors, penultimate, unit_length
from dreamfilters.networks import Network
from dreamfilters.number_format import number, percent, times

NEIGHBOR = 5  # the neighbor whose distance counts
_CHUNK = 1024  # rows whose distances to all others are held at once


@dataclass(frozen=True)
class Plausibility(Tabular):
    """A dream's distance to real images.

    Attributes:
        distance: to its k-th nearest real image, from 0 to 2.
        median: of the real images' distances to their own k-th nearest among the others.
        ratio: distance / median; None where the median is 0.
        percentile: share of real images that are no farther from the others than the dream is, 0 to 100: near 50 for a
            typical image, 100 for one farther than all of them.
        nearest: the numbers of the k nearest real images, the nearest first.
        layer: the layer whose responses are compared.
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


@dataclass(frozen=True, eq=False)
class Neighborhood:
    """Real images as vectors, and how far they are from one another.

    Attributes:
        vectors: (n, units), the mean responses in `layer`.
        distances: (n,), of each image to its k-th nearest among the others.
        layer: the layer whose responses are compared.
        k: which neighbor.
    """

    vectors: Floats
    distances: NDArray[np.float64]
    layer: str
    k: int


def neighborhood(network: Network, real: Images, *, layer: str | None = None, k: int = NEIGHBOR) -> Neighborhood:
    """Return the neighborhood of real images, for any number of dreams.

    Args:
        network: the network that the dreams were made for.
        real: held-out real images, more than `k` of them; a percentile needs some hundreds. Not training images, which
            the network may represent more similarly than new ones; not several frames of one scene, which are nearer to
            one another than to anything else.
        layer: the layer whose responses are compared; default: the one before the logits.
        k: which neighbor.

    Raises:
        ImageError: not more than `k` real images, or `k` is below 1.
        UnknownNameError: no such layer.
    """
    if not 1 <= k < len(real):
        raise ImageError(f"k={k}: from 1 to {len(real) - 1}, there are {len(real)} real images")
    chosen = penultimate(network) if layer is None else layer
    vectors = feature_vectors(network, real, chosen, pooled=True)
    parts = [np.partition(part, k - 1, axis=1)[:, k - 1] for part in _distances(vectors, vectors, exclude_self=True)]
    return Neighborhood(vectors, np.concatenate(parts), chosen, k)


def plausibility(network: Network, dreams: Images, real: Neighborhood) -> tuple[Plausibility, ...]:
    """Return each dream's distance to real images and its percentile among their distances to one another.

    An image is the vector of a layer's mean responses, scaled to length 1; its distance is the Euclidean one to the
    k-th nearest real image. This is the score of Sun et al., "Out-of-Distribution Detection with Deep Nearest
    Neighbors" (ICML 2022), which Fel et al. (MACO, NeurIPS 2023) use for the plausibility of a dream. A real image's
    own distance excludes itself.

    Example:
        >>> plausibility(network, [dreams[0].image], neighborhood(network, images, k=3))[0].layer
        'dense'
    """
    vectors = feature_vectors(network, dreams, real.layer, pooled=True)
    return tuple(_plausibility(row, real) for part in _distances(vectors, real.vectors) for row in part)


def _compute(batch: Batch) -> Iterable[Plausibility | Missing]:
    try:
        real = batch.references.shared(_of_references)
    except ImageError as error:
        return [Missing(str(error))] * len(batch.units)
    return plausibility(batch.network, batch.first_dreams, real)


def _of_references(references: ReferenceSet) -> Neighborhood:
    return neighborhood(references.network, references.images)


def _plausibility(distances: NDArray[np.float64], real: Neighborhood) -> Plausibility:
    nearest = np.argsort(distances, kind="stable")[: real.k]
    distance, median = float(distances[nearest[-1]]), float(np.median(real.distances))
    return Plausibility(
        distance=distance,
        median=median,
        ratio=distance / median if median > 0 else None,
        percentile=100 * float(np.mean(real.distances <= distance)),
        nearest=tuple(map(int, nearest)),
        layer=real.layer,
        k=real.k,
        count=len(real.distances),
    )


def _distances(first: ArrayLike, second: ArrayLike, *, exclude_self: bool = False) -> Iterator[NDArray[np.float64]]:
    """Yield the distances of some rows to all of `second`; with `exclude_self` a row is infinitely far from itself."""
    ours, theirs = (unit_length(np.asarray(vectors, np.float64)) for vectors in (first, second))
    for start in range(0, len(ours), _CHUNK):
        part = ours[start : start + _CHUNK]
        squares = (part**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1) - 2 * part @ theirs.T
        if exclude_self:
            squares[np.arange(len(part)), np.arange(start, start + len(part))] = np.inf
        yield np.sqrt(np.nan_to_num(np.maximum(squares, 0), nan=np.inf, posinf=np.inf))  # NaN counts as far away


def _caption(value: Plausibility) -> Caption:
    ratio = "" if value.ratio is None else f", {times(value.ratio)} the median"
    return Caption(percent(value.percentile / 100), f"distance {number(value.distance)}{ratio}, in {value.layer}")


PLAUSIBILITY = Measure(
    name="plausibility",
    title="Plausibility",
    meaning="Share of real images no farther from the others than the dream is: near 50 % for a typical image, 100 % "
    "for one farther than all.",
    needs=frozenset({"dream", "features"}),
    compute=_compute,
    caption=_caption,
    columns={"plausibility_percentile": lambda value: value.percentile},
)
