"""An atlas as values and pages: a row and a page for each unit, and an index page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dreamfilters.comparison.result import UnitComparison, means_of, row_keys, summary_lines
from dreamfilters.display import frame, heading, share_bars
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.watching import logits_step
from dreamfilters.report.html_frame import anchors, rendered, script_json
from dreamfilters.report.report import UnitCard
from dreamfilters.report.tables import csv_bytes, json_bytes
from dreamfilters.serialization import typed
from dreamfilters.verdicts.result import Finding
from dreamfilters.verdicts.verdict import COLORS, KINDS

PAGE, TABLE, VALUES = "index.html", "atlas.csv", "atlas.json"
UNITS = "units"  # the folder of the units' pages
_VERDICT_KEYS = ("verdict", "proved", "evidence")  # of a unit's row, after those of its comparison


@dataclass(frozen=True)
class AtlasUnit:
    """One unit in the index of an atlas.

    Attributes:
        name: its target.
        layer: `LOGITS` for a class.
        title: its name in the grid.
        page, image: its page and its dream, as paths from the atlas.
        figure: the response to the dream over the largest response to a real image, or the response.
        verdict: one of `KINDS`.
        flags: what to flag, in words.
        loses: whether a real image activates it more than its dream.
        words: the text that a search looks through.
        row: its numbers, see `UnitComparison.row`, and its verdict.
        numbers: those of the measures that have a summary, see `UnitComparison.numbers`.
    """

    name: str
    layer: str
    title: str
    page: str
    image: str
    figure: str
    verdict: str
    flags: tuple[str, ...]
    loses: bool
    words: str = field(repr=False)
    row: Mapping[str, Any] = field(repr=False)
    numbers: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict, repr=False)

    @property
    def anchor(self) -> str:
        """The id of its tile."""
        return anchor_of(self.page)


def atlas_unit_from(values: Any) -> AtlasUnit:
    """Return the unit whose plain values, see `serialization.plain`, were stored.

    Raises:
        ValueError: the values are not those of a unit.
    """
    unit: AtlasUnit = typed(AtlasUnit, values, "index")
    if set(unit.row) != {*row_keys(), *_VERDICT_KEYS}:
        raise ValueError("index: its row has other keys")
    return unit


def atlas_unit_of(unit: UnitComparison, finding: Finding, *, page: str, image: str) -> AtlasUnit:
    """Return a unit's entry in the index."""
    card, verdict = UnitCard(unit, ""), finding.verdict
    verdict_cells = zip(_VERDICT_KEYS, (verdict.kind, verdict.proved, verdict.sentence), strict=True)
    return AtlasUnit(
        name=unit.name,
        layer=unit.unit.layer,
        title=card.title if unit.unit.is_class else str(unit.unit.number),
        page=page,
        image=image,
        figure=unit.headline.figure,
        verdict=verdict.kind,
        flags=unit.headline.flags,
        loses=unit.loses,
        words=f"{card.words} {verdict.kind}",
        row={**unit.row, **dict(verdict_cells)},
        numbers=unit.numbers,
    )


@dataclass(frozen=True)
class AtlasLayer:
    """The units of one layer in the index."""

    title: str
    detail: str
    anchor: str
    units: tuple[AtlasUnit, ...]


@dataclass(frozen=True)
class Atlas:
    """A network's units, compared and judged.

    Attributes:
        network: its name.
        units: those of a layer together.
        details: layer -> what its units are, in words.
        facts: how it was made: label -> text.
        failures: name and reason of each image that could not be read.
    """

    network: str
    units: tuple[AtlasUnit, ...]
    details: Mapping[str, str]
    facts: Mapping[str, str]
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def layers(self) -> tuple[AtlasLayer, ...]:
        """The layers in their order."""
        groups = [(layer, tuple(units)) for layer, units in groupby(self.units, lambda unit: unit.layer)]
        titles = ["Classes" if layer == LOGITS else layer for layer, _ in groups]
        ids = anchors([f"layer {title}" for title in titles])
        return tuple(
            AtlasLayer(title, self.details[layer], anchor, units)
            for title, anchor, (layer, units) in zip(titles, ids, groups, strict=True)
        )

    @property
    def counts(self) -> dict[str, int]:
        """Verdict -> number of units, without verdicts that no unit has."""
        kinds = [unit.verdict for unit in self.units]
        return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """Measure -> name -> mean over the units, of the measures that have a summary."""
        return means_of(unit.numbers for unit in self.units)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        return f"Atlas({self.network[:80]!r}, {len(self.units)} units: {counts})"

    def _repr_html_(self) -> str:
        rows = {layer.title: dict(Counter(unit.verdict for unit in layer.units)) for layer in self.layers}
        losing = f"{sum(unit.loses for unit in self.units)} of {len(self.units)} dreams lose to a real image."
        return frame(heading(f"Atlas of {self.network}", losing), *summary_lines(self.means), share_bars(rows, COLORS))

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "network": self.network,
            "counts": self.counts,
            "means": self.means,
            "facts": dict(self.facts),
            "failures": [list(failure) for failure in self.failures],
            "units": [{**unit.row, "page": unit.page, "dream": unit.image} for unit in self.units],
        }


def index_files(atlas: Atlas) -> dict[str, bytes]:
    """Return the index page and its numbers, name -> bytes.

    The page contains no images: the dreams are separate files that load lazily, so that thousands of units open fast.
    """
    found = [{"words": unit.words, "kind": unit.verdict, "loses": unit.loses} for unit in atlas.units]
    page = rendered(
        "gallery/atlas.html", ("gallery/gallery.css", "atlas.css"), ("gallery/atlas.js",), layers=atlas.layers,
        data=script_json(found),
        what="atlas", network=atlas.network, facts=atlas.facts, failures=atlas.failures, values=VALUES,
        count=len(atlas.units), counts=atlas.counts, losing=sum(unit.loses for unit in atlas.units),
        summaries=summary_lines(atlas.means),
    )  # fmt: skip
    return {
        TABLE: csv_bytes([unit.row for unit in atlas.units]),
        VALUES: json_bytes(atlas.as_values()),
        PAGE: page.encode("utf-8", "replace"),
    }


@dataclass(frozen=True)
class Neighbors:
    """Links from a unit's page: its tile in the index, and link and name of the previous and the next unit."""

    index: str
    previous: tuple[str, str] | None
    next: tuple[str, str] | None


def neighbors(names: Sequence[str], pages: Sequence[str], number: int) -> Neighbors:
    """Return the links of the page of unit `number`; all pages are in one folder below the atlas."""

    def link(other: int) -> tuple[str, str] | None:
        return (pages[other].rpartition("/")[2], names[other]) if 0 <= other < len(pages) else None

    return Neighbors(f"../{PAGE}#{anchor_of(pages[number])}", link(number - 1), link(number + 1))


def anchor_of(page: str) -> str:
    """Return the id of a unit's tile, from its page's name."""
    return f"unit-{page.rpartition('/')[2].removesuffix('.html')}"


def unit_page(network: str, unit: UnitComparison, finding: Finding, links: Neighbors) -> bytes:
    """Return the page of one unit, with all measures and the images inside."""
    page = rendered(
        "unit/unit_page.html", ("unit/unit.css", "atlas.css"), ("unit/unit_page.js",), network=network,
        card=UnitCard(unit, anchors([unit.name])[0]), finding=finding, links=links,
    )  # fmt: skip
    return page.encode("utf-8", "replace")


def judged_layer(network: Network, layer: str) -> str:
    """Return the layer that an audit judges for the units of a layer: for the logits, the layer of the classes."""
    return logits_step(network.graph).name if layer == LOGITS else layer
