"""What a network predicts for labeled images, and how that changes with each ablation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamfilters.networks.classes.class_head import ClassHead

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions for n images.

    Attributes:
        right: (n,) whether the class of the label is predicted.
        logit: (n,) the logit of this class.
        margin: (n,) by how much it exceeds the largest other logit; with sigmoids, whose classes do not exclude each
            other, by how much it exceeds 0.
    """

    right: NDArray[np.bool_]
    logit: Reals
    margin: Reals


@dataclass(frozen=True, eq=False)
class LayerChanges:
    """The predictions without an ablation, and those with each set of units of a layer."""

    before: Predictions
    after: tuple[Predictions, ...]

    @classmethod
    def none(cls, sets: int) -> LayerChanges:
        """Return the changes of no images."""
        empty = Predictions(np.zeros(0, bool), np.zeros(0), np.zeros(0))
        return cls(empty, (empty,) * sets)


def predictions_of(head: ClassHead, logits: NDArray[np.float32], labels: NDArray[np.intp]) -> Predictions:
    """Return the predictions of logits (n, classes) for the numbers of the labels (n,).

    >>> found = predictions_of(ClassHead("softmax"), np.float32([[2, 5, 1]]), np.array([0]))
    >>> found.right.tolist(), found.logit.tolist(), found.margin.tolist()
    ([False], [2.0], [-3.0])
    """
    values = np.asarray(logits, np.float64)
    own = np.take_along_axis(values, labels[:, None], axis=1)[:, 0]
    others = values.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    margin = own if head.kind == "sigmoid" else own - others.max(axis=1)
    return Predictions(head.predicted_for(values, labels) == labels, own, margin)
