"""The head of a network: how its logits become class probabilities, a predicted class and the top-k classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.networks.activation_functions import activation_name
from dreamfilters.networks.network import Network
from dreamfilters.networks.watching import LOGITS, logits_step

HeadKind: TypeAlias = Literal["softmax", "sigmoid", "single logit", "regression"]
Reals: TypeAlias = NDArray[np.float64]

_LARGEST = 700.0  # exp of more overflows


@dataclass(frozen=True)
class ClassHead:
    """How logits become probabilities.

    The kind is 'softmax', where the probabilities of the classes add up to 1; 'sigmoid', where they are independent;
    'single logit', a sigmoid over one output, whose class is predicted above 0; or 'regression', without probabilities.

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
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -_LARGEST, _LARGEST))))

    def predicted(self, logits: ArrayLike) -> NDArray[np.intp]:
        """Return the number of the predicted class for logits (..., classes), shape (...).

        It is the class of the highest logit; NaN counts as the lowest. It is -1 where no class is predicted: for a
        single logit at or below 0, and for a regression.
        """
        values = np.nan_to_num(np.asarray(logits, np.float64), nan=-np.inf)
        best = values.argmax(axis=-1)
        if self.kind == "regression":
            return np.full_like(best, -1)
        return np.where(values[..., 0] > 0, best, -1) if self.kind == "single logit" else best


SOFTMAX = ClassHead("softmax")


def class_head(network: Network) -> ClassHead:
    """Return the head that a network ends in.

    A sigmoid end is a 'sigmoid' head, or a 'single logit' with one output. A softmax end is a 'softmax' head; so is an
    end without activation and with several outputs, because networks trained from logits leave the softmax to the
    loss. Anything else is a 'regression'.

    >>> class_head(network).kind
    'softmax'
    """
    step = logits_step(network.graph)
    activation, outputs = activation_name(step), step.shape[-1] if step.shape else 1
    if activation == "sigmoid":
        return ClassHead("single logit" if outputs == 1 else "sigmoid")
    if activation in ("softmax", "log_softmax", "linear") and outputs != 1:
        return SOFTMAX
    return ClassHead("regression")


@dataclass(frozen=True)
class Prediction:
    """One class of one image."""

    number: int
    name: str  # with its other names, see `Network.class_title`
    logit: float
    probability: float | None  # None for a regression


def has_classes(network: Network) -> bool:
    """Return whether the network's output is a vector with one number for each class."""
    return network.layer(LOGITS).kind == "vector"


def predictions(network: Network, logits: NDArray[np.float32], top: int) -> tuple[Prediction, ...]:
    """Return the `top` classes of one image's logits (classes,), the most probable first.

    Classes with equal logits keep their order, and NaN counts as the lowest logit.
    """
    probabilities = class_head(network).probabilities(logits)
    shares = [None] * len(logits) if probabilities is None else probabilities.tolist()
    order = np.argsort(-np.nan_to_num(logits, nan=-np.inf), kind="stable")[:top].tolist()
    return tuple(Prediction(index, network.class_title(index), float(logits[index]), shares[index]) for index in order)
