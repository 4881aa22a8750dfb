"""Logit attribution: how much each unit of a layer contributes to the logit of a class, or to that over another one.

The formula is layer gradient times activation (Captum: `LayerGradientXActivation`; Shrikumar et al., "Not Just a
Black Box", arXiv 1605.01713, 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from dreamfilters.networks.programs import programs_of
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
    """The contributions of a layer's units to the logit of a class, or to its margin: the logit minus another one.

    Attributes:
        layer: the layer.
        number: the index of the class.
        logit: its mean over the images; with `against`, that of the margin.
        total: the sum of the contributions of all units. The rest of `logit` is biases and, behind more than one
            layer, the error of the linear approximation.
        units: the contributions with the largest magnitudes, most positive first.
        count: number of units of the layer.
        against: the index of the class whose logit is subtracted, None for none.
    """

    layer: str
    number: int
    logit: float
    total: float
    units: tuple[UnitContribution, ...] = field(repr=False)
    count: int
    against: int | None = None

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        over = "" if self.against is None else f" over class {self.against}"
        title = f"class {self.number}{over}, {self.layer}: {self.total:.4g} of {self.logit:.4g}"
        return frame(table(title, plain(self.units)))


def attribute_logit(
    network: AnyNetwork,
    images: Images,
    number: int,
    *,
    against: int | None = None,
    layer: str | None = None,
    most: int = 10,
) -> LogitAttribution:
    """Return the units of a layer that contribute most to the logit of a class, averaged over images.

    With `against` it is the margin, the logit of the class minus that of another one: which units carry one over the
    other.

    The contribution of unit u is the sum over its map of a_u * dz / da_u, for activation a_u and logit z. If only a
    linear layer follows, this is weight times activation: contributions and bias add up to the logit exactly, as in the
    class activation map (Zhou et al., CVPR 2016). Otherwise it is a first-order approximation. Values on paths that
    bypass the layer, such as skip connections, are held as they are.

    Args:
        network: a network with a layer of logits.
        images: images of the class, or a dream of it.
        number: the index of the class.
        against: the index of the class whose logit is subtracted (default: none).
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
    for index in (number,) if against is None else (number, against):
        _check_class(network, index)
    named = penultimate(network) if layer is None else layer
    if named == LOGITS:
        raise ModelError(f"{network.name}: has no layer before its logits")
    name = network.layer(named).name
    program = programs_of(network).get(
        (attribute_logit, name, against is None), lambda network: backend.compile(_of_class(network, name))
    )
    classes = [backend.tensor(index) for index in ((number,) if against is None else (number, against))]
    parts = list(stream_program(network, images, lambda batch: program(batch, *classes), [name]))
    contributions, responses, logits = (
        np.concatenate([part[key] for part in parts]).mean(axis=0, dtype=np.float64)
        for key in ("contribution 0", "response", "margin 0")
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
        against=against,
    )


def _of_class(network: Network, layer: str) -> Callable[..., Activations]:
    """Return (images, number, against) -> `margin_contributions`, whose classes change without compiling again."""

    def contributions(images: Tensor, number: Tensor, against: Tensor | None = None) -> Activations:
        return margin_contributions(network, layer, [(number, against)])(images)

    return contributions


def _check_class(network: Network, number: int) -> None:
    count = len(network.classes)
    if not 0 <= number < count:
        raise UnknownNameError(
            f"class {number}: {network.name} has {count} classes" + f", 0 to {count - 1}" * (count > 0)
        )


def margin_contributions(
    network: Network, layer: str, margins: Sequence[tuple[int | Tensor, int | Tensor | None]]
) -> Callable[[Tensor], Activations]:
    """Return the function from images to the contribution of each unit of a layer to margins.

    A margin is a class and the one whose logit is subtracted, None for none. The values of margin k are 'margin k' (n,)
    and 'contribution k' (n, units); 'response' (n, units) is the mean of each unit's map.

    Raises:
        ModelError: the layer is the output layer, or the logits do not depend on it.
    """
    parts = split_network(network, layer)

    def contributions(images: Tensor) -> Activations:
        activation, others = parts.first(images)
        positions = position_axes(activation)
        found = {"response": ops.mean(activation, axis=positions)}

        def margin_of(number: int | Tensor, against: int | Tensor | None) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
            def margin(activation: Tensor) -> tuple[Tensor, Tensor]:
                logits = parts.rest(activation, others)
                values = logits[:, number] if against is None else logits[:, number] - logits[:, against]
                return ops.sum(values), values  # images are independent: the gradient of the sum is that of each image

            return margin

        for place, classes in enumerate(margins):
            (_, values), gradient = backend.value_and_gradient(margin_of(*classes))(activation)
            found[f"margin {place}"] = values
            found[f"contribution {place}"] = ops.sum(gradient * activation, axis=positions)
        return found

    return contributions
