"""Images that are made to wake silent units, and what each unit then gives for its own."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters.dreams.engine import iter_dreams
from dreamfilters.dreams.objectives.objective import Reducer
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.optimizers import Sign
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.evidence.activations import Activations, Floats, stream
from dreamfilters.networks import Network
from dreamfilters.verdicts.verdict import DreamEvidence

_STEPS, _RATE = 64, 0.05  # enough to cross the whole range of a pixel three times


@dataclass(frozen=True, eq=False)
class Attempt:
    """An image that was made to wake a unit.

    Attributes:
        target: the unit, as goals name it.
        image: (h, w, c) in [0, 1].
        activated: whether the ascent rose at all.
        where: its file, "" where it has none.
        attempts: what was tried after the plain ascent.
    """

    target: str
    image: NDArray[np.float32]
    activated: bool
    where: str = ""
    attempts: tuple[str, ...] = ()


Dreamer: TypeAlias = Callable[[Recipe, tuple[str, ...]], Iterable[Attempt]]  # an attempt for each target, in any order


@dataclass(frozen=True)
class SearchStep:
    """A way to wake a unit: a recipe, and whether it is to raise the mean of the unit's map or its maximum."""

    recipe: Recipe
    reduce: Reducer


def search_steps(network: Network, size: tuple[int, int]) -> tuple[SearchStep, ...]:
    """Return what is tried on a silent unit, one after the other, at this size where the network takes any.

    First the standard recipe, whose images are worth a look. Then every pixel for itself, by the sign of its gradient
    and to the ends of its range: noise to look at, and the strongest search for any valid input at all (Madry et al.,
    "Towards deep learning models resistant to adversarial attacks", 2018).
    """
    given = size if None in network.form.size else None
    standard = read_recipe("standard", settings=[] if given is None else [f"parameterization.size={list(given)}"])
    paint, climb = Pixels(size=given, prior="none"), Sign(rate=_RATE)
    pixels = Recipe(paint, transforms=(), optimizer=climb, steps=_STEPS, name="pixels")
    return SearchStep(standard, "mean"), SearchStep(pixels, "max")


def in_memory(network: Network, seed: int) -> Dreamer:
    """Return a dreamer that writes no files; its images have 8 bits, as those of files do."""

    def dreamer(recipe: Recipe, targets: tuple[str, ...]) -> Iterator[Attempt]:
        for dream in iter_dreams(network, targets, recipe, seed=seed):
            image = (np.floor(dream.image * 255 + 0.5) / 255).astype(np.float32)
            yield Attempt(dream.name, image, dream.activated, attempts=dream.attempts)

    return dreamer


def activate(
    network: Network, units: Mapping[str, Sequence[int]], ascent: SearchStep, dreamer: Dreamer
) -> dict[tuple[str, int], DreamEvidence]:
    """Return what an ascent made of these units, by (layer, unit), measured on the images as they are kept."""
    places = {
        name: (layer, number)
        for layer, numbers in units.items()
        for name, number in zip(channel(layer, numbers, reduce=ascent.reduce).names, numbers, strict=True)
    }
    made, found = dreamer(ascent.recipe, tuple(places)), {}
    for layer, attempts in itertools.groupby(made, lambda attempt: places[attempt.target][0]):
        for attempt, answers in _shown(network, layer, attempts):
            unit = places[attempt.target][1]
            score = float(answers[unit])
            tried = (f"recipe {ascent.recipe.name}", *attempt.attempts)
            found[layer, unit] = DreamEvidence(score, attempt.activated or score > 0, attempt.where, tried)
    return found


def better(first: DreamEvidence | None, second: DreamEvidence) -> DreamEvidence:
    """Return the dream with the higher score, with the attempts of both."""
    if first is None:
        return second
    best = first if first.score >= second.score else second
    return replace(best, activated=first.activated or second.activated, attempts=first.attempts + second.attempts)


def _shown(network: Network, layer: str, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Floats]]:
    """Yield each attempt with the greatest value that its image makes of every unit, (units,)."""
    waiting: deque[Attempt] = deque()

    def images() -> Iterator[NDArray[np.float32]]:
        for attempt in attempts:
            waiting.append(attempt)
            yield attempt.image

    for seen in stream(network, images(), [layer], reduce=_greatest):
        for answers in seen[layer]:
            yield waiting.popleft(), answers


def _greatest(seen: Activations) -> Activations:
    return {layer: ops.max(value, axis=tuple(range(1, len(value.shape) - 1))) for layer, value in seen.items()}
