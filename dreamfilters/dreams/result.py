"""What a dream is when it is done: a picture, its scores and everything needed to make it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dreamfilters.dreams.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Dream:
    """One picture that the ascent made.

    Attributes:
        name: the target, in words that parse again.
        picture: (h, w, c) float32 in [0, 1].
        score: of the picture as it is, by the goal on the untouched network.
        robust: the mean score under small turns, scales and shifts (see `program.ROBUST`).
        start: the score of the picture before the first step.
        steps: how many steps it took in all, those of a rescue included.
        seconds: its share of the time its batch took.
        seed: the seed of the run; the picture's own follows from it and the name.
        recipe: how it was made.
        woken: whether its score rose. A picture that did not is no success, whatever it looks like.
        rescued: what made it rise after the plain ascent had failed, or "".
        attempts: what was tried after the plain ascent, in order; the last one is `rescued` where the picture woke.
        note: what a person should know, such as a number that overflowed, or "".
        history: (steps,) the score that each step saw, under the recipe's transforms.
        transparency: (h, w) in [0, 1], where the picture mattered; None unless the recipe asks for it.
        frames: (k, h, w, c), the picture as it grew; empty unless asked for.
    """

    name: str
    picture: np.ndarray
    score: float
    robust: float
    start: float
    steps: int
    seconds: float
    seed: int
    recipe: Recipe
    woken: bool
    rescued: str = ""
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
            "woken": self.woken,
            "rescued": self.rescued,
            "attempts": list(self.attempts),
            "note": self.note,
            "history": [float(f"{value:.6g}") for value in self.history],
            "recipe": self.recipe.as_values(),
        }

    def __repr__(self) -> str:
        state = "" if self.woken else ", not woken"
        return f"Dream({self.name!r}, score {self.score:.4g}, robust {self.robust:.4g}, {self.steps} steps{state})"
