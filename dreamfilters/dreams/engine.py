"""Every goal is climbed by the one loop, in batches of equal size, and recovered where an image did not rise."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.ascent import PRE_ACTIVATION, Ascent, AscentResult, OnStep, Rows
from dreamfilters.dreams.ascent.batch_size import batch_size, layers_run
from dreamfilters.dreams.ascent.compiled_step import CompiledStep, build
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.priors import Prior
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import RecipeError
from dreamfilters.networks import LOGITS, Network

_FEW = 16  # images that a rescue climbs at a time: each new size would cost more to compile
_DEFAULT_SIDE = 128  # pixels, where neither recipe nor network names a size


def dream(
    network: Network,
    goal: Objective | str | Sequence[str],
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    prior: Prior | None = None,
    start: np.ndarray | None = None,
    batch: int | None = None,
    frames: int = 0,
    on_step: OnStep | None = None,
) -> tuple[Dream, ...]:
    """Make the images that `goal` wants most from `network`, one `Dream` each.

    Args:
        network: what `load` returned.
        goal: an `Objective`, or targets in words such as "conv6:0-15" or "class:STOP".
        recipe: how; the standard recipe if None.
        seed: chance; the same seed gives the same images, alone or in any batch.
        prior: color statistics in place of those that the recipe names.
        start: an image (h, w, c) or one an image (n, h, w, c) in [0, 1] to start from instead of noise.
        batch: images at a time; by memory and a short trial if None.
        frames: how many images of each ascent to keep.
        on_step: called after every step.

    Raises:
        TargetError, UnknownNameError: a target that the network does not have.
        RecipeError: a canvas, batch or prior that does not fit.

    Example:
        >>> network = load("signs")
        >>> dream(network, "conv2:0-3", Recipe(steps=8), seed=7)[0].image.shape
        (48, 48, 3)
    """
    each = iter_dreams(
        network, goal, recipe, seed=seed, prior=prior, start=start, batch=batch, frames=frames, on_step=on_step
    )
    return tuple(each)


def iter_dreams(
    network: Network,
    goal: Objective | str | Sequence[str],
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    prior: Prior | None = None,
    start: np.ndarray | None = None,
    batch: int | None = None,
    frames: int = 0,
    on_step: OnStep | None = None,
) -> Iterator[Dream]:
    """Yield what `dream` returns, each batch as it is done, so that an interruption loses only the batch at hand."""
    recipe = recipe if recipe is not None else Recipe()
    for objective in [goal] if isinstance(goal, Objective) else goals(network, goal, class_score=recipe.class_score):
        yield from BatchedAscent(network, objective, recipe, seed, prior, start, batch, frames, on_step).dreams()


def canvas_of(network: Network, recipe: Recipe, prior: Prior | None = None) -> Canvas:
    """Return the canvas that a recipe means on this network.

    Raises:
        RecipeError: the prior's channels are not those of the network's images.
    """
    own = tuple(side or _DEFAULT_SIDE for side in (network.form.size or (None, None)))
    height, width = recipe.canvas_size or own
    channels = network.form.image_channels
    prior = prior or _named_prior(recipe.parameterization.prior, network, channels)
    if prior.channels != channels:
        raise RecipeError(
            f"prior {prior.name}: has {prior.channels} color channels, images of {network.name} have {channels}; "
            "measure one on such images, or take 'none'"
        )
    return Canvas(height, width, prior)


def _named_prior(name: str, network: Network, channels: int) -> Prior:
    if name == "network":
        if network.prior is not None:
            return priors.read(network.prior)
        name = "imagenet"
    if name == "none" or (name == "imagenet" and channels != 3):
        return priors.neutral(channels)  # ImageNet has no statistics for other than three channels
    return priors.IMAGENET if name == "imagenet" else priors.read(Path(name))


@dataclass(frozen=True, eq=False)
class BatchedAscent:
    """All images of one objective, batch by batch."""

    network: Network
    goal: Objective
    recipe: Recipe
    seed: int
    prior: Prior | None
    start: np.ndarray | None
    batch: int | None
    frames: int
    on_step: OnStep | None

    def dreams(self) -> Iterator[Dream]:
        """Yield the dreams in the order of the goal."""
        canvases = self._octaves(canvas_of(self.network, self.recipe, self.prior))
        self._check_start(canvases[-1].channels)
        programs = [build(self.network, self.goal, self.recipe, canvas) for canvas in canvases]
        size = batch_size(self.network, self.goal, canvases[-1], self.recipe, self.batch)
        for first in range(0, len(self.goal), size):
            rows = list(range(first, min(first + size, len(self.goal))))
            filled = self._filled(rows, min(size, len(self.goal)), canvases[-1])
            yield from self._climb_batch(programs, canvases, filled)[: len(rows)]

    def _check_start(self, channels: int) -> None:
        if self.start is None:
            return
        shape, count = self.start.shape, len(self.goal)
        fits = len(shape) in (3, 4) and shape[-1] == channels and 0 not in shape and shape[:-3] in ((), (1,), (count,))
        if not fits or not np.all(np.isfinite(self.start)):
            raise RecipeError(
                f"start: images {shape}; give one (h, w, {channels}) or {count} of them (n, h, w, {channels}), "
                "finite numbers in 0..1"
            )

    def _filled(self, rows: Rows, size: int, canvas: Canvas) -> Rows:
        """Fill a batch up by repeating its last group, so that each image comes out the same in any batch.

        To one size, or a short batch would be compiled again; to two rows at least, because one row takes another path
        through the convolutions; and by one row more where an array of the step does not fill whole vectors, because
        its last few numbers are rounded otherwise (see `backend.LANES`). What is left over is cut off again.
        """
        lanes = [layer.units for layer in layers_run(self.network, self.goal) if layer.units]
        for octave in self._octaves(canvas):
            spectrum = octave.channels * octave.height * (octave.width // 2 + 1)
            lanes += [octave.height * octave.width, spectrum]
        ragged = any(count % backend.LANES for count in lanes)
        missing = max(2, size + ragged) - len(rows)
        return rows + rows[-self.goal.group :] * math.ceil(missing / self.goal.group)

    def _octaves(self, canvas: Canvas) -> list[Canvas]:
        """Return the canvases from small to full size."""
        shrink = [self.recipe.octave_scale**-k for k in reversed(range(self.recipe.octaves))]
        return [
            replace(canvas, height=max(1, round(canvas.height * by)), width=max(1, round(canvas.width * by)))
            for by in shrink
        ]

    def _climb_batch(self, programs: list[CompiledStep], canvases: list[Canvas], rows: Rows) -> list[Dream]:
        began = time.perf_counter()
        climb = self._climb(rows, attempt=0)
        result = self._rescue(climb.octaves(programs, canvases), rows, canvases[-1], programs[-1])
        robust = programs[-1].robust(backend.tensor(result.images), backend.tensor(climb.seeds), climb.wanted)
        seconds = (time.perf_counter() - began) / len(set(rows))
        return [
            self._finished(result, position, row, float(robust[position]), seconds) for position, row in enumerate(rows)
        ]

    def _climb(self, rows: Rows, *, attempt: int) -> Ascent:
        seeds = self._seeds(rows, attempt=attempt)
        return Ascent(self.goal, self.recipe, rows, seeds, self.start, self.frames, self.on_step)

    def _seeds(self, rows: Rows, *, attempt: int) -> np.ndarray:
        """Return each image's own seed, from the run's seed, its name and how many before it bear the same name."""
        names = self.goal.names
        twins = [names[:row].count(names[row]) for row in rows] if len(set(names)) < len(names) else [0] * len(rows)
        return np.array(
            [backend.seed_of(self.seed, names[row], twin, attempt) for row, twin in zip(rows, twins, strict=True)],
            "uint64",
        )

    def _rescue(self, result: AscentResult, rows: Rows, canvas: Canvas, program: CompiledStep) -> AscentResult:
        """Climb again, by other means, those images that did not rise."""
        for rung in self._rungs:
            failed = [position for position in range(len(rows)) if not result.activated[position]]
            if not failed:
                break
            again = _whole_groups(failed, self.goal.group)
            few = max(1, _FEW // self.goal.group) * self.goal.group
            for chosen in (again[first : first + few] for first in range(0, len(again), few)):
                padded = self._filled([rows[position] for position in chosen], few, canvas)
                climb = self._climb(padded, attempt=rung.attempt)
                tried = climb.climb(program, image=climb.start_image(canvas), canvas=canvas, waking=True)
                result = result.replaced(chosen, tried, rung.name)
        return result

    @property
    def _rungs(self) -> list[Fallback]:
        """Return what can be tried on this goal of this network, none for several octaves."""
        if self.recipe.octaves > 1:
            return []
        rungs = [Fallback("another seed", attempt=1)]
        if self.network.has_relu:
            return [Fallback("relaxed gradient", attempt=0), *rungs]
        return [Fallback(PRE_ACTIVATION, attempt=0), *rungs] if self._bends else rungs

    @property
    def _tried(self) -> list[str]:
        """Return what was done for an image that did not rise; a plain step climbs a silent ReLU by what is before."""
        before = [PRE_ACTIVATION] if self._bends and self.network.has_relu else []
        return before + [rung.name for rung in self._rungs]

    def _attempts(self, recovered_by: str, *, activated: bool) -> tuple[str, ...]:
        """Return what was tried on an image after the plain ascent, the last being what woke it if anything did."""
        tried = tuple(self._tried)
        if not activated:
            return tried
        return tried[: tried.index(recovered_by) + 1] if recovered_by in tried else tuple(filter(None, [recovered_by]))

    @property
    def _bends(self) -> bool:
        return any(layer != LOGITS and self.network.has_linear(layer) for layer in self.goal.layers)

    def _finished(self, result: AscentResult, position: int, row: int, robust: float, seconds: float) -> Dream:
        activated = bool(result.activated[position])
        notes = [result.notes[position]] if result.notes[position] else []
        if not activated:
            notes.append(f"not activated: its score never rose; also tried {', '.join(self._tried) or 'nothing else'}")
        return Dream(
            name=self.goal.names[row],
            image=result.images[position],
            score=float(result.best[position]),
            robust=robust,
            start=float(result.baseline[position]),
            steps=int(result.steps[position]),
            seconds=seconds,
            seed=self.seed,
            recipe=self.recipe,
            activated=activated,
            recovered_by=result.recovered_by[position],
            attempts=self._attempts(result.recovered_by[position], activated=activated),
            note="; ".join(notes),
            history=result.history[position],
            transparency=None if result.worth is None else result.worth[position],
            frames=tuple(frame[position] for frame in result.frames),
        )


@dataclass(frozen=True)
class Fallback:
    """One way to wake an image that did not rise."""

    name: str
    attempt: int  # the seed's; 0 is the image's first


def _whole_groups(positions: Rows, group: int) -> Rows:
    """Return the positions of every image that is scored together with one of these."""
    return sorted({position // group * group + k for position in positions for k in range(group)})
