"""A measure of trust: what it is given, what it returns, and the shape that every measure has.

A measure is one module here that defines a `TrustMeasure`, and an entry in `registry.TRUST_MEASURES`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from dreamfilters import backend
from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.attribution.trust.randomized_weights import RandomizedNetworks
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network

T = TypeVar("T")

_NEAR = 1e-4  # of the score: two scores that are closer are equal, and no share of their difference is defined


@dataclass(frozen=True, eq=False)
class TrustCase:
    """One objective on some images, and what several measures and methods share.

    Attributes:
        network: the network.
        objective: what the heatmaps explain, an objective of one image.
        images: (n, h, w, c) in [0, 1], at the network's size.
        randomized: copies of the network with random weights.
    """

    network: Network
    objective: Objective
    images: Floats
    randomized: RandomizedNetworks = field(default_factory=RandomizedNetworks)
    _shared: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def scorer(self) -> Scorer:
        """The scores of the objective."""
        return Scorer(self.network, self.objective)

    @cached_property
    def scores(self) -> Floats:
        """The score of each image, (n,)."""
        return self.scorer.scores(self.images)

    @cached_property
    def blank(self) -> Floats:
        """Each image without any of its pixels: its mean color everywhere, (n, h, w, c)."""
        return np.broadcast_to(self.images.mean(axis=(1, 2), keepdims=True), self.images.shape)

    @cached_property
    def blank_scores(self) -> Floats:
        """The score of each blank image, (n,)."""
        return self.scorer.scores(np.ascontiguousarray(self.blank))

    def shared(self, name: str, compute: Callable[[], T]) -> T:
        """Return what `compute` returns, computed once for all methods."""
        if name not in self._shared:
            self._shared[name] = compute()
        value: T = self._shared[name]
        return value

    def random(self, purpose: str, row: int) -> np.random.Generator:
        """Return the random numbers of one image for a purpose; they depend on its pixels, not on the other images."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images[row]).tobytes()).hexdigest()
        return np.random.default_rng(int(backend.seed_of("trust", purpose, digest)))


@dataclass(frozen=True, eq=False)
class Measured:
    """The values of a measure for the heatmaps of one method.

    Attributes:
        values: (n,) one for each image; NaN where it is not defined.
        by_chance: (n,) what a heatmap that knows nothing would get; () without such a comparison.
        curves: (n, points) what each value summarizes, for a chart; (n, 0) without.
    """

    values: Floats
    by_chance: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    curves: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))


class TrustMeasure(Protocol):
    """A measure of how far the heatmaps of a method can be trusted."""

    @property
    def name(self) -> str:
        """The key in the registry and in JSON."""

    @property
    def meaning(self) -> str:
        """What a value states, in one line."""

    @property
    def better(self) -> Literal["lower", "higher"]:
        """Which values are better."""

    @property
    def points(self) -> Sequence[float]:
        """The horizontal positions of a curve; () without curves."""

    def __call__(self, case: TrustCase, method: Attribution, heatmaps: Floats) -> Measured:
        """Return the values of a method's heatmaps (n, h, w) of the images of a case."""


def differ(high: Floats, low: Floats) -> np.ndarray:
    """Return for each pair of scores (n,) whether the first is clearly above the second."""
    return np.asarray(high - low > _NEAR * np.maximum(np.abs(high), np.abs(low)))
