"""The images of one objective in batches: their seeds, their padding and the ascent of one batch."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from dreamfilters import backend
from dreamfilters.dreams.ascent.ascent import Ascent, OnStep
from dreamfilters.dreams.ascent.batch_size import layers_run
from dreamfilters.dreams.ascent.result import Rows
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.networks import Network


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
        vectors, because its last few numbers are rounded differently (see `backend.LANES`). The caller drops the
        repeated rows.
        """
        lanes = [layer.units for layer in layers_run(self.network, self.goal) if layer.units]
        for octave in self.octaves(canvas):
            spectrum = octave.channels * octave.height * (octave.width // 2 + 1)
            lanes += [octave.height * octave.width, spectrum]
        ragged = any(count % backend.LANES for count in lanes)
        missing = max(2, size + ragged) - len(rows)
        return rows + rows[-self.goal.group :] * math.ceil(missing / self.goal.group)

    def _seeds(self, rows: Rows, attempt: int) -> np.ndarray:
        """Return one seed per row, from the run's seed, the name, its number among equal names and the attempt."""
        names = self.goal.names
        twins = [names[:row].count(names[row]) for row in rows] if len(set(names)) < len(names) else [0] * len(rows)
        return np.array(
            [backend.seed_of(self.seed, names[row], twin, attempt) for row, twin in zip(rows, twins, strict=True)],
            "uint64",
        )
