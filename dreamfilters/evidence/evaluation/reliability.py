"""`Reliability`: how often predictions of each confidence are correct, and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in Guo et al. 2017


@dataclass(frozen=True)
class ReliabilityBin:
    """The predictions whose confidence is above `low` and at most `high`.

    Attributes:
        low, high: the ends of the bin.
        images: how many predictions there are.
        confidence: their mean confidence, NaN for none.
        accuracy: the share of them that is correct, NaN for none.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Reliability:
    """The calibration of a network: the confidence of its predictions beside the share that is correct.

    Source: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Attributes:
        bins: of equal width.
        error: the expected calibration error (ECE), the mean distance of confidence and accuracy of a bin, weighted by
            its images.
        confidence: the mean confidence of all predictions.
        accuracy: the share of all predictions that is correct.
    """

    bins: tuple[ReliabilityBin, ...]
    error: float
    confidence: float
    accuracy: float


def reliability(confidence: NDArray[Any], right: NDArray[np.bool_], *, bins: int = BINS) -> Reliability | None:
    """Return the reliability of predictions; None if none of them has a confidence.

    Args:
        confidence: (n,) the probability of each predicted class; predictions with NaN are left out.
        right: (n,) whether each prediction is correct.
        bins: number of bins from 0 to 1.

    Example:
        >>> reliability(np.array([0.9, 0.7, 0.9, 0.7]), np.array([True, False, True, True]), bins=2).error
        0.05...
    """
    known = np.isfinite(confidence)
    values, correct = np.asarray(confidence, np.float64)[known], np.asarray(right, np.float64)[known]
    if not values.size:
        return None
    numbers = np.clip(np.ceil(values * bins) - 1, 0, bins - 1).astype(np.intp)
    found = []
    for number in range(bins):
        inside, ends = numbers == number, (number / bins, (number + 1) / bins)
        count = int(inside.sum())
        means = [float(part[inside].mean()) if count else float("nan") for part in (values, correct)]
        found.append(ReliabilityBin(*ends, count, *means))
    error = sum(one.images * abs(one.accuracy - one.confidence) for one in found if one.images) / len(values)
    return Reliability(tuple(found), error, float(values.mean()), float(correct.mean()))
