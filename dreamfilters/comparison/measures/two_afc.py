"""Whether somebody who has only seen the dreams can tell which of two real images excites the unit more."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

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
from dreamfilters.networks import Network
from dreamfilters.serialization import plain, table

Matrix: TypeAlias = NDArray[np.float64]

_TIE = 1e-6  # a difference that float32 may have rounded into being


@dataclass(frozen=True)
class TwoAFCScore:
    """How a similarity model fared with one kind of reference.

    Attributes:
        accuracy: the share of pairs in which it took the strong query for the strong one, ties as half; chance is .5.
        margin: by how much the strong query's evidence exceeds the weak one's, on average.
        pairs: how many there were.
    """

    accuracy: float
    margin: float
    pairs: int


class TwoAFCTrials(NamedTuple):
    """One unit's strong and weak images and what maximizes and minimizes it, as places in a stack of images."""

    strong: Sequence[int]
    weak: Sequence[int]
    dreams: Sequence[int]
    minimal: Sequence[int] = ()


@dataclass(frozen=True)
class TwoAFC:
    """Dreams against real images as an explanation of one unit.

    Attributes:
        dreams: told by the dreams alone.
        natural: told by the other strong and weak real images; None where there are not two of each.
        gap: accuracy of the natural references less that of the dreams; None without them.
        similarity: what compared the images, in words.
    """

    dreams: TwoAFCScore
    natural: TwoAFCScore | None
    gap: float | None
    similarity: str

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        parts = {"dreams": self.dreams, "real images": self.natural}
        return table(f"Duel by {self.similarity}", [{"references": k, **plain(v)} for k, v in parts.items() if v])


def machine_score(
    network: Network,
    strong: Images,
    weak: Images,
    dreams: Images,
    minimal: Images = (),
    *,
    layer: str,
    layers: Sequence[str] = (),
) -> TwoAFC:
    """Return how often dreams tell a strongly from a weakly activating real image, beside real references.

    The two-choice test of Borowski et al. (ICLR 2021, arXiv 2010.12606) with a similarity model in the place of the
    person, as in the machine interpretability score of Zimmermann, Klindt and Brendel ("Measuring Per-Unit
    Interpretability at Scale Without Humans", NeurIPS 2024). For a query q and references E+ (strong) and E- (weak)

        evidence(q) = mean similarity of q to E+  -  mean similarity of q to E-,

    and a pair is told right if evidence(q+) > evidence(q-). Every strong query meets every weak one, so nothing is
    drawn by chance. For the natural score E+ and E- are all the other strong and weak images. The paper passes the
    difference through a sigmoid whose slope was fitted to people's answers with DreamSim; that slope means nothing for
    another similarity, so here it is the limit of a steep one: plain accuracy.

    The similarity is the network's own (see `perceptual_similarity`), of up to five layers before the unit's: a later
    one would know the answer. For a unit of the first layer the pixels are compared.

    Args:
        network: what the dreams were made on.
        strong: real images that excite the unit strongly, nine or more.
        weak: real images that excite it least.
        dreams: what maximizes the unit.
        minimal: what minimizes it. Without these the dreams' evidence is the similarity to `dreams` alone, and a query
            that is like everything a little is taken for a strong one.
        layer: the unit's, or `LOGITS`.
        layers: what the similarity compares, if not the default.

    Raises:
        ImageError: no strong or weak images, or no dreams.
        UnknownNameError: no such layer.

    Example:
        >>> machine_score(network, strong, weak, [made.image], layer="conv6").dreams.accuracy
        0.87
    """
    if not (len(strong) and len(weak) and len(dreams)):
        raise ImageError(f"{len(strong)} strong and {len(weak)} weak images, {len(dreams)} dreams: at least 1 of each")
    given = [fitted_images(network, images) for images in (strong, weak, dreams, minimal) if len(images)]
    ends = np.cumsum([0, *(len(images) for images in (strong, weak, dreams, minimal))]).tolist()
    match = TwoAFCTrials(*(range(start, end) for start, end in itertools.pairwise(ends)))
    return two_afc_of(network, np.concatenate(given), [match], tuple(layers) or layers_before(network, layer))[0]


def two_afc_of(
    network: Network, images: Images, matches: Sequence[TwoAFCTrials], layers: Sequence[str]
) -> tuple[TwoAFC, ...]:
    """Return what `machine_score` says of several units: an image that many of them share is looked at once."""
    found = _similarities(network, images, [sum(map(tuple, match), ()) for match in matches], layers)
    named = f"perceptual cosine over {', '.join(layers).replace(PIXELS, 'the pixels')}"
    return tuple(_duel(similarity, match, named) for similarity, match in zip(found, matches, strict=True))


def _duel(similarity: Matrix, match: TwoAFCTrials, named: str) -> TwoAFC:
    """Return a duel from the similarities of its strong, weak, dreamt and minimizing images, in this order."""
    strong, queries = len(match.strong), len(match.strong) + len(match.weak)
    towards, away = np.split(similarity[:queries, queries:], [len(match.dreams)], axis=1)
    evidence = towards.mean(axis=1) - (away.mean(axis=1) if len(match.minimal) else 0)
    own = _score(evidence[:strong, None] - evidence[None, strong:])
    enough = min(strong, len(match.weak)) > 1
    natural = _score(_natural_evidence(similarity[:queries, :queries], strong)) if enough else None
    gap = natural.accuracy - own.accuracy if natural else None
    return TwoAFC(own, natural, gap, named)


def perceptual_similarity(network: Network, images: Images, layers: Sequence[str]) -> Matrix:
    """Return how alike every two images look to the network, (n, n) in [-1, 1]; an image and itself have 1.

    In each layer the units' answers at a place are a vector u scaled to length 1, and two images' distance d is the
    mean of |u - u'|^2 over the places: LPIPS (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a
    Perceptual Metric", CVPR 2018, equation 1) without its learnt weights. The similarity is 1 - d / 2, averaged over
    the layers: the mean cosine wherever both answer; 1 at a place where both are silent, a half where only one is.
    `PIXELS` stands for the images themselves, less each one's mean color.
    """
    return _similarities(network, images, [range(len(images))], layers)[0]


def _similarities(
    network: Network, images: Images, groups: Sequence[Sequence[int]], layers: Sequence[str]
) -> list[Matrix]:
    """Return how alike the images of each group of places look to one another."""
    totals = [np.zeros((len(group), len(group))) for group in groups]
    for layer, values in iter_layers(network, images, layers):
        maps = values.reshape(len(values), -1, values.shape[-1])  # (n, places, units)
        units = unit_length(centered(maps, 1) if layer == PIXELS else maps)
        shares = (units != 0).any(axis=-1).mean(axis=-1)  # (n,), of the places that answer
        rows = units.reshape(len(units), -1)
        for total, group in zip(totals, groups, strict=True):
            awake, flat = shares[list(group)], rows[list(group)]
            total += 1 - (awake[:, None] + awake) / 2 + flat @ flat.T / maps.shape[1]
    return [total / len(layers) for total in totals]


def _natural_evidence(similarity: Matrix, strong: int) -> Matrix:
    """Return the difference of evidence (strong, weak) for each pair of queries, told by all the other images."""
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
    right = (differences > _TIE) + 0.5 * (np.abs(differences) <= _TIE)
    return TwoAFCScore(float(right.mean()), float(differences.mean()), int(differences.size))
