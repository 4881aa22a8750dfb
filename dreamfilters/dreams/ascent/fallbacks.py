"""Fallbacks for images whose score did not rise, tried in order; `dream`, `audit`, `compare` and `atlas` share them.

1. pre-activation: raise the value before a ReLU that is 0. Networks with a ReLU do so in the plain ascent already.
2. relaxed gradient: let the gradient pass ReLUs that are 0 for the whole image (Lucid, `redirected_relu_grad`).
3. another seed: the same from another start.
4. pixels, map maximum: step every pixel by the sign of its gradient, to the ends of its range, and raise the maximum of
   the map instead of its mean. This is the strongest search for any valid input (Madry et al., "Towards deep learning
   models resistant to adversarial attacks", 2018). The recipe then continues from that input.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.ascent import PRE_ACTIVATION
from dreamfilters.dreams.ascent.batches import Batches
from dreamfilters.dreams.ascent.compiled_step import CompiledStep, build
from dreamfilters.dreams.ascent.result import AscentResult, Rows, rose
from dreamfilters.dreams.optimizers import Sign
from dreamfilters.dreams.parameterizations import Canvas, Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import RecipeError
from dreamfilters.networks import LOGITS

RELAXED_GRADIENT, ANOTHER_SEED, PIXELS = "relaxed gradient", "another seed", "pixels, map maximum"
PIXELS_NOTE = "the recipe does not keep it activated: this is the image of the pixels ascent"

_CHUNK = 16  # images per fallback ascent: each further size would cost more to compile
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

    def attempts(self, recovered_by: str, *, activated: bool) -> tuple[str, ...]:
        """Return the names of the fallbacks that were tried on an image, ending with the one that activated it."""
        if not activated:
            return self.names
        if recovered_by in self.names:
            return self.names[: self.names.index(recovered_by) + 1]
        return (recovered_by,) if recovered_by else ()

    def recover(self, result: AscentResult, rows: Rows) -> None:
        """Replace the images of `result` that are not activated by those that a fallback activates."""
        group = self.batches.goal.group
        chunk = max(1, _CHUNK // group) * group
        for fallback in self.fallbacks:
            positions = _whole_groups(np.flatnonzero(~result.activated[: len(rows)]).tolist(), group)
            for chosen in (positions[first : first + chunk] for first in range(0, len(positions), chunk)):
                padded = self.batches.padded([rows[position] for position in chosen], chunk, self.canvas)
                start = np.resize(result.start[chosen], len(padded))
                result.replace_inactive(chosen, self._ascend(fallback, padded, start), fallback.name)

    @property
    def _has_pre_activation(self) -> bool:
        network, layers = self.batches.network, self.batches.goal.layers
        return any(layer != LOGITS and network.has_linear(layer) for layer in layers)

    def _ascend(self, fallback: Fallback, rows: Rows, start: np.ndarray) -> AscentResult:
        if not fallback.pixels:
            ascent = self.batches.ascent(rows, attempt=fallback.attempt)
            return ascent.run(self.program, self.canvas, image=ascent.start_image(self.canvas), relaxed=True)
        found = self._ascend_pixels(fallback, rows, start)
        if found.activated.any():
            self._continue(found, rows)
        return found

    def _ascend_pixels(self, fallback: Fallback, rows: Rows, start: np.ndarray) -> AscentResult:
        """Raise the maximum of the map on pixels; the scores are those of the objective itself."""
        goal, recipe = self.batches.goal.at_maximum(), self.batches.recipe
        pixels = replace(self.batches, goal=goal, recipe=replace(_PIXEL_RECIPE, transparency=recipe.transparency))
        canvas = replace(self.canvas, prior=priors.neutral(self.canvas.channels))
        program = build(pixels.network, goal, pixels.recipe, canvas)
        ascent = pixels.ascent(rows, attempt=fallback.attempt)
        found = ascent.run(program, canvas, image=ascent.start_image(canvas), relaxed=fallback.relaxed)
        found.scores = np.array(self.program.score(backend.tensor(found.images), ascent.wanted))
        found.start, found.activated = start, rose(found.scores, start)
        return found

    def _continue(self, found: AscentResult, rows: Rows) -> None:
        """Continue by the recipe from the images that pixels activated, and keep what stays activated."""
        try:
            again = self.batches.ascent(rows).run(self.program, self.canvas, image=found.images)
            found.steps += np.where(found.activated, again.steps, 0)
            again.activated = rose(again.scores, found.start)
        except RecipeError:  # a CPPN cannot start from an image
            again = None
        for row in np.flatnonzero(found.activated).tolist():
            if again is not None and again.activated[row]:
                again.start[row] = found.start[row]
                found.replace_row(row, again, row)
            else:
                found.notes[row] = "; ".join(filter(None, [found.notes[row], PIXELS_NOTE]))


def _whole_groups(positions: Iterable[int], group: int) -> Rows:
    """Return the positions of every image that is scored together with one of these."""
    return sorted({position // group * group + k for position in positions for k in range(group)})
