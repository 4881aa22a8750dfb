"""Dreams beside the real images that excite the same units, as one HTML file that needs nothing but itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamfilters.dreams.result import Dream
from dreamfilters.evidence.top_images import Response
from dreamfilters.report.html_frame import anchors, rendered
from dreamfilters.report.number_format import number, percent, times


@dataclass(frozen=True, eq=False)
class Sample:
    """A real image and what the unit answers to it."""

    image: np.ndarray
    name: str
    response: Response


@dataclass(frozen=True)
class Prediction:
    """How sure the network is that the dream is of a class; `meant` if it is the class that was dreamt."""

    name: str
    probability: float
    meant: bool


@dataclass(frozen=True, eq=False)
class Card:
    """One unit: its dream beside the real images that excite it most.

    Attributes:
        title: what the unit is called.
        dream: as the engine made it.
        response: what the unit answers to the dream, measured as it is for the samples.
        samples: the strongest first.
        detail: a few more words under the title.
        command: how to make the dream again, or "".
        predictions: what the network takes the dream for, the surest first; empty for a filter, which has maps instead.
    """

    title: str
    dream: Dream
    response: Response
    samples: tuple[Sample, ...]
    detail: str = ""
    command: str = ""
    predictions: tuple[Prediction, ...] = ()

    @property
    def maps(self) -> tuple[np.ndarray, ...]:
        """All maps of the card, the dream's first."""
        return self.response.map, *(sample.response.map for sample in self.samples)

    @property
    def top(self) -> float:
        """The end of the scale, from 0, that all maps of the card share: their greatest finite value."""
        return max(float(values[np.isfinite(values)].max(initial=0.0)) for values in self.maps)

    @property
    def below_zero(self) -> bool:
        """Whether a map goes below 0, where the scale starts."""
        return any(bool((values < 0).any()) for values in self.maps)

    @property
    def ratio(self) -> float | None:
        """How many times the strongest sample's response the dream's is; None where no sample excites the unit."""
        strongest = self.samples[0].response.score if self.samples else 0.0
        return self.response.score / strongest if strongest > 0 else None

    @property
    def verdict(self) -> tuple[str, str]:
        """What came out, as a figure and the words that go with it; no figure for a dream that did not rise."""
        if not self.dream.activated:
            return "not activated", self.dream.note.removeprefix("not activated: ") or "its score never rose"
        if self.predictions:
            first = self.predictions[0]
            meant = next((percent(each.probability) for each in self.predictions if each.meant), "not among the first")
            return meant, "sure of it" if first.meant else f"taken for {first.name}"
        if self.ratio is not None:
            return times(self.ratio), "the strongest sample"
        return number(self.response.score), "and no sample excites it"


@dataclass(frozen=True, eq=False)
class Section:
    """Cards that belong together, such as those of a layer."""

    title: str
    text: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, eq=False)
class Page:
    """Everything that the page says.

    Attributes:
        title: its heading.
        lead: the sentences under it.
        sections: the cards.
        reading: how to read a card, one paragraph each.
        facts: (label, text) of how it was made.
    """

    title: str
    lead: str
    sections: tuple[Section, ...]
    reading: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def html(page: Page) -> str:
    """Return the page as one HTML file: images inside, no script, nothing fetched; all text of it escaped.

    Example:
        >>> Path("index.html").write_text(html(Page("Dreams", "", sections)), "utf-8")
    """
    cards = [card for section in page.sections for card in section.cards]
    chosen = anchors([section.title for section in page.sections] + [f"unit {card.dream.name}" for card in cards])
    places = dict(zip(map(id, [*page.sections, *cards]), chosen, strict=True))
    return rendered("page.html", ("page.css",), page=page, anchor=lambda part: places[id(part)])
