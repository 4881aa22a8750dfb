"""Whether the dreams alone tell which of two real images activates the unit more strongly: a two-alternative choice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.measure import Caption, Measure, Missing
from dreamfilters.comparison.measures.path_similarity import check_responses_vary
from dreamfilters.display import frame, table
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import PIXELS
from dreamfilters.evidence.features import (
    Images,
    centered,
    fitted_images,
    iter_layers,
    layers_before,
    unit_length,
)
from dreamfilters.images import ImageFolder
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.number_format import percent
from dreamfilters.serialization import plain

Matrix: TypeAlias = NDArray[np.float64]

_TIE = 1e-6  # a difference that may come from single precision


@dataclass(frozen=True)
class TwoAFCScore:
    """How a similarity model did with one kind of reference.

    Attributes:
        accuracy: share of pairs in which it chose the strong query, ties as half; chance is .5.
        margin: by how much the strong query's evidence exceeds the weak one's, on average.
        pairs: number of pairs.
    """

    accuracy: float
    margin: float
    pairs: int


class TwoAFCTrials(NamedTuple):
    """One unit's strong and weak images, its dreams and what minimizes it, as rows of a stack of images."""

    strong: Sequence[int]
    weak: Sequence[int]
    dreams: Sequence[int]
    minimal: Sequence[int] = ()


@dataclass(frozen=True)
class TwoAFC:
    """Dreams compared with real images as an explanation of one unit.

    Attributes:
        dreams: with the dreams as references.
        natural: with the other strong and weak real images as references; None with fewer than two of each.
        gap: natural accuracy - dreams' accuracy; None without natural references.
        similarity: what compared the images, in words.
    """

    dreams: TwoAFCScore
    natural: TwoAFCScore | None
    gap: float | None
    similarity: str

    def _repr_html_(self) -> str:
        parts = {"dreams": self.dreams, "real images": self.natural}
        return frame(
            table(f"2AFC by {self.similarity}", [{"references": k, **plain(v)} for k, v in parts.items() if v])
        )


def machine_score(
    network: AnyNetwork,
    strong: Images | ImageFolder,
    weak: Images | ImageFolder,
    dreams: Images | ImageFolder,
    minimal: Images | ImageFolder = (),
    *,
    layer: str,
    layers: Sequence[str] = (),
) -> TwoAFC:
    """Return how often dreams tell a strongly from a weakly activating real image, with natural references to compare.

    The two-alternative forced choice of Borowski et al. (ICLR 2021, arXiv 2010.12606) with a similarity model in place
    of the person, as in the machine interpretability score of Zimmermann, Klindt and Brendel ("Measuring Per-Unit
    Interpretability at Scale Without Humans", NeurIPS 2024). For a query q and references E+ (strong) and E- (weak)

        evidence(q) = mean similarity of q to E+  -  mean similarity of q to E-,

    and a pair is decided correctly if evidence(q+) > evidence(q-). Every strong query is paired with every weak one, so
    nothing is random. For the natural score E+ and E- are all other strong and weak images. The paper passes the
    difference through a sigmoid whose slope was fitted to human choices with DreamSim; that slope has no meaning for
    another similarity, so here it is the limit of a steep one: plain accuracy.

    The similarity is the network's own (see `perceptual_similarities`), of up to five layers before the unit's: a later
    one would contain the response itself. For a unit of the first layer the pixels are compared.

    Args:
        network: the network that the dreams were made for.
        strong: real images that activate the unit strongly, nine or more.
        weak: real images that activate it least.
        dreams: images that maximize the unit.
        minimal: images that minimize it. Without them the dreams' evidence is the similarity to `dreams` alone, so that
            a query slightly similar to everything counts as strong.
        layer: the unit's, or `LOGITS`.
        layers: what the similarity compares; default: up to five layers before `layer`.

    Raises:
        ImageError: no strong or weak images, or no dreams.
        UnknownNameError: no such layer.

    Example:
        >>> machine_score(network, images[:3], images[8:11], [dreams[0].image], layer="conv6").dreams.pairs
        9
    """
    if not (len(strong) and len(weak) and len(dreams)):
        raise ImageError(f"{len(strong)} strong and {len(weak)} weak images, {len(dreams)} dreams: at least 1 of each")
    network = network_of(network)
    given = [fitted_images(network, images) for images in (strong, weak, dreams, minimal) if len(images)]
    ends = np.cumsum([0, *map(len, given), *([] if len(minimal) else [0])]).tolist()
    trials = TwoAFCTrials(*(range(start, end) for start, end in itertools.pairwise(ends)))
    return two_afc_scores(network, np.concatenate(given), [trials], tuple(layers) or layers_before(network, layer))[0]


def two_afc_scores(
    network: Network, images: Images, trials: Sequence[TwoAFCTrials], layers: Sequence[str]
) -> tuple[TwoAFC, ...]:
    """Return the `machine_score` of several units; an image that they share is evaluated once."""
    similarities = perceptual_similarities(network, images, [sum(map(tuple, each), ()) for each in trials], layers)
    named = f"perceptual cosine over {', '.join(layers).replace(PIXELS, 'the pixels')}"
    return tuple(_score_unit(similarity, each, named) for similarity, each in zip(similarities, trials, strict=True))


def two_afc_trials(batch: Batch, row: int) -> TwoAFCTrials:
    """Return a unit's dreams, by row of the batch's dreams, and its strongest and weakest real images by number.

    Raises:
        ImageError: there are too few images, or all have the same response.
    """
    check_responses_vary(batch, row)
    scan, by = batch.scans[row], batch.units[row].by
    strong, weak = ([ranked.index for ranked in ranking[by]] for ranking in (scan.strongest, scan.weakest))
    if set(strong) & set(weak):
        raise ImageError(f"{scan.counted} images: too few for {len(strong)} strong and as many weak ones")
    return TwoAFCTrials(strong, weak, batch.dream_rows[row])


def _compute(batch: Batch) -> list[TwoAFC | Missing]:
    layers = layers_before(batch.network, batch.layer)
    return batch.with_images(
        batch.each(lambda row: two_afc_trials(batch, row)),
        ("strong", "weak"),
        lambda stack, trials: two_afc_scores(batch.network, stack, trials, layers),
    )


def _score_unit(similarity: Matrix, trials: TwoAFCTrials, named: str) -> TwoAFC:
    """Return the score from the similarities of strong, weak, dreamed and minimizing images, in this order."""
    strong, queries = len(trials.strong), len(trials.strong) + len(trials.weak)
    towards, away = np.split(similarity[:queries, queries:], [len(trials.dreams)], axis=1)
    evidence = towards.mean(axis=1) - (away.mean(axis=1) if len(trials.minimal) else 0)
    dreams = _score(evidence[:strong, None] - evidence[None, strong:])
    enough = min(strong, len(trials.weak)) > 1
    natural = _score(_natural_evidence(similarity[:queries, :queries], strong)) if enough else None
    gap = natural.accuracy - dreams.accuracy if natural else None
    return TwoAFC(dreams, natural, gap, named)


def perceptual_similarities(
    network: Network, images: Images, groups: Sequence[Sequence[int]], layers: Sequence[str]
) -> list[Matrix]:
    """Return how similar to the network every two images are of each group of rows, in [-1, 1]; 1 for equal images.

    In each layer the units' values at a position are a vector u scaled to length 1, and two images' distance d is the
    mean of |u - u'|^2 over the positions: LPIPS (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a
    Perceptual Metric", CVPR 2018, equation 1) without its learned weights. The similarity is 1 - d / 2, averaged over
    the layers: the mean cosine where both vectors differ from zero, 1 where both are zero, 1/2 where only one is.
    `PIXELS` stands for the images themselves, less each one's mean color.
    """
    totals = [np.zeros((len(group), len(group))) for group in groups]
    for layer, values in iter_layers(network, images, layers):
        maps = values.reshape(len(values), -1, values.shape[-1])  # (n, positions, units)
        units = unit_length(centered(maps, 1) if layer == PIXELS else maps)
        active = (units != 0).any(axis=-1).mean(axis=-1)  # (n,), share of positions that are not zero
        rows = units.reshape(len(units), -1)
        for total, group in zip(totals, groups, strict=True):
            shares, flat = active[list(group)], rows[list(group)]
            total += 1 - (shares[:, None] + shares) / 2 + flat @ flat.T / maps.shape[1]
    return [total / len(layers) for total in totals]


def _natural_evidence(similarity: Matrix, strong: int) -> Matrix:
    """Return the difference of evidence (strong, weak) for each pair of queries, from all other images."""
    weak = len(similarity) - strong
    towards, away = similarity[:, :strong].sum(axis=1), similarity[:, strong:].sum(axis=1)
    own = np.diag(similarity)
    among_strong = (towards[:strong] - own[:strong]) / (strong - 1)  # q+ is not its own reference, nor is q-
    among_weak = (away[strong:] - own[strong:]) / (weak - 1)
    across = similarity[:strong, strong:]
    for_strong = among_strong[:, None] - (away[:strong, None] - across) / (weak - 1)
    for_weak = (towards[None, strong:] - across) / (strong - 1) - among_weak[None, :]
    return np.asarray(for_strong - for_weak)


def _score(differences: Matrix) -> TwoAFCScore:
    correct = (differences > _TIE) + 0.5 * (np.abs(differences) <= _TIE)
    return TwoAFCScore(float(correct.mean()), float(differences.mean()), int(differences.size))


def _caption(value: TwoAFC) -> Caption:
    natural = "" if value.natural is None else f"real images {percent(value.natural.accuracy)}; "
    accuracy = value.dreams.accuracy
    return Caption(percent(accuracy), f"{natural}{value.dreams.pairs} pairs", accuracy < 0.5)


TWO_AFC = Measure(
    name="two_afc",
    title="2AFC",
    meaning="How often the dreams alone tell a strongly from a weakly activating image, compared with real references; "
    "chance is 50 %.",
    needs=frozenset({"dream", "scan", "features"}),
    compute=_compute,
    caption=_caption,
    columns={
        "two_afc_dreams": lambda value: value.dreams.accuracy,
        "two_afc_natural": lambda value: value.natural and value.natural.accuracy,
    },
)
