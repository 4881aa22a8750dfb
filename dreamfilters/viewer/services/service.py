"""The viewer without its web framework: one network, its images, dreams and listeners, all as plain values."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dreamfilters
from dreamfilters.dreams import builtin_recipes
from dreamfilters.errors import DreamfiltersError
from dreamfilters.viewer.messages import Evidence, ScanRequest, Values
from dreamfilters.viewer.server.events import EventHub
from dreamfilters.viewer.services.dream_service import CLASS_RECIPE, RECIPE, DreamService
from dreamfilters.viewer.services.map_service import MapService
from dreamfilters.viewer.services.registry import Registry
from dreamfilters.viewer.services.snippets import Snippets
from dreamfilters.viewer.services.unit_service import UnitService
from dreamfilters.viewer.services.worker_client import WorkerClient


@dataclass(frozen=True)
class ViewerSettings:
    """What a viewer shows.

    Attributes:
        spec: what `load` is given: a model, or text.
        options: the other arguments of `load`.
        name: what the command line calls the network.
        images: a folder or a file; None for the samples of the built-in network, or none.
        labels: a CSV of file and label.
        top: how many classes a prediction names.
        audit: the folder of a stored audit, whose verdicts are shown.
        out: where dreams are kept.
        command, python: how the same viewer is started again.
        wording: how the network is opened, in words.
        prepare: called in the worker's process before anything else.
    """

    spec: Any
    options: dict[str, Any]
    name: str
    images: Path | None = None
    labels: Path | None = None
    audit: Path | None = None
    top: int = 5
    out: Path | None = None
    command: str = ""
    python: str = ""
    wording: Snippets = field(default_factory=lambda: Snippets(""))
    prepare: Callable[[], None] | None = None


class Service:
    """What the page can ask for; its methods are called on one event loop.

    Attributes:
        hub: who listens.
        sights: images and maps.
        studio: dreams.
        knowledge: units.
    """

    def __init__(self, settings: ViewerSettings) -> None:
        """Make the service; nothing runs before `start`."""
        self._settings = settings
        self._directory = Registry(
            WorkerClient(
                settings.spec, settings.options, self._hear, settings.prepare, apart=isinstance(settings.spec, str)
            )
        )
        self._evidence: Values = {"phase": "none", "done": 0, "total": 0, "note": ""}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.hub = EventHub()
        self.sights = MapService(self._directory, lambda: self.hub.publish("images", self.sights.listed()))
        self.studio = DreamService(
            self._directory,
            self.hub,
            None if settings.out is None else str(settings.out),
            self._spawn,
            settings.wording,
        )
        self.knowledge = UnitService(self._directory, self.studio.bookings, settings.wording)

    @property
    def top(self) -> int:
        """How many classes a prediction names."""
        return self._settings.top

    @property
    def worker_pid(self) -> int | None:
        """The number of the worker's process, None for a thread."""
        return getattr(self._directory.owner.process, "pid", None)

    def start(self) -> None:
        """Start the worker and look through the images."""
        self._loop = asyncio.get_running_loop()
        self._directory.owner.start()
        self._spawn(self._open_images())

    def close(self) -> None:
        """End the worker and all streams, and forget the uploads."""
        self.hub.close()
        self._directory.owner.close()
        for task in self._tasks:
            task.cancel()
        self._directory.gallery.close()

    def hang_up(self) -> None:
        """End all streams, from any thread: a server that ends waits for them."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self.hub.close)

    async def settled(self) -> None:
        """Wait until the network is open, or cannot be, and the images are known."""
        await self._directory.owner.opened()
        await self._directory.images_known.wait()

    def state(self, *, images: bool = True) -> Values:
        """Return where everything stands."""
        owner, facts = self._directory.owner, self._directory.facts
        values: Values = {
            "phase": owner.phase,
            "note": owner.note,
            "version": dreamfilters.__version__,
            "top": self.top,
            "network": facts.values if facts else None,
            "recipes": list(builtin_recipes.names()),
            "default_recipe": RECIPE,
            "class_recipe": CLASS_RECIPE,
            "evidence": self._evidence,
            "command": self._settings.command,
            "python": self._settings.python,
        }
        return {**values, "images": self.sights.listed()} if images else values

    def first_events(self) -> list[tuple[str, Any]]:
        """Return what a page that has just begun to listen is told."""
        return [
            ("hello", {"version": dreamfilters.__version__}),
            ("state", self.state(images=False)),
            ("images", self.sights.listed()),
            ("evidence", self._evidence),
            *(("dream", booking.as_values()) for booking in self.studio.bookings.of() if booking.is_open),
        ]

    async def _open_images(self) -> None:
        settings, gallery, source = self._settings, self._directory.gallery, self._settings.images
        try:
            if source is None and settings.spec == "signs":
                source = gallery.samples
                await _aside(_write_samples, source)
            if source is not None:
                await _aside(gallery.open, source, settings.labels)
        except DreamfiltersError as error:
            self._tell_evidence({"phase": "failed", "done": 0, "total": 0, "note": str(error)})
            source = None
        self._directory.images_known.set()
        self.hub.publish("images", self.sights.listed())
        if source is not None:
            shown = ScanRequest(str(source), _text(settings.labels), _text(settings.audit))
            self.knowledge.images = shown
            self._tell_evidence({"phase": "queued", "done": 0, "total": len(gallery), "note": ""})
            self._directory.owner.survey(shown)

    def _hear(self, topic: str, value: Any) -> None:
        """Take over what the worker tells."""
        if topic == "dream":
            self.studio.grown(value)
        elif topic == "progress":
            self._tell_evidence(value)
        elif topic == "evidence":
            self._directory.evidence = Evidence(value, {})
        elif topic == "verdicts" and self._directory.evidence is not None:
            self._directory.evidence = Evidence(self._directory.evidence.scan, value)
        elif topic == "report":
            self.hub.publish("report", value)
        elif topic == "network":
            self._directory.facts = value
            self.hub.publish("state", self.state(images=False))
            self.hub.publish("images", self.sights.listed())  # their labels are names now
        else:
            self.hub.publish("state", self.state(images=False))

    def _tell_evidence(self, values: Values) -> None:
        self._evidence = values
        self.hub.publish("evidence", values)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _aside(work: Callable[..., None], *arguments: Any) -> None:
    """Do what takes seconds in a thread that nobody waits for when the viewer ends; asyncio's own are waited for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(None)

    def run() -> None:
        error = None
        try:
            work(*arguments)
        except Exception as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=run, daemon=True, name="dreamfilters-images").start()
    await done


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _write_samples(folder: Path) -> None:
    from dreamfilters.signs.rendering.scenes import write_samples

    write_samples(folder)
