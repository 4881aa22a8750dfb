"""The page of a run that judges or records units: its layers as bars, the notable units as tiles, and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dreamfilters.evidence.scan.result import ScannedImages, readable_images
from dreamfilters.report.html_frame import anchors, rendered, shown_uri

PAGE = "index.html"
TILES = 24  # of a section


@dataclass(frozen=True)
class LayerShare:
    """A share of a bar; `kind` gives its color."""

    kind: str
    share: float


@dataclass(frozen=True)
class Row:
    """A layer: its name, its number of units, a bar and a line of text."""

    name: str
    units: int
    parts: tuple[LayerShare, ...]
    text: str


@dataclass(frozen=True)
class TileImage:
    """An image of a tile: a data URI or a path from the page, and what it shows."""

    source: str
    alt: str


@dataclass(frozen=True)
class Tile:
    """A unit: its target, images, the figure beside its name and a sentence."""

    name: str
    images: tuple[TileImage, ...]
    figure: str = ""
    text: str = ""


@dataclass(frozen=True)
class Section:
    """Some units under a heading; `kind` is the verdict that they share, "" for none."""

    title: str
    detail: str
    tiles: tuple[Tile, ...]
    kind: str = ""


@dataclass(frozen=True)
class Summary:
    """What the page shows.

    Attributes:
        title, lead: heading and introduction.
        counts: word -> number, the line below them; a word that is the kind of a part explains its color.
        rows: one a layer.
        sections: the notable units.
        facts: how it was made: label -> text.
        files: name -> what it holds, of the files beside the page.
        failures: name and reason of each image that could not be read.
    """

    title: str
    lead: str
    counts: Mapping[str, int]
    rows: tuple[Row, ...]
    sections: tuple[Section, ...]
    facts: Mapping[str, str]
    files: Mapping[str, str]
    failures: tuple[tuple[str, str], ...] = ()


def summary_page(summary: Summary) -> bytes:
    """Return the page; it fetches nothing but images in its folder."""
    titles = [section.title for section in summary.sections]
    ids = anchors(titles)
    page = rendered(
        "summary/summary.html", ("atlas.css", "summary/summary.css"), summary=summary,
        sections=list(zip(ids, summary.sections, strict=True)), links=dict(zip(titles, ids, strict=True)),
    )  # fmt: skip
    return page.encode("utf-8", "replace")


def image_tiles(images: ScannedImages | None, wanted: Sequence[tuple[int, str]]) -> tuple[TileImage, ...]:
    """Return the scanned images of these indices, each with what it shows, as far as they can be read."""
    return tuple(TileImage(shown_uri(image, small=True), alt) for image, alt in readable_images(images, wanted))
