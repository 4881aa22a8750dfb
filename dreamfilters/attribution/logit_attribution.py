"""Logit attribution: how much each unit of a layer contributes to the logit of a class.

The formula is layer gradient times activation (Captum: `LayerGradientXActivation`; Shrikumar et al., "Not Just a
Black Box", arXiv 1605.01713, 2016).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.attribution.network_split import split_network
from dreamfilters.backend import Tensor
from dreamfilters.display import frame, table
from dreamfilters.errors import ModelError, RecipeError, UnknownNameError
from dreamfilters.evidence.activations import Activations, stream_program
from dreamfilters.evidence.features import Images, penultimate
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.networks.layers.layer_info import position_axes
from dreamfilters.serialization import plain


@dataclass(frozen=True)
class UnitContribution:
    """The contribution of one unit to a logit.

    Attributes:
        unit: its number.
        contribution: its share of the logit, averaged over the images; negative if it lowers the logit.
        activation: its mean response to the images.
    """

    unit: int
    contribution: float
    activation: float


@dataclass(frozen=True)
class LogitAttribution:
    """The contributions of a layer's units to the logit of a class.

    Attributes:
        layer: the layer.
        number: the index of the class.
        logit: its mean over the images.
        total: the sum of the contributions of all units. The rest of `logit` is biases and, behind more than one
            layer, the error of the linear approximation.
        units: the contributions with the largest magnitudes, most positive first.
        count: number of units of the layer.
    """

    layer: str
    number: int
    logit: float
    total: float
    units: tuple[UnitContribution, ...] = field(repr=False)
    count: int

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return frame(
            table(f"class {self.number}, {self.layer}: {self.total:.4g} of {self.logit:.4g}", plain(self.units))
        )


def attribute_logit(
    network: AnyNetwork, images: Images, number: int, *, layer: str | None = None, most: int = 10
) -> LogitAttribution:
    """Return the units of a layer that contribute most to the logit of a class, averaged over images.

    The contribution of unit u is the sum over its map of a_u * dz / da_u, for activation a_u and logit z. If only a
    linear layer follows, this is weight times activation: contributions and bias add up to the logit exactly, as in the
    class activation map (Zhou et al., CVPR 2016). Otherwise it is a first-order approximation. Values on paths that
    bypass the layer, such as skip connections, are held as they are.

    Args:
        network: a network with a layer of logits.
        images: images of the class, or a dream of it.
        number: the index of the class.
        layer: the layer (default: the one before the logits).
        most: number of units to return.

    Raises:
        UnknownNameError: the network has no such layer or class.
        ModelError: the layer is the output layer, or the logits do not depend on it.
        RecipeError: `most` is below 1.

    Example:
        >>> attribution = attribute_logit(network, images, 14)
        >>> attribution.layer, len(attribution.units)
        ('dense', 10)
    """
    network = network_of(network)
    if most < 1:
        raise RecipeError(f"most={most}: must be at least 1")
    count = len(network.classes)
    if not 0 <= number < count:
        raise UnknownNameError(
            f"class {number}: {network.name} has {count} classes" + f", 0 to {count - 1}" * (count > 0)
        )
    named = penultimate(network) if layer is None else layer
    if named == LOGITS:
        raise ModelError(f"{network.name}: has no layer before its logits")
    name = network.layer(named).name
    program = backend.compile(_contributions(network, name, number))
    parts = list(stream_program(network, images, program, [name]))
    contributions, responses, logits = (
        np.concatenate([part[key] for part in parts]).mean(axis=0, dtype=np.float64)
        for key in ("contribution", "response", "logit")
    )
    order = np.argsort(-np.abs(contributions), kind="stable")[:most]
    chosen = order[np.argsort(-contributions[order], kind="stable")]
    return LogitAttribution(
        layer=name,
        number=number,
        logit=float(logits),
        total=float(contributions.sum()),
        units=tuple(UnitContribution(int(u), float(contributions[u]), float(responses[u])) for u in chosen),
        count=len(contributions),
    )


def _contributions(network: Network, layer: str, number: int) -> Callable[[Tensor], Activations]:
    """Return the function from images to each unit's contribution, its mean response, and the logit."""
    parts = split_network(network, layer)

    def contributions(images: Tensor) -> Activations:
        activation, others = parts.first(images)

        def logit(activation: Tensor) -> tuple[Tensor, Tensor]:
            logits = parts.rest(activation, others)[:, number]
            return ops.sum(logits), logits  # images are independent: the gradient of the sum is that of each image

        (_, logits), gradient = backend.value_and_gradient(logit)(activation)
        positions = position_axes(activation)
        return {
            "contribution": ops.sum(gradient * activation, axis=positions),
            "response": ops.mean(activation, axis=positions),
            "logit": logits,
        }

    return contributions
