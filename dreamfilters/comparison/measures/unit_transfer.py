"""Which unit of another network matches a unit, and how strongly it responds to the unit's dream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.class_transfer import in_channels_of
from dreamfilters.comparison.measures.measure import NO_VALUE, Caption, Measure, Missing
from dreamfilters.comparison.measures.response_rank import ResponseRank, response_rank
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.display import Tabular
from dreamfilters.evidence.activations import Floats, mean_responses
from dreamfilters.evidence.features import centered, unit_length
from dreamfilters.networks import Network
from dreamfilters.number_format import number, percent
from dreamfilters.serialization import finite


@dataclass(frozen=True)
class UnitMatch:
    """The unit of another network that correlates most with a unit.

    Attributes:
        layer: its layer there.
        unit: its number there.
        correlation: of the two units' responses to the real images that did not choose it; None if undefined.
        chosen_by: correlation over the images that chose it. Biased upward: it is the maximum over units.
        units: number of units it was chosen from.
        images: number of images behind `correlation`.
    """

    layer: str
    unit: int
    correlation: float | None
    chosen_by: float
    units: int
    images: int


@dataclass(frozen=True)
class UnitTransfer(Tabular):
    """One dream of a unit, shown to the matching unit of another network.

    Attributes:
        match: that unit.
        response_rank: its mean response to the dream among those to the real images.
    """

    match: UnitMatch
    response_rank: ResponseRank


def best_match(responses: ArrayLike, others: Mapping[str, Floats]) -> UnitMatch | None:
    """Return the unit of another network that correlates most with a unit; None where nothing varies.

    By Pearson correlation, as in Li et al., "Convergent Learning: Do different neural networks learn the same
    representations?" (ICLR 2016). Every second image chooses the unit and the others give `correlation`, because the
    best of thousands of units correlates with anything.

    Args:
        responses: (n,) the unit's mean responses.
        others: layer of the other network -> (n, units), its mean responses to the same images.

    Example:
        >>> others = {"conv": np.array([[0, 2], [1, 4], [0, 6], [1, 8], [0, 10], [1, 12]], np.float32)}
        >>> match = best_match([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], others)
        >>> match.layer, match.unit, match.images
        ('conv', 1, 3)
    """
    ours = np.asarray(responses, np.float64)
    found = {layer: _correlations(ours[::2], values[::2]) for layer, values in others.items()}
    best = max(found, key=lambda layer: float(np.nanmax(found[layer], initial=-np.inf)))
    if len(ours) < 4 or not np.isfinite(found[best]).any():
        return None
    unit = int(np.nanargmax(found[best]))
    return UnitMatch(
        layer=best,
        unit=unit,
        correlation=finite(_correlations(ours[1::2], others[best][1::2, [unit]])[0]),
        chosen_by=float(found[best][unit]),
        units=sum(len(numbers) for numbers in found.values()),
        images=len(ours) // 2,
    )


def searchable_layers(network: Network) -> tuple[str, ...]:
    """Return the layers with weights of their own; the others repeat or rearrange what these compute."""
    has_weights = {step.name for step in network.graph.steps if getattr(step.operation, "weights", None)}
    return tuple(info.name for info in network.layers if info.dreamable and info.name in has_weights)


def _correlations(ours: NDArray[np.float64], others: Floats) -> NDArray[np.float64]:
    """Return the correlation of (n,) with each column of (n, units); NaN where one of the two is constant."""
    one, many = centered(ours, 0), centered(others.T.astype(np.float64), 1)
    return np.asarray(unit_length(many, zero=np.nan) @ unit_length(one, zero=np.nan))


def _compute(batch: Batch) -> list[UnitTransfer | Missing]:
    assert batch.other is not None
    references, other = batch.references, batch.other
    responses = mean_responses(batch.network, references.images, [batch.layer])[batch.layer]
    others = references.shared(_responses_of_other, other)
    matches = [best_match(responses[:, unit.number], others) for unit in batch.units]
    layers = list(dict.fromkeys(match.layer for match in matches if match))
    to_dreams = mean_responses(other, in_channels_of(other, batch.first_dreams), layers) if layers else {}

    def transfer(row: int, match: UnitMatch | None) -> UnitTransfer | Missing:
        if match is None:
            count = len(references.sampled)
            return Missing(f"{count} images: the unit has the same response to all; give images that differ")
        response = float(to_dreams[match.layer][row, match.unit])
        return UnitTransfer(match, response_rank(response, others[match.layer][:, match.unit]))

    return [transfer(row, match) for row, match in enumerate(matches)]


def _responses_of_other(references: ReferenceSet, other: Network) -> dict[str, Floats]:
    return mean_responses(other, in_channels_of(other, references.images), searchable_layers(other))


def _caption(value: UnitTransfer) -> Caption:
    match = value.match
    correlation = NO_VALUE if match.correlation is None else number(match.correlation)
    detail = f"{match.layer}:{match.unit}, correlation {correlation}"
    return Caption(percent(value.response_rank.percentile / 100), detail)


UNIT_TRANSFER = Measure(
    name="unit_transfer",
    title="Transfer",
    meaning="The matching unit of the other network: share of real images whose response is at most the dream’s.",
    needs=frozenset({"dream", "hidden unit", "other network"}),
    compute=_compute,
    caption=_caption,
    columns={
        "unit_transfer_percentile": lambda value: value.response_rank.percentile,
        "unit_transfer_correlation": lambda value: value.match.correlation,
    },
)
