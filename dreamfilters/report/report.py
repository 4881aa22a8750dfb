"""A comparison as one offline page, with its numbers as JSON and CSV and its dreams as PNG files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dreamfilters.comparison.measures.measure import Figure
from dreamfilters.comparison.measures.registry import MEASURES
from dreamfilters.comparison.result import Comparison, UnitComparison, summary_lines
from dreamfilters.comparison.units import UnitView
from dreamfilters.evidence.activations import Floats
from dreamfilters.images import png_bytes
from dreamfilters.images.encoding import displayed
from dreamfilters.networks import LOGITS
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.report.html_frame import anchors, rendered, script_json
from dreamfilters.report.tables import csv_bytes, json_bytes
from dreamfilters.writing.claimed_folder import claimed

PAGE, VALUES, TABLE, DREAMS = "index.html", "comparison.json", "comparison.csv", "dreams"
_NAME = 60  # letters of a file's name, which any file system accepts


@dataclass(frozen=True, eq=False)
class UnitCard:
    """One unit as the page shows it; `anchor` is its id there."""

    unit: UnitComparison
    anchor: str

    @property
    def file(self) -> str:
        """The file of its dream."""
        return f"{DREAMS}/{self.anchor}.png"

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The values of the darkest and the brightest color of all its maps: 0 or below, and the largest value."""
        values = np.concatenate([view.map.ravel() for view in self.unit.views])
        values = values[np.isfinite(values)]
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        return min(0.0, low), max(0.0, high)

    def map_of(self, view: UnitView) -> Floats:
        """Return the map of a view as it is drawn: patch tokens on their grid, other tokens as one row."""
        info = self.unit.facts
        if info.kind != "tokens":
            return view.map
        return view.map.T if info.grid is None else info.grid.patches(view.map)[..., 0]

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """The charts and images of the measures."""
        measures = self.unit.measures
        figures = (measure.figure(measures[name]) for name, measure in MEASURES.items() if name in measures)
        return tuple(figure for figure in figures if figure is not None)

    @property
    def detail(self) -> str:
        """The kind of unit."""
        unit, facts = self.unit.unit, self.unit.facts
        return f"class {unit.number} of {facts.units}" if unit.is_class else f"one of {layer_detail(facts)}"

    @property
    def title(self) -> str:
        """The unit's name; a class with its aliases."""
        return self.unit.unit.title or self.unit.name

    @property
    def words(self) -> str:
        """The text that a search looks through, in lower case as the script searches."""
        unit = self.unit
        shown = [part for view in unit.real for part in (view.name, view.label)]
        flags = ["loses"] if unit.loses or unit.loses_robust else []
        return " ".join([unit.name, self.title, unit.facts.name, *shown, *unit.headline.flags, *flags]).lower()


def layer_detail(facts: LayerInfo) -> str:
    """Return how many units a layer has and what each position of them sees."""
    if facts.name == LOGITS:
        return f"{facts.units} classes"
    if facts.kind == "tokens":
        return f"{facts.units} channels of {facts.shape[0]} tokens"
    if facts.receptive_field is None:
        return f"{facts.units} units, each sees the whole image"
    height, width = facts.map_size
    size = " × ".join(str(math.ceil(side)) for side in facts.receptive_field.size)
    return f"{facts.units} filters, maps of {height} × {width} positions, receptive field {size} pixels"


def cards_of(comparison: Comparison) -> tuple[UnitCard, ...]:
    """Return a card for each unit, each with its own id."""
    found = anchors([f"unit {unit.name}" for unit in comparison.units])
    short = anchors([anchor[:_NAME] for anchor in found])
    return tuple(UnitCard(unit, anchor) for unit, anchor in zip(comparison.units, short, strict=True))


def html(comparison: Comparison) -> str:
    """Return the page: images inside, nothing fetched, no script but the one whose hash its policy names."""
    cards = cards_of(comparison)
    found = [{"id": card.anchor, "words": card.words} for card in cards]
    return rendered(
        "gallery/report.html", ("gallery/gallery.css", "unit/unit.css"), ("gallery/report.js",), cards=cards,
        data=script_json(found),
        what="report", network=comparison.network, facts=comparison.facts, failures=comparison.failures, values=VALUES,
        count=len(cards), losing=sum(card.unit.loses for card in cards),
        summaries=summary_lines(comparison.means),
    )  # fmt: skip


def report_files(comparison: Comparison) -> dict[str, bytes]:
    """Return every file of the report, name -> bytes; equal comparisons give equal bytes."""
    files = {card.file: png_bytes(displayed(card.unit.dream.image)) for card in cards_of(comparison)}
    return {
        **files,
        TABLE: csv_bytes([unit.row for unit in comparison.units]),
        VALUES: json_bytes(comparison.as_values()),
        PAGE: html(comparison).encode("utf-8", "replace"),
    }


def write_report(comparison: Comparison, folder: Path | str) -> Path:
    """Write the report of a comparison into a folder, which is created if need be, and return the path of its page.

    Raises:
        OutputError: the folder or a file in it cannot be written.

    Example:
        >>> found = compare(network, "conv6:12", image_folder("signs/"), recipe=read_recipe("fast"), seeds=1)
        >>> write_report(found, "outputs/conv6-12").name
        'index.html'
    """
    write_files(report_files(comparison), Path(folder))
    return Path(folder) / PAGE


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder, which is created if need be, or raise OutputError."""
    with claimed(folder) as opened:
        for name, content in files.items():
            opened.write(name, content)
