"""What a network takes an image for: its surest classes, each with its logit and its probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamfilters.images import ImageArray as Floats
from dreamfilters.networks import Network
from dreamfilters.networks.activation_functions import activation_name
from dreamfilters.networks.watching import logits_step


@dataclass(frozen=True)
class Prediction:
    """One class of one image.

    Attributes:
        number: of the class.
        name: of the class, its number where nobody named it.
        logit: what enters the last activation.
        probability: what leaves it: softmax, or sigmoid where the network ends in one; None where a network ends in
            neither and has a single output.
    """

    number: int
    name: str
    logit: float
    probability: float | None


def has_classes(network: Network) -> bool:
    """Say whether the network's output is one number for each class."""
    return len(logits_step(network.graph).shape) == 1


def predictions(network: Network, logits: Floats, top: int) -> tuple[Prediction, ...]:
    """Return the `top` classes of one image's logits (classes,), the surest first, of equal ones the earlier."""
    odds = _probabilities(activation_name(logits_step(network.graph)), logits.astype(np.float64))
    names = network.classes
    order = np.argsort(-np.nan_to_num(logits, nan=-np.inf), kind="stable")[:top]
    return tuple(
        Prediction(
            int(number),
            names[number] if number < len(names) else str(number),
            float(logits[number]),
            None if odds is None else float(odds[number]),
        )
        for number in order
    )


def _probabilities(activation: str, logits: NDArray[np.float64]) -> NDArray[np.float64] | None:
    if activation == "sigmoid":
        return 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
    if len(logits) < 2:
        return None
    odds = np.exp(logits - np.max(logits))
    return np.asarray(odds / odds.sum())
