"""Selection of the units of a layer that separate classes best and differ from each other."""

from __future__ import annotations

import numpy as np

_FAINT = 0.1  # of the layer's median maximum: a unit that no image activates more counts as silent


def informative_units(responses: np.ndarray, labels: np.ndarray, count: int) -> list[int]:
    """Return units that separate the classes and are not redundant, in the order of their numbers.

    Units are selected one by one: the next unit has the largest correlation ratio (Fisher 1925) times 1 - r², where r
    is its strongest correlation with a selected unit. Constant and faint units come last.

    Args:
        responses: (n, units), each unit's response to each image, as `mean_responses` returns them.
        labels: (n,) the class of each image.
        count: number of units; all of them if there are fewer.

    Example:
        >>> informative_units(np.array([[5.0, 0, 1], [5, 0, 2], [0, 0, 1], [0, 0, 2]]), np.array([0, 0, 1, 1]), 1)
        [0]
    """
    centered = np.asarray(responses, np.float64) - np.mean(responses, axis=0, dtype=np.float64)
    length = np.linalg.norm(centered, axis=0)
    vectors = np.divide(centered, length, out=np.zeros_like(centered), where=length > 0)  # (n, units), length 1 or 0
    members = [labels == label for label in np.unique(labels)]
    ratio = np.sum([vectors[rows].sum(axis=0) ** 2 / rows.sum() for rows in members], axis=0)  # (units,)
    largest = np.max(responses, axis=0)
    ratio = np.where(largest < _FAINT * np.median(largest), 0.0, ratio)
    squared_correlation = (vectors.T @ vectors) ** 2  # (units, units)
    selected: list[int] = []
    while len(selected) < min(count, len(ratio)):
        score = ratio * (1 - squared_correlation[:, selected].max(axis=1, initial=0.0))
        score[selected] = -np.inf
        selected.append(int(score.argmax()))
    return sorted(selected)
