"""The result of an ascent: the image, its scores and everything needed to reproduce it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dreamfilters.dreams.prediction import DreamPrediction
from dreamfilters.dreams.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Dream:
    """An image that the ascent made.

    Attributes:
        name: the target.
        image: (h, w, c) float32 in [0, 1].
        score: score of the image under the objective, without transforms.
        robust: mean score under small rotations, scales and shifts (see `compiled_step.ROBUST`).
        start: score of the image before the first step.
        steps: number of steps, including those of fallbacks.
        seconds: the time of its batch divided by the number of images.
        seed: random seed of the run; the seed of the image is derived from it and the name.
        recipe: how it was made.
        activated: whether the score rose. A dream that is not activated says nothing about its unit.
        recovered_by: the fallback that activated it after the plain ascent, or "" (see `ascent.fallbacks`).
        attempts: the fallbacks that were tried, in order; `recovered_by` comes last.
        note: a remark, such as a number that overflowed, or "".
        history: (steps,) score before each step, under the recipe's transforms; for the image of a pixels ascent, the
            scores of its own steps, by the maximum of the map.
        transparency: (h, w) in [0, 1], where the image matters; None unless the recipe sets `transparency`.
        frames: images (h, w, c) recorded during the ascent.
        prediction: what the network predicts for the dream of a class; None for other targets.
    """

    name: str
    image: np.ndarray
    score: float
    robust: float
    start: float
    steps: int
    seconds: float
    seed: int
    recipe: Recipe
    activated: bool
    recovered_by: str = ""
    attempts: tuple[str, ...] = ()
    note: str = ""
    history: np.ndarray = field(default_factory=lambda: np.zeros(0, "float32"))
    transparency: np.ndarray | None = None
    frames: tuple[np.ndarray, ...] = ()
    prediction: DreamPrediction | None = None

    def as_values(self) -> dict[str, Any]:
        """Return everything but the pixels as JSON values."""
        return {
            "target": self.name,
            "score": self.score,
            "robust": self.robust,
            "start": self.start,
            "steps": self.steps,
            "seed": self.seed,
            "activated": self.activated,
            "recovered_by": self.recovered_by,
            "attempts": list(self.attempts),
            "note": self.note,
            "history": [float(f"{value:.6g}") for value in self.history],
            "recipe": self.recipe.as_values(),
            **({} if self.prediction is None else {"prediction": self.prediction.as_values()}),
        }

    def __repr__(self) -> str:
        state = "" if self.activated else ", not activated"
        return f"Dream({self.name!r}, score {self.score:.4g}, robust {self.robust:.4g}, {self.steps} steps{state})"
