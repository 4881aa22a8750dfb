"""Long work that the page starts, as the commands `evaluate`, `audit`, `compare`, `embed` and the techniques do it."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dreamfilters.errors import DreamfiltersError, TargetError, UnknownNameError, close_names
from dreamfilters.evidence.embedding.registry import EMBEDDING_METHODS
from dreamfilters.runs.storage.file_names import default_folder
from dreamfilters.runs.storage.stored_files import read_file
from dreamfilters.viewer.messages import JOB, BusyError, Cancelled, JobRequest, JobResult, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.event_hub import EventHub

KINDS = ("evaluate", "audit", "compare", "embed")
_MAX_OPEN = 8  # jobs
_MAX_KEPT = 32  # jobs; the oldest finished one is dropped first
_MAX_FILE = 2**28  # bytes
_MAX_UNITS = 32  # of a comparison; the command line has no such limit


@dataclass(eq=False)
class Job:
    """Long work and its progress.

    Attributes:
        number: of the worker's request, by which it is canceled.
        phase: 'queued', 'running', 'done', 'cancelled' or 'failed'.
        share: how much of the work is done.
        note: what is being done, the result or the error, in one line.
        command: does the same on the command line.
        sent: what the page sent for a technique, None for other work.
        files: names of the files of the result in its run folder.
        results: what a technique made, see `worker.technique_jobs.results_of`.
        created_at: local time.
        snapshot: the images of a technique as a PNG, as they were last seen while it ran; None if there are none.
        snapshots: how many there were.
    """

    request: JobRequest
    number: int
    command: str
    sent: Values | None = None
    phase: str = "queued"
    share: float = 0.0
    note: str = ""
    folder: str = ""
    files: tuple[str, ...] = ()
    results: tuple[Values, ...] = ()
    created_at: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S"))

    snapshot: bytes | None = None
    snapshots: int = 0

    @property
    def is_open(self) -> bool:
        """Whether the job is queued or running."""
        return self.phase in ("queued", "running")

    def as_values(self) -> Values:
        """Return the job as JSON values."""
        return {
            "id": self.request.id, "number": self.number, "kind": self.request.kind,
            "targets": list(self.request.targets), "method": self.request.method,
            "dreams": self.request.dreams, "phase": self.phase, "share": self.share, "note": self.note,
            "folder": self.folder, "files": list(self.files), "command": self.command, "created_at": self.created_at,
            "technique": self.sent, "results": list(self.results),
            "snapshot": self.snapshots if self.is_open else 0,
        }  # fmt: skip


@dataclass(eq=False)
class JobService:
    """The jobs of a viewer.

    Attributes:
        spawn: starts a task.
        images, labels: what the viewer was started with.
        out: parent of the run folders; None for that of each command.
        on_result: called with the result of each finished job.
    """

    catalog: Catalog
    hub: EventHub
    spawn: Callable[[Coroutine[Any, Any, None]], Any]
    images: Path | None
    labels: Path | None
    out: Path | None
    on_result: Callable[[JobResult], None]
    _jobs: dict[str, Job] = field(default_factory=dict, init=False)
    _count: int = field(default=0, init=False)

    def listed(self) -> list[Values]:
        """Return all jobs, the oldest first."""
        return [job.as_values() for job in self._jobs.values()]

    async def start(
        self, kind: str, layer: str = "", units: Sequence[int] = (), method: str = "", dreams: bool = False
    ) -> Values:
        """Start a job, unless the same one is open already, and return it.

        Args:
            kind: one of `KINDS`.
            layer, units: what is compared with the images.
            method: of an embedding, one of `EMBEDDING_METHODS`; one whose package is missing fails with its name.
            dreams: whether an embedding shows the finished dreams too. Its command shows those that were saved.

        Raises:
            UnknownNameError, TargetError: unknown kind, method or units, too many, or units without gradient.
            ImageError, ModelError: there are no images, or none that can be evaluated.
            BusyError: too many jobs are open, or the network could not be opened.
        """
        if kind not in KINDS:
            raise UnknownNameError(f"work {str(kind)[:20]}: there is none. {close_names(str(kind), KINDS)}")
        targets = await self._targets(layer, units) if kind == "compare" else ()
        chosen = EMBEDDING_METHODS[method].name if kind == "embed" else ""
        images = await self.catalog.scanned_images(labeled=kind == "evaluate")
        options = tuple(self.catalog.snippets.flags)
        request = JobRequest("", kind, targets, images, self.out, chosen, dreams and kind == "embed", options=options)
        return self.start_request(request, self._command(request))

    def start_request(self, request: JobRequest, command: str, sent: Values | None = None) -> Values:
        """Start a job, unless the same one is open already, and return it.

        Args:
            request: its id is that of the new job.
            command: does the same on the command line, "" for none.
            sent: see `Job`.

        Raises:
            BusyError: too many jobs are open.
        """
        same = (job for job in self._open() if replace(job.request, id="") == request)
        new = replace(request, id=f"J{self._count}")
        return (next(same, None) or self._add(new, command, sent)).as_values()

    def cancel(self, job: str) -> Values:
        """Cancel a job that is not done; it resumes when the same work is started again."""
        found = self._job(job)
        if found.is_open:
            found.phase, found.note = "cancelled", "the same work continues where it ended"
            self.catalog.worker.cancel(found.number)
            self._publish(found)
        return found.as_values()

    async def file(self, job: str, name: str) -> bytes:
        """Return a file of the result of a job.

        Raises:
            UnknownNameError: there is no such job, or its result has no such file.
            DamagedError: the file cannot be read any more.
        """
        found = self._job(job)
        if name not in found.files:
            raise UnknownNameError(f"{name[:40]}: the result of job {job} has no such file")
        return await asyncio.to_thread(_file, Path(found.folder), name, found.files)

    def snapshot_png(self, job: str) -> bytes:
        """Return the images of a technique as they were last seen while it ran, or raise UnknownNameError."""
        found = self._job(job)
        if found.snapshot is None:
            raise UnknownNameError(f"job {job}: has no image yet")
        return found.snapshot

    def on_progress(self, progress: Values) -> None:
        """Apply and publish progress that the worker has sent."""
        job = self._jobs.get(progress["id"])
        if job is not None and job.is_open:
            job.phase, job.share, job.note = "running", progress["share"], progress["note"]
            if "snapshot" in progress:
                job.snapshot, job.snapshots = progress["snapshot"], job.snapshots + 1
            self._publish(job)

    def _command(self, request: JobRequest) -> str:
        known = self.catalog.description
        size = None if known is None else known.chosen_size
        options = ("--method", request.method) if request.method else ()
        if request.dreams and known is not None:
            options = (*options, "--dreams", str(self.out or default_folder(known.values["name"], "viewer")))
        return self.catalog.snippets.command(request.kind, request.targets, self.images, self.labels, size, options)

    def _add(self, request: JobRequest, command: str, sent: Values | None) -> Job:
        if len(self._open()) >= _MAX_OPEN:
            raise BusyError(f"{_MAX_OPEN} jobs are waiting already; cancel some, or use the command line")
        job = Job(request, self.catalog.worker.new_number(), command, sent)
        self._count += 1
        self._jobs[request.id] = job
        finished = [key for key, each in self._jobs.items() if not each.is_open]
        for key in finished[: max(0, len(self._jobs) - _MAX_KEPT)]:
            del self._jobs[key]
        self._publish(job)
        self.spawn(self._run(job))
        return job

    async def _run(self, job: Job) -> None:
        try:
            result: JobResult = await self.catalog.worker.request(
                "job", priority=JOB, number=job.number, request=job.request
            )
        except Cancelled:
            return
        except DreamfiltersError as error:
            if job.is_open:
                job.phase, job.note = "failed", str(error)
                self._publish(job)
            return
        if job.is_open:
            job.phase, job.share, job.note, job.folder = "done", 1.0, result.line, str(result.folder)
            job.files, job.results = result.files, result.results
            self.on_result(result)
            self._publish(job)

    async def _targets(self, layer: str, units: Sequence[int]) -> tuple[str, ...]:
        """Return units as targets of the command line."""
        if not 0 < len(units) <= _MAX_UNITS:
            raise TargetError(f"{len(units)} units: from 1 to {_MAX_UNITS}; `dreamfilters compare` takes more")
        descriptions = [await self.catalog.network_with_unit(layer, unit) for unit in units]
        info = descriptions[0].layers[layer]
        if not info.dreamable:
            raise TargetError(f"{info.name}: no dream is possible: {info.reason}")
        return tuple(dict.fromkeys(descriptions[0].target(layer, unit) for unit in units))

    def _open(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.is_open]

    def _job(self, job: str) -> Job:
        if job not in self._jobs:
            raise UnknownNameError(f"job {job[:20]}: no job has this id")
        return self._jobs[job]

    def _publish(self, job: Job) -> None:
        self.hub.publish("job", job.as_values(), key=job.request.id)


def _file(folder: Path, name: str, files: Sequence[str]) -> bytes:
    """Return a file of a run. A page holds its images: the browser shows it apart, where it can load no other file."""
    content = read_file(folder, name, _MAX_FILE)
    for each in files if name.endswith(".html") else ():
        before, kind = {".png": ("src=", b"png"), ".jpg": ("", b"jpeg")}.get(Path(each).suffix, ("", b""))
        words = f'{before}"{each}"'.encode()
        if kind and words in content:
            image = b64encode(read_file(folder, each, _MAX_FILE))
            content = content.replace(words, before.encode() + b'"data:image/' + kind + b";base64," + image + b'"')
    return content
