"""`dream` and `iter_dreams`: synthesize the images that maximize an objective, in batches, with fallbacks."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.ascent import OnStep
from dreamfilters.dreams.ascent.batches import Batches, batch_size
from dreamfilters.dreams.ascent.compiled_step import CompiledStep, build
from dreamfilters.dreams.ascent.fallbacks import Ladder
from dreamfilters.dreams.ascent.prediction import DreamPrediction
from dreamfilters.dreams.ascent.result import AscentResult, Rows
from dreamfilters.dreams.ascent.tries import better, check_tries, first_try
from dreamfilters.dreams.default_recipes import canvas_size, given_recipe, recipe_of
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.priors import Prior
from dreamfilters.dreams.priors.appearance import Appearance, appearances
from dreamfilters.dreams.priors.built_in_prior import prior_beside
from dreamfilters.dreams.priors.denoised import Denoised, check_prior
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.dreams.priors.response_limits import response_limits
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream, Dreams
from dreamfilters.errors import RecipeError
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.seeds import check_seed


def dream(
    network: AnyNetwork,
    goal: Objective | str | Sequence[str],
    recipe: Recipe | str | None = None,
    *,
    seed: int = 0,
    prior: Prior | LearnedPrior | None = None,
    start: ArrayLike | None = None,
    batch: int | None = None,
    frames: int = 0,
    on_step: OnStep | None = None,
    tries: int = 1,
) -> Dreams:
    """Return the images that maximize `goal` on `network`, one `Dream` per unit.

    Args:
        network: a Keras model, or what `load` returned.
        goal: an `Objective`, or targets such as "conv6:0-15" or "class:STOP".
        recipe: how the images are made, or the name of a recipe or of its TOML file, see `read_recipe`; default:
            "natural" for classes, "natural-large" above 96 pixels, else "standard".
        seed: random seed; the same seed gives the same images, alone or in any batch, see `batch`.
        prior: color statistics, instead of those that the recipe names; for the recipe "learned" a learned prior, see
            `fit_prior`; default: that of the network "signs".
        start: a dream or an image (h, w, c) in [0, 1] to start from, or one per unit (n, h, w, c); default: noise.
        batch: images per batch; default: chosen by memory and a short trial. With TensorFlow it does not change the
            images. With JAX, all batches have one size by default, also those of a single image, and another size
            changes the last bits.
        frames: number of images to record during each ascent.
        on_step: callback after each step; on an accelerator after several, which are one dispatch.
        tries: number of seeds: `seed`, `seed` + 1, ... The best dream of each target is kept, see `tries.better`;
            `Dream.seed` is its seed, `Dream.tries` has the robust scores of all. The time is that of `tries` runs.

    Raises:
        TargetError, UnknownNameError: the network does not have the target.
        RecipeError: the canvas, start, batch, seed, prior or `tries` does not fit.

    Example:
        >>> from dreamfilters import Recipe, load
        >>> dream(load("signs"), "conv2:0-3", Recipe(steps=8), seed=7)[0].image.shape
        (48, 48, 3)
    """
    dreams = iter_dreams(
        network, goal, recipe, seed=seed, prior=prior, start=start, batch=batch, frames=frames, on_step=on_step,
        tries=tries,
    )  # fmt: skip
    return Dreams(dreams)


def iter_dreams(
    network: AnyNetwork,
    goal: Objective | str | Sequence[str],
    recipe: Recipe | str | None = None,
    *,
    seed: int = 0,
    prior: Prior | LearnedPrior | None = None,
    start: ArrayLike | None = None,
    batch: int | None = None,
    frames: int = 0,
    on_step: OnStep | None = None,
    tries: int = 1,
) -> Iterator[Dream]:
    """Yield the dreams that `dream` returns, batch by batch; the arguments are the same.

    Example:
        >>> from dreamfilters import Recipe, load
        >>> [dream.name for dream in iter_dreams(load("signs"), "conv2:0-1", Recipe(steps=2))]
        ['conv2:0', 'conv2:1']
    """
    check_tries(tries)
    check_seed(seed)
    network, chosen = network_of(network), given_recipe(recipe)
    first = None if start is None else np.asarray(start)
    for objective in [goal] if isinstance(goal, Objective) else goals(network, goal, class_score=chosen.class_score):
        how = recipe_of(network, objective, chosen)
        made = goal_dreams(
            network, objective, how, seed=seed, prior=prior, start=first, frames=frames, on_step=on_step, tries=tries
        )
        size = made.size(batch)
        for rows in made.split(size):
            yield from made.batch(rows, size)


def goal_dreams(
    network: Network,
    goal: Objective,
    recipe: Recipe,
    *,
    seed: int = 0,
    prior: Prior | LearnedPrior | None = None,
    start: np.ndarray | None = None,
    frames: int = 0,
    on_step: OnStep | None = None,
    tries: int = 1,
) -> GoalDreams:
    """Return the dreams of one objective, to be made batch by batch; see `dream` for the arguments and errors."""
    canvas = canvas_of(network, recipe, prior)
    _check_start(start, len(goal), canvas.channels)
    if canvas.learned is not None:
        goal = goal.up_to(response_limits(network, goal, canvas))
    return GoalDreams(Batches(network, goal, recipe, seed, start, frames, on_step), canvas, tries)


@dataclass(frozen=True, eq=False)
class GoalDreams:
    """The dreams of one objective; each batch is made by one call, in any process.

    Attributes:
        batches: the ascents.
        canvas: the canvas at full size.
        tries: number of seeds, of which the best dream of each row is kept.
    """

    batches: Batches
    canvas: Canvas
    tries: int = 1

    @cached_property
    def _canvases(self) -> list[Canvas]:
        return self.batches.octaves(self.canvas)

    @cached_property
    def _programs(self) -> list[CompiledStep]:
        batches = self.batches
        return [build(batches.network, batches.goal, batches.recipe, octave) for octave in self._canvases]

    def size(self, batch: int | None = None, processes: int = 1) -> int:
        """Return the number of dreams in one batch, see `batch_size`."""
        batches = self.batches
        return batch_size(batches.network, batches.goal, self._canvases[-1], batches.recipe, batch, processes)

    def split(self, size: int) -> Iterator[Rows]:
        """Yield the rows of each batch."""
        count = len(self.batches.goal)
        for first in range(0, count, size):
            yield list(range(first, min(first + size, count)))

    def batch(self, rows: Rows, size: int) -> list[Dream]:
        """Return the dreams of some rows, padded to batches of `size` so that one program makes all of them."""
        padded = self.batches.filled_size(size, len(self.batches.goal))
        # one batch with every seed before the next, so that only two batches are in memory
        seeded = (_batch(one, self._programs, self._canvases, rows, padded) for one in self.batches.tried(self.tries))
        return next(seeded) if self.tries == 1 else _best(seeded, self.batches.goal.group)


def canvas_of(network: Network, recipe: Recipe, prior: Prior | LearnedPrior | None = None) -> Canvas:
    """Return the canvas of a recipe on a network: its size in pixels and its prior.

    Raises:
        RecipeError: the prior and the network's images have different numbers of channels, or the recipe uses priors
            of another kind.
    """
    height, width = canvas_size(network, recipe)
    channels = network.form.channels
    if prior is None and isinstance(recipe.parameterization, Denoised):
        prior = prior_beside(network.prior)
    check_prior(recipe, prior)
    prior = prior or _named_prior(recipe.parameterization.prior, network, channels)
    if prior.channels != channels:
        raise RecipeError(
            f"prior {prior.name}: has {prior.channels} color channels, images of {network.name} have {channels}; "
            "measure one on such images, or use 'none'"
        )
    if isinstance(prior, LearnedPrior):
        return Canvas(height, width, priors.neutral(channels), prior)
    return Canvas(height, width, prior)


def _named_prior(name: str, network: Network, channels: int) -> Prior:
    if name == "network":
        if network.prior is not None:
            return priors.read(network.prior)
        name = "imagenet"
    if name == "none" or (name == "imagenet" and channels != 3):
        return priors.neutral(channels)  # ImageNet's statistics are of three channels
    return priors.IMAGENET if name == "imagenet" else priors.read(Path(name))


def _check_start(start: np.ndarray | None, count: int, channels: int) -> None:
    if start is None:
        return
    shape = start.shape
    fits = len(shape) in (3, 4) and shape[-1] == channels and 0 not in shape and shape[:-3] in ((), (1,), (count,))
    if not fits or not np.all(np.isfinite(start)):
        raise RecipeError(
            f"start: images {shape}; give one (h, w, {channels}) or {count} of them (n, h, w, {channels}), "
            "finite numbers in 0..1"
        )


def _best(seeded: Iterable[list[Dream]], group: int) -> list[Dream]:
    """Return the best dream of each row, from the dreams of a batch by each seed."""
    return functools.reduce(lambda kept, other: better(kept, other, group), map(first_try, seeded))


def _batch(
    batches: Batches, programs: list[CompiledStep], canvases: list[Canvas], rows: Rows, size: int
) -> list[Dream]:
    """Return the dreams of some rows of the goal, padded to batches of `size`."""
    began = time.perf_counter()
    canvas, program = canvases[-1], programs[-1]
    ascent = batches.ascent(batches.padded(rows, size, canvas))
    result = ascent.run_octaves(programs, canvases)
    predicted = Ladder(batches, canvas, program).recover(result, rows, size)
    images = backend.tensor(result.images)
    robust = program.robust_score(images, backend.tensor(ascent.seeds), ascent.wanted)
    looks = _looks(canvas, result.images[: len(rows)], batches.goal)
    seconds = (time.perf_counter() - began) / len(rows)
    return [
        _dream(
            batches,
            row,
            result,
            position,
            prediction=predicted[position],
            robust=float(robust[position]),
            seconds=seconds,
            appearance=looks[position],
        )
        for position, row in enumerate(rows)
    ]


def _dream(
    batches: Batches,
    row: int,
    result: AscentResult,
    position: int,
    *,
    prediction: DreamPrediction | None,
    robust: float,
    seconds: float,
    appearance: Appearance | None,
) -> Dream:
    """Return the dream of one row of the goal, from its position in the result of its batch."""
    activated, attempts = bool(result.activated[position]), result.attempts[position]
    notes = [result.notes[position]] if result.notes[position] else []
    if not activated:
        start, score = float(result.start[position]), float(result.scores[position])
        rise = f"only rose from {start:.3g} to {score:.3g}" if score > start else "never rose"
        notes.append(f"not activated: its score {rise}")
    if attempts and (not activated or (prediction and not prediction.is_predicted)):
        notes.append(f"also tried {', '.join(attempts)}")
    return Dream(
        name=batches.goal.names[row],
        image=result.images[position],
        score=float(result.scores[position]),
        robust=robust,
        start=float(result.start[position]),
        steps=int(result.steps[position]),
        seconds=seconds,
        seed=batches.seed,
        recipe=batches.recipe,
        activated=activated,
        recovered_by=result.recovered_by[position],
        attempts=attempts,
        note="; ".join(notes),
        history=result.history[position],
        transparency=None if result.transparency is None else result.transparency[position],
        frames=tuple(frame[position] for frame in result.frames),
        prediction=prediction,
        appearance=appearance,
    )


def _looks(canvas: Canvas, images: np.ndarray, goal: Objective) -> Sequence[Appearance | None]:
    """Return where the look of each image comes from; None without a learned prior."""
    if canvas.learned is None:
        return [None] * len(images)
    return appearances(canvas.learned, images, "class" if goal.classes else "unit")
