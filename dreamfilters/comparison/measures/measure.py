"""A measure: what it needs, how it is computed for a batch of units, and how a value becomes text, numbers, figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.histograms import Histogram
from dreamfilters.serialization import plain

if TYPE_CHECKING:
    from dreamfilters.comparison.batch import Batch


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
    """Horizontal bars, one below the other, with a heading that may be ""."""

    kind: ClassVar = "bars"
    bars: tuple[ShareBar, ...]
    title: str = ""


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


Value = TypeVar("Value")

# What a measure may need. The first six depend on the unit and the settings: without them it is left out.
NEEDS = {
    "maps": "activation maps of more than one position",
    "class": "a class of the network",
    "hidden unit": "a unit that is not a class",
    "other network": "a second network (--against)",
    "judges": "other networks of the same classes (--judge)",
    "learned prior": "dreams with a learned prior (--prior)",
    "dream": "the dream",
    "seeds": "dreams from several seeds",
    "scan": "the responses of all real images",
    "features": "activations of dreams and real images in several layers",
    "labels": "real images labeled with the network's classes",
}
CONDITIONS = frozenset({"maps", "class", "hidden unit", "other network", "judges", "learned prior"})


@dataclass(frozen=True)
class Missing:
    """Why a measure has no value for a unit."""

    reason: str


@dataclass(frozen=True)
class Caption:
    """One value in words.

    Attributes:
        figure: the value as a person reads it.
        detail: the numbers behind it, or why there is none.
        fails: whether the dream fails by this measure.
        name: the measure's title.
        meaning: what the measure says, in one line.
    """

    figure: str
    detail: str = ""
    fails: bool = False
    name: str = ""
    meaning: str = ""


@dataclass(frozen=True, eq=False)
class SummaryLine(Generic[Value]):
    """One line on all units together.

    Attributes:
        numbers: value -> names and numbers, None for a number that is missing.
        text: the means of these numbers over the units that have them -> the line.
    """

    numbers: Callable[[Value], Mapping[str, float | None]]
    text: Callable[[Mapping[str, float]], str]


NO_VALUE = "–"  # figure of a caption without a value


@dataclass(frozen=True, eq=False)
class Measure(Generic[Value]):
    """One way to compare a dream or a unit with real images; `MEASURES` lists all of them.

    A value is anything that `serialization.plain` turns into JSON, or that has `as_values()` of its own.

    Attributes:
        name: key in Python, JSON and the registry.
        title: heading of its line in reports.
        meaning: what it says, in one line.
        needs: keys of `NEEDS`; a unit without one of `CONDITIONS` has no line for this measure.
        compute: batch -> one value a unit, in the order of its units, `Missing` where there is none.
        caption: value -> figure, detail, and whether the dream fails by it.
        columns: name -> function from a value to the cell of a table; equal for every unit.
        figure: value -> charts and images for a page, None for none.
        summary: one line on all units together, None for none.

    Example: the mean brightness of a dream.
        >>> brightness = Measure(
        ...     name="brightness",
        ...     title="Brightness",
        ...     meaning="Mean of all pixels, from 0 to 1.",
        ...     needs=frozenset({"dream"}),
        ...     compute=lambda batch: [float(dream.mean()) for dream in batch.first_dreams],
        ...     caption=lambda value: Caption(f"{value:.2f}"),
        ...     columns={"brightness": lambda value: value},
        ... )
        >>> brightness.row(0.25), brightness.row(Missing("no dream"))
        ({'brightness': 0.25}, {'brightness': None})
    """

    name: str
    title: str
    meaning: str
    needs: frozenset[str]
    compute: Callable[[Batch], Iterable[Value | Missing]]
    caption: Callable[[Value], Caption]
    columns: Mapping[str, Callable[[Value], Any]] = field(default_factory=dict)
    figure: Callable[[Value], Figure | None] = lambda value: None
    summary: SummaryLine[Value] | None = None

    def captioned(self, value: Value | Missing) -> Caption:
        """Return the caption of a value, with the measure's title and meaning."""
        caption = Caption(NO_VALUE, value.reason) if isinstance(value, Missing) else self.caption(value)
        return replace(caption, name=self.title, meaning=self.meaning)

    def row(self, value: Value | Missing | None) -> dict[str, Any]:
        """Return the cells of a value, the same keys for every value, or None if there is no value."""
        known = value is not None and not isinstance(value, Missing)
        return {name: cell(value) if known else None for name, cell in self.columns.items()}  # type: ignore[arg-type]


def as_values(value: Any) -> Any:
    """Return a measure's value as it is stored in JSON."""
    return value.as_values() if hasattr(value, "as_values") else plain(value)
