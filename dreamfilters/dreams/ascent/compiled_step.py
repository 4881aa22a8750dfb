"""One step of the ascent, and the scores of an image, as compiled functions.

    parameters -> image -> transforms -> input form -> watched layers -> score - penalties -> gradient -> optimizer

A program is defined by Python values: network, kind of objective, recipe, canvas. Everything that changes from call to
call is a tensor: parameters, seeds, the objective's arrays, the step number. One program serves every image of a goal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.ascent.evaluator import Evaluator
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.objectives.units import UNITS
from dreamfilters.dreams.optimizers import schedule_factor
from dreamfilters.dreams.parameterizations import Canvas, OwnSteps, Params
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.transforms import Rotate, Scale, Shift, Transform, apply, motions_of, views_of
from dreamfilters.errors import ModelError, RecipeError, TargetError
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.programs import programs_of

State: TypeAlias = dict[str, Any]  # params, optimizer, alive and, for transparency, importance; one row per image

# The transforms of the robust score: small motions, as of a camera.
ROBUST: tuple[Transform, ...] = (Rotate(5.0), Scale(0.05), Shift(2.0))
ROBUST_VIEWS = 8
MOVED_VIEWS = 16  # under the motions of the recipe, to see whether a class withstands them
_FIRST_VIEW = 1_000_000  # seed number of the first robust view; steps have smaller numbers

Step: TypeAlias = Callable[[State, backend.Seeds, Wanted, Tensor], tuple[State, Tensor]]
Steps: TypeAlias = Callable[[State, backend.Seeds, Wanted, int, int], tuple[State, np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class ImageProgram:
    """The compiled functions that need no network; the programs of all objectives share them.

    Attributes:
        start: seeds -> the state before the first step.
        start_from: params -> the state before the first step from these parameters.
        to_image: params -> images (n, h, w, c).
        move: (images, seeds) -> images after the small motions of `ROBUST`.
        move_by_recipe: (images, seeds) -> (n * views, h, w, c) images after the motions of the recipe.
    """

    start: Callable[[backend.Seeds], State]
    start_from: Callable[[Params], State]
    to_image: Callable[[Params], Tensor]
    move: Callable[[Tensor, backend.Seeds], Tensor]
    move_by_recipe: Callable[[Tensor, backend.Seeds], Tensor]


@dataclass(frozen=True, eq=False)
class ScoreProgram:
    """The compiled functions of a network that need no recipe; the programs of all recipes share them.

    Attributes:
        evaluator: what they compute.
        score: (images, wanted) -> scores (n,) of the images without transforms.
        rest: (images, wanted) -> how far the scores before the activation lie below 0, (n,).
        logits: images -> logits (n, ..., classes) of the images without transforms.
    """

    evaluator: Evaluator
    score: Callable[[Tensor, Wanted], Tensor]
    rest: Callable[[Tensor, Wanted], Tensor]
    logits: Callable[[Tensor], Tensor]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the watched layers for one image, (1, ..., c)."""
        return self.evaluator.shapes

    @property
    def has_pre_activation(self) -> bool:
        """Whether a watched layer has a value before its activation."""
        return bool(self.evaluator.nonlinear)


@dataclass(frozen=True, eq=False)
class CompiledStep(ImageProgram, ScoreProgram):
    """Compiled functions over a batch.

    Attributes:
        steps: (state, seeds, wanted, first, last) -> (state, scores, alive), see `backend.compile_steps`; scores are
            those before each step.
        relaxed_steps: the same for images that do not rise: it raises the layers' values before their activation, and
            the gradient passes a ReLU that is 0 for the whole image.
        robust_score: (images, seeds, wanted) -> scores (n,), the mean over small motions.
        moved_logits: (images, seeds) -> those of the images under the motions of the recipe, (n, views, ..., classes).
    """

    steps: Steps
    relaxed_steps: Steps
    robust_score: Callable[[Tensor, backend.Seeds, Wanted], np.ndarray]
    moved_logits: Callable[[Tensor, backend.Seeds], np.ndarray]


def build(network: Network, goal: Objective, recipe: Recipe, canvas: Canvas) -> CompiledStep:
    """Return the compiled functions for one kind of objective, cached with the network.

    Raises:
        TargetError: the goal reads units or positions that the layer does not have.
        RecipeError: the canvas is too small for the layer.
    """
    key = (goal.kind, goal.layers, repr(vars(recipe)), canvas, precision_of(recipe))
    program = programs_of(network).get(key, lambda network: _compiled(network, goal, recipe, canvas))
    check_reach(network, goal, program.shapes)
    return program


def _image_program(recipe: Recipe, canvas: Canvas) -> ImageProgram:
    def start_from(params: Params) -> State:
        count = keras.tree.flatten(params)[0].shape[0]
        state = {"params": params, "optimizer": recipe.optimizer.start(params), "alive": ops.ones((count,), "bool")}
        if recipe.transparency:
            state["importance"] = ops.zeros((count, canvas.height, canvas.width))
        return state

    return ImageProgram(
        start=backend.compile_rows(lambda seeds: start_from(recipe.parameterization.start(seeds, canvas))),
        start_from=start_from,
        to_image=backend.compile_rows(lambda params: recipe.parameterization.to_image(params, canvas)),
        move=backend.compile_rows(lambda image, seeds: apply(ROBUST, image, seeds)),
        move_by_recipe=backend.compile_rows(lambda image, seeds: apply(motions_of(recipe.transforms), image, seeds)),
    )


def _score_program(network: Network, goal: Objective, canvas: Canvas) -> ScoreProgram:
    evaluator = Evaluator(network, goal, canvas)
    return ScoreProgram(
        evaluator=evaluator,
        score=backend.compile_rows(evaluator.score, group=goal.group),
        rest=backend.compile_rows(evaluator.rest, group=goal.group),
        logits=backend.compile_rows(evaluator.logits),
    )


def _compiled(network: Network, goal: Objective, recipe: Recipe, canvas: Canvas) -> CompiledStep:
    programs = programs_of(network)
    images = programs.get((repr(vars(recipe)), canvas), lambda _: _image_program(recipe, canvas))
    # Most fallbacks change only the recipe. The scores are shared, because tracing a large network takes many seconds.
    size = (canvas.height, canvas.width, canvas.channels)
    scoring = programs.get((goal.kind, goal.layers, size), lambda network: _score_program(network, goal, canvas))
    in_steps, group = _step_evaluator(network, goal, recipe, canvas, scoring.evaluator), goal.group

    def robust_score(image: Tensor, seeds: backend.Seeds, wanted: Wanted) -> np.ndarray:
        views = (images.move(image, backend.fold(seeds, _FIRST_VIEW + number)) for number in range(ROBUST_VIEWS))
        scores = [scoring.score(view, wanted) for view in views]  # all are dispatched before the first is awaited
        return np.asarray(np.mean([np.asarray(each) for each in scores], axis=0))

    def moved_logits(image: Tensor, seeds: backend.Seeds) -> np.ndarray:
        views = (
            images.move_by_recipe(image, backend.fold(seeds, _FIRST_VIEW + number)) for number in range(MOVED_VIEWS)
        )
        found = [scoring.logits(view) for view in views]
        each = [np.asarray(values) for values in found]  # (n * views of the recipe, ...)
        return np.concatenate([values.reshape(len(image), -1, *values.shape[1:]) for values in each], axis=1)

    return CompiledStep(
        **vars(images),
        **vars(scoring),
        steps=backend.compile_steps(_step(in_steps.ascent_score, recipe, canvas), group=group),
        relaxed_steps=backend.compile_steps(_step(in_steps.relaxed_score, recipe, canvas), group=group),
        robust_score=robust_score,
        moved_logits=moved_logits,
    )


def _step_evaluator(
    network: Network, goal: Objective, recipe: Recipe, canvas: Canvas, evaluator: Evaluator
) -> Evaluator:
    """Return what the steps raise: in bfloat16, unless a layer of the user's own computes in float32 only."""
    views = views_of(recipe.transforms)
    if precision_of(recipe) == "float32":
        return evaluator.of_views(views)
    try:
        return Evaluator(network, goal, canvas, views=views, precision="bfloat16")
    except (RecipeError, ModelError):
        return evaluator.of_views(views)


def precision_of(recipe: Recipe) -> backend.Precision:
    """Return the precision of the steps: that of the recipe, or the usual one of the device."""
    return backend.execution().precision if recipe.precision == "auto" else recipe.precision


def _step(evaluate: Callable[[Tensor, Wanted], tuple[Tensor, Tensor]], recipe: Recipe, canvas: Canvas) -> Step:
    """Return the step that raises the first value of `evaluate(image, wanted)` and reports the second."""
    views = views_of(recipe.transforms)

    def per_image(scores: Tensor) -> Tensor:
        return ops.mean(ops.reshape(scores, (-1, views)), axis=1)

    def step(state: State, seeds: backend.Seeds, wanted: Wanted, number: Tensor) -> tuple[State, Tensor]:
        if views > 1:
            wanted = keras.tree.map_structure(lambda rows: ops.repeat(rows, views, axis=0), wanted)

        def total(variables: dict[str, Any]) -> tuple[Tensor, Tensor]:
            image = recipe.parameterization.to_image(variables["params"], canvas)
            if recipe.transparency:
                image = image + variables["offset"]
            raised, scores = evaluate(apply(recipe.transforms, image, backend.fold(seeds, number)), wanted)
            penalty = sum(penalty(image) for penalty in recipe.penalties)
            # images share no parameter, so the gradient of the sum holds the gradient of each
            return ops.sum(per_image(raised) - penalty), per_image(scores)

        variables = {"params": state["params"]}
        if recipe.transparency:
            count = state["alive"].shape[0]
            variables["offset"] = ops.zeros((count, canvas.height, canvas.width, canvas.channels))
        (_, scores), gradient = backend.value_and_gradient(total)(variables)
        return _updated(recipe, canvas, state, gradient, scores, seeds, number), scores

    return step


def _updated(
    recipe: Recipe,
    canvas: Canvas,
    state: State,
    gradient: dict[str, Any],
    scores: Tensor,
    seeds: backend.Seeds,
    number: Tensor,
) -> State:
    """Return the state after a move; an image with a number that is not finite stays as it was from then on."""
    slope = gradient["params"]
    move, memory = recipe.optimizer.move(slope, state["optimizer"], number)
    rate = recipe.optimizer.rate * schedule_factor(recipe.schedule, number, recipe.steps)
    if isinstance(recipe.parameterization, OwnSteps):
        scaled = keras.tree.map_structure(lambda m: rate * m, move)
        params = recipe.parameterization.moved(state["params"], scaled, canvas, seeds, number, recipe.steps)
    else:
        params = keras.tree.map_structure(lambda p, m: p + rate * m, state["params"], move)
    for edit in recipe.edits:  # a recipe with edits has pixels: Recipe sees to it
        params = {"pixels": edit(params["pixels"], slope["pixels"], number)}
    alive = ops.logical_and(state["alive"], ops.isfinite(scores))
    for array in keras.tree.flatten(params):  # a gradient that is not finite shows here
        alive = ops.logical_and(alive, ops.isfinite(ops.sum(array, axis=tuple(range(1, len(array.shape))))))
    after = {"params": params, "optimizer": memory}
    if recipe.transparency:
        after["importance"] = state["importance"] + ops.sum(ops.abs(gradient["offset"]), axis=-1)
    before = {name: state[name] for name in after}
    # usually all are alive, and selecting row by row takes longer than the optimizer
    after = ops.cond(ops.all(alive), lambda: after, lambda: where(alive, after, before))
    return {**after, "alive": alive}


def where(chosen: Tensor, new: Any, old: Any) -> Any:
    """Return the rows of `new` where `chosen` (n,) is true, those of `old` elsewhere."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        return ops.where(ops.reshape(chosen, (-1,) + (1,) * (len(a.shape) - 1)), a, b)

    return keras.tree.map_structure(pick, new, old)


def check_reach(network: Network, goal: Objective, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise a TargetError for a unit or position that the layer does not have on this canvas."""
    for layer, (*position, unit) in goal.reach:
        *sides, units = shapes[layer][1:]
        if unit >= units:
            owner, one = (network.name, "class ") if layer == LOGITS else (f"{layer} of {network.name}", f"{layer}:")
            what = "classes" if layer == LOGITS else UNITS[network.layer(layer).kind]
            raise TargetError(f"{one}{unit}: {owner} has {units} {what}, 0 to {units - 1}")
        if not position:
            continue
        axes, name = network.layer(layer).axes[:-1], "class" if layer == LOGITS else layer
        target = f"{name}:{unit}@{','.join(map(str, position))}"
        if len(position) != len(sides):
            hint = f"give {name}:{unit}@{','.join(axes).upper()}" if axes else "it has no positions, omit them"
            raise TargetError(f"{target}: {hint}")
        if any(number >= side for number, side in zip(position, sides, strict=True)):
            extent = " and ".join(f"{side} {axis}s" for side, axis in zip(sides, axes, strict=True))
            owner = "the map of classes" if layer == LOGITS else layer
            raise TargetError(f"{target}: {owner} has {extent} on this canvas, counted from 0")
