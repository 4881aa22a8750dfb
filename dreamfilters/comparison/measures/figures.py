"""What a measure shows beside its numbers, as data: histograms, lines, images and bars; the page draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.histograms import Histogram


@dataclass(frozen=True)
class Mark:
    """One value marked in a histogram: its style ("real", "dream", "robust", "user-image"), legend text and value."""

    kind: str
    label: str
    value: float


@dataclass(frozen=True, eq=False)
class HistogramPart:
    """A histogram with marked values."""

    kind: ClassVar = "histogram"
    histogram: Histogram
    marks: tuple[Mark, ...]


@dataclass(frozen=True, eq=False)
class LinePart:
    """Lines over named points, such as layers.

    Attributes:
        points: names along the horizontal axis.
        lines: style ("dream", "same", "other") -> one value a point, None for a gap.
        legend: style -> text.
    """

    kind: ClassVar = "lines"
    points: tuple[str, ...]
    lines: Mapping[str, tuple[float | None, ...]]
    legend: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class ShownImage:
    """An image (h, w, c) with the text under it and a tooltip."""

    image: Floats
    caption: str
    tooltip: str


@dataclass(frozen=True, eq=False)
class ImagePart:
    """A row of images, with a heading and a line of text under it; both may be ""."""

    kind: ClassVar = "images"
    images: tuple[ShownImage, ...]
    title: str = ""
    detail: str = ""
    note: str = ""
    small: bool = False


@dataclass(frozen=True)
class ShareBar:
    """One bar: its label, its value as text, its length from 0 to 1, and its style ("", "target", "negative")."""

    label: str
    value: str
    share: float
    kind: str = ""


@dataclass(frozen=True)
class BarPart:
    """Horizontal bars, one below the other."""

    kind: ClassVar = "bars"
    bars: tuple[ShareBar, ...]


Part: TypeAlias = HistogramPart | LinePart | ImagePart | BarPart


@dataclass(frozen=True, eq=False)
class Figure:
    """Everything that a measure shows for one unit.

    Attributes:
        title: heading.
        note: one line under it.
        parts: drawn one below the other.
        column: "charts" beside the list of measures, "details" in the columns below it.
    """

    title: str
    note: str
    parts: tuple[Part, ...]
    column: Literal["charts", "details"] = "charts"
