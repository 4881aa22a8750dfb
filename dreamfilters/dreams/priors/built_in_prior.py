"""The learned prior of the built-in network, a file beside the statistics of its images."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from dreamfilters.dreams.priors.learned_prior import LearnedPrior, from_arrays

NAME = "learned-prior.npz"


def prior_beside(statistics: Path | None) -> LearnedPrior | None:
    """Return the learned prior beside a file with the statistics of a network's images, None if there is none.

    >>> from dreamfilters import load
    >>> prior_beside(load("signs").prior).name
    'rendered signs'
    """
    path = None if statistics is None else statistics.with_name(NAME)
    return _read(path) if path is not None and path.exists() else None


@cache
def _read(path: Path) -> LearnedPrior:
    with np.load(path, allow_pickle=False) as arrays:
        return from_arrays(dict(arrays))
