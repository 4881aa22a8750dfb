"""The run of `prior`: a training that stores its state as it goes, is resumed, and ends in one file."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters import backend
from dreamfilters.dreams.priors.denoiser_training import State
from dreamfilters.dreams.priors.fitting import PriorJob, on_step
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.errors import DamagedError, OutputError, RecipeError
from dreamfilters.progress import OnProgress
from dreamfilters.runs.storage.array_files import arrays_of, npz_bytes
from dreamfilters.runs.storage.prior_files import read_prior
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.runs.storage.stored_files import read_file
from dreamfilters.writing.open_folder import opened
from dreamfilters.writing.single_files import check_file, write_file

SUFFIX = ".part"  # of the file that holds an interrupted training, after the name of the prior
_SECONDS = 30  # between two times that the state is stored
_GROUPS = ("weights", "average", "first", "second")  # parts of a state, each with an array for every weight


@dataclass
class _Checkpoint:
    """The stored state of a training: that after the last step of which the loss is known."""

    path: Path
    settings: Mapping[str, Any]
    state: State
    losses: list[float] = field(default_factory=list)
    stored: float = field(default_factory=time.monotonic)

    @classmethod
    def read(cls, path: Path) -> _Checkpoint | None:
        """Return the state in a file, None if there is no such file, or raise DamagedError."""
        if not path.exists():
            return None
        try:
            arrays = arrays_of(read_file(path.parent, path.name))
            settings = json.loads(str(arrays.pop("settings")))
            losses = arrays.pop("losses").tolist()
            state: State = {group: {} for group in _GROUPS}
            for name, value in arrays.items():
                group, _, weight = name.partition("/")
                state[group][weight] = backend.tensor(value)
            if not isinstance(settings, dict) or len({tuple(sorted(part)) for part in state.values()}) != 1:
                raise ValueError("its parts do not fit each other")
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedError(f"{path}: is damaged ({error}); give --force to start again") from error
        return cls(path, settings, state, losses)

    def write(self) -> None:
        """Write the file, whole or not at all."""
        arrays = {f"{group}/{name}": np.asarray(v) for group in _GROUPS for name, v in self.state[group].items()}
        texts = {"settings": np.array(json.dumps(self.settings)), "losses": np.array(self.losses, np.float64)}
        write_file(self.path, npz_bytes({**texts, **arrays}, np.savez))
        self.stored = time.monotonic()

    def keep(self, state: State, losses: list[float]) -> None:
        """Take the state after a step, and write it if the last time was long ago."""
        self.state = state
        if time.monotonic() - self.stored > _SECONDS:
            self.write()

    def remove(self) -> None:
        """Remove the file, if it is there."""
        if self.path.exists():
            with opened(self.path.parent) as folder:
                folder.remove(self.path.name)


def run(
    job: PriorJob,
    path: Path,
    *,
    minutes: float | None = None,
    force: bool = False,
    progress: OnProgress | None = None,
) -> RunResult[LearnedPrior | None]:
    """Train a prior, write its file, and return it; None if Ctrl-C stopped it.

    The state is stored in FILE.part every 30 seconds and at Ctrl-C. The same call resumes it, with the same result.

    Args:
        job: what to train on.
        path: of the file.
        minutes: the time to train, in place of the steps of the job.
        force: replace another file, start again beside the state of another training, and write a prior that is no
            better than a linear filter.
        progress: called after each step.

    Raises:
        OutputError: the file exists, cannot be written, or another training of it was interrupted.
        RecipeError: the prior is no better than a linear filter.
    """
    _check_target(path)
    if path.exists() and not force:
        return _kept(job, path, ["steps"] if minutes else [])
    part = path.with_name(path.name + SUFFIX)
    checkpoint = _resumed(job, part, ["steps"] if minutes else [], force)
    if checkpoint is not None:
        job = replace(job, steps=checkpoint.settings["steps"])
    else:
        job = job if minutes is None else job.within(minutes)
        checkpoint = _Checkpoint(part, job.settings, job.training.start())
    report = on_step(job.steps, progress)

    def after(state: State, losses: list[float]) -> None:
        checkpoint.keep(state, losses)
        report(state, losses)

    try:
        job.training.run(checkpoint.state, checkpoint.losses, after)
        prior = job.finished(checkpoint.state, checkpoint.losses)
    except KeyboardInterrupt:
        del checkpoint.losses[job.steps :]
        checkpoint.write()
        return RunResult(path, None, len(checkpoint.losses), job.steps, stopped=True)
    if not (prior.record.is_better_than_linear or force):
        checkpoint.write()
        raise RecipeError(
            f"{path}: not written: on images held out, the error of the prior is {prior.record.ratio:.2f} times that "
            "of a Wiener filter; train with more --steps or images, or write it with --force"
        )
    prior.save(path)
    checkpoint.remove()
    return RunResult(path, prior, job.steps, job.steps)


def _check_target(path: Path) -> None:
    """Raise OutputError before the training if the file cannot be written."""
    if not path.parent.is_dir():
        raise OutputError(f"{path}: cannot be written ({path.parent} is no folder); make it, or choose another")
    check_file(path)


def _resumed(job: PriorJob, path: Path, free: list[str], force: bool) -> _Checkpoint | None:
    """Return the stored state of this job, None if there is none; with `force`, also beside that of another job.

    Args:
        job: what is trained.
        path: of the stored state.
        free: settings that may differ: the number of steps, if it was found from a time when the training began.
        force: start again if the state is damaged or of another job.
    """
    try:
        found = _Checkpoint.read(path)
        if found is None:
            return None
        other = _differing(job, found.settings, free)
        shapes = {name: tuple(value.shape) for name, value in found.state["weights"].items()}
        if not other and (shapes != job.training.architecture.shapes or type(found.settings.get("steps")) is not int):
            raise DamagedError(f"{path}: is damaged; give --force to start again")
    except DamagedError:
        if force:
            return None
        raise
    if other and not force:
        raise OutputError(
            f"{path}: holds an interrupted training with other {', '.join(other)}; repeat its command to resume it, or "
            "give --force to start again"
        )
    return None if other else found


def _kept(job: PriorJob, path: Path, free: list[str]) -> RunResult[LearnedPrior | None]:
    """Return the finished prior of an earlier run of the same job."""
    try:
        prior = read_prior(path)
    except RecipeError:
        raise OutputError(
            f"{path}: exists and is no prior; choose another file, or give --force to replace it"
        ) from None
    if other := _differing(job, _settings_of(prior), free):
        raise OutputError(f"{path}: is a prior with other {', '.join(other)}; choose another file, or give --force")
    return RunResult(path, prior, prior.record.steps, prior.record.steps, kept=True)


def _differing(job: PriorJob, settings: Mapping[str, Any], free: list[str]) -> list[str]:
    return [key for key, value in job.settings.items() if key not in free and settings.get(key) != value]


def _settings_of(prior: LearnedPrior) -> dict[str, Any]:
    record = prior.record
    return {
        "name": prior.name,
        "images": record.images_digest,
        "held_out": record.held_out,
        "size": list(prior.size),
        "steps": record.steps,
        "seed": record.seed,
        "versions": dict(record.versions),
    }
