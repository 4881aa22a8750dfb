"""Whether a dream travels through the network as the real images do that excite the same unit, layer by layer."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.features import Images, centered, fitted_images, iter_layers, unit_length
from dreamfilters.networks import Network
from dreamfilters.serialization import finite, plain, table

_CHANCE = 2  # standard errors
_ROUNDED = 1e-5  # a difference that single precision may have rounded into being
_MOST = 20_000  # numbers of a layer that are ranked; a correlation of that many errs by at most .007


@dataclass(frozen=True)
class PathStep:
    """One layer of a dream's way through the network; each number is a mean of rank correlations, None if undefined.

    Attributes:
        layer: its name.
        similarity: (dream - other) / (same - other): 1 for a dream that is to its references what they are to one
            another, 0 for one that is to them what unrelated images are. None unless `same` is above `other` by more
            than chance.
        dream: between the dreams and the references.
        same: between different references.
        other: between unrelated images and the references.
    """

    layer: str
    similarity: float | None
    dream: float | None
    same: float | None
    other: float | None


class Company(NamedTuple):
    """One unit's dreams, references and unrelated images, as places in a stack of images."""

    dreams: Sequence[int]
    references: Sequence[int]
    others: Sequence[int]


@dataclass(frozen=True)
class PathSimilarity:
    """A dream's way through the network, one step a layer in the order that was asked for."""

    steps: tuple[PathStep, ...]

    def as_values(self) -> list[dict[str, Any]]:
        """Return the steps as plain values."""
        values: list[dict[str, Any]] = plain(self.steps)
        return values

    def _repr_html_(self) -> str:
        return table("Path similarity", self.as_values())


def path_similarity(
    network: Network, dreams: Images, references: Images, others: Images, layers: Sequence[str]
) -> PathSimilarity:
    """Return how alike dreams and real images are processed, layer by layer.

    In each layer every image's activations are laid flat, and two images are compared by Spearman's rank
    correlation of these vectors; ties share their mean rank. With means over all pairs,

        similarity = (rho(references, dreams) - rho(references, others))
                     / (rho(references, references) - rho(references, others)).

    From Geirhos et al., "Don't trust your eyes: on the (un)reliability of feature visualizations" (ICML 2024). There
    the references are natural images of the class that is visualized, and the others of a class drawn by chance. For a
    class give these; for a filter its strongest real images, and others drawn by chance from the rest.
    Nothing keeps the similarity below 1 or above 0. Of a layer of more than 20,000 numbers that many are drawn by
    chance, always the same. In a layer in which two references are no more alike than unrelated images there is no
    scale to put a dream on, and it is None. They are more alike if the denominator exceeds twice its standard error,
    from what each single reference has for it; a share of less would be a share of noise.

    Args:
        network: what the dreams were made on.
        dreams: of one unit; with several, the mean over them.
        references: real images that excite the unit or belong to the class, at least two; about ten do.
        others: real images that have nothing to do with it.
        layers: whose activations are compared.

    Raises:
        ImageError: no dreams or others, or fewer than two references.
        UnknownNameError: no such layer.

    Example:
        >>> path_similarity(network, [made.image], strong, chance, ["conv1", "conv6"]).steps[0].similarity
        0.31
    """
    if not len(dreams) or not len(others) or len(references) < 2:
        raise ImageError(
            f"{len(dreams)} dreams, {len(references)} references, {len(others)} others: give at least 1, 2 and 1"
        )
    given = [fitted_images(network, images) for images in (dreams, references, others)]
    ends = np.cumsum([0, *map(len, given)]).tolist()
    company = Company(*(range(start, end) for start, end in itertools.pairwise(ends)))
    return paths_of(network, np.concatenate(given), [company], layers)[0]


def paths_of(
    network: Network, images: Images, companies: Sequence[Company], layers: Sequence[str]
) -> tuple[PathSimilarity, ...]:
    """Return what `path_similarity` says of several units: an image that many of them share is ranked once."""
    found: dict[str, list[PathStep]] = {}
    for layer, values in iter_layers(network, images, layers):
        rows = _standard_ranks(values)
        found[layer] = [_step(layer, *(rows[list(part)] for part in company)) for company in companies]
    return tuple(PathSimilarity(tuple(found[layer][place] for layer in layers)) for place in range(len(companies)))


def ranks(vectors: ArrayLike) -> NDArray[np.float64]:
    """Return the ranks of the numbers in each row (n, d), counted from 1; equal numbers share their mean rank.

    >>> ranks([[10.0, 30.0, 20.0, 20.0]]).tolist()
    [[1.0, 4.0, 2.5, 2.5]]
    """
    return np.stack([_ranks(row) for row in np.asarray(vectors)])


def rank_correlations(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Return Spearman's correlation of every row (n, d) with every other (m, d), (n, m); NaN for a constant row."""
    return _standard(ranks(first)) @ _standard(ranks(second)).T


def _step(layer: str, dreams: Floats, references: Floats, others: Floats) -> PathStep:
    """Return one step from standardized ranks."""
    among, strange = references @ references.T, references @ others.T
    same = _mean(among[np.triu_indices(len(references), 1)])
    dream, other = _mean(references @ dreams.T), _mean(strange)
    scale = same - other
    told = scale > max(_CHANCE * _error(among, strange), _ROUNDED)
    similarity = finite((dream - other) / scale) if told else None
    return PathStep(layer, similarity, finite(dream), finite(same), finite(other))


def _error(among: Floats, strange: Floats) -> float:
    """Return the standard error of the mean of what each reference has for the denominator."""
    apart = np.where(np.eye(len(among), dtype=bool), np.nan, among)
    each = [_mean(own) - _mean(far) for own, far in zip(apart, strange, strict=True)]
    return float(np.std(each, ddof=1) / np.sqrt(len(each)))


def _standard_ranks(values: Floats) -> Floats:
    """Return each image's standardized ranks in single precision: many of them are held at once."""
    flat = values.reshape(len(values), -1)
    width = flat.shape[1]
    drawn = slice(None) if width <= _MOST else np.sort(np.random.default_rng(0).choice(width, _MOST, replace=False))
    rows = (_standard(_ranks(row[drawn])[None])[0] for row in flat)
    return np.stack([row.astype(np.float32) for row in rows])


def _ranks(row: NDArray[Any]) -> NDArray[np.float64]:
    """Return the ranks of one row; its least value, behind a ReLU that of most places, is not sorted."""
    above = row > row.min()
    order = np.argsort(row[above])
    ordered = row[above][order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True] * bool(len(ordered)))) + 1
    counts = np.diff(ends, prepend=0)
    least = len(row) - len(ordered)
    mean_ranks = np.empty(len(ordered))
    mean_ranks[order] = np.repeat(least + ends - (counts - 1) / 2, counts)
    found = np.full(len(row), (least + 1) / 2)
    found[above] = mean_ranks
    return found


def _standard(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows of mean 0 and length 1, so that products are correlations; NaN for a constant row."""
    return unit_length(centered(vectors, 1), zero=np.nan)


def _mean(pairs: Floats) -> float:
    known = pairs[np.isfinite(pairs)]
    return float(known.mean(dtype=np.float64)) if known.size else float("nan")
