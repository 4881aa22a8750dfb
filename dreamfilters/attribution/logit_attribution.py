"""Which units carry a class: what each adds to its logit on real images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.errors import ModelError, RecipeError, UnknownNameError
from dreamfilters.evidence.activations import Activations, stream
from dreamfilters.evidence.features import Images, penultimate
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.graph import Graph, Slot, Step
from dreamfilters.networks.watching import watch
from dreamfilters.serialization import plain, table

Tensor: TypeAlias = Any


@dataclass(frozen=True)
class UnitContribution:
    """One unit's part in a logit.

    Attributes:
        unit: its number.
        contribution: what it adds to the logit, averaged over the images; below 0 for one that speaks against it.
        activation: its mean response to the images.
    """

    unit: int
    contribution: float
    activation: float


@dataclass(frozen=True)
class LogitAttribution:
    """The units of one layer that carry a class.

    Attributes:
        layer: theirs.
        number: of the class.
        logit: its mean over the images.
        total: the contributions of all the layer's units together; what is missing to `logit` is biases, and behind
            more than one layer what the slope at the image does not see.
        units: the largest contributions either way, the most positive first.
        count: of units in the layer.
    """

    layer: str
    number: int
    logit: float
    total: float
    units: tuple[UnitContribution, ...]
    count: int

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return table(f"class {self.number}, {self.layer}: {self.total:.4g} of {self.logit:.4g}", plain(self.units))


def attribute_logit(
    network: Network, images: Images, number: int, *, layer: str | None = None, most: int = 10
) -> LogitAttribution:
    """Return which units of a layer add most to the logit of a class, over images of it.

    A unit's contribution to an image's logit is gradient times activation, summed over its map: a_u * dz / da_u
    (Shrikumar et al., "Not Just a Black Box", arXiv 1605.01713, 2016). With nothing but a linear head behind the layer
    this is weight times activation, exact, and the contributions and the bias add up to the logit (as the class
    activation map of Zhou et al., CVPR 2016, does by places). Behind further layers it is what a small change of the
    unit would do, scaled to all of it.

    Args:
        network: with a layer of logits.
        images: images of the class; also a dream of it.
        number: of the class.
        layer: whose units; the one before the logits by itself.
        most: how many units.

    Raises:
        UnknownNameError: no such layer or class.
        ModelError: a way to the logits leads past the layer, so that it alone does not decide them.
        RecipeError: `most` is below 1.

    Example:
        >>> attribute_logit(load("signs"), stop_signs, 14).units[0]
        Carrier(unit=99, contribution=1.45, activation=8.66)
    """
    if most < 1:
        raise RecipeError(f"most={most}: at least 1")
    count = len(network.classes)
    if not 0 <= number < count:
        raise UnknownNameError(
            f"class {number}: {network.name} has {count} classes" + f", 0 to {count - 1}" * (count > 0)
        )
    named = penultimate(network) if layer is None else layer
    if named == LOGITS:
        raise ModelError(f"{network.name}: no layer lies before its logits, so none carries them")
    name = network.layer(named).name
    parts = list(stream(network, images, [name], reduce=_contributions(network, name, number)))
    mean, answer, logits = (
        np.concatenate([part[key] for part in parts]).mean(axis=0, dtype=np.float64)
        for key in ("adds", "says", "logit")
    )
    order = np.argsort(-np.abs(mean), kind="stable")[:most]
    chosen = order[np.argsort(-mean[order], kind="stable")]
    return LogitAttribution(
        layer=name,
        number=number,
        logit=float(logits),
        total=float(mean.sum()),
        units=tuple(UnitContribution(int(unit), float(mean[unit]), float(answer[unit])) for unit in chosen),
        count=len(mean),
    )


def subgraph_after(graph: Graph, layer: str) -> Graph:
    """Return the part of a network that makes its output of a layer's, with that layer's output as its input.

    Raises:
        ModelError: the output also depends on something that is not behind the layer.
    """
    cut = graph.by_name[layer]
    sources = {cut.outputs[0]}
    steps: list[Step] = []
    for step in graph.needed({graph.output}):
        if sources.intersection(step.inputs):
            steps.append(step)
            sources.update(step.outputs)
    past = [step.name for step in steps if not sources.issuperset(step.inputs)]
    if past or graph.output not in sources:
        raise ModelError(
            f"{layer}: a way to the output leads past it, into {(past or [graph.writers[graph.output].name])[0]}"
        )
    if not steps:
        raise ModelError(f"{layer}: is the output itself, no layer carries to it; choose an earlier one")
    moved = [_reading(step, cut.outputs[0]) for step in steps]
    return Graph(tuple(moved), graph.output, cut.shape, cut.channels_first and len(cut.shape) == 3)


def _reading(step: Step, slot: int) -> Step:
    """Return a step that reads slot 0 where it read another one."""
    arguments = keras.tree.map_structure(lambda leaf: Slot(0) if leaf == Slot(slot) else leaf, step.arguments)
    return replace(step, arguments=arguments, inputs=tuple(0 if number == slot else number for number in step.inputs))


def _contributions(network: Network, layer: str, number: int) -> Callable[[Activations], Activations]:
    """Return the function from a batch's activations to each unit's part in a logit, its mean answer, and the logit."""
    head = watch(subgraph_after(network.graph, layer), frozenset({LOGITS}))

    def logit(values: Tensor) -> tuple[Tensor, Tensor]:
        chosen = head(values)[LOGITS][:, number]
        return ops.sum(chosen), chosen  # images share nothing, so the gradient of the sum is each one's

    def parts(seen: Activations) -> Activations:
        values = seen[layer]
        (_, chosen), slope = backend.value_and_gradient(logit)(values)
        places = tuple(range(1, len(values.shape) - 1))
        return {"adds": ops.sum(slope * values, axis=places), "says": ops.mean(values, axis=places), "logit": chosen}

    return parts
