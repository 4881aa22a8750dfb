"""Predictions: the top-k classes of an image, each with its logit and its probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamfilters.images import ImageArray as Floats
from dreamfilters.networks.classes.class_head import class_head
from dreamfilters.networks.network import Network
from dreamfilters.networks.watching import LOGITS


@dataclass(frozen=True)
class Prediction:
    """One class of one image.

    Attributes:
        number: of the class.
        name: of the class with its other names, see `Network.class_title`.
        logit: the value before the last activation.
        probability: by the network's head, see `ClassHead.probabilities`; None for a regression.
    """

    number: int
    name: str
    logit: float
    probability: float | None


def has_classes(network: Network) -> bool:
    """Return whether the network's output is a vector with one number for each class."""
    return network.layer(LOGITS).kind == "vector"


def predictions(network: Network, logits: Floats, top: int) -> tuple[Prediction, ...]:
    """Return the `top` classes of one image's logits (classes,), the most probable first.

    Classes with equal logits keep their order, and NaN counts as the lowest logit.
    """
    probabilities = class_head(network).probabilities(logits)
    order = np.argsort(-np.nan_to_num(logits, nan=-np.inf), kind="stable")[:top]
    return tuple(
        Prediction(
            int(number),
            network.class_title(number),
            float(logits[number]),
            None if probabilities is None else float(probabilities[number]),
        )
        for number in order
    )
