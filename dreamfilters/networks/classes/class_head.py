"""The head of a network: how its logits become class probabilities and a predicted class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.networks.io.training_loss import is_regression
from dreamfilters.networks.layers.layer_info import LayerInfo, Shape

HeadKind: TypeAlias = Literal["softmax", "sigmoid", "binary", "regression"]
Reals: TypeAlias = NDArray[np.float64]

LARGEST_LOGIT = 700.0  # exp of more overflows


@dataclass(frozen=True)
class ClassHead:
    """How logits become probabilities.

    The kind is 'softmax', where the probabilities of the classes add up to 1; 'sigmoid', where each class has a
    probability of its own; 'binary', one sigmoid for two classes, whose logits are minus the output's and the output's;
    or 'regression', without classes.

    >>> ClassHead("sigmoid").probabilities([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """

    kind: HeadKind

    def probabilities(self, logits: ArrayLike) -> Reals | None:
        """Return the class probabilities of logits (..., classes), in the same shape; None for a regression."""
        values = np.asarray(logits, np.float64)
        if self.kind == "regression":
            return None
        if self.kind == "softmax":
            shares = np.exp(values - values.max(axis=-1, keepdims=True))
            return np.asarray(shares / shares.sum(axis=-1, keepdims=True))
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -LARGEST_LOGIT, LARGEST_LOGIT))))

    def predicted(self, logits: ArrayLike) -> NDArray[np.intp]:
        """Return the number of the predicted class for logits (..., classes), shape (...).

        It is the class of the highest logit; NaN counts as the lowest. It is -1 where no class is predicted: for a
        sigmoid whose probabilities are all at most a half, and for a regression.
        """
        values = np.nan_to_num(np.asarray(logits, np.float64), nan=-np.inf)
        best = values.argmax(axis=-1)
        if self.kind == "regression":
            return np.full_like(best, -1)
        return np.where(values.max(axis=-1) > 0, best, -1) if self.kind == "sigmoid" else best

    def predicted_for(self, logits: ArrayLike, labels: ArrayLike) -> NDArray[np.intp]:
        """Return `predicted`, or the class of the label (...) where that is predicted too; sigmoids predict several.

        >>> ClassHead("sigmoid").predicted_for([2.0, -1.0, 0.5], 2)
        array(2)
        """
        wanted = np.asarray(labels)
        of_class = np.take_along_axis(self.are_predicted(logits), np.maximum(wanted, 0)[..., None], axis=-1)[..., 0]
        return np.where(of_class & (wanted >= 0), wanted, self.predicted(logits))

    def are_predicted(self, logits: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each class is predicted, in the shape of the logits (..., classes).

        With a sigmoid it is every class whose probability is above a half, otherwise the class `predicted`.

        >>> ClassHead("sigmoid").are_predicted([2.0, -1.0, 0.5]).tolist()
        [True, False, True]
        """
        values = np.asarray(logits, np.float64)
        if self.kind == "sigmoid":
            return np.asarray(values > 0)
        return np.asarray(self.predicted(values)[..., None] == np.arange(values.shape[-1]))


SOFTMAX = ClassHead("softmax")


def image_logits(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logits of whole images, (n, classes): the mean over the positions of maps of classes.

    >>> image_logits(np.float32([[[[1, 2]], [[3, 6]]]])).tolist()
    [[2.0, 4.0]]
    """
    return logits if logits.ndim == 2 else logits.mean(axis=tuple(range(1, logits.ndim - 1)))


def head_of(output: LayerInfo, classes: Sequence[str], image: Shape, loss: str = "") -> ClassHead:
    """Return the head of a network with this output layer and these class names.

    `image` is the shape of its input, `loss` the name of the loss that it was trained with, '' if unknown.

    A sigmoid end is a 'sigmoid' head, or 'binary' with one output. A softmax end is a 'softmax' head; so is a vector
    without activation and with several outputs, because networks trained from logits leave the softmax to the loss.
    An output without activation is also that of classes where they have names: two names for one output are 'binary'.
    An output without activation that was trained with the loss of a regression, such as the mean squared error, is one.
    A map that ends in a sigmoid and has the shape of a color image is an image. Anything else is a 'regression'.
    """
    units, activation = output.units, output.activation
    if not output.is_visual:
        return ClassHead("regression")
    if activation == "sigmoid":
        is_image = output.kind == "map" and output.shape == image and units > 1 and len(classes) != units
        return ClassHead("regression" if is_image else "binary" if units == 1 else "sigmoid")
    if units == 1:
        return ClassHead("binary" if activation == "linear" and len(classes) == 2 else "regression")
    named = (output.kind == "vector" or len(classes) == units) and not is_regression(loss)
    if activation in ("softmax", "log_softmax") or (activation == "linear" and named):
        return SOFTMAX
    return ClassHead("regression")
