"""The dreams of a viewer, from request to result; they continue when pages are closed."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from functools import cached_property

from PIL import Image, ImageOps

from dreamfilters.errors import UnknownNameError
from dreamfilters.viewer.messages import BusyError, DreamRequest, Values

_MAX_OPEN = 64  # dreams; the command line has no such limit
_MAX_KEPT = 512  # dreams; the oldest finished one is dropped first
_MAX_VARIANTS = 3  # dreams with other seeds that a dream is measured with
TILE = 64  # pixels of a dream on the sheet of a layer
COLUMNS = 32  # of the sheet


@dataclass(eq=False)
class QueuedDream:
    """A dream and its progress.

    Attributes:
        number: of the worker's request, by which it is canceled; increases from dream to dream.
        name: the target.
        phase: 'queued', 'running', 'done', 'cancelled' or 'failed'.
        score, scores: at the last step and at all steps of the ascent.
        note: result or error in one line.
        activated: whether the ascent activated the unit.
        prediction: what the network predicts for the dream of a class, None for other units.
        map, maximum: the unit's map on its own dream and the maximum of the map, once it is done.
        saved_to: folder of the dream's run, once it is saved.
        command, python: reproduce the dream.
        measures: ids of the measured dreams, this one first, and the comparison.
        appearance: where the look of a dream with a learned prior comes from, "" without one.
        check: what its prior hides: the lines, and the images as one PNG.
        in_background: whether it is made without a request for it.
        created_at: local time.
    """

    request: DreamRequest
    number: int
    name: str
    phase: str = "queued"
    step: int = 0
    steps: int = 0
    score: float | None = None
    scores: list[float | None] = field(default_factory=list)
    note: str = ""
    activated: bool = False
    prediction: Values | None = None
    png: bytes | None = None
    map: Values | None = None
    maximum: float | None = None
    saved_to: str = ""
    command: str = ""
    python: str = ""
    measures: tuple[tuple[str, ...], Values] | None = None
    appearance: str = ""
    check: Values | None = None
    in_background: bool = False
    created_at: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S"))

    def as_values(self) -> Values:
        """Return the dream as JSON values."""
        request = self.request
        return {
            "id": request.id, "number": self.number, "layer": request.layer, "unit": request.unit, "name": self.name,
            "recipe": request.recipe, "seed": request.seed, "phase": self.phase, "step": self.step,
            "steps": self.steps, "score": self.score, "scores": self.scores, "note": self.note,
            "activated": self.activated, "prediction": self.prediction, "appearance": self.appearance,
            "saved_to": self.saved_to or None,
            "image": f"api/dreams/{request.id}/image.png" if self.png else None, "created_at": self.created_at,
            "command": self.command, "python": self.python, "in_background": self.in_background,
        }  # fmt: skip

    @property
    def is_open(self) -> bool:
        """Whether the dream is queued or running."""
        return self.phase in ("queued", "running")

    def on_step(self, step: Values) -> None:
        """Apply a step that the worker has sent."""
        if step["step"] < self.step:  # a fallback starts over
            self.scores = []
        self.phase, self.step, self.steps = "running", step["step"], step["steps"]
        self.score = step["score"]
        if step["score"] is not None:
            self.scores.append(step["score"])
        if step["png"]:
            self._set_png(step["png"])

    def on_done(self, dream: Values) -> None:
        """Apply the finished dream that the worker has returned."""
        self.phase, self.step, self.steps = "done", dream["steps"], dream["steps"]
        self.score, self.scores, self.activated = dream["score"], dream["history"], dream["activated"]
        self.map, self.maximum, self.prediction = dream["map"], dream["maximum"], dream["prediction"]
        self.appearance = dream["appearance"]
        recovered = f"recovered by {dream['recovered_by']}" if dream["recovered_by"] else ""
        self.note = "; ".join(filter(None, [dream["note"], recovered]))
        self._set_png(dream["png"])

    @cached_property
    def tile(self) -> Image.Image:
        """The current image at the size of a tile, RGB."""
        image = Image.open(io.BytesIO(self.png or b"")).convert("RGB")
        return ImageOps.pad(image, (TILE, TILE), Image.Resampling.BICUBIC, color=(128, 128, 128))

    def _set_png(self, png: bytes) -> None:
        self.png = png
        self.__dict__.pop("tile", None)


class DreamQueue:
    """All dreams of a viewer by their ids."""

    def __init__(self, *, max_open: int = _MAX_OPEN, max_kept: int = _MAX_KEPT) -> None:
        self._max_open, self._max_kept = max_open, max_kept
        self._dreams: dict[str, QueuedDream] = {}
        self._count = 0

    def add(self, layer: str, unit: int, recipe: str, seed: int, *, name: str, number: int) -> QueuedDream:
        """Add a dream and return it.

        Raises:
            BusyError: too many dreams are open.
        """
        if sum(dream.is_open for dream in self._dreams.values()) >= self._max_open:
            raise BusyError(f"{self._max_open} dreams are waiting already; cancel some, or use the command line")
        dream = QueuedDream(DreamRequest(f"D{self._count}", layer, unit, recipe, seed), number, name)
        self._count += 1
        self._dreams[dream.request.id] = dream
        finished = [key for key, each in self._dreams.items() if not each.is_open]
        for key in finished[: max(0, len(self._dreams) - self._max_kept)]:
            del self._dreams[key]
        return dream

    def clear(self) -> None:
        """Drop all dreams; no later dream gets their ids."""
        self._dreams.clear()

    def get(self, dream: str) -> QueuedDream:
        """Return the dream of an id, or raise UnknownNameError."""
        if dream not in self._dreams:
            raise UnknownNameError(f"dream {dream[:20]}: no dream has this id")
        return self._dreams[dream]

    def of(self, layer: str | None = None, unit: int | None = None) -> list[QueuedDream]:
        """Return all dreams, or those of a layer or a unit, in the order of the requests."""
        return [
            dream
            for dream in self._dreams.values()
            if layer in (None, dream.request.layer) and unit in (None, dream.request.unit)
        ]

    def strongest(self, layer: str) -> dict[int, QueuedDream]:
        """Return unit -> the finished dream with the greatest maximum on its own map, for the units of a layer."""
        found: dict[int, QueuedDream] = {}
        for dream in self.of(layer):
            best = found.get(dream.request.unit)
            if dream.maximum is not None and (best is None or dream.maximum > (best.maximum or 0.0)):
                found[dream.request.unit] = dream
        return found

    def with_variants(self, dream: QueuedDream) -> tuple[str, ...]:
        """Return the ids of a dream and of the newest finished dreams that differ from it only by seed."""
        request = dream.request
        variants = {
            other.request.seed: other.request.id
            for other in self.of(request.layer, request.unit)
            if other.phase == "done" and other.request.recipe == request.recipe and other.request.seed != request.seed
        }
        return (request.id, *list(variants.values())[-_MAX_VARIANTS:])

    def newest(self, layer: str) -> list[QueuedDream]:
        """Return the newest finished dream of each unit of a layer, in the order of the units."""
        found = {dream.request.unit: dream for dream in self.of(layer) if dream.phase == "done"}
        return [found[unit] for unit in sorted(found)]

    def sheet(self, layer: str, columns: int = COLUMNS) -> Image.Image:
        """Return the newest dreams of a layer as one image of tiles, row by row, with at most `columns` in a row."""
        dreams = self.newest(layer)
        width, height = max(1, min(columns, len(dreams))), max(1, -(-len(dreams) // columns))
        sheet = Image.new("RGB", (width * TILE, height * TILE))
        for index, dream in enumerate(dreams):
            sheet.paste(dream.tile, (index % columns * TILE, index // columns * TILE))
        return sheet


def encode_png(image: Image.Image) -> bytes:
    """Return an image as a PNG."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
