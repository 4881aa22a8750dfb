"""Whether a dream is processed, layer by layer, like the real images that activate the same unit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dreamfilters.comparison.batch import REFERENCES, Batch
from dreamfilters.comparison.measures.measure import NO_VALUE, Caption, Figure, LinePart, Measure, Missing
from dreamfilters.display import frame, table
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import PIXELS, Floats
from dreamfilters.evidence.features import (
    Images,
    centered,
    fitted_images,
    iter_layers,
    layers_before,
    unit_length,
)
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.number_format import number
from dreamfilters.serialization import finite, plain

_ERRORS = 2  # standard errors that a difference has to exceed
_ROUNDING = 1e-5  # a difference that may come from single precision
_MOST = 20_000  # numbers of a layer that are ranked; a correlation of that many errs by at most .007
_FEW = 0.05  # a similarity below is that of unrelated images


@dataclass(frozen=True)
class PathStep:
    """One layer of a path; each number is a mean of rank correlations, None where undefined.

    Attributes:
        layer: its name.
        similarity: (dream - other) / (same - other): 1 for a dream that correlates with the references as they do with
            one another, 0 for one that correlates as unrelated images do. None unless `same` exceeds `other`
            significantly.
        dream: between the dreams and the references.
        same: between different references.
        other: between unrelated images and the references.
    """

    layer: str
    similarity: float | None
    dream: float | None
    same: float | None
    other: float | None


class PathGroup(NamedTuple):
    """One unit's dreams, references and unrelated images, as rows of a stack of images."""

    dreams: Sequence[int]
    references: Sequence[int]
    others: Sequence[int]


@dataclass(frozen=True)
class PathSimilarity:
    """A dream's path through the network, one step a layer in the order given."""

    steps: tuple[PathStep, ...]

    @property
    def deepest(self) -> PathStep | None:
        """The deepest layer in which the similarity is defined."""
        return next((step for step in reversed(self.steps) if step.similarity is not None), None)

    def _repr_html_(self) -> str:
        return frame(table("Path similarity", plain(self.steps)))


def path_similarity(
    network: AnyNetwork,
    dreams: Images | ImageFolder,
    references: Images | ImageFolder,
    others: Images | ImageFolder,
    layers: Sequence[str],
) -> PathSimilarity:
    """Return how similarly dreams and real images are processed, layer by layer.

    In each layer every image's activations are flattened, and two images are compared by Spearman's rank correlation
    of these vectors; ties share their mean rank. With means over all pairs,

        similarity = (rho(references, dreams) - rho(references, others))
                     / (rho(references, references) - rho(references, others)).

    From Geirhos et al., "Don't trust your eyes: on the (un)reliability of feature visualizations" (ICML 2024). There
    the references are natural images of the visualized class, and the others of a random class. For a class pass
    these; for a filter pass its strongest real images, and a random sample of the rest.
    The similarity may exceed 1 or fall below 0. Layers of more than 20,000 numbers are compared by a fixed random
    sample of that many. Where two references correlate no more than unrelated images, the layer has no scale and its
    similarity is None: the denominator has to exceed twice its standard error over the references.

    Args:
        network: the network that the dreams were made for.
        dreams: of one unit; with several, the mean over them.
        references: real images that activate the unit or belong to the class, at least two; ten suffice.
        others: unrelated real images.
        layers: whose activations are compared.

    Raises:
        ImageError: no dreams or others, or fewer than two references.
        UnknownNameError: no such layer.

    Example:
        >>> path = path_similarity(network, [dreams[0].image], images[:3], images[8:], ["conv1", "conv6"])
        >>> [step.layer for step in path.steps]
        ['conv1', 'conv6']
    """
    if not len(dreams) or not len(others) or len(references) < 2:
        raise ImageError(
            f"{len(dreams)} dreams, {len(references)} references, {len(others)} others: give at least 1, 2 and 1"
        )
    network = network_of(network)
    given = [fitted_images(network, images) for images in (dreams, references, others)]
    ends = np.cumsum([0, *map(len, given)]).tolist()
    group = PathGroup(*(range(start, end) for start, end in itertools.pairwise(ends)))
    return path_similarities(network, np.concatenate(given), [group], layers)[0]


def path_similarities(
    network: Network, images: Images, groups: Sequence[PathGroup], layers: Sequence[str]
) -> tuple[PathSimilarity, ...]:
    """Return the `path_similarity` of several units; an image that they share is ranked once."""
    found: dict[str, list[PathStep]] = {}
    for layer, values in iter_layers(network, images, layers):
        rows = _standard_ranks(values)
        found[layer] = [_step(layer, *(rows[list(part)] for part in group)) for group in groups]
    return tuple(PathSimilarity(tuple(found[layer][row] for layer in layers)) for row in range(len(groups)))


def path_group(batch: Batch, row: int) -> PathGroup:
    """Return a unit's dreams, by row of the batch's dreams, and the real images they are compared with, by number.

    The references of a class are a random sample of its images, else the images with the strongest responses.

    Raises:
        ImageError: there are too few images, or all have the same response.
    """
    unit, references = batch.units[row], batch.references
    check_responses_vary(batch, row)
    of_class = references.of_class(unit.number) if unit.is_class else []
    strongest = [ranked.index for ranked in batch.scans[row].strongest[unit.by][:REFERENCES]]
    chosen = references.sample(of_class, REFERENCES) if len(of_class) > 1 else strongest
    excluded = set(of_class) | set(chosen)
    others = references.sample([index for index in references.sampled if index not in excluded], REFERENCES)
    if not others:
        raise ImageError(f"{len(references.sampled)} images: none is left that is unrelated to the unit")
    if len(chosen) < 2:
        raise ImageError(f"{len(chosen)} references: give at least 2 images")
    return PathGroup(batch.dream_rows[row], chosen, others)


def check_responses_vary(batch: Batch, row: int) -> None:
    """Raise ImageError where a unit has the same response to all real images, so that none is a reference."""
    by, scan = batch.units[row].by, batch.scans[row]
    if not scan.strongest[by][0].score > scan.weakest[by][0].score:
        raise ImageError(f"{scan.counted} images: the unit has the same response to all, so that none is a reference")


def _compute(batch: Batch) -> list[PathSimilarity | Missing]:
    layers = list(dict.fromkeys([*layers_before(batch.network, batch.layer), batch.layer]))
    return batch.with_images(
        batch.each(lambda row: path_group(batch, row)),
        ("references", "others"),
        lambda stack, groups: path_similarities(batch.network, stack, groups, layers),
    )


def standard(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows of mean 0 and length 1, whose products are correlations; NaN for a constant row."""
    return unit_length(centered(vectors, 1), zero=np.nan)


def _step(layer: str, dreams: Floats, references: Floats, others: Floats) -> PathStep:
    """Return one step from standardized ranks."""
    among, across = references @ references.T, references @ others.T
    same = _mean(among[np.triu_indices(len(references), 1)])
    dream, other = _mean(references @ dreams.T), _mean(across)
    scale = same - other
    is_defined = scale > max(_ERRORS * _error(among, across), _ROUNDING)
    similarity = finite((dream - other) / scale) if is_defined else None
    return PathStep(layer, similarity, finite(dream), finite(same), finite(other))


def _error(among: Floats, across: Floats) -> float:
    """Return the standard error of the denominator, from each reference's own."""
    different = np.where(np.eye(len(among), dtype=bool), np.nan, among)
    each = [_mean(near) - _mean(far) for near, far in zip(different, across, strict=True)]
    return float(np.std(each, ddof=1) / np.sqrt(len(each)))


def _standard_ranks(values: Floats) -> Floats:
    """Return each image's standardized ranks, in single precision because many are held at once."""
    flat = values.reshape(len(values), -1)
    width = flat.shape[1]
    sample = slice(None) if width <= _MOST else np.sort(np.random.default_rng(0).choice(width, _MOST, replace=False))
    rows = (standard(ranks(row[sample])[None])[0] for row in flat)
    return np.stack([row.astype(np.float32) for row in rows])


def ranks(row: NDArray[Any]) -> NDArray[np.float64]:
    """Return the ranks of numbers (d,), counted from 1; equal numbers share their mean rank.

    >>> ranks(np.array([10.0, 30.0, 20.0, 20.0])).tolist()
    [1.0, 4.0, 2.5, 2.5]
    """
    above = row > row.min()  # the lowest value, which most positions share behind a ReLU, is not sorted
    order = np.argsort(row[above])
    ordered = row[above][order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True] * bool(len(ordered)))) + 1
    counts = np.diff(ends, prepend=0)
    lowest = len(row) - len(ordered)
    mean_ranks = np.empty(len(ordered))
    mean_ranks[order] = np.repeat(lowest + ends - (counts - 1) / 2, counts)
    found = np.full(len(row), (lowest + 1) / 2)
    found[above] = mean_ranks
    return found


def _mean(pairs: Floats) -> float:
    known = pairs[np.isfinite(pairs)]
    return float(known.mean(dtype=np.float64)) if known.size else float("nan")


def _caption(value: PathSimilarity) -> Caption:
    step = value.deepest
    if step is None or step.similarity is None:
        return Caption(NO_VALUE, "the references differ as much as unrelated images")
    where = "at the logits" if step.layer == LOGITS else f"in {step.layer}"
    detail = f"{where}, the deepest layer in which the references are similar"
    return Caption(number(step.similarity), detail, step.similarity < _FEW)


def _figure(value: PathSimilarity) -> Figure | None:
    if len(value.steps) < 2:
        return None
    names = {LOGITS: "classes", PIXELS: "pixels"}
    lines = {kind: tuple(getattr(step, kind) for step in value.steps) for kind in ("same", "other", "dream")}
    legend = {
        "dream": "dream and references",
        "same": "references among themselves",
        "other": "unrelated images and references",
    }
    part = LinePart(tuple(names.get(step.layer, step.layer) for step in value.steps), lines, legend)
    return Figure("Path through the network", "Rank correlation of activations, layer by layer.", (part,))


PATH_SIMILARITY = Measure(
    name="path_similarity",
    title="Path",
    meaning="1: the network processes the dream like images of this kind; 0: like unrelated ones "
    "(Geirhos et al. 2024).",
    needs=frozenset({"dream", "scan", "features"}),
    compute=_compute,
    caption=_caption,
    columns={
        "path_similarity": lambda value: value.deepest and value.deepest.similarity,
        "path_layer": lambda value: value.deepest and value.deepest.layer,
    },
    figure=_figure,
)
