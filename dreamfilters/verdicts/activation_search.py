"""Pictures that are made to wake silent units, and what each unit then gives for its own."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters.dreams.engine import dreaming
from dreamfilters.dreams.objectives.objective import Reducer
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.optimizers import Sign
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.evidence.activations import Floats, Seen, stream
from dreamfilters.networks import Network
from dreamfilters.verdicts.verdict import Dreamt

_STEPS, _RATE = 64, 0.05  # enough to cross the whole range of a pixel three times


@dataclass(frozen=True, eq=False)
class Attempt:
    """A picture that was made to wake a unit.

    Attributes:
        target: the unit, as goals name it.
        picture: (h, w, c) in [0, 1].
        woken: whether the ascent rose at all.
        where: its file, "" where it has none.
        attempts: what was tried after the plain ascent.
    """

    target: str
    picture: NDArray[np.float32]
    woken: bool
    where: str = ""
    attempts: tuple[str, ...] = ()


Dreamer: TypeAlias = Callable[[Recipe, tuple[str, ...]], Iterable[Attempt]]  # an attempt for each target, in any order


@dataclass(frozen=True)
class Ascent:
    """A way to wake a unit: a recipe, and whether it is to raise the mean of the unit's map or its maximum."""

    recipe: Recipe
    reduce: Reducer


def ascents(network: Network, size: tuple[int, int]) -> tuple[Ascent, ...]:
    """Return what is tried on a silent unit, one after the other, at this size where the network takes any.

    First the standard recipe, whose pictures are worth a look. Then every pixel for itself, by the sign of its gradient
    and to the ends of its range: noise to look at, and the strongest search for any valid input at all (Madry et al.,
    "Towards deep learning models resistant to adversarial attacks", 2018).
    """
    given = size if None in network.form.size else None
    standard = read_recipe("standard", settings=[] if given is None else [f"parameterization.size={list(given)}"])
    paint, climb = Pixels(size=given, prior="none"), Sign(rate=_RATE)
    pixels = Recipe(paint, transforms=(), optimizer=climb, steps=_STEPS, name="pixels")
    return Ascent(standard, "mean"), Ascent(pixels, "max")


def in_memory(network: Network, seed: int) -> Dreamer:
    """Return a dreamer that writes no files; its pictures have 8 bits, as those of files do."""

    def dreamer(recipe: Recipe, targets: tuple[str, ...]) -> Iterator[Attempt]:
        for dream in dreaming(network, targets, recipe, seed=seed):
            picture = (np.floor(dream.picture * 255 + 0.5) / 255).astype(np.float32)
            yield Attempt(dream.name, picture, dream.woken, attempts=dream.attempts)

    return dreamer


def wake(
    network: Network, units: Mapping[str, Sequence[int]], ascent: Ascent, dreamer: Dreamer
) -> dict[tuple[str, int], Dreamt]:
    """Return what an ascent made of these units, by (layer, unit), measured on the pictures as they are kept."""
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
            found[layer, unit] = Dreamt(score, attempt.woken or score > 0, attempt.where, tried)
    return found


def better(first: Dreamt | None, second: Dreamt) -> Dreamt:
    """Return the dream with the higher score, with the attempts of both."""
    if first is None:
        return second
    best = first if first.score >= second.score else second
    return replace(best, woken=first.woken or second.woken, attempts=first.attempts + second.attempts)


def _shown(network: Network, layer: str, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Floats]]:
    """Yield each attempt with the greatest value that its picture makes of every unit, (units,)."""
    waiting: deque[Attempt] = deque()

    def pictures() -> Iterator[NDArray[np.float32]]:
        for attempt in attempts:
            waiting.append(attempt)
            yield attempt.picture

    for seen in stream(network, pictures(), [layer], reading=_greatest):
        for answers in seen[layer]:
            yield waiting.popleft(), answers


def _greatest(seen: Seen) -> Seen:
    return {layer: ops.max(value, axis=tuple(range(1, len(value.shape) - 1))) for layer, value in seen.items()}
