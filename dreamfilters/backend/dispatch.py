"""Steps of an ascent, one dispatch each."""

from collections.abc import Callable
from typing import Any

import numpy as np


def one_by_one(
    step: Callable[..., Any],
    tensor: Callable[[Any], Any],
    state: Any,
    seeds: Any,
    wanted: Any,
    first: int,
    last: int,
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return (state, scores (last - first, n), alive (last - first, n)) after the steps `first` to `last` - 1.

    Args:
        step: (state, seeds, wanted, number) -> (state, scores (n,)); the state has `alive` (n,).
        tensor: converts the number of a step.
        state, seeds, wanted: the arguments of the first step.
        first, last: numbers of steps.
    """
    scores, alive = [], []
    for number in range(first, last):
        state, now = step(state, seeds, wanted, tensor(np.int32(number)))
        scores.append(np.asarray(now))
        alive.append(np.asarray(state["alive"]))
    return state, np.stack(scores), np.stack(alive)
