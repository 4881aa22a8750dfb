"""The k best images of many units at once: what cannot enter a ranking is never sorted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOBODY = -1  # the index of a place that no image has taken


class TopK:
    """For each column the k highest scores, the highest first; of equal ones the earlier image stands first.

    A score that is not a number never enters.

    Attributes:
        arrays: what there is to store: 'index' (k, columns) int32, `NOBODY` where there is none yet; 'score'
            (k, columns) float32; 'position' (k, columns) int32, whatever `add` was told.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = dict(arrays)

    @classmethod
    def empty(cls, k: int, columns: int) -> TopK:
        """Return k rows that any score beats."""
        return cls(
            {
                "index": np.full((k, columns), NOBODY, np.int32),
                "score": np.full((k, columns), -np.inf, np.float32),
                "position": np.zeros((k, columns), np.int32),
            }
        )

    @property
    def least(self) -> NDArray[np.float32]:
        """Return what a score has to exceed to enter, (columns,)."""
        least: NDArray[np.float32] = self.arrays["score"][-1]
        return least

    def add(self, indices: NDArray[Any], scores: NDArray[Any], places: NDArray[Any]) -> None:
        """Let n images compete: `indices` (n,) rising and above earlier ones, `scores` and `places` (n, columns)."""
        columns, rows = np.nonzero(np.ascontiguousarray((scores > self.least).T))  # in each column the earlier first
        if not len(columns):
            return
        starts = np.flatnonzero(np.diff(columns, prepend=-1))
        touched, counts = columns[starts], np.diff(starts, append=len(columns))
        # One row for each newcomer of the column with most of them; shorter columns are filled up with nobody.
        row = np.arange(len(columns)) - np.repeat(starts, counts)
        column = np.repeat(np.arange(len(touched)), counts)
        new = TopK.empty(int(counts.max()), len(touched)).arrays
        new["index"][row, column] = indices[rows]
        new["score"][row, column] = scores[rows, columns]
        new["position"][row, column] = places[rows, columns]
        both = {key: np.concatenate([held[:, touched], new[key]]) for key, held in self.arrays.items()}
        order = np.argsort(-both["score"], axis=0, kind="stable")[: len(self.arrays["index"])]
        for key, held in self.arrays.items():
            held[:, touched] = np.take_along_axis(both[key], order, axis=0)
