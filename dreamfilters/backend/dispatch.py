"""What a backend does around its programs: steps of an ascent, one dispatch each, and the error of a full memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dreamfilters.errors import DeviceMemoryError


@contextmanager
def within_memory(exhausted: type[Exception], word: str, device: Callable[[], object]) -> Iterator[None]:
    """Turn the error by which a library says that the memory is too small into one line.

    Args:
        exhausted: the class of the error.
        word: what its text contains, "" for any text.
        device: returns what computes.

    Raises:
        DeviceMemoryError: the memory of the device is too small.
    """
    try:
        yield
    except exhausted as error:
        if word not in str(error):
            raise
        raise DeviceMemoryError(
            f"{device()}: its memory is too small for a batch of this size; choose a smaller one by --batch, or batch="
        ) from error


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
