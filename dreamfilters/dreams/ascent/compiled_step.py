"""One step of the ascent as a compiled function, and the looks at an image that judge it.

    paint -> transforms -> input form -> watched layers -> score - penalties -> gradient -> optimizer

What defines the program is a Python value: network, kind of goal, recipe, canvas. What changes from call to call comes
in as tensors: numbers, seeds, what is wanted, the step. So one program serves every image of a goal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.affine_transforms import Rotate, Scale, Shift
from dreamfilters.dreams.ascent.evaluator import Evaluator
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.dreams.optimizers import schedule_factor
from dreamfilters.dreams.parameterizations import Canvas, Params
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.transforms import Transform, apply, views_of
from dreamfilters.errors import TargetError
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.programs import programs_of

Tensor: TypeAlias = Any
State: TypeAlias = dict[str, Any]  # params, optimizer, alive and, if asked for, worth; one row per image

# The measure beside the plain score: how much of it survives what a camera does to an image.
ROBUST: tuple[Transform, ...] = (Rotate(5.0), Scale(0.05), Shift(2.0))
ROBUST_VIEWS = 8
_LOOKS_FROM = 1_000_000  # numbers of the looks' seeds, out of the way of the steps'


Step: TypeAlias = Callable[[State, backend.Seeds, Wanted, Tensor], tuple[State, Tensor]]


@dataclass(frozen=True, eq=False)
class CompiledStep:
    """Compiled functions over a batch.

    Attributes:
        start: seeds -> the state before the first step.
        begin: params -> the state before the first step of given numbers.
        step: (state, seeds, wanted, number) -> (state, scores (n,) that the step saw).
        waking: the same for an image that does not rise: the goal's layers are climbed before their activation, and
            the gradient passes a silent ReLU.
        paint: params -> images (n, h, w, c).
        judge: (images, wanted) -> scores (n,) of the images as they are.
        robust: (images, seeds, wanted) -> scores (n,) under small motions.
        shapes: of the watched layers for one image, (1, ..., c).
        bends: whether a watched layer has a value before its activation.
    """

    start: Callable[[backend.Seeds], State]
    begin: Callable[[Params], State]
    step: Step
    waking: Step
    paint: Callable[[Params], Tensor]
    judge: Callable[[Tensor, Wanted], Tensor]
    robust: Callable[[Tensor, backend.Seeds, Wanted], np.ndarray]
    shapes: dict[str, tuple[int, ...]]
    bends: bool


def build(network: Network, goal: Objective, recipe: Recipe, canvas: Canvas) -> CompiledStep:
    """Return the compiled functions of one kind of goal, made once for a network and kept with it.

    Raises:
        TargetError: the goal reads places that the layer does not have.
        RecipeError: the canvas is too small for the layer.
    """
    key = (goal.kind, goal.layers, repr(recipe), canvas)
    program = programs_of(network).get(key, lambda network: _compiled(network, goal, recipe, canvas))
    _check_reach(network, goal, program.shapes)
    return program


@dataclass(frozen=True, eq=False)
class _Painter:
    """What needs no network; the programs of all goals share it."""

    start: Callable[[backend.Seeds], State]
    begin: Callable[[Params], State]
    paint: Callable[[Params], Tensor]
    moved: Callable[[Tensor, backend.Seeds], Tensor]


def _painter(recipe: Recipe, canvas: Canvas) -> _Painter:
    def begin(params: Params) -> State:
        count = keras.tree.flatten(params)[0].shape[0]
        state = {"params": params, "optimizer": recipe.optimizer.start(params), "alive": ops.ones((count,), "bool")}
        if recipe.transparency:
            state["worth"] = ops.zeros((count, canvas.height, canvas.width))
        return state

    return _Painter(
        start=backend.compile(lambda seeds: begin(recipe.parameterization.start(seeds, canvas))),
        begin=begin,
        paint=backend.compile(lambda params: recipe.parameterization.paint(params, canvas)),
        moved=backend.compile(lambda image, seeds: apply(ROBUST, image, seeds)),
    )


def _compiled(network: Network, goal: Objective, recipe: Recipe, canvas: Canvas) -> CompiledStep:
    painter = programs_of(network).get((repr(recipe), canvas), lambda _: _painter(recipe, canvas))
    look = Evaluator(network, goal, canvas)
    judge = backend.compile(look.judge)

    def robust(image: Tensor, seeds: backend.Seeds, wanted: Wanted) -> np.ndarray:
        looks = [
            judge(painter.moved(image, backend.fold(seeds, _LOOKS_FROM + number)), wanted)
            for number in range(ROBUST_VIEWS)
        ]
        return np.asarray(np.mean([np.asarray(scores) for scores in looks], axis=0))

    return CompiledStep(
        start=painter.start,
        begin=painter.begin,
        step=backend.compile(_step(look.climbed, recipe, canvas)),
        waking=backend.compile(_step(look.activated, recipe, canvas)),
        paint=painter.paint,
        judge=judge,
        robust=robust,
        shapes=look.shapes,
        bends=bool(look.bent),
    )


def _step(climb: Callable[[Tensor, Wanted], tuple[Tensor, Tensor]], recipe: Recipe, canvas: Canvas) -> Step:
    """Return the step that raises the first of what `climb` says of an image, and reports the second."""
    views = views_of(recipe.transforms)

    def per_image(scores: Tensor) -> Tensor:
        return ops.mean(ops.reshape(scores, (-1, views)), axis=1)

    def step(state: State, seeds: backend.Seeds, wanted: Wanted, number: Tensor) -> tuple[State, Tensor]:
        wanted = _repeated(wanted, views)

        def total(numbers: dict[str, Any]) -> tuple[Tensor, Tensor]:
            image = recipe.parameterization.paint(numbers["params"], canvas)
            if recipe.transparency:
                image = image + numbers["nudge"]
            raised, scores = climb(apply(recipe.transforms, image, backend.fold(seeds, number)), wanted)
            penalty = sum(penalty(image) for penalty in recipe.penalties)
            # images share nothing, so the gradient of the sum is each one's
            return ops.sum(per_image(raised) - penalty), per_image(scores)

        numbers = {"params": state["params"]}
        if recipe.transparency:
            count = state["alive"].shape[0]
            numbers["nudge"] = ops.zeros((count, canvas.height, canvas.width, canvas.channels))
        (_, scores), gradient = backend.value_and_gradient(total)(numbers)
        return _climbed(recipe, state, gradient, scores, number), scores

    return step


def _climbed(recipe: Recipe, state: State, gradient: dict[str, Any], scores: Tensor, number: Tensor) -> State:
    """Return the state after a move; an image with a number that is not finite stays where it was, for good."""
    slope = gradient["params"]
    move, memory = recipe.optimizer.move(slope, state["optimizer"], number)
    rate = recipe.optimizer.rate * schedule_factor(recipe.schedule, number, recipe.steps)
    params = keras.tree.map_structure(lambda p, m: p + rate * m, state["params"], move)
    for edit in recipe.edits:  # a recipe with edits has pixels: Recipe sees to it
        params = {"pixels": edit(params["pixels"], slope["pixels"], number)}
    alive = ops.logical_and(state["alive"], ops.isfinite(scores))
    for array in keras.tree.flatten(params):  # a slope that is not finite leaves its mark there
        alive = ops.logical_and(alive, ops.isfinite(ops.sum(array, axis=tuple(range(1, len(array.shape))))))
    after = {"params": params, "optimizer": memory}
    if recipe.transparency:
        after["worth"] = state["worth"] + ops.sum(ops.abs(gradient["nudge"]), axis=-1)
    before = {name: state[name] for name in after}
    # mostly all are alive, and choosing row by row takes longer than the optimizer
    after = ops.cond(ops.all(alive), lambda: after, lambda: where(alive, after, before))
    return {**after, "alive": alive}


def where(chosen: Tensor, new: Any, old: Any) -> Any:
    """Take the rows of `new` where `chosen` (n,) is true, those of `old` elsewhere."""

    def pick(a: Tensor, b: Tensor) -> Tensor:
        return ops.where(ops.reshape(chosen, (-1,) + (1,) * (len(a.shape) - 1)), a, b)

    return keras.tree.map_structure(pick, new, old)


def _repeated(wanted: Wanted, views: int) -> Wanted:
    if views == 1:
        return wanted
    return keras.tree.map_structure(lambda rows: ops.repeat(rows, views, axis=0), wanted)


def _check_reach(network: Network, goal: Objective, shapes: dict[str, tuple[int, ...]]) -> None:
    for layer, place in goal.reach:
        shape = shapes[layer]
        units = shape[-1]
        if place[2] >= units:
            what = "classes" if layer == LOGITS else "filters"
            thing = network.name if layer == LOGITS else f"{layer} of {network.name}"
            one = "class" if layer == LOGITS else f"{layer}:"
            raise TargetError(f"{one}{' ' * (layer == LOGITS)}{place[2]}: {thing} has {units} {what}, 0 to {units - 1}")
        if (place[0] or place[1]) and len(shape) != 4:
            raise TargetError(f"{layer}:{place[2]}@{place[0]},{place[1]}: {layer} has no map, leave out the place")
        if len(shape) == 4 and (place[0] >= shape[1] or place[1] >= shape[2]):
            raise TargetError(
                f"{layer}:{place[2]}@{place[0]},{place[1]}: the map of {layer} has {shape[1]} rows and "
                f"{shape[2]} columns on this canvas, counted from 0"
            )
