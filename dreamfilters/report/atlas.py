"""An atlas as values and pages: one line and one page a unit, and the page to look through."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from dreamfilters.comparison.result import UnitComparison, row_of
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.watching import logits_step
from dreamfilters.report.csv_tables import csv_bytes
from dreamfilters.report.html_frame import anchors, rendered, script_json
from dreamfilters.report.report import UnitCard
from dreamfilters.serialization import plain, table
from dreamfilters.verdicts.result import Finding
from dreamfilters.verdicts.verdict import KINDS

PAGE, TABLE, VALUES = "index.html", "atlas.csv", "atlas.json"
UNITS = "units"  # the folder of the units' pages


@dataclass(frozen=True)
class AtlasUnit:
    """What an atlas says of one unit at a glance.

    Attributes:
        name: its target.
        layer: `LOGITS` for a class.
        title: what it is called in the grid.
        page, image: where its page and its dream lie, from the atlas on.
        figure: the dream's response over that of the strongest real image, or the response.
        verdict: one of `KINDS`.
        flags: what is to be flagged, in words.
        loses: whether a real image excites it more than its dream.
        words: what a search may find it by.
        row: its numbers, as `compared.row_of` has them, and the verdict.
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
    words: str
    row: Mapping[str, Any]

    @property
    def anchor(self) -> str:
        """The id of its tile."""
        return anchor_of(self.page)

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values, which `atlas_unit_from` reads back."""
        return {**asdict(self), "flags": list(self.flags)}


def atlas_unit_from(values: Mapping[str, Any]) -> AtlasUnit:
    """Return the plate of such values."""
    return AtlasUnit(**{**values, "flags": tuple(values["flags"])})


def atlas_unit_of(unit: UnitComparison, finding: Finding, *, page: str, image: str) -> AtlasUnit:
    """Return what the atlas says of a unit at a glance."""
    card, verdict = UnitCard(unit, ""), finding.verdict
    named = {"verdict": verdict.kind, "proved": verdict.proved, "evidence": verdict.sentence}
    return AtlasUnit(
        name=unit.name,
        layer=unit.subject.layer,
        title=card.title if unit.class_facts else str(unit.subject.unit),
        page=page,
        image=image,
        figure=card.verdict.figure,
        verdict=verdict.kind,
        flags=card.verdict.flags,
        loses=unit.loses,
        words=f"{card.words} {verdict.kind}",
        row={**row_of(unit), **named},
    )


@dataclass(frozen=True)
class AtlasPage:
    """The plates of one layer."""

    title: str
    detail: str
    anchor: str
    plates: tuple[AtlasUnit, ...]


@dataclass(frozen=True)
class Atlas:
    """Everything that an atlas says.

    Attributes:
        network: its name.
        plates: one a unit, those of a layer together.
        details: layer -> what its units are, in words.
        facts: how it was made: label -> words.
        failures: name and reason of each image that could not be read.
    """

    network: str
    plates: tuple[AtlasUnit, ...]
    details: Mapping[str, str]
    facts: Mapping[str, str]
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def sheets(self) -> tuple[AtlasPage, ...]:
        """The layers in their order."""
        found = [(layer, tuple(plates)) for layer, plates in groupby(self.plates, lambda plate: plate.layer)]
        titles = ["Classes" if layer == LOGITS else layer for layer, _ in found]
        return tuple(
            AtlasPage(title, self.details[layer], anchor, plates)
            for title, anchor, (layer, plates) in zip(
                titles, anchors([f"layer {title}" for title in titles]), found, strict=True
            )
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many units are of each kind, without those of which there are none."""
        kinds = [plate.verdict for plate in self.plates]
        return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}

    def _repr_html_(self) -> str:
        return table(self.network, [{"verdict": kind, "units": count} for kind, count in self.counts.items()])

    def as_values(self) -> dict[str, Any]:
        """Return what is known of all units as plain values."""
        return {
            "network": self.network,
            "counts": self.counts,
            "facts": dict(self.facts),
            "failures": [list(failure) for failure in self.failures],
            "units": [{**plate.row, "page": plate.page, "dream": plate.image} for plate in self.plates],
        }


def index_files(atlas: Atlas) -> dict[str, bytes]:
    """Return the page to look through and its numbers: each file's name and bytes.

    The page holds no image: the dreams lie beside it and are fetched as they come into sight, so that it opens at
    once with thousands of units.
    """
    found = [{"words": plate.words, "kind": plate.verdict, "loses": plate.loses} for plate in atlas.plates]
    page = rendered(
        "atlas.html", ("gallery.css", "atlas.css"), "atlas.js", sheets=atlas.sheets, data=script_json(found),
        what="atlas", network=atlas.network, facts=atlas.facts, failures=atlas.failures, values=VALUES,
        count=len(atlas.plates), counts=atlas.counts, losing=sum(plate.loses for plate in atlas.plates),
    )  # fmt: skip
    text = json.dumps(plain(atlas.as_values()), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return {
        TABLE: csv_bytes([plate.row for plate in atlas.plates]),
        VALUES: (text + "\n").encode(),
        PAGE: page.encode("utf-8", "replace"),
    }


@dataclass(frozen=True)
class Neighbors:
    """The pages before and after a unit's, and the place of the unit in the grid, as links from its page."""

    up: str
    before: tuple[str, str] | None  # link and name
    after: tuple[str, str] | None


def neighbors(names: Sequence[str], pages: Sequence[str], place: int) -> Neighbors:
    """Return where the page of the unit at a place leads to; all pages lie in one folder below the atlas."""

    def link(other: int) -> tuple[str, str] | None:
        return (pages[other].rpartition("/")[2], names[other]) if 0 <= other < len(pages) else None

    return Neighbors(f"../{PAGE}#{anchor_of(pages[place])}", link(place - 1), link(place + 1))


def anchor_of(page: str) -> str:
    """Return the id of a unit's tile, from its page's name."""
    return f"unit-{page.rpartition('/')[2].removesuffix('.html')}"


def unit_page(network: str, unit: UnitComparison, finding: Finding, around: Neighbors) -> bytes:
    """Return the page of one unit: everything that is known of it, images inside."""
    page = rendered(
        "unit_page.html", ("unit.css", "atlas.css"), "unit_page.js", network=network,
        card=UnitCard(unit, anchors([unit.name])[0]), finding=finding, around=around,
    )  # fmt: skip
    return page.encode("utf-8", "replace")


def judged_layer(network: Network, layer: str) -> str:
    """Return the layer whose verdicts are those of a layer's units: for the logits, the layer of the classes."""
    return logits_step(network.graph).name if layer == LOGITS else layer
