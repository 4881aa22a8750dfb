"""Which layers a technique reads: those that are named, or some on the trunk of the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamfilters.errors import ModelError, TargetError
from dreamfilters.evidence.features import layers_before
from dreamfilters.networks import LOGITS, LayerInfo, Network
from dreamfilters.networks.watching import logits_step

_ANY = 10**6  # more layers than a network has
_FEW = 3  # layers of a trunk that are too few to choose from


def trunk(network: Network) -> tuple[LayerInfo, ...]:
    """Return the layers before the logits that end in a nonlinearity or join branches, and that everything passes.

    All that the network knows of an image passes each of them. A layer in one of several branches, or beside a skip
    connection, is not among them. Of a network with fewer than three of them it is all layers with a nonlinearity.

    >>> from dreamfilters import load
    >>> [info.name for info in trunk(load("signs"))]
    ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'conv6', 'dense']
    """
    graph = network.graph
    steps = graph.needed(set(logits_step(graph).inputs))
    last_read = {slot: number for number, step in enumerate(steps) for slot in step.inputs}
    nonlinear = layers_before(network, LOGITS, most=_ANY)
    passed, waiting = set(), {0}  # slots that are written and that a later step reads; 0 is the image
    for number, step in enumerate(steps):
        waiting = {slot for slot in waiting | set(step.outputs) if last_read.get(slot, len(steps)) > number}
        if waiting <= set(step.outputs) and (step.name in nonlinear or step.type == "Concatenate"):
            passed.add(step.name)
    names = passed if len(passed) >= _FEW else set(nonlinear)
    return tuple(info for info in network.layers if info.name in names and info.dreamable)


def chosen_layers(network: Network, layers: str | Sequence[str] | None, *, most: int) -> tuple[str, ...]:
    """Return the exact names of layers; default: at most `most` of the trunk, spread over its depth.

    Raises:
        UnknownNameError: there is no such layer.
        TargetError: no name is given.
        ModelError: the network has no layer with a nonlinearity.
    """
    if layers is None:
        return _spread([info.name for info in trunk(network)], most, network)
    names = [layers] if isinstance(layers, str) else list(layers)
    if not names:
        raise TargetError("layers: none given; name at least one")
    return tuple(dict.fromkeys(network.layer(name).name for name in names))


def layers_with_positions(network: Network, layers: str | Sequence[str] | None, *, most: int) -> tuple[str, ...]:
    """Return the exact names of layers that have positions.

    The default are at most `most`, spread over the depth: the last of the trunk at each resolution, as Gatys et al. use
    of VGG.

    Raises:
        TargetError: a layer has no positions.
        UnknownNameError: there is no such layer.
        ModelError: no layer has positions.
    """
    if layers is None:
        by_size = {info.shape[:-1]: info.name for info in trunk(network) if _has_positions(info)}
        return _spread(list(by_size.values()), most, network)
    names = chosen_layers(network, layers, most=most)
    for name in names:
        if not _has_positions(network.layer(name)):
            known = ", ".join(info.name for info in network.layers if _has_positions(info))
            raise TargetError(f"{name}: has no positions, so that it has no texture; layers with positions: {known}")
    return names


def _has_positions(info: LayerInfo) -> bool:
    return info.kind in ("map", "tokens")


def _spread(names: Sequence[str], most: int, network: Network) -> tuple[str, ...]:
    if not names:
        raise ModelError(f"{network.name}: has no layer with a nonlinearity; name the layers")
    places = np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int)
    return tuple(names[place] for place in places)
