"""Which units of a layer are worth a look, told by how they answer real images."""

from __future__ import annotations

import numpy as np

_FAINT = 0.1  # of the layer's median: a unit that no image excites more is as good as silent


def informative_units(responses: np.ndarray, labels: np.ndarray, count: int) -> list[int]:
    """Return units that tell the classes apart well and differ from each other, in the order of their numbers.

    They are taken one by one: the unit with the largest share of variance between the classes (the correlation ratio,
    Fisher 1925) times 1 - r², r being its strongest correlation with a unit that was taken before. Units that answer
    every image alike, or all of them faintly, come last.

    Args:
        responses: (n, units), what each image makes of each unit, as `recording.mean_responses` returns it.
        labels: (n,) the class of each image.
        count: how many units; all of them where there are fewer.

    Example:
        >>> informative_units(np.array([[5.0, 0, 1], [5, 0, 2], [0, 0, 1], [0, 0, 2]]), np.array([0, 0, 1, 1]), 1)
        [0]
    """
    centered = np.asarray(responses, np.float64) - np.mean(responses, axis=0, dtype=np.float64)
    length = np.linalg.norm(centered, axis=0)
    answers = np.divide(centered, length, out=np.zeros_like(centered), where=length > 0)  # (n, units), of length 1 or 0
    members = [labels == label for label in np.unique(labels)]
    share = np.sum([answers[own].sum(axis=0) ** 2 / own.sum() for own in members], axis=0)  # (units,)
    loudest = np.max(responses, axis=0)
    share = np.where(loudest < _FAINT * np.median(loudest), 0.0, share)
    alike = (answers.T @ answers) ** 2  # (units, units), r²
    chosen: list[int] = []
    while len(chosen) < min(count, len(share)):
        worth = share * (1 - alike[:, chosen].max(axis=1, initial=0.0))
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
    return sorted(chosen)
