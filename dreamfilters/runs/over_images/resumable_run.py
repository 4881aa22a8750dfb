"""One run for every job that adds results up over images: it saves its state now and then, and resumes from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.over_images.run_format import RunFormat, Value
from dreamfilters.runs.storage.checksums import json_digest
from dreamfilters.runs.storage.run_folder import RunFolder, entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.runs.storage.unfinished import UNFINISHED, read_state, write_state
from dreamfilters.serialization import plain

if TYPE_CHECKING:  # they import TensorFlow
    from dreamfilters.evidence.scan.sources import ImageSource
    from dreamfilters.networks import Network

_SAVE_EVERY = 20.0  # seconds of work that a kill costs at most, but for the batch that is running


class ImagesState(Protocol):
    """What an unfinished job has computed."""

    @property
    def done(self) -> int:
        """Number of images processed."""

    @property
    def consistent(self) -> bool:
        """False while a batch is being added; a state is stored only if it is True."""


State = TypeVar("State", bound=ImagesState)


class ImagesJob(Protocol[State]):
    """A job over images; `ScanJob`, `EvaluationJob` and `AblationJob` are such jobs."""

    @property
    def network(self) -> Network:
        """The network."""

    @property
    def source(self) -> ImageSource:
        """The images."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image; an ImageError if none can be read."""

    @property
    def total(self) -> int:
        """Number of images to process."""

    def start(self) -> State:
        """Return the state before the first image."""

    def advance(self, state: State) -> Iterator[str]:
        """Process the remaining images; yield the name of an image after each update of `state`."""


@dataclass(frozen=True, eq=False)
class ResumableJob(Generic[State, Value]):
    """A job over images that is stored.

    Attributes:
        job: network, images and what is computed.
        result: returns the result of a finished state.
        format: the files of the run.
        chosen: what else decides the result: name -> value.
        labels: what the labels of the images mean.
        spec: the argument of `load` that loads the network again.
        save_every: seconds between two saves of the state.
    """

    job: ImagesJob[State]
    result: Callable[[State], Value]
    format: RunFormat[State, Value]
    chosen: Mapping[str, Any]
    labels: Sequence[Any]
    spec: str = ""
    save_every: float = _SAVE_EVERY

    @cached_property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        from dreamfilters.runs.storage.records import model_values

        return model_values(self.job.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result."""
        from dreamfilters import backend

        return {
            "weights": self.model["fingerprint"],
            "input": plain(self.job.network.form),
            "size": list(self.job.size),
            **self.chosen,
            "images": self.job.source.digest,
            "labels": json_digest(self.labels),
            "versions": backend.versions(),
        }


def run(
    job: ResumableJob[State, Value], folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[Value | None]:
    """Run a job in a folder and return its result, None if it was interrupted.

    What an earlier run with equal settings finished is kept. Ctrl-C saves the state; the same call resumes it. On one
    machine the files have the same bytes, whether or not the run was interrupted.

    Args:
        job: what to compute.
        folder: new, empty, or of an earlier run.
        force: replace another run of the same command in the folder; other files stay.
        progress: called after each batch with the number of images done.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        ImageError: no image can be read.
    """
    _ = job.job.size  # raises before anything is written if no image can be read
    total, files = job.job.total, job.format
    with entered(folder, files.kind, job.settings, job.model, force=force) as claimed:
        kept = claimed.is_whole()
        if not kept:
            state = _state(job, claimed)
            try:
                _resume(job, claimed, state, progress)
                found = job.result(state)
            except KeyboardInterrupt:
                if state.consistent:
                    write_state(claimed, files.packed(state))
                return RunResult(folder, None, state.done, total, stopped=True)
            files.finish(claimed, found)
        claimed.remove([UNFINISHED])  # of a run that was killed after its last file, too
        found = files.read(folder, job.job.source)
        if kept:
            claimed.update(files.shown(claimed, found))
        return RunResult(folder, found, total, total, found.failures, kept=kept)


def _state(job: ResumableJob[State, Value], claimed: RunFolder) -> State:
    """Return the state that an earlier run with equal settings saved, or the state before any image."""
    first, stored = job.job.start(), read_state(claimed)
    if stored is None or not 0 <= stored.done <= job.job.total:
        return first
    try:
        return job.format.unpacked(stored, first)
    except (ValueError, KeyError, TypeError):
        return first


def _resume(job: ResumableJob[State, Value], claimed: RunFolder, state: State, progress: OnProgress | None) -> None:
    """Process the remaining images, saving the state now and then."""
    saved = monotonic()
    for name in job.job.advance(state):
        if progress is not None:
            progress(Progress(state.done, job.job.total, name))
        if monotonic() - saved >= job.save_every:
            write_state(claimed, job.format.packed(state))
            saved = monotonic()
