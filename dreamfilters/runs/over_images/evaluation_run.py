"""The run of `evaluate`: saves its state while it runs, so that an interrupted evaluation resumes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.over_images.evaluation_store import KIND, EvaluationStore, read_evaluation
from dreamfilters.runs.storage.checksums import json_digest
from dreamfilters.runs.storage.run_folder import entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob, EvaluationState

__all__ = ["StoredEvaluationJob", "read_evaluation", "run"]

_SAVE_EVERY = 20.0  # seconds of work that a kill costs at most


@dataclass(frozen=True, eq=False)
class StoredEvaluationJob:
    """An evaluation that is stored.

    Attributes:
        evaluation: network and images.
        layer: whose units are compared, as `compared_layer` names it.
        pairs: number of confused pairs whose units are compared.
        spec: the argument of `load` that loads the network again.
        save_every: seconds between two saves of the state.
    """

    evaluation: EvaluationJob
    layer: str
    pairs: int
    spec: str = ""
    save_every: float = _SAVE_EVERY

    @cached_property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        from dreamfilters.runs.storage.records import model_values

        return model_values(self.evaluation.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result."""
        from dreamfilters import backend

        job = self.evaluation
        return {
            "weights": self.model["fingerprint"],
            "input": plain(job.network.form),
            "size": list(job.size),
            "layer": self.layer,
            "pairs": self.pairs,
            "images": job.source.digest,
            "labels": json_digest([job.source.labels, job.labels.classes, job.labels.rule]),
            "versions": backend.versions(),
        }

    @property
    def targets(self) -> tuple[str, ...]:
        """Each class as the command `dream` names it."""
        from dreamfilters.dreams.objectives.targets import class_word

        network = self.evaluation.network
        return tuple(f"class:{class_word(network, number)}" for number in range(network.class_count))

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        _ = self.evaluation.size  # raises if no image can be read


def run(
    job: StoredEvaluationJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[Evaluation | None]:
    """Evaluate into a folder and return the evaluation, None if it was interrupted.

    An evaluation that an earlier run with equal settings finished is kept. Ctrl-C saves the state; the same call
    resumes it. On one machine the files have the same bytes, whether or not it was interrupted.

    Args:
        job: what to evaluate.
        folder: new, empty, or of an earlier run.
        force: replace another evaluation in the folder; other files stay.
        progress: called after each image with the number of images done.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        ImageError: no image can be read.
    """
    from dreamfilters.attribution.class_separation import with_separations

    job.check()
    source, total = job.evaluation.source, len(job.evaluation.wanted)
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        store, kept = EvaluationStore(claimed, job.targets), claimed.is_whole()
        if not kept:
            state = store.read_state(job.evaluation.start())
            if not _resume(job, store, state, progress):
                return RunResult(folder, None, state.done, total, stopped=True)
            store.finish(with_separations(job.evaluation, job.evaluation.result(state), job.layer, job.pairs))
        store.clear_state()  # of a run that was killed after its last file, too
        evaluation = replace(read_evaluation(folder), images=source)
        if kept:
            store.update(evaluation)
        return RunResult(folder, evaluation, total, total, evaluation.failures, kept=kept)


def _resume(
    job: StoredEvaluationJob, store: EvaluationStore, state: EvaluationState, progress: OnProgress | None
) -> bool:
    """Predict the remaining images, saving the state now and then; return whether all are done."""
    saved, total = monotonic(), len(job.evaluation.wanted)
    try:
        for name in job.evaluation.advance(state):
            if progress is not None:
                progress(Progress(state.done, total, name))
            if monotonic() - saved >= job.save_every:
                store.save_state(state)
                saved = monotonic()
    except KeyboardInterrupt:
        store.save_state(state)
        return False
    return True
