"""Search for inputs that activate silent units: one dream per unit, with the fallbacks of `dreams.ascent.fallbacks`."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters.dreams.engine import iter_dreams
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.evidence.activations import Activations, Floats, stream
from dreamfilters.networks import Network
from dreamfilters.verdicts.verdict import DreamEvidence


@dataclass(frozen=True, eq=False)
class Attempt:
    """A dream of a silent unit.

    Attributes:
        target: the unit as targets name it.
        image: (h, w, c) in [0, 1].
        activated: whether the ascent raised the unit.
        file: name of its file, "" for none.
        attempts: the fallbacks that were tried after the plain ascent.
    """

    target: str
    image: NDArray[np.float32]
    activated: bool
    file: str = ""
    attempts: tuple[str, ...] = ()


Dreamer: TypeAlias = Callable[[Recipe, tuple[str, ...]], Iterable[Attempt]]  # one attempt per target, in any order


def search_recipe(network: Network, size: tuple[int, int]) -> Recipe:
    """Return the standard recipe; the canvas has this size if the network accepts any."""
    any_size = None in network.form.size
    return read_recipe("standard", settings=[f"parameterization.size={list(size)}"] if any_size else [])


def in_memory(network: Network, seed: int) -> Dreamer:
    """Return a dreamer that writes no files; its images are rounded to 8 bits like those of files."""

    def dreamer(recipe: Recipe, targets: tuple[str, ...]) -> Iterator[Attempt]:
        for dream in iter_dreams(network, targets, recipe, seed=seed):
            image = (np.floor(dream.image * 255 + 0.5) / 255).astype(np.float32)
            yield Attempt(dream.name, image, dream.activated, attempts=dream.attempts)

    return dreamer


def activate(
    network: Network, units: Mapping[str, Sequence[int]], recipe: Recipe, dreamer: Dreamer
) -> dict[tuple[str, int], DreamEvidence]:
    """Return the evidence of a dream of each of these units, by (layer, unit), measured on the rounded image."""
    unit_of = {
        name: (layer, number)
        for layer, numbers in units.items()
        for name, number in zip(channel(layer, numbers).names, numbers, strict=True)
    }
    evidence = {}
    dreams = dreamer(recipe, tuple(unit_of))
    for layer, attempts in itertools.groupby(dreams, lambda attempt: unit_of[attempt.target][0]):
        for attempt, peaks in _peaks(network, layer, attempts):
            unit = unit_of[attempt.target][1]
            score = float(peaks[unit])
            tried = (f"recipe {recipe.name}", *attempt.attempts)
            evidence[layer, unit] = DreamEvidence(score, attempt.activated, attempt.file, tried)
    return evidence


def _peaks(network: Network, layer: str, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Floats]]:
    """Yield each attempt with the maximum of every unit's activation map on its image, (units,)."""
    waiting: deque[Attempt] = deque()

    def images() -> Iterator[NDArray[np.float32]]:
        for attempt in attempts:
            waiting.append(attempt)
            yield attempt.image

    for maxima in stream(network, images(), [layer], reduce=_maxima):
        for peaks in maxima[layer]:
            yield waiting.popleft(), peaks


def _maxima(activations: Activations) -> Activations:
    return {layer: ops.max(maps, axis=tuple(range(1, len(maps.shape) - 1))) for layer, maps in activations.items()}
