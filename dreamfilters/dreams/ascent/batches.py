"""The images of one objective in batches: the batch size, the seeds, the padding and the ascent of one batch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.ascent.ascent import Ascent, OnStep
from dreamfilters.dreams.ascent.machine_memory import available_bytes
from dreamfilters.dreams.ascent.result import Rows
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.transforms import views_of
from dreamfilters.errors import RecipeError
from dreamfilters.networks import LOGITS, LayerInfo, Network

_SHARE = 0.5  # of the memory that is free: the rest is for other processes and for what grows with the network
_UNKNOWN = 2_400_000_000  # bytes taken to be free where the system or the device does not say
_MULTIPLE = 8  # of images on a device, which matrix units of accelerators compute at a time
_TRIAL_STEPS = 8  # steps of the whole work for each one of the trial, so that it costs less than it saves


@dataclass(frozen=True, eq=False)
class Batches:
    """The ascents of one objective; the attributes are the arguments of `dream`."""

    network: Network
    goal: Objective
    recipe: Recipe
    seed: int
    start: np.ndarray | None
    frames: int
    on_step: OnStep | None

    def ascent(self, rows: Rows, *, attempt: int = 0) -> Ascent:
        """Return the ascent of some of the images; each attempt has its own seeds."""
        seeds = self._seeds(rows, attempt)
        return Ascent(self.goal, self.recipe, rows, seeds, self.start, self.frames, self.on_step)

    def tried(self, tries: int) -> Iterator[Batches]:
        """Yield the same with each of `tries` seeds, from `seed` upwards; its steps say which one it is."""
        for number in range(tries):
            on_step = None if self.on_step is None else _with_try(self.on_step, number, tries)
            yield replace(self, seed=self.seed + number, on_step=on_step)

    def octaves(self, canvas: Canvas) -> list[Canvas]:
        """Return the recipe's canvases from small to full size."""
        shrink = [self.recipe.octave_scale**-k for k in reversed(range(self.recipe.octaves))]
        return [
            replace(canvas, height=max(1, round(canvas.height * by)), width=max(1, round(canvas.width * by)))
            for by in shrink
        ]

    def padded(self, rows: Rows, size: int, canvas: Canvas) -> Rows:
        """Repeat the last group of a batch until it has `size` rows, so that each image is the same in any batch.

        All batches have one size, because a short one would be compiled again. They have at least two rows, because one
        row takes another path through the convolutions, and one row more where an array of the step does not fill whole
        vectors of a CPU, because its last few numbers are rounded differently (see `backend.LANES`). Several devices
        get equal numbers of whole groups. The caller drops the repeated rows.
        """
        group = self.goal.group
        lanes = [layer.units for layer in layers_run(self.network, self.goal) if layer.units]
        for octave in self.octaves(canvas):
            spectrum = octave.channels * octave.height * (octave.width // 2 + 1)
            lanes += [octave.height * octave.width, spectrum]
        ragged = backend.device().kind == "cpu" and any(count % backend.LANES for count in lanes)
        share = group * backend.execution().devices
        # the rows are whole groups already
        missing = math.ceil((max(2, size + ragged) - len(rows)) / group) * group
        missing += -(len(rows) + missing) % share
        return rows + rows[-group:] * (missing // group)

    def filled_size(self, size: int, count: int) -> int:
        """Return how many rows the batches get that are at most `size` images of `count`: see `backend.ONE_SHAPE`."""
        return size if backend.ONE_SHAPE else min(size, count)

    def _seeds(self, rows: Rows, attempt: int) -> np.ndarray:
        """Return one seed per row, from the run's seed, the name, its number among equal names and the attempt."""
        names = self.goal.names
        twins = [names[:row].count(names[row]) for row in rows] if len(set(names)) < len(names) else [0] * len(rows)
        return np.array(
            [backend.seed_of(self.seed, names[row], twin, attempt) for row, twin in zip(rows, twins, strict=True)],
            "uint64",
        )


def _with_try(on_step: OnStep, number: int, tries: int) -> OnStep:
    return lambda step: on_step(replace(step, tried=number, tries=tries))


def batch_size(
    network: Network, goal: Objective, canvas: Canvas, recipe: Recipe, batch: int | None, processes: int = 1
) -> int:
    """Return the number of images in one batch, a multiple of the goal's group.

    Args:
        network, goal, canvas, recipe: what the batch is for.
        batch: the requested size; default: by memory and a short trial.
        processes: number of processes that compute such a batch at a time and share the memory; without a trial if
            there are several, because it would say nothing about a machine on which they all compute.

    Raises:
        RecipeError: `batch` is below 1 or below the group.
    """
    if batch is not None:
        if batch < 1 or batch < goal.group:
            raise RecipeError(f"batch={batch}: at least {max(1, goal.group)}")
        return batch // goal.group * goal.group
    views, execution, device = views_of(recipe.transforms), backend.execution(), backend.device()
    # the limit of a device, not what is free of it now, so that the size is the same on each run
    free = available_bytes() if device.kind == "cpu" else (device.memory or _UNKNOWN) * execution.devices
    budget = _SHARE * (_UNKNOWN if free is None else free)
    fitting = int(budget / processes // max(1, image_bytes(network, goal, canvas) * views))
    if backend.ONE_SHAPE:
        units = max(network.layer(layer).units or 1 for layer in goal.layers)
        return _one_size(execution.rows, fitting, units, goal.group, execution.devices)
    most = max(goal.group, min(execution.rows, fitting, len(goal)))
    if processes == 1 and 1 < most < len(goal) and recipe.steps * len(goal) >= _TRIAL_STEPS * most:
        most = _fastest(network, goal, canvas, [most, most // 2])
    return max(goal.group, most // goal.group * goal.group)


def _one_size(rows: int, fitting: int, units: int, group: int, devices: int) -> int:
    """Return the size of all batches for a layer: `rows`, halved until they fit into memory, in whole groups.

    The units of a layer are divided into equal batches: 384 units are two of 192, not one of 256 and one that is half
    empty. The size depends neither on how many of them are wanted nor on a trial, because an image has other bytes at
    another size.
    """
    while rows > max(1, fitting):
        rows //= 2
    equal = math.ceil(units / math.ceil(units / rows))
    rows = min(rows, math.ceil(equal / (_MULTIPLE * devices)) * _MULTIPLE * devices)
    return max(group, rows // group * group)


def image_bytes(network: Network, goal: Objective, canvas: Canvas) -> int:
    """Return an upper limit for the bytes of one image in a step: each layer's float32 output up to the watched one.

    TensorFlow frees an output as soon as no gradient needs it. For each further image, a step of ResNet50 at 224 px
    takes 53 MB, of MobileNetV2 36 MB; their outputs take 147 MB and 86 MB.
    """
    height, width = network.form.size
    scale = (canvas.height * canvas.width) / ((height or canvas.height) * (width or canvas.width))

    def count(layer: LayerInfo) -> float:
        numbers = np.prod([side for side in layer.shape if side], dtype=float)
        return float(numbers * (1 if layer.kind == "vector" else scale))

    return int(sum(count(layer) * 4 for layer in layers_run(network, goal)))


def layers_run(network: Network, goal: Objective) -> tuple[LayerInfo, ...]:
    """Return the layers up to the last one that the objective watches."""
    if LOGITS in goal.layers:
        return network.layers
    watched = {network.layer(layer).name for layer in goal.layers}
    return network.layers[: 1 + max(number for number, layer in enumerate(network.layers) if layer.name in watched)]


def _fastest(network: Network, goal: Objective, canvas: Canvas, sizes: list[int]) -> int:
    """Return the size with the most images per second in one forward pass; it changes the time, never an image."""
    layers = frozenset(layer if layer == LOGITS else network.layer(layer).name for layer in goal.layers)
    watch = backend.compile(network.watch(layers))
    native = LOGITS in goal.layers and None not in network.form.size
    side = network.form.size if native else (canvas.height, canvas.width)

    def cost(size: int) -> float:
        images = network.form.to_input(ops.full((size, *side, canvas.channels), 0.5))
        watch(images)
        began = time.perf_counter()
        watch(images)
        return (time.perf_counter() - began) / size

    return min(sizes, key=cost)
