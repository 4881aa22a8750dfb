"""A comparison as one page that works by itself, with its numbers as JSON and CSV and its dreams as PNG beside it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from dreamfilters.comparison.charts import HEIGHT, WIDTH, Bars, Lines, Mark, bars_of, lines_of
from dreamfilters.comparison.compared import Compared, Comparison, row_of
from dreamfilters.comparison.page import anchors, map_uri, number, percent, picture_uri
from dreamfilters.comparison.reading import Measure, Verdict, grouped, measures_of, verdict_of
from dreamfilters.errors import OutputError
from dreamfilters.evidence.recording import Floats
from dreamfilters.evidence.scanned import LayerFacts
from dreamfilters.images import heat, png_bytes, resize
from dreamfilters.networks import LOGITS

PAGE, VALUES, TABLE, DREAMS = "index.html", "comparison.json", "comparison.csv", "dreams"
_LARGE, _SMALL = 192, 64  # pixels that a picture is shown at most, beside others and in the index
_NAME = 60  # letters of a file's name: any file system takes them
_RAMP = 128  # pixels of the drawn scale


@dataclass(frozen=True, eq=False)
class Card:
    """One unit as the page shows it."""

    unit: Compared
    anchor: str

    @property
    def file(self) -> str:
        """Where its dream lies."""
        return f"{DREAMS}/{self.anchor}.png"

    @cached_property
    def ends(self) -> tuple[float, float]:
        """What the darkest and the brightest colour of all the unit's maps mean: 0 or below, and the greatest value."""
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
        """Whether one place sees less than the whole picture."""
        return self.unit.own.crop is not None

    @cached_property
    def verdict(self) -> Verdict:
        """What came out."""
        return verdict_of(self.unit)

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """In words."""
        return measures_of(self.unit)

    @cached_property
    def bars(self) -> Bars:
        """The real responses with the dream's marked."""
        unit = self.unit
        marks = [
            Mark("real", "strongest real image", unit.standing.largest),
            Mark("dream", "dream", unit.standing.response),
        ]
        if unit.moved_standing is not None:
            marks.append(Mark("moved", "dream under small motions", unit.moved_standing.response))
        if unit.photo is not None:
            marks.append(Mark("photo", unit.photo.name, unit.photo.response))
        return bars_of(unit.histogram, marks)

    @cached_property
    def lines(self) -> Lines | None:
        """The dream's way through the layers."""
        return lines_of(self.unit.path) if self.unit.path and len(self.unit.path.steps) > 1 else None

    @property
    def detail(self) -> str:
        """What kind of unit it is."""
        facts = self.unit.facts
        if self.unit.class_facts is not None:
            return f"class {self.unit.class_facts.number} of {facts.shape[2]}"
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


def layer_detail(facts: LayerFacts) -> str:
    """Return how many units a layer has and what each sees, in words."""
    height, width, units = facts.shape
    if facts.name == LOGITS:
        return f"{units} classes"
    if facts.field is None:
        return f"{units} units, each sees the whole picture"
    size = " × ".join(str(math.ceil(side)) for side in facts.field.size)
    return f"{units} filters, maps of {height} × {width} places, each sees {size} pixels"


def cards_of(comparison: Comparison) -> tuple[Card, ...]:
    """Return a card for each unit, each with an id of its own."""
    found = anchors([f"unit {unit.name}" for unit in comparison.units])
    short = anchors([anchor[:_NAME] for anchor in found])
    return tuple(Card(unit, anchor) for unit, anchor in zip(comparison.units, short, strict=True))


def html(comparison: Comparison) -> str:
    """Return the page: pictures inside, nothing fetched, no script but the one whose hash its policy names."""
    cards = cards_of(comparison)
    found = [{"id": card.anchor, "words": card.words} for card in cards]
    return rendered(
        "report.html", ("report.css",), "report.js", comparison=comparison, cards=cards, data=script_json(found),
        losing=sum(card.unit.loses for card in cards),
    )  # fmt: skip


def rendered(template: str, styles: Sequence[str], script: str, **things: Any) -> str:
    """Return a page of this house: everything escaped, with the hashes of its own style and script for its policy."""
    style, code = "".join(map(_text, styles)).strip(), _text(script).strip()
    return _templates().get_template(template).render(
        style=Markup(style), script=Markup(code), style_hash=_digest(style), script_hash=_digest(code),
        ramp=picture_uri(heat(np.linspace(0, 1, _RAMP)[None])), chart=(WIDTH, HEIGHT), **things,
    )  # fmt: skip


def contents(comparison: Comparison) -> dict[str, bytes]:
    """Return every file of the report: its name, with slashes, and its bytes; equal comparisons give equal bytes."""
    files = {card.file: png_bytes(_flat(card.unit.dream.picture)) for card in cards_of(comparison)}
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


def csv_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows of equal keys as CSV; see `table_bytes`."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["target"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return file.getvalue().encode("utf-8", "replace")


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


def script_json(values: Any) -> Markup:
    """Return JSON that a script element can hold: nothing in it can end the element or begin another.

    >>> script_json("</script>")
    Markup('"\\\\u003c/script\\\\u003e"')
    """
    text = json.dumps(values, ensure_ascii=True)
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # every letter that HTML knows is escaped


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.9g}" if math.isfinite(value) else ""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in tuple("=+-@\t\r") else value
    return "" if value is None else value


def _shown(picture: Floats, *, small: bool = False) -> str:
    """Return a picture's data URI, not larger than it is shown."""
    side, flat = _SMALL if small else _LARGE, _flat(picture)
    longer = max(flat.shape[:2])
    if longer > side:
        flat = resize(flat, (max(1, flat.shape[0] * side // longer), max(1, flat.shape[1] * side // longer)))
    return picture_uri(flat)


def _flat(picture: Floats) -> Floats:
    """Return grey and colour pictures as they are, the planes of any other side by side."""
    if picture.shape[-1] in (1, 3):
        return picture
    return np.concatenate(np.split(picture, picture.shape[-1], axis=-1), axis=1)


def _heated(values: Floats, ends: tuple[float, float]) -> str:
    return map_uri(values, ends[1]) if ends[0] == 0 else picture_uri(heat(values, low=ends[0], high=ends[1]))


def _digest(text: str) -> str:
    """Return what a content security policy calls this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def _text(name: str) -> str:
    return resources.files("dreamfilters.comparison").joinpath(name).read_text("utf-8")


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        shown=_shown,
        heated=_heated,
        number=number,
        grouped=grouped,
        percent=percent,
        pixels=lambda p: picture_uri(_flat(p)),
        kind=lambda words: str(words).replace(" ", "-"),
    )
    return environment
