"""The top-k images of many units, updated batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_IMAGE = -1  # the index in a ranking with fewer than k images


class TopK:
    """The k highest scores of each column, highest first; of equal scores the earlier image is first.

    NaN never enters. Scores that cannot enter a ranking are not sorted.

    Attributes:
        arrays: the arrays to store: 'index' (k, columns) int32, `NO_IMAGE` for none; 'score' (k, columns) float32;
            'position' (k, columns) int32, as passed to `add`.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = dict(arrays)

    @classmethod
    def empty(cls, k: int, columns: int) -> TopK:
        """Return empty rankings; any score enters them."""
        return cls(
            {
                "index": np.full((k, columns), NO_IMAGE, np.int32),
                "score": np.full((k, columns), -np.inf, np.float32),
                "position": np.zeros((k, columns), np.int32),
            }
        )

    @property
    def least(self) -> NDArray[np.float32]:
        """The score that an image must exceed to enter, (columns,)."""
        least: NDArray[np.float32] = self.arrays["score"][-1]
        return least

    def add(self, indices: NDArray[Any], scores: NDArray[Any], positions: NDArray[Any]) -> None:
        """Add n images: `indices` (n,) increasing and above earlier ones, `scores` and `positions` (n, columns)."""
        columns, rows = np.nonzero(np.ascontiguousarray((scores > self.least).T))  # by column, then by image
        if not len(columns):
            return
        starts = np.flatnonzero(np.diff(columns, prepend=-1))
        touched, counts = columns[starts], np.diff(starts, append=len(columns))
        # one row per new image of the column with most of them; other columns are padded with NO_IMAGE
        row = np.arange(len(columns)) - np.repeat(starts, counts)
        column = np.repeat(np.arange(len(touched)), counts)
        new = TopK.empty(int(counts.max()), len(touched)).arrays
        new["index"][row, column] = indices[rows]
        new["score"][row, column] = scores[rows, columns]
        new["position"][row, column] = positions[rows, columns]
        both = {key: np.concatenate([held[:, touched], new[key]]) for key, held in self.arrays.items()}
        order = np.argsort(-both["score"], axis=0, kind="stable")[: len(self.arrays["index"])]
        for key, held in self.arrays.items():
            held[:, touched] = np.take_along_axis(both[key], order, axis=0)
