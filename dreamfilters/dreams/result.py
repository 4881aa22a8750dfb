"""What a dream is when it is done: an image, its scores and everything needed to make it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dreamfilters.dreams.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Dream:
    """One image that the ascent made.

    Attributes:
        name: the target, in words that parse again.
        image: (h, w, c) float32 in [0, 1].
        score: of the image as it is, by the goal on the untouched network.
        robust: the mean score under small turns, scales and shifts (see `program.ROBUST`).
        start: the score of the image before the first step.
        steps: how many steps it took in all, those of a rescue included.
        seconds: its share of the time its batch took.
        seed: the seed of the run; the image's own follows from it and the name.
        recipe: how it was made.
        activated: whether its score rose. An image that did not is no success, whatever it looks like.
        recovered_by: what made it rise after the plain ascent had failed, or "".
        attempts: what was tried after the plain ascent, in order; the last one is `recovered` where the image woke.
        note: what a person should know, such as a number that overflowed, or "".
        history: (steps,) the score that each step saw, under the recipe's transforms.
        transparency: (h, w) in [0, 1], where the image mattered; None unless the recipe asks for it.
        frames: (k, h, w, c), the image as it grew; empty unless asked for.
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

    def as_values(self) -> dict[str, Any]:
        """Return everything but the pixels as plain values."""
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
        }

    def __repr__(self) -> str:
        state = "" if self.activated else ", not activated"
        return f"Dream({self.name!r}, score {self.score:.4g}, robust {self.robust:.4g}, {self.steps} steps{state})"
