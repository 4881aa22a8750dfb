"""The run of `ablate`: saves its state while it runs, so that an interrupted ablation resumes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from dreamfilters.attribution.ablation.result import Ablation
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.over_images.ablation_store import KIND, AblationStore, read_ablation
from dreamfilters.runs.storage.checksums import json_digest
from dreamfilters.runs.storage.run_folder import entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.attribution.ablation.ablation_job import AblationJob, AblationState

__all__ = ["KIND", "StoredAblationJob", "read_ablation", "run"]

_SAVE_EVERY = 20.0  # seconds of work that a kill costs at most, but for the batch that is running


@dataclass(frozen=True, eq=False)
class StoredAblationJob:
    """An ablation that is stored.

    Attributes:
        ablation: network, images, units and how they are ablated.
        spec: the argument of `load` that loads the network again.
        save_every: seconds between two saves of the state.
    """

    ablation: AblationJob
    spec: str = ""
    save_every: float = _SAVE_EVERY

    @cached_property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        from dreamfilters.runs.storage.records import model_values

        return model_values(self.ablation.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result."""
        from dreamfilters import backend

        job = self.ablation
        return {
            "weights": self.model["fingerprint"],
            "input": plain(job.network.form),
            "size": list(job.size),
            "units": {
                layer: [one.units[0] for one in job.sets if (one.layer, one.kind) == (layer, "unit")]
                for layer in job.layers
            },
            "how": job.how,
            "controls": job.controls,
            "seed": job.seed,
            "witness": job.witness,
            "images": job.source.digest,
            "labels": json_digest([job.source.labels, job.labels.classes, job.labels.rule]),
            "versions": backend.versions(),
        }

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        _ = self.ablation.size  # raises if no image can be read


def run(
    job: StoredAblationJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[Ablation | None]:
    """Ablate into a folder and return the result, None if it was interrupted.

    An ablation that an earlier run with equal settings finished is kept. Ctrl-C saves the state; the same call resumes
    it. On one machine the files have the same bytes, whether or not the run was interrupted.

    Args:
        job: what to ablate.
        folder: new, empty, or of an earlier run.
        force: replace another ablation in the folder; other files stay.
        progress: called after each batch with the number of images done.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        ImageError: no image can be read.
    """
    job.check()
    total = len(job.ablation.chosen)
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        store, kept = AblationStore(claimed), claimed.is_whole()
        if not kept:
            state = store.read_state(job.ablation.start())
            if not _resume(job, store, state, progress):
                return RunResult(folder, None, state.done, total, stopped=True)
            try:
                found = job.ablation.result(state)
            except KeyboardInterrupt:
                store.save_state(state)
                return RunResult(folder, None, state.done, total, stopped=True)
            store.finish(found)
        store.clear_state()  # of a run that was killed after its last file, too
        found = read_ablation(folder)
        if kept:
            store.update(found)
        return RunResult(folder, found, total, total, found.failures, kept=kept)


def _resume(job: StoredAblationJob, store: AblationStore, state: AblationState, progress: OnProgress | None) -> bool:
    """Ablate with the remaining images, saving the state now and then; return whether all are done."""
    saved, total = monotonic(), len(job.ablation.chosen)
    try:
        for name in job.ablation.advance(state):
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
