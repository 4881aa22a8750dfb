"""How many images at a time: as many as memory holds and a short trial finds worth while."""

from __future__ import annotations

import time

import numpy as np

from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.transforms import views_of
from dreamfilters.errors import RecipeError
from dreamfilters.networks import LOGITS, LayerInfo, Network

_BUDGET = 1_200_000_000  # bytes of activations and their gradients in one step
_LARGEST = 64  # beyond it no network that was measured gained an image a second
_TRIAL_FROM = 32  # images; for fewer the trial would cost more than it finds


def batch_size(network: Network, goal: Objective, canvas: Canvas, recipe: Recipe, asked: int | None) -> int:
    """Return the images of one batch, a multiple of the goal's group.

    Raises:
        RecipeError: `asked` is below 1, or does not hold one group.
    """
    if asked is not None:
        if asked < 1 or asked < goal.group:
            raise RecipeError(f"batch={asked}: at least {max(1, goal.group)}")
        return asked // goal.group * goal.group
    views = views_of(recipe.transforms)
    fitting = int(_BUDGET // max(1, image_bytes(network, goal, canvas) * views))
    most = max(goal.group, min(_LARGEST, fitting, len(goal)))
    if most >= _TRIAL_FROM and len(goal) > most:
        most = _quickest(network, goal, canvas, [most, most // 2])
    return max(goal.group, most // goal.group * goal.group)


def image_bytes(network: Network, goal: Objective, canvas: Canvas) -> int:
    """Estimate what one image's step holds: each layer's float32 output up to the watched one, and its gradient."""
    own = network.form.size or (None, None)
    grown = (canvas.height * canvas.width) / ((own[0] or canvas.height) * (own[1] or canvas.width))
    run = layers_run(network, goal)
    sizes = [np.prod([side for side in layer.shape if side], dtype=float) for layer in run]
    spatial = [len(layer.shape) == 3 for layer in run]
    return int(sum(size * (grown if is_map else 1) * 8 for size, is_map in zip(sizes, spatial, strict=True)))


def layers_run(network: Network, goal: Objective) -> tuple[LayerInfo, ...]:
    """Return the layers up to the last one that the goal watches."""
    if LOGITS in goal.layers:
        return network.layers
    watched = {network.layer(layer).name for layer in goal.layers}
    return network.layers[: 1 + max(number for number, layer in enumerate(network.layers) if layer.name in watched)]


def _quickest(network: Network, goal: Objective, canvas: Canvas, sizes: list[int]) -> int:
    """Return the size with the most images a second in one forward pass; it changes the time, never an image."""
    layers = frozenset(layer if layer == LOGITS else network.layer(layer).name for layer in goal.layers)
    watch = network.watch(layers)
    own = network.form.size
    side = (canvas.height, canvas.width) if LOGITS not in goal.layers or not own else own

    def cost(size: int) -> float:
        images = network.form.to_input(np.full((size, *side, canvas.channels), 0.5, "float32"))
        watch(images)
        began = time.perf_counter()
        watch(images)
        return (time.perf_counter() - began) / size

    return min(sizes, key=cost)
