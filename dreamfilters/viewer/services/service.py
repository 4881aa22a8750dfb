"""The viewer without its web framework: one network with its images, dreams and units as plain values."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dreamfilters
from dreamfilters.dreams import builtin_recipes
from dreamfilters.errors import DreamfiltersError
from dreamfilters.viewer.messages import ScanRequest, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.dream_service import CLASS_RECIPE, DEFAULT_RECIPE, DreamService
from dreamfilters.viewer.services.event_hub import EventHub
from dreamfilters.viewer.services.image_service import ImageService
from dreamfilters.viewer.services.snippets import Snippets
from dreamfilters.viewer.services.unit_service import UnitService
from dreamfilters.viewer.services.worker_client import WorkerClient


@dataclass(frozen=True)
class ViewerSettings:
    """The settings of a viewer.

    Attributes:
        spec: the model, as `load` takes it.
        options: other arguments of `load`.
        images: a folder or a file; None for the samples of the built-in network, or no images.
        labels: a CSV file with the columns file and label.
        top: number of classes of a prediction.
        audit: folder of a stored audit whose verdicts are shown.
        out: parent folder of saved dreams.
        snippets: commands that start the same viewer and reproduce a dream.
        prepare: called first in the worker's process.
    """

    spec: Any
    options: dict[str, Any]
    images: Path | None = None
    labels: Path | None = None
    audit: Path | None = None
    top: int = 5
    out: Path | None = None
    snippets: Snippets = field(default_factory=lambda: Snippets(""))
    prepare: Callable[[], None] | None = None


class Service:
    """The API of the page; its methods are called on one event loop.

    Attributes:
        hub: publishes events.
        images: images and maps.
        dreams: dreams.
        units: units and reports.
    """

    def __init__(self, settings: ViewerSettings) -> None:
        """Create the service; `start` runs it."""
        self._settings = settings
        separate = isinstance(settings.spec, str)
        self._catalog = Catalog(
            WorkerClient(settings.spec, settings.options, self._on_event, settings.prepare, separate=separate)
        )
        self._scan_progress: Values = {"phase": "none", "done": 0, "total": 0, "note": ""}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.hub = EventHub()
        self.images = ImageService(self._catalog, self._publish_images)
        self.dreams = DreamService(self._catalog, self.hub, _text(settings.out), self._spawn, settings.snippets)
        self.units = UnitService(self._catalog, self.dreams.queue, settings.snippets)

    @property
    def top(self) -> int:
        """Number of classes of a prediction."""
        return self._settings.top

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker; None for a thread."""
        return getattr(self._catalog.worker.process, "pid", None)

    def start(self) -> None:
        """Start the worker and list the images."""
        self._loop = asyncio.get_running_loop()
        self._catalog.worker.start()
        self._spawn(self._list_images())

    def close(self) -> None:
        """End the worker and all event streams, and delete the uploads."""
        self.hub.close()
        self._catalog.worker.close()
        for task in self._tasks:
            task.cancel()
        self._catalog.images.close()

    def close_streams(self) -> None:
        """End all event streams, from any thread: a server waits for them when it shuts down."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self.hub.close)

    async def wait_until_ready(self) -> None:
        """Wait until the network is open, or failed to open, and the images are listed."""
        await self._catalog.worker.wait_until_opened()
        await self._catalog.images_listed.wait()

    def state(self, *, images: bool = True) -> Values:
        """Return the state of the viewer: phase, network, recipes, progress of the scan and, optionally, images."""
        worker, description = self._catalog.worker, self._catalog.description
        command, python = self._settings.snippets.serve(self._settings.images)
        values: Values = {
            "phase": worker.phase,
            "note": worker.note,
            "version": dreamfilters.__version__,
            "top": self.top,
            "network": description.values if description else None,
            "recipes": list(builtin_recipes.names()),
            "default_recipe": DEFAULT_RECIPE,
            "class_recipe": CLASS_RECIPE,
            "evidence": self._scan_progress,
            "command": command,
            "python": python,
        }
        return {**values, "images": self.images.listed()} if images else values

    def first_events(self) -> list[tuple[str, Any]]:
        """Return the events that a new listener gets first."""
        return [
            ("hello", {"version": dreamfilters.__version__}),
            ("state", self.state(images=False)),
            ("images", self.images.listed()),
            ("evidence", self._scan_progress),
            *(("dream", dream.as_values()) for dream in self.dreams.queue.of() if dream.is_open),
        ]

    async def _list_images(self) -> None:
        settings, store, source = self._settings, self._catalog.images, self._settings.images
        request = None
        try:
            if source is None and settings.spec == "signs":
                source = store.samples
                await _in_daemon_thread(_write_samples, source)
            if source is not None:
                ids, folder = await _in_daemon_thread(store.add_folder, source, settings.labels)
                request = ScanRequest(ids, folder, _text(settings.audit))
        except DreamfiltersError as error:
            self._publish_progress({"phase": "failed", "done": 0, "total": 0, "note": str(error)})
        self._catalog.images_listed.set()
        self._publish_images()
        if request is not None:
            self.units.scan_request = request
            self._publish_progress({"phase": "queued", "done": 0, "total": len(request.images), "note": ""})
            self._catalog.worker.scan(request)

    def _on_event(self, topic: str, value: Any) -> None:
        """Apply an event of the worker."""
        catalog = self._catalog
        if topic == "dream":
            self.dreams.on_step(value)
        elif topic == "progress":
            self._publish_progress(value)
        elif topic == "evidence":
            catalog.evidence = value
        elif topic == "verdicts" and catalog.evidence is not None:
            catalog.evidence = replace(catalog.evidence, verdicts=value)
        elif topic == "report":
            self.hub.publish("report", value)
        elif topic == "network":
            catalog.description = value
            self.hub.publish("state", self.state(images=False))
            self._publish_images()  # labels are class names now
        else:
            self.hub.publish("state", self.state(images=False))

    def _publish_images(self) -> None:
        self.hub.publish("images", self.images.listed())

    def _publish_progress(self, values: Values) -> None:
        self._scan_progress = values
        self.hub.publish("evidence", values)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _in_daemon_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of slow work in a daemon thread; asyncio's own threads are waited for at exit."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(value: Any, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(value)

    def run() -> None:
        value, error = None, None
        try:
            value = work(*arguments)
        except Exception as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, daemon=True, name="dreamfilters-images").start()
    return await done


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _write_samples(folder: Path) -> None:
    from dreamfilters.signs.rendering.scenes import write_samples

    write_samples(folder)
