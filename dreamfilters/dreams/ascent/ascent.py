"""The climb of one batch: step after step, kept at its best, on one canvas or on several that grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np

from dreamfilters import backend
from dreamfilters.dreams.ascent.compiled_step import CompiledStep, State, where
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.images import resize

Rows: TypeAlias = list[int]

_CHECKS = 4  # how often at most the second half of an ascent looks whether the image is the best so far
_APART = 8  # steps at least between two such looks; each takes a third of a step
PRE_ACTIVATION = "pre-activation"  # what rescues an image that a plain step raises before a silent ReLU
_FIRST_STEPS = 16  # of a rescue, as in Lucid: long enough to leave the flat, too short to follow a false slope


@dataclass(frozen=True)
class AscentStep:
    """Where an ascent stands, for those who watch it.

    Attributes:
        names: the images of the batch.
        finished: how many images of the goal are done before this batch.
        total: how many there are.
        step: steps taken on this batch.
        steps: steps that it takes.
        scores: (n,) what the images scored at this step, under the recipe's transforms.
        images: returns the current images, (n, h, w, c).
    """

    names: tuple[str, ...]
    finished: int
    total: int
    step: int
    steps: int
    scores: np.ndarray
    images: Callable[[], np.ndarray]


OnStep: TypeAlias = Callable[[AscentStep], None]


@dataclass(eq=False)
class AscentResult:
    """What a climb of a batch came to; one row per image."""

    images: np.ndarray
    best: np.ndarray
    baseline: np.ndarray
    history: list[np.ndarray]
    steps: np.ndarray
    activated: np.ndarray
    notes: list[str]
    recovered_by: list[str]
    worth: np.ndarray | None
    frames: list[np.ndarray]

    def replaced(self, positions: Rows, tried: AscentResult, how: str) -> AscentResult:
        """Take over from `tried`, whose rows are those of `positions`, what woke; count its steps in any case."""
        for row, position in enumerate(positions):
            self.steps[position] += tried.steps[row]
            if not tried.activated[row] or self.activated[position]:
                continue
            for name in ("images", "best", "baseline"):
                getattr(self, name)[position] = getattr(tried, name)[row]
            self.activated[position] = True
            self.history[position] = tried.history[row]
            self.notes[position], self.recovered_by[position] = tried.notes[row], how
            if self.worth is not None and tried.worth is not None:
                self.worth[position] = tried.worth[row]
            for mine, theirs in zip(self.frames, tried.frames, strict=False):
                mine[position] = theirs[row]
        return self


@dataclass(frozen=True, eq=False)
class Ascent:
    """The climb of one batch.

    Attributes:
        goal: what is climbed.
        recipe: how.
        rows: which images of the goal the batch holds.
        seeds: (n,) one a row.
        start: images to start from, as `dream` takes them, or None.
        frames: how many images of the ascent to keep.
        on_step: called after every step, or None.
    """

    goal: Objective
    recipe: Recipe
    rows: Rows
    seeds: np.ndarray
    start: np.ndarray | None = None
    frames: int = 0
    on_step: OnStep | None = None

    def octaves(self, programs: list[CompiledStep], canvases: list[Canvas]) -> AscentResult:
        """Climb on each canvas in turn, what was dreamt enlarged and the image's lost detail given back."""
        outcome: AscentResult | None = None
        for program, canvas in zip(programs, canvases, strict=True):
            image = self.start_image(canvas)
            if outcome is not None:
                grown = np.stack([resize(p, (canvas.height, canvas.width)) for p in outcome.images])
                if image is not None:  # keep what the smaller canvas of the image had lost
                    small = outcome.images.shape[1:3]
                    blurred = [resize(resize(p, small), (canvas.height, canvas.width)) for p in image]
                    grown = grown + image - np.stack(blurred)
                image = np.clip(grown, 0, 1)
            before = outcome
            outcome = self.climb(program, image=image, canvas=canvas)
            if before is not None:
                outcome.steps += before.steps
                outcome.history = [np.concatenate(pair) for pair in zip(before.history, outcome.history, strict=True)]
        assert outcome is not None  # a recipe has at least one octave
        return outcome

    @property
    def wanted(self) -> Wanted:
        """What the rows want, as tensors."""
        return keras.tree.map_structure(backend.tensor, self.goal[self.rows].wanted)

    def start_image(self, canvas: Canvas) -> np.ndarray | None:
        """Return each row's image on this canvas, None where it starts from noise."""
        start = self.start
        if start is None:
            return None
        each = np.broadcast_to(start, (len(self.goal), *start.shape[-3:]))
        return np.stack([resize(each[row], (canvas.height, canvas.width)) for row in self.rows])

    def climb(
        self,
        program: CompiledStep,
        *,
        image: np.ndarray | None = None,
        canvas: Canvas | None = None,
        waking: bool = False,
    ) -> AscentResult:
        """Take the recipe's steps from noise or from images; if `waking`, the first ones are those for the silent.

        Whom these have not activated stays there: the plain steps have failed on these images already, and an image's
        way may not depend on who else is in the batch.
        """
        recipe = self.recipe
        wanted, seeds = self.wanted, backend.tensor(self.seeds)
        if image is None or canvas is None:
            state = program.start(seeds)
        else:
            params = recipe.parameterization.fit(image, canvas)
            state = program.begin(keras.tree.map_structure(backend.tensor, params))
        baseline = np.asarray(program.judge(program.paint(state["params"]), wanted))
        best, kept = np.full_like(baseline, -np.inf), program.paint(state["params"])
        looks = checks(recipe.steps)
        shots = {max(1, round(recipe.steps * k / self.frames)) for k in range(1, self.frames + 1)}
        history, frames = [], []
        diverged, given_up = np.zeros(len(baseline), int), np.zeros(len(baseline), bool)
        for number in range(recipe.steps):
            step = program.waking if waking and number < _FIRST_STEPS else program.step
            state, scores = step(state, seeds, wanted, backend.tensor(np.int32(number)))
            history.append(np.asarray(scores))
            fell = ~np.asarray(state["alive"]) & ~given_up & (diverged == 0)
            diverged = np.where(fell, number + 1, diverged)
            if number + 1 in looks:
                best, kept = self._keep(program, state, wanted, best, kept)
            if number + 1 in shots:
                frames.append(np.array(program.paint(state["params"])))  # a copy: a rescue writes into it
            self._tell(program, state, number + 1, history[-1])
            if waking and number + 1 == min(_FIRST_STEPS, recipe.steps):
                best, kept = self._keep(program, state, wanted, best, kept)
                given_up = ~_rose(best, baseline)
                if given_up.all():
                    break
                state["alive"] = backend.tensor(np.asarray(state["alive"]) & ~given_up)
        last = np.where(given_up, min(_FIRST_STEPS, recipe.steps), len(history))
        last = np.where(diverged > 0, diverged, last)
        return self._outcome(program, state, baseline, best, kept, history, frames, diverged, last)

    def _keep(
        self, program: CompiledStep, state: State, wanted: Any, best: np.ndarray, kept: Any
    ) -> tuple[np.ndarray, Any]:
        image = program.paint(state["params"])
        scores = np.asarray(program.judge(image, wanted))
        better = scores > best  # False for NaN
        return np.where(better, scores, best), where(better, image, kept)

    def _tell(self, program: CompiledStep, state: State, step: int, scores: np.ndarray) -> None:
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
                images=lambda: np.asarray(program.paint(state["params"])),
            )
        )

    def _outcome(
        self,
        program: CompiledStep,
        state: State,
        baseline: np.ndarray,
        best: np.ndarray,
        kept: Any,
        history: list[np.ndarray],
        frames: list[np.ndarray],
        diverged: np.ndarray,
        steps: np.ndarray,
    ) -> AscentResult:
        count = len(baseline)
        curve = np.stack(history, axis=1)
        activated = _rose(best, baseline)
        unbent = activated & (baseline == 0) & (curve[:, 0] == 0) & program.bends  # see `Look.climbed`
        return AscentResult(
            images=np.array(kept),
            best=np.where(np.isfinite(best), best, np.nan),
            baseline=np.array(baseline),
            history=[curve[row, : steps[row]] for row in range(count)],
            steps=steps,
            activated=activated,
            notes=[f"stopped at step {step}: a number was not finite" if step else "" for step in diverged],
            recovered_by=[PRE_ACTIVATION if own else "" for own in unbent],
            worth=_transparency(np.asarray(state["worth"])) if "worth" in state else None,
            frames=frames,
        )


def checks(steps: int) -> set[int]:
    """Return after which steps it is looked whether the image is the best so far: evenly in the second half."""
    count = max(1, min(_CHECKS, round(steps / 2 / _APART)))
    return {max(1, round(steps * (0.5 + 0.5 * k / count))) for k in range(1, count + 1)}


def _rose(best: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    return np.asarray(best > baseline + 1e-6 * np.maximum(1.0, np.abs(baseline)))


def _transparency(worth: np.ndarray) -> np.ndarray:
    """Scale (n, h, w) sums of |gradient| to [0, 1], the strongest hundredth clipped (MACO, Fel et al. 2023)."""
    top = np.quantile(worth, 0.99, axis=(1, 2), keepdims=True)
    return np.array(np.clip(worth / np.maximum(top, 1e-12), 0, 1), "float32")
