"""Which unit of another network is most like a unit, and what it answers to the unit's dream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.comparison.measures.class_transfer import as_seen_by
from dreamfilters.comparison.measures.response_rank import ResponseRank, response_rank
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats, mean_responses
from dreamfilters.evidence.features import Images, centered, unit_length
from dreamfilters.networks import Network
from dreamfilters.serialization import finite, plain, table


@dataclass(frozen=True)
class UnitMatch:
    """The unit of another network that is most like a unit.

    Attributes:
        layer: its layer there.
        unit: its number there.
        correlation: of the two units' answers, over real images that had no part in choosing it; None if undefined.
        chosen_by: the correlation over those images that chose it. A best of many, it flatters.
        units: from how many it was chosen.
        images: over how many images `correlation` is.
    """

    layer: str
    unit: int
    correlation: float | None
    chosen_by: float
    units: int
    images: int


@dataclass(frozen=True)
class UnitTransfer:
    """One dream of a unit, shown to the most like unit of another network.

    Attributes:
        kin: that unit.
        standing: its mean response to the dream beside those to the real images.
    """

    kin: UnitMatch
    response_rank: ResponseRank

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return table("Transfer", [{**plain(self.kin), **self.response_rank.as_values()}])


def unit_transfer(
    network: Network,
    layer: str,
    unit: int,
    dreams: Images,
    other: Network,
    real: Images,
    *,
    layers: Sequence[str] = (),
) -> tuple[UnitTransfer, ...]:
    """Return for each dream of a unit what the most correlated unit of another network answers to it.

    For many units take `mean_responses` of both networks once, and `best_match`.

    Args:
        network: what the dreams were made on.
        layer: the unit's.
        unit: its number.
        dreams: of that unit.
        other: the network to show them to.
        real: images shown to both, four or more; some hundreds for a choice that means something.
        layers: where to look in the other network; all its layers with weights by itself.

    Raises:
        ImageError: fewer than four images, or the unit answers them all alike.
        UnknownNameError: no such layer.
        InputFormError: as in `class_transfer`.
    """
    own = mean_responses(network, real, [layer])[layer][:, unit]
    answers = mean_responses(other, as_seen_by(other, real), tuple(layers) or searchable_layers(other))
    kin = best_match(own, answers)
    if kin is None:
        why = f"no unit of {other.name} varies with it over {len(real)} real images"
        raise ImageError(f"{layer}:{unit}: {why}; give 4 or more that differ")
    to_dreams = mean_responses(other, as_seen_by(other, dreams), [kin.layer])[kin.layer][:, kin.unit]
    beside = answers[kin.layer][:, kin.unit]
    return tuple(UnitTransfer(kin, response_rank(float(response), beside)) for response in to_dreams)


def best_match(own: ArrayLike, answers: Mapping[str, Floats]) -> UnitMatch | None:
    """Return which unit of another network answers real images most as one unit does; None where nothing varies.

    By Pearson correlation, as in Li et al., "Convergent Learning: Do different neural networks learn the same
    representations?" (ICLR 2016). Every second image chooses, and the others say how much the choice is worth: the best
    of thousands of units is correlated with anything.

    Args:
        own: (n,) the unit's mean responses.
        answers: layer of the other network -> (n, units), its mean responses to the same images.
    """
    ours = np.asarray(own, np.float64)
    found = {layer: _correlations(ours[::2], values[::2]) for layer, values in answers.items()}
    best = max(found, key=lambda layer: float(np.nanmax(found[layer], initial=-np.inf)))
    if len(ours) < 4 or not np.isfinite(found[best]).any():
        return None
    there = int(np.nanargmax(found[best]))
    return UnitMatch(
        layer=best,
        unit=there,
        correlation=finite(_correlations(ours[1::2], answers[best][1::2, [there]])[0]),
        chosen_by=float(found[best][there]),
        units=sum(len(numbers) for numbers in found.values()),
        images=len(ours) // 2,
    )


def searchable_layers(network: Network) -> tuple[str, ...]:
    """Return the layers with weights of their own; any other repeats or rearranges what these compute."""
    has_weights = {step.name for step in network.graph.steps if getattr(step.operation, "weights", None)}
    return tuple(info.name for info in network.layers if info.dreamable and info.name in has_weights)


def _correlations(own: NDArray[np.float64], others: Floats) -> NDArray[np.float64]:
    """Return the correlation of (n,) with each column of (n, units); NaN where one of the two is constant."""
    ours, theirs = centered(own, 0), centered(others.T.astype(np.float64), 1)
    return np.asarray(unit_length(theirs, zero=np.nan) @ unit_length(ours, zero=np.nan))
