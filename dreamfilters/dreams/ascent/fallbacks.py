"""Fallbacks for dreams that fail, tried in order; `dream`, `audit`, `compare` and `atlas` share them.

For an image whose score did not rise:

1. pre-activation: raise the value before a ReLU that is 0. Networks with a ReLU do so in the plain ascent already.
2. relaxed gradient: let the gradient pass ReLUs that are 0 for the whole image (Lucid, `redirected_relu_grad`).
3. another seed: the same from another start.
4. pixels, map maximum: step every pixel by the sign of its gradient, to the ends of its range, and raise the maximum of
   the map instead of its mean. This is the strongest search for any valid input (Madry et al., "Towards deep learning
   models resistant to adversarial attacks", 2018). The recipe then continues from that input.

For the image of a class that the network does not predict, or not on nine of ten views under the motions of the recipe:

1. weaker motions: the recipe with its motions at a half, then at a quarter of their strength, from the same seeds.
2. free spectrum, if it is not predicted: the same, on a Fourier spectrum of free contrast and color. A recipe that
   fixes these cannot show a class that differs from the others in them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dreamfilters import backend
from dreamfilters.dreams import priors
from dreamfilters.dreams.ascent.ascent import PRE_ACTIVATION
from dreamfilters.dreams.ascent.batches import Batches
from dreamfilters.dreams.ascent.compiled_step import CompiledStep, build
from dreamfilters.dreams.ascent.prediction import DreamPrediction, dream_prediction, is_class_predicted
from dreamfilters.dreams.ascent.result import AscentResult, Rows, is_activated
from dreamfilters.dreams.optimizers import Sign
from dreamfilters.dreams.parameterizations import Canvas, Pixels, free_spectrum
from dreamfilters.dreams.perturbation import Perturbation
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.transforms import motions_of, weakened
from dreamfilters.errors import RecipeError
from dreamfilters.networks import LOGITS

RELAXED_GRADIENT, ANOTHER_SEED, PIXELS = "relaxed gradient", "another seed", "pixels, map maximum"
WEAKER_MOTIONS = {"weaker motions (1/2)": 0.5, "weaker motions (1/4)": 0.25}  # name -> share of their strength
FREE_SPECTRUM = "free spectrum"
_STEADY = 0.9  # share of views under the motions for which a class is predicted that withstands them
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


@dataclass(frozen=True)
class _Reach:
    """How far the dream of a class reaches it.

    Attributes:
        prediction: what the network predicts for the dream.
        steady: the share of views under the motions of its recipe for which the network predicts the class.
    """

    prediction: DreamPrediction
    steady: float

    @property
    def rank(self) -> tuple[bool, float, float, float]:
        """Whether the class is predicted; how steadily; its share of a map; its probability."""
        own, is_predicted = self.prediction.own, self.prediction.is_predicted
        share, probability = (float(np.nan_to_num(value or 0.0)) for value in (own.share, own.probability))
        return is_predicted, self.steady if is_predicted else 0.0, share, probability

    def needs(self, fallback: str) -> bool:
        """Return whether the dream needs this fallback: it is not predicted, or motions that can be weaker hide it."""
        return not self.prediction.is_predicted or (fallback in WEAKER_MOTIONS and self.steady < _STEADY)


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
        """The further ascents in order; none for several octaves, or for the perturbation of a given image."""
        if self.batches.recipe.octaves > 1 or isinstance(self.batches.recipe.parameterization, Perturbation):
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

    def recover(self, result: AscentResult, rows: Rows, size: int) -> list[DreamPrediction | None]:
        """Replace the images of `result` that fail by those of a fallback, and return what the network predicts.

        Images fail whose units are silent, and those of a class that the network does not predict, without or under
        the motions of the recipe. Only they get further ascents. Few sizes of batches are compiled: powers of two, at
        most `size`.

        Args:
            result: of the plain ascent; its first rows are those of the goal.
            rows: the rows of the goal.
            size: the most images in a batch.
        """
        self._activate(result, rows, size)
        return self._reach(result, rows, size)

    def _activate(self, result: AscentResult, rows: Rows, size: int) -> None:
        silent = result.is_silent[: len(rows)]
        for fallback in self.fallbacks:
            positions = np.flatnonzero(silent & ~result.activated[: len(rows)]).tolist()
            for chosen, padded in self._further(positions, rows, size):
                start, rest = (np.resize(values[chosen], len(padded)) for values in (result.start, result.rest))
                result.replace_inactive(chosen, self._ascend(fallback, padded, start, rest), fallback.name)
        for position, is_silent in enumerate(silent.tolist()):
            names, recovered_by = self.names, result.recovered_by[position]
            if result.activated[position]:
                names = names[: names.index(recovered_by) + 1] if recovered_by in names else ()
            result.attempts[position] = names if is_silent or recovered_by else ()

    def _reach(self, result: AscentResult, rows: Rows, size: int) -> list[DreamPrediction | None]:
        """Replace the image of a class that is not reached by that of an easier recipe, if it comes closer.

        The first one that reaches it stays, else the closest: see `_Reach`.
        """
        if not self.batches.goal.classes or self.batches.network.head.kind == "regression":
            return [None] * len(rows)
        found = self._reaches(self.batches, self.program, result, rows, self.batches.padded(rows, size, self.canvas))
        for name, recipe in _easier(self.batches.recipe).items():
            positions = [p for p, own in enumerate(found) if own.needs(name)]
            if not positions:
                continue
            batches = replace(self.batches, recipe=recipe)
            program = build(batches.network, batches.goal, recipe, self.canvas)
            for chosen, padded in self._further(positions, rows, size):
                ascent = batches.ascent(padded)
                other = ascent.run(program, self.canvas, image=ascent.start_image(self.canvas))
                reaches = self._reaches(batches, program, other, padded[: len(chosen)], padded)
                for other_row, (position, new) in enumerate(zip(chosen, reaches, strict=True)):
                    result.steps[position] += other.steps[other_row]
                    result.attempts[position] += (name,)
                    old = found[position]
                    if old.needs(name) and new.rank > old.rank:
                        result.replace_row(position, other, other_row)
                        result.recovered_by[position] = name if new.prediction.is_predicted else ""
                        found[position] = new
        return [own.prediction for own in found]

    def _further(self, positions: Rows, rows: Rows, size: int) -> Iterator[tuple[Rows, Rows]]:
        """Yield the batches of a further ascent: some of the positions, in whole groups, and their padded rows."""
        group = self.batches.goal.group
        positions = _whole_groups(positions, group)
        chunk = self.batches.filled_size(size, group << math.ceil(math.log2(max(1, len(positions) // group))))
        for chosen in (positions[first : first + chunk] for first in range(0, len(positions), chunk)):
            yield chosen, self.batches.padded([rows[position] for position in chosen], chunk, self.canvas)

    def _reaches(
        self, batches: Batches, program: CompiledStep, result: AscentResult, rows: Rows, padded: Rows
    ) -> list[_Reach]:
        """Return how far the image of each row reaches its class."""
        network, classes = batches.network, batches.goal.classes
        images, recipe = backend.tensor(result.images), batches.recipe
        still = np.asarray(program.logits(images))
        moved = still[:, None]  # (n, views, ..., classes)
        if motions_of(recipe.transforms) and recipe.octaves == 1:
            moved = program.moved_logits(images, backend.tensor(batches.ascent(padded).seeds))
        found = []
        for position, row in enumerate(rows):
            number, *place = classes[row]
            own, views = still[position][tuple(place)], moved[position][(slice(None), *place)]
            steady = np.mean([is_class_predicted(network, view, number) for view in views])
            found.append(_Reach(dream_prediction(network, own, number), float(steady)))
        return found

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
        by_sign = replace(_PIXEL_RECIPE, transparency=recipe.transparency, precision=recipe.precision)
        pixels = replace(self.batches, goal=goal, recipe=by_sign)
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


def _easier(recipe: Recipe) -> dict[str, Recipe]:
    """Return the recipes that reach a class more easily than this one, by name of the fallback; none for octaves."""
    if recipe.octaves > 1:
        return {}
    easier = {
        name: replace(recipe, transforms=weakened(recipe.transforms, strength))
        for name, strength in WEAKER_MOTIONS.items()
    }
    weakest = list(easier.values())[-1]
    free = replace(weakest, parameterization=free_spectrum(recipe.parameterization))
    return {**(easier if weakest != recipe else {}), **({FREE_SPECTRUM: free} if free != weakest else {})}


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
