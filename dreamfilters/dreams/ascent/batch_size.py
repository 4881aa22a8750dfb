"""The batch size: as many images as the memory budget holds, chosen by a short trial."""

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
_LARGEST = 64  # no measured network makes more images per second with a larger batch
_TRIAL_FROM = 32  # images; for fewer the trial costs more than it saves


def batch_size(network: Network, goal: Objective, canvas: Canvas, recipe: Recipe, batch: int | None) -> int:
    """Return the number of images in one batch, a multiple of the goal's group.

    Args:
        network, goal, canvas, recipe: what the batch is for.
        batch: the requested size; default: by memory and a short trial.

    Raises:
        RecipeError: `batch` is below 1 or below the group.
    """
    if batch is not None:
        if batch < 1 or batch < goal.group:
            raise RecipeError(f"batch={batch}: at least {max(1, goal.group)}")
        return batch // goal.group * goal.group
    views = views_of(recipe.transforms)
    fitting = int(_BUDGET // max(1, image_bytes(network, goal, canvas) * views))
    most = max(goal.group, min(_LARGEST, fitting, len(goal)))
    if most >= _TRIAL_FROM and len(goal) > most:
        most = _fastest(network, goal, canvas, [most, most // 2])
    return max(goal.group, most // goal.group * goal.group)


def image_bytes(network: Network, goal: Objective, canvas: Canvas) -> int:
    """Estimate the bytes of one image's step: each layer's float32 output up to the watched one, and its gradient."""
    height, width = network.form.size
    scale = (canvas.height * canvas.width) / ((height or canvas.height) * (width or canvas.width))

    def count(layer: LayerInfo) -> float:
        numbers = np.prod([side for side in layer.shape if side], dtype=float)
        return float(numbers * (1 if layer.kind == "vector" else scale))

    return int(sum(count(layer) * 8 for layer in layers_run(network, goal)))


def layers_run(network: Network, goal: Objective) -> tuple[LayerInfo, ...]:
    """Return the layers up to the last one that the objective watches."""
    if LOGITS in goal.layers:
        return network.layers
    watched = {network.layer(layer).name for layer in goal.layers}
    return network.layers[: 1 + max(number for number, layer in enumerate(network.layers) if layer.name in watched)]


def _fastest(network: Network, goal: Objective, canvas: Canvas, sizes: list[int]) -> int:
    """Return the size with the most images per second in one forward pass; it changes the time, never an image."""
    layers = frozenset(layer if layer == LOGITS else network.layer(layer).name for layer in goal.layers)
    watch = network.watch(layers)
    native = LOGITS in goal.layers and None not in network.form.size
    side = network.form.size if native else (canvas.height, canvas.width)

    def cost(size: int) -> float:
        images = network.form.to_input(np.full((size, *side, canvas.channels), 0.5, "float32"))
        watch(images)
        began = time.perf_counter()
        watch(images)
        return (time.perf_counter() - began) / size

    return min(sizes, key=cost)
