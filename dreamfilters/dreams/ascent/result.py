"""The result of an ascent, one row per image, and how the rows of a fallback replace those that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Rows: TypeAlias = list[int]

# Shares of a unit's distance to its threshold that its mean response, or the maximum of its map, reaches at least.
_MEAN_SHARE, _MAXIMUM_SHARE = 0.01, 0.1
_LEAST_RISE = 0.001  # of the score at the start: a value that is constant by construction moves by less


@dataclass(eq=False)
class AscentResult:
    """The images of one batch after an ascent.

    Attributes:
        images: (n, h, w, c), the best image of each ascent.
        scores: (n,) of these images.
        start: (n,) scores before the first step.
        rest: (n,) how far the objective of the values before the activation lies below 0 at the start, 0 for none.
        history: n arrays of scores, one score per step.
        steps: (n,) number of steps taken.
        activated: (n,) whether the score rose by a share of its scale, see `is_activated`.
        notes: n remarks, such as a number that overflowed, or "".
        recovered_by: n names of the fallback that activated the image or by which it reached its class, or "".
        attempts: n tuples of the names of the fallbacks that were tried.
        transparency: (n, h, w) in [0, 1], or None.
        frames: arrays (n, h, w, c), the images during the ascent.
    """

    images: np.ndarray
    scores: np.ndarray
    start: np.ndarray
    rest: np.ndarray
    history: list[np.ndarray]
    steps: np.ndarray
    activated: np.ndarray
    notes: list[str]
    recovered_by: list[str]
    attempts: list[tuple[str, ...]]
    transparency: np.ndarray | None
    frames: list[np.ndarray]

    @property
    def is_silent(self) -> np.ndarray:
        """(n,) whether a fallback may help: not activated, and its unit is silent or its score did not rise at all."""
        return ~self.activated & ((self.rest > 0) | ~(self.scores > self.start))

    def replace_inactive(self, rows: Rows, other: AscentResult, recovered_by: str) -> None:
        """Replace each of these rows that is not activated by that of `other` if that one is, or has a higher score.

        Args:
            rows: the rows that the first rows of `other` stand for; the steps of `other` are added to them in any case.
            other: the result of a fallback.
            recovered_by: the name of the fallback.
        """
        for other_row, row in enumerate(rows):
            self.steps[row] += other.steps[other_row]
            if self.activated[row]:
                continue
            if other.activated[other_row]:
                self.recovered_by[row] = recovered_by
            if other.activated[other_row] or other.scores[other_row] > self.scores[row]:
                self.replace_row(row, other, other_row)

    def replace_row(self, row: int, other: AscentResult, other_row: int) -> None:
        """Replace everything about one image but the number of steps and the fallback."""
        for name in ("images", "scores", "start", "rest", "activated", "history", "notes"):
            getattr(self, name)[row] = getattr(other, name)[other_row]
        if self.transparency is not None and other.transparency is not None:
            self.transparency[row] = other.transparency[other_row]
        for frame, replacement in zip(self.frames, other.frames, strict=False):
            frame[row] = replacement[other_row]


def rose(scores: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return (n,) whether each score is above its start by more than a thousandth of it."""
    return np.asarray(scores > start + _LEAST_RISE * np.abs(start))


def is_activated(
    scores: np.ndarray, start: np.ndarray, rest: np.ndarray, maximum: np.ndarray | None = None
) -> np.ndarray:
    """Return (n,) whether each unit is activated, relative to its own scale.

    A unit that is silent at the start rests at a distance d below the threshold of its activation: on the start image,
    the objective of its values before the activation is -d. It is activated if its score rises by more than
    abs(start) / 1000 and by more than d / 100, or if the maximum of its map reaches d / 10.

    Args:
        scores: of the final images.
        start: of the start images.
        rest: d, 0 for a unit that is not silent.
        maximum: of the maps on the final images, if they were measured.
    """
    enough = scores > start + _MEAN_SHARE * rest
    if maximum is not None:
        enough |= maximum >= _MAXIMUM_SHARE * rest
    return np.asarray(rose(scores, start) & enough)
