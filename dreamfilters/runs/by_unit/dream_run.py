"""The run of `dream`: dreams the missing targets, saves each when it is finished, and resumes an interrupted run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters import backend
from dreamfilters.comparison.prior_checking import check_prior
from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent import compiled_step
from dreamfilters.dreams.ascent.ascent import AscentStep
from dreamfilters.dreams.ascent.batches import batch_size
from dreamfilters.dreams.ascent.tries import check_tries
from dreamfilters.dreams.default_recipes import DefaultRecipes, recipe_of, recipe_values
from dreamfilters.dreams.engine import canvas_of
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.priors import Prior
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import RecipeError
from dreamfilters.executors.executor import LOCAL, Executor
from dreamfilters.images import image_folder
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.by_unit.dream_store import INPUTS, TRIES, DreamEntry, DreamStore, opened, read_start, start_png
from dreamfilters.runs.by_unit.dream_task import DreamSettings, dreams_of
from dreamfilters.runs.storage.array_files import npz_bytes
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.records import dream_of, model_values
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain

_CHECKED = 64  # dreams whose priors are checked before the results are written


@dataclass(frozen=True, eq=False)
class DreamJob:
    """The dreams of a run.

    Attributes:
        network: the network.
        spec: the argument of `load` that loads it again.
        targets: target expressions; a unit that is named twice is dreamed once.
        recipe: the recipe, or the default ones.
        seed: random seed.
        prior: a prior measured on other images, or trained on them; stored with the run. Default: the recipe's.
        start: image to start from, (h, w, c) in [0, 1]; stored with the run in 8 bits.
        frames: number of frames of each animation; 0 for none.
        batch: dreams computed at a time; it changes them with JAX only, see `dream`. Default: measured.
        tries: number of seeds, of which the best dream of each target is kept.
        check_seeds: with a learned prior, the number of seeds in the check of what it hides, see `check_prior`; 0 for
            no checks.
        executor: where the dreams are computed; it never changes them.
    """

    network: Network
    spec: str
    targets: tuple[str, ...]
    recipe: Recipe | DefaultRecipes
    seed: int = 0
    prior: Prior | LearnedPrior | None = None
    start: np.ndarray | None = None
    frames: int = 0
    batch: int | None = None
    tries: int = 1
    check_seeds: int = 0
    executor: Executor = LOCAL

    @cached_property
    def goals(self) -> tuple[Objective, ...]:
        """The objectives of the targets, each name once."""
        return self._dreamed(frozenset(), None).goals(self.network)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The target of every dream in its shortest form."""
        return tuple(dict.fromkeys(name for goal in self.goals for name in goal.names))

    @cached_property
    def canvas(self) -> Canvas:
        """The canvas of the dreams; the default recipes have the same."""
        return canvas_of(self.network, self._recipe_of(self.goals[0]), self.prior)

    @cached_property
    def attachments(self) -> dict[str, bytes]:
        """Content of the files that `again` needs, by name."""
        files = {}
        if self.prior is not None:
            files["prior.npz"] = self.prior.to_bytes()
        if self.start is not None:
            files["start.png"] = start_png(self.start)
        if self.network.inputs:
            files[INPUTS] = npz_bytes(self.network.inputs, np.savez)
        return files

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the run's files."""
        prior = self.canvas.learned or self.canvas.prior
        return {
            "model": {**model_values(self.network, self.spec), **self.network.choices},
            "input": plain(self.network.form),
            "classes": {str(number): name for number, name in enumerate(self.network.classes)},
            "recipe": recipe_values(self.network, self.recipe),
            "prior": {"name": prior.name, "digest": prior.digest},
            "attachments": {name: sha256(content) for name, content in self.attachments.items()},
            "canvas": [self.canvas.height, self.canvas.width, self.canvas.channels],
            "seed": self.seed,
            "frames": self.frames,
            "versions": backend.versions(),
            "targets": list(self.names),
            **({} if self.tries == 1 else {TRIES: self.tries}),  # runs of a single seed are as before
            **({"batch": self.batch} if self.batch and backend.ONE_SHAPE else {}),
        }

    def _recipe_of(self, goal: Objective) -> Recipe:
        return recipe_of(self.network, goal, self.recipe)

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        if self.frames < 0:
            raise RecipeError(f"frames={self.frames}: must be 0 or more")
        check_tries(self.tries)
        for goal in self.goals:
            recipe = self._recipe_of(goal)
            shrink = recipe.octave_scale ** (1 - recipe.octaves)
            height, width = (max(1, round(side * shrink)) for side in (self.canvas.height, self.canvas.width))
            compiled_step.build(self.network, goal, recipe, replace(self.canvas, height=height, width=width))
            if self.batch is not None:
                batch_size(self.network, goal, self.canvas, recipe, self.batch)

    def dreams(
        self, done: frozenset[str], start: np.ndarray | None, progress: OnProgress | None = None
    ) -> Iterator[Dream]:
        """Yield every dream that is not among `done`, batch by batch."""
        made = self._dreamed(done, start)
        yield from dreams_of(self.network, made, self.executor, batch=self.batch, progress=progress)

    def _dreamed(self, done: frozenset[str], start: np.ndarray | None) -> DreamSettings:
        return DreamSettings(self.targets, self.recipe, self.seed, self.prior, start, self.frames, self.tries, done)


def run(
    job: DreamJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[tuple[DreamEntry, ...]]:
    """Dream into a folder and return the finished dreams of the job, in the order of its targets.

    Dreams that an earlier run finished are kept, if all settings but the targets are equal: contact sheet and manifest
    then show the dreams of both runs. Ctrl-C ends the run early; the same call resumes it.

    Args:
        job: what to dream.
        folder: new, empty, or of an earlier run.
        force: replace another run in the folder, also one with other targets; other files stay.
        progress: called with the number of finished dreams.

    Raises:
        OutputError: the folder holds other files or cannot be written.
        TargetError, UnknownNameError, RecipeError: an argument is invalid; nothing has been written.
    """
    job.check()
    with opened(folder, job.settings, job.attachments, force=force) as store:
        entries = {name: entry for name in job.names if (entry := store.finished(name))}
        kept, stopped = len(entries) == len(job.names), False
        try:
            for dream in job.dreams(frozenset(entries), _stored_start(job, store), progress):
                entries[dream.name] = store.save(dream)
            _check_prior(job, store, list(entries.values()), progress)
        except KeyboardInterrupt:
            stopped = True
        ordered = tuple(entries[name] for name in job.names if name in entries)
        found = (entries.get(name) or store.finished(name) for name in store.settings["targets"])
        store.close([entry for entry in found if entry])
    missing = tuple(name for name in job.names if name not in entries)
    return RunResult(folder, ordered, len(ordered), len(job.names), missing=missing, stopped=stopped, kept=kept)


def _check_prior(job: DreamJob, store: DreamStore, entries: Sequence[DreamEntry], progress: OnProgress | None) -> None:
    """Write what the learned prior hides in each dream, where this is missing; from the dreams as they are stored."""
    prior, done = job.prior, len(entries)
    if not job.check_seeds or not isinstance(prior, LearnedPrior):
        return

    def on_step(step: AscentStep) -> None:
        if progress is not None:
            progress(Progress(done, done, f"what the prior hides: {step.names[0]}"))

    missing = [entry for entry in entries if not store.check_files(entry, job.check_seeds)]
    for first in range(0, len(missing), _CHECKED):
        part = missing[first : first + _CHECKED]
        dreams = [dream_of(entry.record, entry.read(job.canvas.channels)) for entry in part]
        found = check_prior(job.network, dreams, prior, seeds=job.check_seeds, on_step=on_step)
        for entry, check in zip(part, found, strict=True):
            store.save_check(entry, check)


def measured_prior(network: Network, recipe: Recipe | DefaultRecipes, folder: Path) -> tuple[Prior, tuple[str, ...]]:
    """Return the colors and spectrum of a folder of images, and a line for each image that cannot be read.

    They are measured at the input size of the network, where frequencies in cycles per pixel have the same meaning.
    """
    canvas = canvas_of(network, recipe if isinstance(recipe, Recipe) else recipe.others)
    size = (network.form.size[0] or canvas.height, network.form.size[1] or canvas.width)
    found = image_folder(folder, size=size, channels=network.form.channels)
    prior = priors.measure_prior(found, name=folder.resolve().name)
    return prior, tuple(f"{path}: {reason}" for path, reason in found.failures)


def _stored_start(job: DreamJob, store: DreamStore) -> np.ndarray | None:
    """Return the start image as the run folder stores it, so that `again` starts from the same values."""
    return None if job.start is None else read_start(store.run.path / "start.png", job.start.shape[-1])
