"""The dreams that were asked for, each from its order to its end, whoever still looks."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from functools import cached_property

from PIL import Image, ImageOps

from dreamfilters.errors import UnknownNameError
from dreamfilters.viewer.messages import DreamRequest, Values
from dreamfilters.viewer.server.errors import BusyError

_MOST_WAITING = 64  # dreams; a person who wants more takes the command line
_KEPT = 512  # dreams that are done; the oldest go first
_ALIKE = 3  # dreams beside one that tell how far chance goes
TILE = 64  # pixels of a dream on the sheet of a layer
_COLUMNS = 32


@dataclass(eq=False)
class QueuedDream:
    """One dream and how far it is.

    Attributes:
        asked: what was asked for.
        number: of the worker's request, by which it is cancelled.
        name: the target in words.
        phase: 'queued', 'running', 'done', 'cancelled' or 'failed'.
        png: the image as it is now.
        map: the unit's map on its own dream, once that is done.
        peak: the greatest value of this map.
        saved_to: the folder that it was written to.
        command, python: how the same image is dreamt again.
        measures: the ids of the dreams that were held against the images, itself first, and what that measured.
    """

    asked: DreamRequest
    number: int
    name: str
    phase: str = "queued"
    step: int = 0
    steps: int = 0
    score: float | None = None
    scores: list[float | None] = field(default_factory=list)
    note: str = ""
    activated: bool = False
    png: bytes | None = None
    map: Values | None = None
    peak: float | None = None
    saved_to: str = ""
    command: str = ""
    python: str = ""
    measures: tuple[tuple[str, ...], Values] | None = None
    created_at: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S"))

    def as_values(self) -> Values:
        """Return what the page is told."""
        asked = self.asked
        return {
            "id": asked.id, "layer": asked.layer, "unit": asked.unit, "name": self.name, "recipe": asked.recipe,
            "seed": asked.seed, "phase": self.phase, "step": self.step, "steps": self.steps, "score": self.score,
            "scores": self.scores, "note": self.note, "activated": self.activated, "saved_to": self.saved_to or None,
            "image": f"api/dreams/{asked.id}/image.png" if self.png else None, "created_at": self.created_at,
            "command": self.command, "python": self.python,
        }  # fmt: skip

    @property
    def is_open(self) -> bool:
        """Whether it is neither done nor given up."""
        return self.phase in ("queued", "running")

    def grow(self, news: Values) -> None:
        """Take over what the worker tells of a step."""
        if news["step"] < self.step:  # a rescue climbs anew
            self.scores = []
        self.phase, self.step, self.steps = "running", news["step"], news["steps"]
        self.score = news["score"]
        if news["score"] is not None:
            self.scores.append(news["score"])
        if news["png"]:
            self.png = news["png"]
            self.__dict__.pop("thumb", None)

    def finish(self, made: Values) -> None:
        """Take over the dream that is done."""
        self.phase, self.step, self.steps = "done", made["steps"], made["steps"]
        self.score, self.scores, self.note = made["score"], made["history"], made["note"]
        self.activated, self.png, self.map, self.peak = made["activated"], made["png"], made["map"], made["peak"]
        if made["recovered_by"]:
            self.note = "; ".join(filter(None, [self.note, f"recovered by {made['recovered_by']}"]))
        self.__dict__.pop("thumb", None)

    @cached_property
    def thumb(self) -> Image.Image:
        """The image at the size of a tile, RGB."""
        image = Image.open(io.BytesIO(self.png or b"")).convert("RGB")
        return ImageOps.pad(image, (TILE, TILE), Image.Resampling.BICUBIC, color=(128, 128, 128))


class DreamQueue:
    """All dreams of a viewer under their ids."""

    def __init__(self) -> None:
        self._all: dict[str, QueuedDream] = {}
        self._count = 0

    def add(self, layer: str, unit: int, recipe: str, seed: int, *, name: str, number: int) -> QueuedDream:
        """Return a new dream that waits.

        Raises:
            BusyError: as many wait as may.
        """
        if sum(booking.is_open for booking in self._all.values()) >= _MOST_WAITING:
            raise BusyError(f"{_MOST_WAITING} dreams are waiting already; cancel some, or take the command line")
        booking = QueuedDream(DreamRequest(f"D{self._count}", layer, unit, recipe, seed), number, name)
        self._count += 1
        self._all[booking.asked.id] = booking
        self._forget_the_oldest()
        return booking

    def get(self, key: str) -> QueuedDream:
        """Return a dream, or raise UnknownNameError."""
        if key not in self._all:
            raise UnknownNameError(f"dream {key[:20]}: there is none of this id")
        return self._all[key]

    def find(self, key: str) -> QueuedDream | None:
        """Return a dream, None for one that is forgotten."""
        return self._all.get(key)

    def of(self, layer: str | None = None, unit: int | None = None) -> list[QueuedDream]:
        """Return the dreams of a layer or of a unit, in the order in which they were asked for."""
        return [
            booking
            for booking in self._all.values()
            if layer in (None, booking.asked.layer) and unit in (None, booking.asked.unit)
        ]

    def best(self, layer: str) -> dict[int, QueuedDream]:
        """Return for each unit of a layer the finished dream with the greatest value on its own map."""
        found: dict[int, QueuedDream] = {}
        for booking in self.of(layer):
            before = found.get(booking.asked.unit)
            if booking.peak is not None and (before is None or booking.peak > (before.peak or 0.0)):
                found[booking.asked.unit] = booking
        return found

    def alike(self, booking: QueuedDream) -> tuple[str, ...]:
        """Return the ids of a dream and of the newest others that differ from it by their seeds alone."""
        own = booking.asked
        others = {
            other.asked.seed: other.asked.id
            for other in self.of(own.layer, own.unit)
            if other.phase == "done" and other.asked.recipe == own.recipe and other.asked.seed != own.seed
        }
        return (own.id, *list(others.values())[-_ALIKE:])

    def newest(self, layer: str) -> list[QueuedDream]:
        """Return the newest finished dream of each unit of a layer, in the order of the units."""
        found = {booking.asked.unit: booking for booking in self.of(layer) if booking.phase == "done"}
        return [found[unit] for unit in sorted(found)]

    def sheet(self, layer: str) -> Image.Image:
        """Return the newest dreams of a layer as one image of tiles, row by row."""
        found = self.newest(layer)
        columns, rows = columns_of(len(found)), -(-len(found) // _COLUMNS)
        whole = Image.new("RGB", (max(1, columns) * TILE, max(1, rows) * TILE))
        for place, booking in enumerate(found):
            whole.paste(booking.thumb, (place % _COLUMNS * TILE, place // _COLUMNS * TILE))
        return whole

    def _forget_the_oldest(self) -> None:
        done = [key for key, booking in self._all.items() if not booking.is_open]
        for key in done[: max(0, len(self._all) - _KEPT)]:
            del self._all[key]


def columns_of(count: int) -> int:
    """Return how many tiles a row of a sheet has."""
    return min(count, _COLUMNS)


def png_of(image: Image.Image) -> bytes:
    """Return an image's PNG."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
