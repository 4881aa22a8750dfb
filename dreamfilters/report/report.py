"""A comparison as one page that works by itself, with its numbers as JSON and CSV and its dreams as PNG beside it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dreamfilters.comparison.result import Comparison, UnitComparison, row_of
from dreamfilters.errors import OutputError
from dreamfilters.images import png_bytes
from dreamfilters.networks import LOGITS
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.report.captions import Caption, Headline, captions_of, headline_of
from dreamfilters.report.charts import BarChart, LineChart, Mark, bar_chart, line_chart
from dreamfilters.report.csv_tables import csv_bytes
from dreamfilters.report.data_uris import flat_image
from dreamfilters.report.html_frame import anchors, rendered, script_json

PAGE, VALUES, TABLE, DREAMS = "index.html", "comparison.json", "comparison.csv", "dreams"
_NAME = 60  # letters of a file's name: any file system takes them


@dataclass(frozen=True, eq=False)
class UnitCard:
    """One unit as the page shows it."""

    unit: UnitComparison
    anchor: str

    @property
    def file(self) -> str:
        """Where its dream lies."""
        return f"{DREAMS}/{self.anchor}.png"

    @cached_property
    def ends(self) -> tuple[float, float]:
        """What the darkest and the brightest color of all the unit's maps mean: 0 or below, and the greatest value."""
        values = np.concatenate([sight.map.ravel() for sight in self.unit.sights])
        values = values[np.isfinite(values)]
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        return min(0.0, low), max(0.0, high)

    @property
    def has_maps(self) -> bool:
        """Whether the unit answers by place."""
        return self.unit.own.map.size > 1

    @property
    def has_crops(self) -> bool:
        """Whether one place sees less than the whole image."""
        return self.unit.own.crop is not None

    @cached_property
    def verdict(self) -> Headline:
        """What came out."""
        return headline_of(self.unit)

    @cached_property
    def measures(self) -> tuple[Caption, ...]:
        """In words."""
        return captions_of(self.unit)

    @cached_property
    def bars(self) -> BarChart:
        """The real responses with the dream's marked."""
        unit = self.unit
        marks = [
            Mark("real", "strongest real image", unit.response_rank.largest),
            Mark("dream", "dream", unit.response_rank.response),
        ]
        if unit.moved_response_rank is not None:
            marks.append(Mark("moved", "dream under small motions", unit.moved_response_rank.response))
        if unit.user_image is not None:
            marks.append(Mark("user-image", unit.user_image.name, unit.user_image.response))
        return bar_chart(unit.histogram, marks)

    @cached_property
    def lines(self) -> LineChart | None:
        """The dream's way through the layers."""
        return line_chart(self.unit.path) if self.unit.path and len(self.unit.path.steps) > 1 else None

    @property
    def detail(self) -> str:
        """What kind of unit it is."""
        facts = self.unit.facts
        if self.unit.class_facts is not None:
            return f"class {self.unit.class_facts.number} of {facts.units}"
        return f"one of {layer_detail(facts)}"

    @property
    def title(self) -> str:
        """What the unit is called."""
        return self.unit.class_facts.title if self.unit.class_facts else self.unit.name

    @property
    def words(self) -> str:
        """What a search may find it by."""
        unit = self.unit
        shown = [part for sight in unit.real for part in (sight.name, sight.label)]
        flags = ["loses"] if unit.loses or unit.loses_moved else []
        said = [unit.name, self.title, unit.facts.name, *shown, *self.verdict.flags, *flags]
        return " ".join(said).lower()  # as the script does with what is searched


def layer_detail(facts: LayerInfo) -> str:
    """Return how many units a layer has and what each sees, in words."""
    if facts.name == LOGITS:
        return f"{facts.units} classes"
    if facts.kind == "tokens":
        return f"{facts.units} channels of {facts.shape[0]} tokens"
    if facts.receptive_field is None:
        return f"{facts.units} units, each sees the whole image"
    height, width = facts.map_size
    size = " × ".join(str(math.ceil(side)) for side in facts.receptive_field.size)
    return f"{facts.units} filters, maps of {height} × {width} places, each sees {size} pixels"


def cards_of(comparison: Comparison) -> tuple[UnitCard, ...]:
    """Return a card for each unit, each with an id of its own."""
    found = anchors([f"unit {unit.name}" for unit in comparison.units])
    short = anchors([anchor[:_NAME] for anchor in found])
    return tuple(UnitCard(unit, anchor) for unit, anchor in zip(comparison.units, short, strict=True))


def html(comparison: Comparison) -> str:
    """Return the page: images inside, nothing fetched, no script but the one whose hash its policy names."""
    cards = cards_of(comparison)
    found = [{"id": card.anchor, "words": card.words} for card in cards]
    return rendered(
        "report.html", ("gallery.css", "unit.css"), "report.js", cards=cards, data=script_json(found), what="report",
        network=comparison.network, facts=comparison.facts, failures=comparison.failures, values=VALUES,
        count=len(cards), losing=sum(card.unit.loses for card in cards),
    )  # fmt: skip


def contents(comparison: Comparison) -> dict[str, bytes]:
    """Return every file of the report: its name, with slashes, and its bytes; equal comparisons give equal bytes."""
    files = {card.file: png_bytes(flat_image(card.unit.dream.image)) for card in cards_of(comparison)}
    text = json.dumps(comparison.as_values(), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return {
        **files,
        TABLE: table_bytes(comparison),
        VALUES: (text + "\n").encode(),
        PAGE: html(comparison).encode("utf-8", "replace"),
    }


def table_bytes(comparison: Comparison) -> bytes:
    """Return one line a unit as CSV; a text that a spreadsheet would take for a formula has an apostrophe before it."""
    return csv_bytes([row_of(unit) for unit in comparison.units])


def write(comparison: Comparison, folder: Path) -> Path:
    """Write the report into a folder and return its page."""
    for name, content in contents(comparison).items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror}); name a folder of yours") from error
    return folder / PAGE
