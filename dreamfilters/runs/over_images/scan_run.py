"""The run of `scan`: saves its state while it runs, so that an interrupted scan resumes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from dreamfilters.evidence.scan.result import Scan
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.over_images.scan_store import KIND, ScanStore, read_scan
from dreamfilters.runs.storage.checksums import json_digest
from dreamfilters.runs.storage.run_folder import entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.scan.scan_job import ScanJob, ScanState

__all__ = ["StoredScanJob", "read_scan", "run"]

_SAVE_EVERY = 20.0  # seconds of work that a kill costs at most


@dataclass(frozen=True, eq=False)
class StoredScanJob:
    """A scan that is stored.

    Attributes:
        scan: network, images and layers.
        spec: the argument of `load` that loads the network again.
        save_every: seconds between two saves of the state.
    """

    scan: ScanJob
    spec: str = ""
    save_every: float = _SAVE_EVERY

    @cached_property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        from dreamfilters.runs.storage.records import model_values

        return model_values(self.scan.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result."""
        from dreamfilters import backend

        scan = self.scan
        return {
            "weights": self.model["fingerprint"],
            "input": plain(scan.network.form),
            "size": list(scan.size),
            "layers": list(scan.layers),
            "top": scan.k,
            "images": scan.source.digest,
            "labels": json_digest([scan.source.labels, scan.classes, scan.labels and scan.labels.rule]),
            "versions": backend.versions(),
        }

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        _ = self.scan.size  # raises if no image can be read


def run(
    job: StoredScanJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[Scan | None]:
    """Scan into a folder and return the scan, None if it was interrupted.

    A scan that an earlier run with equal settings finished is kept. Ctrl-C saves the state; the same call resumes it.
    On one machine the files have the same bytes, whether or not the scan was interrupted.

    Args:
        job: what to scan.
        folder: new, empty, or of an earlier run.
        force: replace another scan in the folder; other files stay.
        progress: called after each batch with the number of images done.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        ImageError: no image can be read.
    """
    job.check()
    total = len(job.scan.source.names)
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        store, kept = ScanStore(claimed), claimed.is_whole()
        if not kept:
            state = store.read_state(job.scan.start())
            if not _resume(job, store, state, progress):
                return RunResult(folder, None, state.done, total, stopped=True)
            store.finish(job.scan.result(state))
        store.clear_state()  # of a run that was killed after its last file, too
        scan = replace(read_scan(folder), images=job.scan.source)
        if kept:
            store.update(scan)
        return RunResult(folder, scan, total, total, scan.failures, kept=kept)


def _resume(job: StoredScanJob, store: ScanStore, state: ScanState, progress: OnProgress | None) -> bool:
    """Scan the remaining images, saving the state now and then; return whether all are scanned."""
    saved, total = monotonic(), len(job.scan.source.names)
    try:
        for name in job.scan.advance(state):
            if progress is not None:
                progress(Progress(state.done, total, name))
            if monotonic() - saved >= job.save_every:
                store.save_state(state)
                saved = monotonic()
    except KeyboardInterrupt:
        if state.consistent:
            store.save_state(state)
        return False
    return True
