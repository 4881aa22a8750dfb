"""The viewer without its web framework: one network with its images, dreams and units as plain values."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dreamfilters
from dreamfilters.dreams import builtin_recipes
from dreamfilters.errors import DreamfiltersError
from dreamfilters.evidence.embedding.registry import EMBEDDING_METHODS
from dreamfilters.viewer.daemon_thread import run_in_daemon_thread
from dreamfilters.viewer.messages import ImageEvidence, JobResult, ScanRequest, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.dream_service import DreamService
from dreamfilters.viewer.services.event_hub import EventHub
from dreamfilters.viewer.services.explanation_service import ExplanationService
from dreamfilters.viewer.services.findings.class_service import ClassService
from dreamfilters.viewer.services.findings.embedding_service import EmbeddingService
from dreamfilters.viewer.services.findings.evaluation_service import EvaluationService
from dreamfilters.viewer.services.findings.overview_service import OverviewService
from dreamfilters.viewer.services.image_service import ImageService
from dreamfilters.viewer.services.image_store import ImageStore
from dreamfilters.viewer.services.jobs.form_search import FormSearch
from dreamfilters.viewer.services.jobs.job_service import JobService
from dreamfilters.viewer.services.jobs.technique_service import TechniqueService
from dreamfilters.viewer.services.live_service import LiveService
from dreamfilters.viewer.services.snippets import Snippets
from dreamfilters.viewer.services.unit_service import UnitService
from dreamfilters.viewer.services.worker_client import WorkerClient


@dataclass(frozen=True)
class ViewerSettings:
    """The settings of a viewer.

    Attributes:
        spec, options: the model and other arguments, as `load` takes them.
        images, labels, top, audit, out, prior: as `serve` takes them.
        snippets: commands that start the same viewer and reproduce a dream.
        prepare: called first in the worker's process.
        report: called with one line on the input form, then with a warning of a poor accuracy on the labeled images.
    """

    spec: Any
    options: dict[str, Any]
    images: Path | None = None
    labels: Path | None = None
    audit: Path | None = None
    top: int = 5
    out: Path | None = None
    prior: Path | None = None
    snippets: Snippets = field(default_factory=lambda: Snippets(""))
    prepare: Callable[[], None] | None = None
    report: Callable[[str], None] | None = None


class Service:
    """The API of the page; its methods are called on one event loop."""

    def __init__(self, settings: ViewerSettings) -> None:
        """Create the service; `running` runs it."""
        self._settings = settings
        separate = isinstance(settings.spec, str)
        options = settings.options if settings.prior is None else {**settings.options, "prior": settings.prior}
        self.catalog = Catalog(
            WorkerClient(settings.spec, options, self._on_event, settings.prepare, separate=separate),
            snippets=settings.snippets,
        )
        self._scan_progress: Values = {"phase": "none", "done": 0, "total": 0, "note": ""}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.hub = EventHub()
        self.evaluation = EvaluationService(self.catalog)
        self.embedding = EmbeddingService(self.catalog)
        self.images = ImageService(self.catalog, settings.top, self.evaluation.confidence, self._publish_images)
        self.dreams = DreamService(
            self.catalog, self.hub, settings.out, self._spawn, has_prior=settings.prior is not None
        )
        self.units = UnitService(self.catalog, self.dreams.queue)
        self.explanations = ExplanationService(self.catalog, settings.images)
        self.live = LiveService(self.catalog, self.images, self.explanations, settings.top)
        self.classes = ClassService(self.catalog)
        self.overview = OverviewService(self.catalog, self.dreams.queue)
        self.form_search = FormSearch(self.catalog, self.hub, self._spawn)
        self.jobs = JobService(
            self.catalog, self.hub, self._spawn, settings.images, settings.labels, settings.out, self._on_result
        )
        self.techniques = TechniqueService(self.catalog, self.jobs, settings.images)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start the worker and list the images; close the service at the end."""
        self._loop = asyncio.get_running_loop()
        self.catalog.worker.start()
        self._spawn(self._list_images())
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """End the worker and all event streams, and delete the uploads."""
        self.hub.close()
        self.catalog.worker.close()
        for task in self._tasks:
            task.cancel()
        self.catalog.images.close()

    def abandon(self) -> None:
        """End the worker and delete the uploads, from any thread; after `close`, or where the event loop is gone."""
        self.catalog.worker.end()
        self.catalog.images.close()

    def write_private(self, name: str, content: bytes) -> Path:
        """Write a file into the viewer's private folder, and return its path.

        Raises:
            OutputError: it cannot be written.
        """
        return self.catalog.images.write_private(name, content)

    def close_streams(self) -> None:
        """End all event streams, from any thread: a server waits for them when it shuts down."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self.hub.close)

    async def wait_until_ready(self) -> None:
        """Wait until the network is open, or failed to open, and the images are listed."""
        await self.catalog.worker.opened.wait()
        await self.catalog.images_listed.wait()

    def state(self) -> Values:
        """Return the state of the viewer except its images: phase, network, recipes and progress of the scan."""
        worker, description = self.catalog.worker, self.catalog.description
        command, python = self.catalog.snippets.serve(self._settings.images, self._settings.labels)
        return {
            "phase": worker.phase,
            "note": worker.note,
            "version": dreamfilters.__version__,
            "top": self._settings.top,
            "network": description.values if description else None,
            "recipes": list(self.dreams.recipes),
            "default_recipe": builtin_recipes.OTHERS,
            "class_recipe": (
                builtin_recipes.default_name(description.size, is_class=True)
                if description
                else builtin_recipes.CLASSES
            ),
            "evidence": self._scan_progress,
            "accuracy": _accuracy_values(self.catalog.evidence),
            "form_search": self.form_search.as_values(),
            "jobs": self.jobs.listed(),
            "embeddings": [{"name": each.name, "meaning": each.meaning} for each in EMBEDDING_METHODS.values()],
            "command": command,
            "python": python,
        }

    def first_events(self) -> list[tuple[str, Any]]:
        """Return the events that a new listener gets first."""
        return [
            ("hello", {"version": dreamfilters.__version__}),
            ("state", self.state()),
            ("images", self.images.listed()),
            ("evidence", self._scan_progress),
            *(("dream", dream.as_values()) for dream in self.dreams.queue.of() if dream.is_open),
        ]

    async def _list_images(self) -> None:
        work = functools.partial(_scan_request, self._settings, self.catalog.images)
        request = None
        try:
            request = await asyncio.wrap_future(run_in_daemon_thread(work))
        except DreamfiltersError as error:
            self._publish_progress({"phase": "failed", "done": 0, "total": 0, "note": str(error)})
        self.catalog.images_listed.set()
        self._publish_images()
        if request is not None:
            self.catalog.scan_request = request
            self.form_search.publish()
            self._scan(request)

    def _on_event(self, topic: str, value: Any) -> None:
        """Apply an event of the worker."""
        catalog = self.catalog
        if topic == "dream":
            self.dreams.on_step(value)
        elif topic == "progress":
            self._publish_progress(value)
        elif topic == "evidence":
            if catalog.evidence is None and value.accuracy is not None:
                images = "IMAGES" if self._settings.images is None else str(self._settings.images)
                self._report(value.accuracy.warning(catalog.snippets.words(images, self._settings.labels)))
            catalog.evidence = value
            self.hub.publish("state", self.state())
            self._publish_images()  # those that are not predicted as labeled are marked
        elif topic == "verdicts" and catalog.evidence is not None:
            catalog.evidence = replace(catalog.evidence, verdicts=value)
            self.hub.publish("verdicts", {})
        elif topic == "form_search":
            self.form_search.on_progress(value)
        elif topic == "trust":
            self.hub.publish("trust", value)
        elif topic == "job":
            self.jobs.on_progress(value)
        elif topic == "network":
            before, catalog.description = catalog.description, value
            if before is None or before.form_key != value.form_key:  # else the worker has crashed and started again
                self._report(value.values["form"]["line"])
            if before is not None and before.form_key != value.form_key:
                self._start_over()
            self.hub.publish("state", self.state())
            self._publish_images()  # labels are class names now
        else:
            self.hub.publish("state", self.state())

    def _start_over(self) -> None:
        """Drop what was computed in another input form, and scan the images again."""
        self.catalog.evidence = None
        self.images.drop_maps()
        self.dreams.drop_all()
        self.evaluation.set(None)
        self.embedding.set(None)
        if self.catalog.scan_request is not None:
            self._scan(self.catalog.scan_request)

    def _on_result(self, result: JobResult) -> None:
        """Show the result of a job."""
        if result.evaluation is not None:
            self.evaluation.set(result.evaluation)
            self.hub.publish("evaluation", {})
            self._publish_images()  # their confidence is known
        if result.embedding is not None:
            self.embedding.set(result)
            self.hub.publish("embedding", {})

    def _scan(self, request: ScanRequest) -> None:
        self._publish_progress({"phase": "queued", "done": 0, "total": len(request.images), "note": ""})
        self.catalog.worker.scan(request)

    def _report(self, line: str) -> None:
        if line and self._settings.report is not None:
            self._settings.report(line)

    def _publish_images(self) -> None:
        self.hub.publish("images", self.images.listed())

    def _publish_progress(self, values: Values) -> None:
        self._scan_progress = values
        self.hub.publish("evidence", values)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _accuracy_values(evidence: ImageEvidence | None) -> Values | None:
    """Return the accuracy on the labeled images as JSON values."""
    accuracy = None if evidence is None else evidence.accuracy
    if accuracy is None:
        return None
    return {
        "value": accuracy.value, "right": int(accuracy.right.sum()), "count": accuracy.count,
        "chance": accuracy.chance, "poor": accuracy.is_poor, "text": accuracy.describe(),
        "remark": accuracy.remark,
    }  # fmt: skip


def _scan_request(settings: ViewerSettings, store: ImageStore) -> ScanRequest | None:
    """Add the images to the store and return the request for their scan; None if there are none."""
    source = settings.images
    if source is None and settings.spec == "signs":
        from dreamfilters.signs.rendering.scenes import write_samples

        source = store.samples
        write_samples(source)
    if source is None:
        return None
    ids, folder = store.add_folder(source, settings.labels)
    return ScanRequest(ids, folder, settings.audit)
