"""The gradient-ascent loop: the recipe's steps on one batch of images, on one canvas or on several octaves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import keras
import numpy as np

from dreamfilters import backend
from dreamfilters.dreams.ascent.compiled_step import CompiledStep, State, where
from dreamfilters.dreams.ascent.result import AscentResult, Rows, is_activated, rose
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.priors.denoised import Denoised
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.images import resize
from dreamfilters.progress import OnProgress, Progress

PRE_ACTIVATION = "pre-activation"  # raising the value before a ReLU that is 0

_MOST_CHECKS = 4  # of the second half of an ascent, for the best image so far
_CHECK_DISTANCE = 8  # steps at least between two checks; each costs a third of a step
_DISPATCH_SECONDS = 0.5  # of the steps of one dispatch, during which there is no progress
_RELAXED_STEPS = 16  # as in Lucid: long enough to leave the flat region, too short to follow a false slope


@dataclass(frozen=True)
class AscentStep:
    """The state of an ascent after a step, for a callback; after several where these are one dispatch.

    Attributes:
        names: the targets of the batch.
        finished: number of the goal's images before this batch.
        total: number of the goal's images.
        step: steps taken on this batch.
        steps: steps of the recipe.
        scores: (n,) scores of the images at this step, under the recipe's transforms.
        images: returns the current images, (n, h, w, c).
        tried: number of seeds that this batch was finished with before, of `tries`.
        tries: number of seeds of each dream.
    """

    names: tuple[str, ...]
    finished: int
    total: int
    step: int
    steps: int
    scores: np.ndarray
    images: Callable[[], np.ndarray]
    tried: int = 0
    tries: int = 1

    @property
    def dreams(self) -> float:
        """The number of dreams of the batch that its steps so far amount to."""
        return len(set(self.names)) * (self.tried + self.step / self.steps) / self.tries


OnStep: TypeAlias = Callable[[AscentStep], None]


def step_progress(progress: OnProgress, total: int) -> OnStep:
    """Return a callback for the steps of an ascent that reports dreams done, of `total`.

    The count never decreases, although a fallback starts a dream again.

    Args:
        progress: called with the progress.
        total: number of dreams in all.
    """
    furthest = 0.0

    def on_step(step: AscentStep) -> None:
        nonlocal furthest
        furthest = max(furthest, step.finished + step.dreams)
        progress(Progress(min(furthest, total), total, step.names[0], step.images))

    return on_step


@dataclass(frozen=True, eq=False)
class Ascent:
    """The ascent of one batch; the other attributes are arguments of `dream`.

    Attributes:
        rows: the images of the goal in this batch.
        seeds: (n,) one per row.
    """

    goal: Objective
    recipe: Recipe
    rows: Rows
    seeds: np.ndarray
    start: np.ndarray | None = None
    frames: int = 0
    on_step: OnStep | None = None

    def run_octaves(self, programs: list[CompiledStep], canvases: list[Canvas]) -> AscentResult:
        """Run on each canvas in turn: enlarge the last result and restore the detail of the start image."""
        result: AscentResult | None = None
        for program, canvas in zip(programs, canvases, strict=True):
            image = self.start_image(canvas)
            if result is not None:
                size, smaller = (canvas.height, canvas.width), result.images.shape[1:3]
                enlarged = np.stack([resize(dream, size) for dream in result.images])
                if image is not None:
                    blurred = [resize(resize(given, smaller), size) for given in image]
                    enlarged = enlarged + image - np.stack(blurred)
                image = np.clip(enlarged, 0, 1)
            last, result = result, self.run(program, canvas, image=image)
            if last is not None:
                result.steps += last.steps
                result.activated |= last.activated
                result.history = [np.concatenate(pair) for pair in zip(last.history, result.history, strict=True)]
        assert result is not None  # a recipe has at least one octave
        return result

    @property
    def wanted(self) -> Wanted:
        """The goal's arrays for these rows, as tensors."""
        return keras.tree.map_structure(backend.tensor, self.goal[self.rows].wanted)

    def start_image(self, canvas: Canvas) -> np.ndarray | None:
        """Return the start image of each row at this canvas's size, or None for noise."""
        start = self.start
        if start is None:
            return None
        images = np.broadcast_to(start, (len(self.goal), *start.shape[-3:]))
        return np.stack([resize(images[row], (canvas.height, canvas.width)) for row in self.rows])

    def run(
        self, program: CompiledStep, canvas: Canvas, *, image: np.ndarray | None = None, relaxed: bool = False
    ) -> AscentResult:
        """Take the recipe's steps from `image`, or from noise.

        With `relaxed`, the first steps use the relaxed gradient. An image that is still inactive after them stops
        there: the plain steps have failed on it before, and its result must not depend on the rest of the batch.
        """
        recipe, wanted, seeds = self.recipe, self.wanted, backend.tensor(self.seeds)
        if image is None:
            state = program.start(seeds)
        else:
            params = recipe.parameterization.fit(image, canvas)
            state = program.start_from(keras.tree.map_structure(backend.tensor, params))
        best = _Best(program, state, wanted)
        log = _Log(len(best.start))
        # images made of noise are finished after the last step only
        is_finished_last = isinstance(recipe.parameterization, Denoised)
        checks = {recipe.steps} if is_finished_last else check_steps(recipe.steps)
        relaxed_steps = min(recipe.steps if is_finished_last else _RELAXED_STEPS, recipe.steps) if relaxed else 0
        frames = min(self.frames, recipe.steps)  # more would be the same steps
        frame_steps = {max(1, round(recipe.steps * k / frames)) for k in range(1, frames + 1)}
        step, pace = 0, _Pace(backend.execution().steps)
        while step < recipe.steps:
            # the host looks at the state after these steps, and nowhere between them
            stops = (at for at in (*checks, *frame_steps, relaxed_steps, recipe.steps) if at > step)
            first, step = step, min(step + pace.steps, *stops)
            began = time.perf_counter()
            compiled = program.relaxed_steps if step <= relaxed_steps else program.steps
            state, scores, alive = compiled(state, seeds, wanted, first, step)
            pace.took(step - first, time.perf_counter() - began)
            log.add(first, scores, alive)
            if step in checks or step == relaxed_steps:
                best.update(state)
            if step in frame_steps:
                log.frames.append(np.array(program.to_image(state["params"])))  # a copy: a fallback replaces rows of it
            self._report(program, state, step, log.scores[-1])
            if step == relaxed_steps:
                log.relaxed_steps, log.inactive = step, ~rose(best.scores, best.start)
                if log.inactive.all():
                    break
                state["alive"] = backend.tensor(np.asarray(state["alive"]) & ~log.inactive)
        return _result(program, state, best, log)

    def _report(self, program: CompiledStep, state: State, step: int, scores: np.ndarray) -> None:
        if self.on_step is None:
            return
        names = self.goal.names
        self.on_step(
            AscentStep(
                names=tuple(names[row] for row in self.rows),
                finished=self.rows[0],
                total=len(names),
                step=step,
                steps=self.recipe.steps,
                scores=scores,
                images=lambda: np.asarray(program.to_image(state["params"])),
            )
        )


class _Pace:
    """How many steps are one dispatch: so many that progress is shown and Ctrl-C ends the ascent within a second.

    Attributes:
        steps: of the next dispatch, at most.
    """

    def __init__(self, most: int) -> None:
        self.most, self.steps = most, 1

    def took(self, steps: int, seconds: float) -> None:
        """Record that steps took a time; the first ones take longer, because they are compiled."""
        fitting = int(steps * _DISPATCH_SECONDS / max(seconds, 1e-9))
        self.steps = max(1, min(self.most, 2 * self.steps, fitting))


class _Best:
    """The best image of each row so far."""

    def __init__(self, program: CompiledStep, state: State, wanted: Wanted) -> None:
        self.program, self.wanted = program, wanted
        self.images = program.to_image(state["params"])
        self.start = np.asarray(program.score(self.images, wanted))
        self.rest = np.asarray(program.rest(self.images, wanted))
        self.scores = np.full_like(self.start, -np.inf)

    def update(self, state: State) -> None:
        image = self.program.to_image(state["params"])
        scores = np.asarray(self.program.score(image, self.wanted))
        better = scores > self.scores  # False for NaN
        self.scores, self.images = np.where(better, scores, self.scores), where(better, image, self.images)


class _Log:
    """What is recorded of each row during an ascent."""

    def __init__(self, count: int) -> None:
        self.scores: list[np.ndarray] = []
        self.frames: list[np.ndarray] = []
        self.diverged = np.zeros(count, int)  # step at which a number was not finite, 0 for none
        self.inactive = np.zeros(count, bool)  # whether the row stopped after the relaxed steps
        self.relaxed_steps = 0

    def add(self, first: int, scores: np.ndarray, alive: np.ndarray) -> None:
        """Record the scores and who is alive (steps, n) after `first` earlier steps."""
        for step, (now, living) in enumerate(zip(scores, alive, strict=True), first + 1):
            self.scores.append(now)
            self.diverged = np.where(~living & ~self.inactive & (self.diverged == 0), step, self.diverged)

    @property
    def steps(self) -> np.ndarray:
        steps = np.where(self.inactive, self.relaxed_steps, len(self.scores))
        return np.where(self.diverged > 0, self.diverged, steps)


def _result(program: CompiledStep, state: State, best: _Best, log: _Log) -> AscentResult:
    curves, steps = np.stack(log.scores, axis=1), log.steps
    activated = is_activated(best.scores, best.start, best.rest)
    # the plain step raises a score of 0 by the value before the ReLU: see `Evaluator.ascent_score`
    pre_activation = activated & (best.start == 0) & (curves[:, 0] == 0) & program.has_pre_activation
    return AscentResult(
        images=np.array(best.images),
        scores=np.where(np.isfinite(best.scores), best.scores, np.nan),
        start=np.array(best.start),
        rest=np.array(best.rest),
        history=[curve[:count] for curve, count in zip(curves, steps, strict=True)],
        steps=steps,
        activated=activated,
        notes=[f"stopped at step {step}: a number was not finite" if step else "" for step in log.diverged],
        recovered_by=[PRE_ACTIVATION if raised else "" for raised in pre_activation],
        attempts=[() for _ in steps],
        transparency=_transparency(np.asarray(state["importance"])) if "importance" in state else None,
        frames=log.frames,
    )


def check_steps(steps: int) -> set[int]:
    """Return the steps after which the best image is updated: evenly spaced in the second half.

    >>> sorted(check_steps(64))
    [40, 48, 56, 64]
    """
    count = max(1, min(_MOST_CHECKS, round(steps / 2 / _CHECK_DISTANCE)))
    return {max(1, round(steps * (0.5 + 0.5 * k / count))) for k in range(1, count + 1)}


def _transparency(importance: np.ndarray) -> np.ndarray:
    """Scale (n, h, w) sums of |gradient| to [0, 1], clipped at their 99th percentile (MACO, Fel et al. 2023)."""
    top = np.quantile(importance, 0.99, axis=(1, 2), keepdims=True)
    return np.array(np.clip(importance / np.maximum(top, 1e-12), 0, 1), "float32")
