"""The dreams of a run as a task of an executor: what a worker makes of a batch, and the progress over all batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from dreamfilters import backend
from dreamfilters.dreams.ascent.ascent import AscentStep
from dreamfilters.dreams.default_recipes import DefaultRecipes, recipe_of
from dreamfilters.dreams.engine import GoalDreams, goal_dreams
from dreamfilters.dreams.objectives import targets
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.priors import Prior
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.executors.executor import Executor, OnNote, Task, ignore
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, Progress


@dataclass(frozen=True, eq=False)
class DreamSettings:
    """What decides the dreams of a run, besides the network; see `dream_run.DreamJob`.

    Attributes:
        targets: target expressions.
        done: the names of the dreams that are not made.
    """

    targets: tuple[str, ...]
    recipe: Recipe | DefaultRecipes
    seed: int
    prior: Prior | LearnedPrior | None
    start: np.ndarray | None
    frames: int
    tries: int
    done: frozenset[str] = frozenset()

    def goals(self, network: Network) -> tuple[Objective, ...]:
        """Return the objectives of the dreams to make, each name once."""
        found = targets.goals(network, self.targets, class_score=self.recipe.class_score)
        return tuple(rest for rest in (goal.without(self.done) for goal in found) if len(rest))


@dataclass(frozen=True)
class DreamBatch:
    """The number of a goal, the rows of it that are dreamed together, and the size that they are padded to."""

    goal: int
    rows: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class DreamStep:
    """How far a batch is: the number of its dreams that the steps so far amount to, and the name of one.

    `images` returns those of the batch as they are now; None in another process than that which makes them.
    """

    batch: DreamBatch
    dreams: float
    name: str
    images: Callable[[], np.ndarray] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "images": None}


def dreams_of(
    network: Network,
    settings: DreamSettings,
    executor: Executor,
    *,
    batch: int | None = None,
    progress: OnProgress | None = None,
) -> Iterator[Dream]:
    """Yield the dreams of a run that are not done, batch by batch.

    Args:
        network, settings: what is dreamed.
        executor: where the batches are computed; it never changes a dream.
        batch: dreams computed at a time, see `batch_size`.
        progress: called with the number of dreams that are made, of all.

    Raises:
        DreamfiltersError: as `dream` does.
    """
    maker = _Maker(network, settings)
    reported = None if progress is None else DreamProgress(progress, len(settings.done), maker.total)
    task = Task(_batch_maker, network, settings)
    for made in executor.map(task, maker.batches(batch, executor.count), ignore if reported is None else reported):
        if reported is not None:
            reported.made += len(made)
        yield from made


def _batch_maker(network: Network, settings: DreamSettings, note: OnNote) -> Callable[[DreamBatch], list[Dream]]:
    """Return the function that makes the dreams of a batch, in any process."""
    return _Maker(network, settings, note).made


@dataclass(eq=False)
class _Maker:
    """The goals of a run, and the dreams of each as far as they are made."""

    network: Network
    settings: DreamSettings
    note: OnNote = ignore
    _dreams: dict[int, GoalDreams] = field(default_factory=dict)
    _current: DreamBatch = DreamBatch(0, (), 0)

    @cached_property
    def goals(self) -> tuple[Objective, ...]:
        return self.settings.goals(self.network)

    @property
    def total(self) -> int:
        """Number of dreams to make."""
        return sum(map(len, self.goals))

    def batches(self, batch: int | None, processes: int) -> Iterator[DreamBatch]:
        """Yield all batches; with several processes, none is so large that another one has nothing to do."""
        share = math.ceil(self.total / processes)
        for number in range(len(self.goals)):
            dreams, group = self._of(number), self.goals[number].group
            size = dreams.size(batch, processes)
            count = size if batch else min(size, max(group, share // group * group))
            filled = size if backend.ONE_SHAPE else count  # where the shape decides the bytes, it is kept
            for rows in dreams.split(count):
                yield DreamBatch(number, tuple(rows), filled)

    def made(self, batch: DreamBatch) -> list[Dream]:
        """Return the dreams of a batch."""
        self._current = batch
        return self._of(batch.goal).batch(list(batch.rows), batch.size)

    def _of(self, number: int) -> GoalDreams:
        if number not in self._dreams:
            how, goal = self.settings, self.goals[number]
            on_step = None if self.note is ignore else self._on_step
            self._dreams[number] = goal_dreams(
                self.network, goal, recipe_of(self.network, goal, how.recipe), seed=how.seed, prior=how.prior,
                start=how.start, frames=how.frames, on_step=on_step, tries=how.tries,
            )  # fmt: skip
        return self._dreams[number]

    def _on_step(self, step: AscentStep) -> None:
        self.note(DreamStep(self._current, step.dreams, step.names[0], step.images))


@dataclass(eq=False)
class DreamProgress:
    """The progress over all batches; it never decreases, although a fallback starts a dream again."""

    progress: OnProgress
    before: int  # dreams of an earlier run
    missing: int
    made: int = 0
    _running: dict[DreamBatch, float] = field(default_factory=dict)

    def __call__(self, step: DreamStep) -> None:
        """Report a step of a batch; a batch that is finished counts as far as its steps had come."""
        self._running[step.batch] = max(self._running.get(step.batch, 0.0), step.dreams)
        done, total = max(self.made, sum(self._running.values())), self.before + self.missing
        self.progress(Progress(min(self.before + done, total), total, step.name, step.images))
