"""A comparison as values: each unit's dream and the real images that activate it most, with every measure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from markupsafe import Markup

from dreamfilters.comparison.measures.measure import Caption, Missing, as_values
from dreamfilters.comparison.measures.registry import MEASURES
from dreamfilters.comparison.measures.response_rank import ResponseRank, ResponseRanks
from dreamfilters.comparison.units import ComparedUnit, UnitView
from dreamfilters.display import frame, heading, table, tiles, warning
from dreamfilters.dreams.result import Dream
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.number_format import grouped, number, times
from dreamfilters.serialization import plain

_SHOWN = 12  # units in a notebook


@dataclass(frozen=True)
class Headline:
    """The result for one unit.

    Attributes:
        figure: the number that states it.
        words: the words beside the number.
        flags: remarks.
        bad: those of the flags that speak against the dream.
    """

    figure: str
    words: str
    flags: tuple[str, ...]
    bad: tuple[str, ...]


_UNIT_KEYS = ("target", "layer", "unit", "by", "activated", "strongest_image")


def row_keys() -> tuple[str, ...]:
    """Return the keys of `UnitComparison.row`."""
    return (*_UNIT_KEYS, *(key for measure in MEASURES.values() for key in measure.row(None)))


# Measure -> name -> number, of the measures that have a `SummaryLine`: those of one unit, or their means over units.
Numbers: TypeAlias = Mapping[str, Mapping[str, float | None]]


def means_of(units: Iterable[Numbers]) -> dict[str, dict[str, float]]:
    """Return the mean of each number of the measures' summaries over the units that have it."""
    found: dict[str, dict[str, list[float]]] = {}
    for unit in units:
        for measure, numbers in unit.items():
            for name, value in numbers.items():
                if value is not None:
                    found.setdefault(measure, {}).setdefault(name, []).append(value)
    return {
        measure: {name: math.fsum(values) / len(values) for name, values in numbers.items()}
        for measure, numbers in found.items()
    }


def summary_lines(means: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    """Return a line for each measure that has a summary, from its means."""
    summaries = {name: measure.summary for name, measure in MEASURES.items() if measure.summary is not None}
    return tuple(summary.text(means[name]) for name, summary in summaries.items() if name in means)


@dataclass(frozen=True, eq=False)
class UnitComparison:
    """One unit.

    Attributes:
        unit: which unit.
        facts: of its layer.
        dreams: one a seed; the first is compared.
        view: the unit's response to the compared dream.
        real: its strongest real images, the strongest first.
        user_image: the user's image, None for none.
        measures: name -> value; a measure whose conditions the unit does not fulfil is absent.
        missing: name -> why a measure has no value.
    """

    unit: ComparedUnit
    facts: LayerInfo
    dreams: tuple[Dream, ...]
    view: UnitView
    real: tuple[UnitView, ...]
    user_image: UnitView | None
    measures: Mapping[str, Any]
    missing: Mapping[str, str]

    @property
    def name(self) -> str:
        """The unit's target."""
        return self.unit.name

    @property
    def dream(self) -> Dream:
        """The compared dream."""
        return self.dreams[0]

    @property
    def views(self) -> tuple[UnitView, ...]:
        """All views that are shown, the dream's first."""
        return (self.view, *self.real, *([self.user_image] if self.user_image else []))

    @property
    def response_rank(self) -> ResponseRank:
        """The dream's response among those of all real images, by the unit's `by`."""
        ranks: ResponseRanks = self.measures["response_rank"]
        return ranks.rank

    @property
    def loses(self) -> bool:
        """Whether a real image activates the unit more than its dream does."""
        return self.response_rank.loses

    @property
    def loses_robust(self) -> bool:
        """Whether one does under small transforms."""
        robust: ResponseRanks | None = self.measures.get("robust_response_rank")
        return robust is not None and robust.rank.loses

    @property
    def responds_equally(self) -> bool:
        """Whether the unit has the same response to all of several real images, such as 0."""
        histogram = self.measures["response_rank"].histogram
        return self.response_rank.count > 1 and not histogram.high > histogram.low

    @property
    def headline(self) -> Headline:
        """The response to the dream over the largest response to a real image, and what to flag."""
        rank, dream = self.response_rank, self.dream
        flags = [f"same response to all {grouped(rank.count)} real images"] if self.responds_equally else []
        bad = [] if dream.activated else [dream.note or "not activated: its score never rose"]
        if self.loses:
            bad.append("loses to a real image")
        elif self.loses_robust:
            bad.append("loses to a real image under small transforms")
        flags += [dream.appearance.label] if dream.appearance else []
        flags += bad
        if dream.activated and dream.recovered_by:
            flags.append(f"recovered by {dream.recovered_by}")
        if rank.ratio is not None:
            return Headline(times(rank.ratio), "the strongest real image", tuple(flags), tuple(bad))
        words = "no real image activates it" if rank.response > 0 else "neither the dream nor a real image activates it"
        return Headline(number(rank.response), words, tuple(flags), tuple(bad))

    @property
    def captions(self) -> Mapping[str, Caption]:
        """Name -> caption of every measure with a value, or with a reason why it has none."""
        values = {**self.measures, **{name: Missing(reason) for name, reason in self.missing.items()}}
        return {name: measure.captioned(values[name]) for name, measure in MEASURES.items() if name in values}

    @property
    def row(self) -> dict[str, Any]:
        """The unit as one row of numbers; all units have the keys `row_keys()`."""
        strongest = self.real[0].name if self.real else ""
        unit = (self.name, self.facts.title, self.unit.number, self.unit.by, self.dream.activated, strongest)
        cells: dict[str, Any] = dict(zip(_UNIT_KEYS, unit, strict=True))
        for name, measure in MEASURES.items():
            cells.update(measure.row(self.measures.get(name)))
        return cells

    @property
    def numbers(self) -> Numbers:
        """The numbers of each measure that has a summary."""
        summaries = {name: measure.summary for name, measure in MEASURES.items() if name in self.measures}
        return {name: one.numbers(self.measures[name]) for name, one in summaries.items() if one is not None}

    def as_values(self) -> dict[str, Any]:
        """Return everything but pixels as plain values."""
        return {
            "target": self.name,
            "title": self.unit.title,
            "layer": self.facts.title,
            "unit": self.unit.number,
            "by": self.unit.by,
            "dreams": plain([dream.as_values() for dream in self.dreams]),
            "view": self.view.as_values(),
            "real": [view.as_values() for view in self.real],
            "user_image": self.user_image and self.user_image.as_values(),
            "measures": {name: as_values(value) for name, value in self.measures.items()},
            "missing": dict(self.missing),
        }

    def _repr_html_(self) -> str:
        rows = [
            {"measure": caption.name or name, "value": caption.figure, "detail": caption.detail}
            for name, caption in self.captions.items()
        ]
        return frame(_shown(self), table("", rows))

    def __repr__(self) -> str:
        rank = self.response_rank
        return f"UnitComparison({self.name!r}, {rank.response:.4g} against {rank.largest:.4g})"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` returns: dreams of a network's units compared with real images.

    Attributes:
        network: its name.
        units: one for each unit of the targets.
        facts: how it was made: label -> text.
        failures: name and reason of each image that could not be read.
    """

    network: str
    units: tuple[UnitComparison, ...]
    facts: Mapping[str, str]
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """Measure -> name -> mean over the units, of the measures that have a summary."""
        return means_of(unit.numbers for unit in self.units)

    def as_values(self) -> dict[str, Any]:
        """Return everything but pixels as plain values."""
        return {
            "network": self.network,
            "means": self.means,
            "facts": dict(self.facts),
            "failures": [list(failure) for failure in self.failures],
            "units": [unit.as_values() for unit in self.units],
        }

    def _repr_html_(self) -> str:
        losing = f"{sum(unit.loses for unit in self.units)} of {len(self.units)} dreams lose to a real image."
        more = f"The first {_SHOWN} of {len(self.units)} units; df.write_report writes a page of all." * (
            len(self.units) > _SHOWN
        )
        failures = f"{len(self.failures)} images could not be read." if self.failures else ""
        shown = [_shown(unit) for unit in self.units[:_SHOWN]]
        title = heading(f"{self.network}: dreams and real images", losing)
        return frame(title, *filter(None, [*summary_lines(self.means), more, failures]), *shown)

    def __repr__(self) -> str:
        losing = sum(unit.loses for unit in self.units)
        return f"Comparison({self.network!r}, {len(self.units)} units, {losing} lose to a real image)"


def _shown(unit: UnitComparison) -> Markup:
    """Return the dream beside the real images that activate the unit most, with the responses."""
    headline = unit.headline
    views = [("dream", unit.view), *((view.name, view) for view in unit.real)]
    views += [(unit.user_image.name, unit.user_image)] if unit.user_image else []
    images = [(view.image, (name, f"{number(view.response)}", view.label)) for name, view in views]
    title = heading(unit.unit.title or unit.name, f"dream: {headline.figure} {headline.words}")
    return title + warning("; ".join(headline.flags)) + tiles(images)
