"""The score of an objective as a function of images, which is what every attribution method explains."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.dreams.ascent.batches import layers_run
from dreamfilters.dreams.objectives.objective import Objective, Wanted
from dreamfilters.errors import TargetError
from dreamfilters.evidence.activations import BATCH_BYTES, Floats, activation_size
from dreamfilters.networks import Network
from dreamfilters.networks.graph import Step
from dreamfilters.networks.programs import programs_of
from dreamfilters.networks.watching import GradientRule

Score: TypeAlias = Callable[[Tensor, Wanted], Tensor]  # images (n, h, w, c) in [0, 1], one row of wanted each -> (n,)

_MOST_IMAGES = 64  # in a batch; larger batches are no faster


@dataclass(frozen=True, eq=False)
class Scorer:
    """Computes the score of an objective, and its gradient, for images (n, h, w, c) in [0, 1] of the network's size.

    The images pass in batches of one size, so that a program is compiled once and an image has the same bytes alone
    and among others. They have at least two rows: one row takes another path through the convolutions.

    Attributes:
        network: the network.
        objective: what is scored, an objective of one image.
        rule: what passes back in place of the true gradient.
        held: numbers that a method holds for each image besides the activations of one pass.

    Example:
        >>> from dreamfilters import channel, load
        >>> Scorer(load("signs"), channel("conv2", 3)).scores(np.zeros((5, 48, 48, 3), "float32")).shape
        (5,)
    """

    network: Network
    objective: Objective
    rule: GradientRule | None = None
    held: int = 0

    def __post_init__(self) -> None:
        if len(self.objective) != 1:
            names = ", ".join(self.objective.names[:3])
            raise TargetError(f"{names}: {len(self.objective)} targets; an attribution explains one")

    def scores(self, images: Floats) -> Floats:
        """Return the score of each image, (n,)."""
        program = self.program("scores", lambda score: score)
        return np.concatenate([np.asarray(program(*batch))[:count] for batch, count in self.batches(images)])

    def gradients(self, images: Floats) -> tuple[Floats, Floats]:
        """Return the score of each image, (n,), and its gradient for the image's values in [0, 1], (n, h, w, c)."""
        program = self.program("gradients", score_and_gradient)
        parts = [[np.asarray(value)[:count] for value in program(*batch)] for batch, count in self.batches(images)]
        scores, gradients = zip(*parts, strict=True)
        return np.concatenate(scores), np.concatenate(gradients)

    def program(self, name: str, make: Callable[[Score], Callable[..., Any]]) -> Callable[..., Any]:
        """Return a compiled program that `make` builds from the score; cached with the network under this name."""
        objective = self.objective
        rule = self.rule
        key = (Scorer, name, objective.kind, objective.layers, rule)
        return programs_of(self.network).get(
            key, lambda network: backend.compile(make(score_of(network, objective, rule)))
        )

    def batches(self, images: Floats) -> Iterator[tuple[tuple[Tensor, Wanted], int]]:
        """Yield ((images, wanted), count) for the arguments of a program; the last batch repeats its last image."""
        size = max(2, min(self.batch_size, len(images)))
        wanted = keras.tree.map_structure(lambda row: np.repeat(row, size, axis=0), self.objective.wanted)
        for first in range(0, len(images), size):
            chunk = images[first : first + size]
            padding = np.repeat(chunk[-1:], size - len(chunk), axis=0)
            yield (backend.tensor(np.concatenate([chunk, padding])), wanted), len(chunk)

    @property
    def batch_size(self) -> int:
        """The number of images whose activations fit in memory."""
        numbers = activation_count(self.network, self.objective) + self.held
        return max(1, min(_MOST_IMAGES, BATCH_BYTES // max(1, 4 * numbers)))


def activation_count(network: Network, objective: Objective) -> int:
    """Return how many numbers the activations of one image have, up to an objective.

    >>> from dreamfilters import channel, load
    >>> activation_count(load("signs"), channel("conv1", 3))
    73728
    """
    height, width = network.form.size
    layers = layers_run(network, objective)
    return sum(activation_size(network, layer.name, (height or 1, width or 1)) for layer in layers)


def score_of(network: Network, objective: Objective, rule: GradientRule | None = None) -> Score:
    """Return the differentiable score of images (n, h, w, c) in [0, 1]; `wanted` has one row for each image."""
    watch = network.watch(objective.layers, rule=rule)
    return lambda images, wanted: objective.score(watch(network.to_input(images)), wanted)


def steps_run(network: Network, layers: Iterable[str]) -> tuple[Step, ...]:
    """Return the steps that the activations of these layers depend on, in the order of execution.

    >>> from dreamfilters import load
    >>> [step.name for step in steps_run(load("signs"), ["pool1"])]
    ['conv1', 'conv2', 'pool1']
    """
    graph = network.graph
    return graph.needed({slot for name in layers for slot in graph.by_name[network.layer(name).name].outputs})


def score_and_gradient(score: Score) -> Callable[[Tensor, Wanted], tuple[Tensor, Tensor]]:
    """Return (images, wanted) -> (scores (n,), the gradient of each score for its image)."""

    def both(images: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        def total(images: Tensor) -> tuple[Tensor, Tensor]:
            scores = score(images, wanted)
            return ops.sum(scores), scores  # images are independent: the gradient of the sum is that of each score

        (_, scores), gradient = backend.value_and_gradient(total)(images)
        return scores, gradient

    return both
