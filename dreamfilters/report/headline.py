"""The result for one unit at a glance: a figure, the words beside it, and its flags."""

from __future__ import annotations

from dataclasses import dataclass

from dreamfilters.comparison.number_format import grouped, number, times
from dreamfilters.comparison.result import UnitComparison


@dataclass(frozen=True)
class Headline:
    """The result for one unit: a figure, the words beside it, and flags."""

    figure: str
    words: str
    flags: tuple[str, ...]


def headline_of(unit: UnitComparison) -> Headline:
    """Return the response to the dream over the largest response to a real image, and what to flag."""
    rank, dream = unit.response_rank, unit.dream
    flags = [f"same response to all {grouped(rank.count)} real images"] if unit.responds_equally else []
    if not dream.activated:
        flags.append(dream.note or "not activated: its score never rose")
    if unit.loses:
        flags.append("loses to a real image")
    elif unit.loses_robust:
        flags.append("loses to a real image under small transforms")
    if dream.activated and dream.recovered_by:
        flags.append(f"recovered by {dream.recovered_by}")
    if rank.ratio is not None:
        return Headline(times(rank.ratio), "the strongest real image", tuple(flags))
    words = "no real image activates it" if rank.response > 0 else "neither the dream nor a real image activates it"
    return Headline(number(rank.response), words, tuple(flags))
