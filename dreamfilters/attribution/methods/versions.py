"""Batches of the changed versions of one image, known by their numbers; the compiled program makes the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.objective import Wanted

Numbers: TypeAlias = NDArray[np.int32]


def version_batches(scorer: Scorer, count: int) -> Iterator[tuple[Numbers, Wanted, int]]:
    """Yield (numbers of versions (k,), wanted with a row for each, how many are real) for `count` versions.

    All batches have one size, which leaves out as little as possible of the last one; its last number is repeated.
    """
    batches = -(-count // scorer.batch_size)
    size = -(-count // batches)
    wanted = keras.tree.map_structure(lambda row: np.repeat(row, size, axis=0), scorer.objective.wanted)
    for first in range(0, count, size):
        numbers = np.minimum(np.arange(first, first + size), count - 1).astype(np.int32)
        yield numbers, wanted, min(size, count - first)
