"""The classes that a network predicts for an image, the most probable first; for a regression, its values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamfilters.networks.network import Network
from dreamfilters.networks.watching import LOGITS
from dreamfilters.number_format import percent


@dataclass(frozen=True)
class Prediction:
    """One class of one image, or one value of a regression.

    Attributes:
        number: the number of the class.
        name: the class with its other names, see `Network.class_title`.
        logit: its logit, or the value; the mean over positions for a map.
        probability: None for a regression; the mean over positions for a map.
        share: the share of positions where it is predicted; None without positions.
        predicted: whether the network predicts it, anywhere on the image.
    """

    number: int
    name: str
    logit: float
    probability: float | None
    share: float | None = None
    predicted: bool = True

    @property
    def size(self) -> str:
        """Its share of the image, its probability or its value, as text.

        >>> Prediction(1, "sky", 2.0, 0.7, share=0.625).size, Prediction(0, "dream:0", 3.5, None).size
        ('62.5 % of the image', '3.5')
        """
        if self.share is not None:
            return f"{percent(self.share)} of the image"
        return f"{self.logit:.4g}" if self.probability is None else percent(self.probability)


def predicted_from(network: Network) -> str | None:
    """Return the layer whose values `predictions` takes: `LOGITS`, or the output of a regression; None for an image."""
    if network.head.kind != "regression":
        return LOGITS
    output = network.output_layer
    return output.name if output.kind == "vector" and output.units else None


def predictions(network: Network, values: NDArray[np.float32], top: int) -> tuple[Prediction, ...]:
    """Return the `top` classes of one image, from its logits (..., classes), the most probable first.

    For a map of classes it is those with the largest share of the image. Classes with equal values keep their order,
    and NaN counts as the lowest logit. For a regression it is its values, in their order.
    """
    head, rows = network.head, np.asarray(values).reshape(-1, values.shape[-1])
    probabilities, marked = head.probabilities(rows), head.are_predicted(rows)
    means = rows.mean(axis=0, dtype=np.float64)
    shares = marked.mean(axis=0) if values.ndim > 1 else None
    order = np.arange(len(means))
    if probabilities is not None:
        order = np.lexsort((-np.nan_to_num(means, nan=-np.inf), *([] if shares is None else [-shares])))
    return tuple(
        Prediction(
            number=number,
            name=network.class_title(number) if network.classes else f"{network.output_layer.name}:{number}",
            logit=float(means[number]),
            probability=None if probabilities is None else float(probabilities[:, number].mean()),
            share=None if shares is None else float(shares[number]),
            predicted=bool(marked[:, number].any()),
        )
        for number in order[:top].tolist()
    )
