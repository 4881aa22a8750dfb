"""Which units of a layer are worth a look, told by how they answer real pictures."""

from __future__ import annotations

import numpy as np

_FAINT = 0.1  # of the layer's median: a unit that no picture excites more is as good as silent


def telling(responses: np.ndarray, labels: np.ndarray, count: int) -> list[int]:
    """Return units that tell the classes apart well and differ from each other, in the order of their numbers.

    They are taken one by one: the unit with the largest share of variance between the classes (the correlation ratio,
    Fisher 1925) times 1 - r², r being its strongest correlation with a unit that was taken before. Units that answer
    every picture alike, or all of them faintly, come last.

    Args:
        responses: (n, units), what each picture makes of each unit, as `recording.mean_responses` returns it.
        labels: (n,) the class of each picture.
        count: how many units; all of them where there are fewer.

    Example:
        >>> telling(np.array([[5.0, 0, 1], [5, 0, 2], [0, 0, 1], [0, 0, 2]]), np.array([0, 0, 1, 1]), 1)
        [0]
    """
    centred = np.asarray(responses, np.float64) - np.mean(responses, axis=0, dtype=np.float64)
    length = np.linalg.norm(centred, axis=0)
    answers = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)  # (n, units), of length 1 or 0
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
