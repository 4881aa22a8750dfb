"""What a network predicts for a dream of one of its classes: the dream may show another class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.networks.classes.predictions import Prediction, predictions
from dreamfilters.networks.network import Network
from dreamfilters.serialization import plain, typed

_CLASSES = 5  # that are kept
_HALF = 0.5  # of a map: two classes that do not exclude each other can both cover it


@dataclass(frozen=True)
class DreamPrediction:
    """The classes predicted for a dream of a class.

    Attributes:
        number: the dream's class.
        predictions: the most probable first.
        own: the prediction of the dream's own class.
        is_predicted: whether the network predicts the dream's own class; for a map, on the largest part of it.
    """

    number: int
    predictions: tuple[Prediction, ...]
    own: Prediction
    is_predicted: bool

    @property
    def text(self) -> str:
        """What the network predicts, in one line.

        >>> seven, one = Prediction(7, "7", 2.5, 0.9), Prediction(1, "1", 0.3, 0.1, predicted=False)
        >>> DreamPrediction(7, (seven, one), seven, True).text, DreamPrediction(1, (seven, one), one, False).text
        ('predicted: 7, 90 %', 'not its class: predicted 7, 90 %; 1, 10 %')
        """
        if self.is_predicted:
            return f"predicted: {self.own.name}, {self.own.size}"
        first, own = self.predictions[0], f"{self.own.name}, {self.own.size}"
        return f"not its class: predicted {f'{first.name}, {first.size}' if first.predicted else 'none'}; {own}"

    def as_values(self) -> dict[str, Any]:
        """Return the prediction as JSON values."""
        predicted, own = (plain(each) for each in (self.predictions[0], self.own))
        return {"text": self.text, "is_predicted": self.is_predicted, "own": own, "first": predicted}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> DreamPrediction:
        """Return the prediction that `as_values` wrote, with the most probable class only.

        Raises:
            ValueError: the values are not those of a prediction.
        """
        own, first = (typed(Prediction, values.get(key), key) for key in ("own", "first"))
        return cls(own.number, (first,), own, typed(bool, values.get("is_predicted"), "is_predicted"))


def is_class_predicted(network: Network, logits: NDArray[np.float32], number: int) -> bool:
    """Return `dream_prediction(network, logits, number).is_predicted`, sooner for many classes."""
    return bool(predicted_classes(network, logits)[number])


def predicted_classes(network: Network, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return `dream_prediction(network, logits, number).is_predicted` of each class, (classes,)."""
    if logits.ndim == 1:
        return network.head.are_predicted(logits)
    found = np.zeros(logits.shape[-1], np.bool_)
    for place, each in enumerate(predictions(network, logits, logits.shape[-1])):
        found[each.number] = each.predicted and _leads(each, place)
    return found


def dream_prediction(network: Network, logits: NDArray[np.float32], number: int) -> DreamPrediction:
    """Return what a network predicts for a dream of the class `number`, from the logits (..., classes) of the dream."""
    ranked = predictions(network, logits, logits.shape[-1])
    own = next(each for each in ranked if each.number == number)
    leads = _leads(own, ranked.index(own))
    return DreamPrediction(number, ranked[:_CLASSES], own, own.predicted and leads)


def _leads(prediction: Prediction, place: int) -> bool:
    """Return whether a class at this place among the predictions is that of the whole image."""
    return prediction.share is None or place == 0 or prediction.share > _HALF
