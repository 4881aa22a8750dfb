"""The result of an ascent, one row per image, and how the rows of a fallback replace those that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Rows: TypeAlias = list[int]


@dataclass(eq=False)
class AscentResult:
    """The images of one batch after an ascent.

    Attributes:
        images: (n, h, w, c), the best image of each ascent.
        scores: (n,) of these images.
        start: (n,) scores before the first step.
        history: n arrays of scores, one score per step.
        steps: (n,) number of steps taken.
        activated: (n,) whether the score rose.
        notes: n remarks, such as a number that overflowed, or "".
        recovered_by: n names of the fallback that activated the image, or "".
        transparency: (n, h, w) in [0, 1], or None.
        frames: arrays (n, h, w, c), the images during the ascent.
    """

    images: np.ndarray
    scores: np.ndarray
    start: np.ndarray
    history: list[np.ndarray]
    steps: np.ndarray
    activated: np.ndarray
    notes: list[str]
    recovered_by: list[str]
    transparency: np.ndarray | None
    frames: list[np.ndarray]

    def replace_inactive(self, rows: Rows, other: AscentResult, recovered_by: str) -> None:
        """Replace each of these rows that is not activated by that of `other` if that one is.

        Args:
            rows: the rows that the first rows of `other` stand for; the steps of `other` are added to them in any case.
            other: the result of a fallback.
            recovered_by: the name of the fallback.
        """
        for other_row, row in enumerate(rows):
            self.steps[row] += other.steps[other_row]
            if other.activated[other_row] and not self.activated[row]:
                self.replace_row(row, other, other_row)
                self.recovered_by[row] = recovered_by

    def replace_row(self, row: int, other: AscentResult, other_row: int) -> None:
        """Replace everything about one image but the number of steps and the fallback."""
        for name in ("images", "scores", "start", "activated", "history", "notes"):
            getattr(self, name)[row] = getattr(other, name)[other_row]
        if self.transparency is not None and other.transparency is not None:
            self.transparency[row] = other.transparency[other_row]
        for frame, replacement in zip(self.frames, other.frames, strict=False):
            frame[row] = replacement[other_row]


def rose(scores: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return (n,) whether each score is above its start by more than rounding."""
    return np.asarray(scores > start + 1e-6 * np.maximum(1.0, np.abs(start)))
