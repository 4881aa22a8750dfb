"""Fallbacks for images whose score did not rise, tried in order; `dream`, `audit`, `compare` and `atlas` share them.

1. pre-activation: raise the value before a ReLU that is 0. Networks with a ReLU do so in the plain ascent already.
2. relaxed gradient: let the gradient pass ReLUs that are 0 for the whole image (Lucid, `redirected_relu_grad`).
3. another seed: the same from another start.
4. pixels, map maximum: step every pixel by the sign of its gradient, to the ends of its range, and raise the maximum of
   the map instead of its mean. This is the strongest search for any valid input (Madry et al., "Towards deep learning
   models resistant to adversarial attacks", 2018). The recipe then continues from that input.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.ascent import PRE_ACTIVATION
from dreamfilters.dreams.ascent.batches import Batches
from dreamfilters.dreams.ascent.compiled_step import CompiledStep, build
from dreamfilters.dreams.ascent.result import AscentResult, Rows, is_activated
from dreamfilters.dreams.optimizers import Sign
from dreamfilters.dreams.parameterizations import Canvas, Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import RecipeError
from dreamfilters.networks import LOGITS

RELAXED_GRADIENT, ANOTHER_SEED, PIXELS = "relaxed gradient", "another seed", "pixels, map maximum"
PIXELS_NOTE = "the recipe does not keep it activated: this is the image of the pixels ascent"

_PIXEL_RECIPE = Recipe(Pixels(), transforms=(), optimizer=Sign(rate=0.2), steps=64, name="pixels")


@dataclass(frozen=True)
class Fallback:
    """One further ascent.

    Attributes:
        name: as `Dream.recovered_by` gives it.
        attempt: a number that makes its seeds; 0 is that of the plain ascent.
        relaxed: whether its first steps raise pre-activations by the relaxed gradient.
        pixels: whether it runs on pixels, for the maximum of the map.
    """

    name: str
    attempt: int
    relaxed: bool = True
    pixels: bool = False


@dataclass(frozen=True, eq=False)
class Ladder:
    """The fallbacks of one objective on one canvas.

    Attributes:
        batches: the images and the recipe.
        canvas: the full canvas.
        program: the compiled recipe.
    """

    batches: Batches
    canvas: Canvas
    program: CompiledStep

    @property
    def fallbacks(self) -> tuple[Fallback, ...]:
        """The further ascents in order; none for several octaves."""
        if self.batches.recipe.octaves > 1:
            return ()
        another_seed, pixels = Fallback(ANOTHER_SEED, 1), Fallback(PIXELS, 2, relaxed=False, pixels=True)
        if self.batches.network.has_relu:
            return Fallback(RELAXED_GRADIENT, 0), another_seed, pixels, Fallback(PIXELS, 3, pixels=True)
        return (*([Fallback(PRE_ACTIVATION, 0)] if self._has_pre_activation else []), another_seed, pixels)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fallbacks in order, with the one that is part of the plain ascent."""
        plain = [PRE_ACTIVATION] if self._has_pre_activation and self.batches.network.has_relu else []
        return tuple(dict.fromkeys([*plain, *(fallback.name for fallback in self.fallbacks)]))

    def attempts(self, recovered_by: str, *, activated: bool, silent: bool) -> tuple[str, ...]:
        """Return the names of the fallbacks that were tried on an image, ending with the one that activated it."""
        if not activated:
            return self.names if silent else ()
        if recovered_by in self.names:
            return self.names[: self.names.index(recovered_by) + 1]
        return (recovered_by,) if recovered_by else ()

    def recover(self, result: AscentResult, rows: Rows, size: int) -> None:
        """Replace the images of `result` whose units are silent by those that a fallback activates.

        Only these units get further ascents. Few sizes of batches are compiled: powers of two, at most `size`.

        Args:
            result: of the plain ascent; its first rows are those of the goal.
            rows: the rows of the goal.
            size: the most images in a batch.
        """
        group = self.batches.goal.group
        silent = result.is_silent[: len(rows)]
        for fallback in self.fallbacks:
            positions = _whole_groups(np.flatnonzero(silent & ~result.activated[: len(rows)]).tolist(), group)
            chunk = min(size, group << math.ceil(math.log2(max(1, len(positions) // group))))
            for chosen in (positions[first : first + chunk] for first in range(0, len(positions), chunk)):
                padded = self.batches.padded([rows[position] for position in chosen], chunk, self.canvas)
                start, rest = (np.resize(values[chosen], len(padded)) for values in (result.start, result.rest))
                result.replace_inactive(chosen, self._ascend(fallback, padded, start, rest), fallback.name)

    @property
    def _has_pre_activation(self) -> bool:
        network, layers = self.batches.network, self.batches.goal.layers
        return any(layer != LOGITS and network.has_linear(layer) for layer in layers)

    def _ascend(self, fallback: Fallback, rows: Rows, start: np.ndarray, rest: np.ndarray) -> AscentResult:
        if fallback.pixels:
            return self._ascend_pixels(fallback, rows, start, rest)
        ascent = self.batches.ascent(rows, attempt=fallback.attempt)
        return ascent.run(self.program, self.canvas, image=ascent.start_image(self.canvas), relaxed=True)

    def _ascend_pixels(self, fallback: Fallback, rows: Rows, start: np.ndarray, rest: np.ndarray) -> AscentResult:
        """Raise the maximum of the map on pixels, then continue by the recipe; the scores are of the objective."""
        goal, recipe = self.batches.goal.at_maximum(), self.batches.recipe
        pixels = replace(self.batches, goal=goal, recipe=replace(_PIXEL_RECIPE, transparency=recipe.transparency))
        canvas = replace(self.canvas, prior=priors.neutral(self.canvas.channels))
        program = build(pixels.network, goal, pixels.recipe, canvas)
        ascent = pixels.ascent(rows, attempt=fallback.attempt)

        def judged(result: AscentResult) -> AscentResult:
            images = backend.tensor(result.images)
            result.scores = np.array(self.program.score(images, ascent.wanted))
            result.start, result.rest = start, rest
            result.activated = is_activated(
                result.scores, start, rest, np.asarray(program.score(images, ascent.wanted))
            )
            return result

        found = judged(ascent.run(program, canvas, image=ascent.start_image(canvas), relaxed=fallback.relaxed))
        if found.activated.any():
            try:
                again = judged(self.batches.ascent(rows).run(self.program, self.canvas, image=found.images))
            except RecipeError:  # a CPPN cannot start from an image
                again = None
            _keep_activated(found, again)
        return found


def _keep_activated(found: AscentResult, again: AscentResult | None) -> None:
    """Replace the images that pixels activated by those of `again`, which continued from them and stay activated."""
    if again is not None:
        found.steps += np.where(found.activated, again.steps, 0)
    for row in np.flatnonzero(found.activated).tolist():
        if again is not None and again.activated[row]:
            found.replace_row(row, again, row)
        else:
            found.notes[row] = "; ".join(filter(None, [found.notes[row], PIXELS_NOTE]))


def _whole_groups(positions: Iterable[int], group: int) -> Rows:
    """Return the positions of every image that is scored together with one of these."""
    return sorted({position // group * group + k for position in positions for k in range(group)})
