"""A network split at a layer: from images to the layer's activation, and from there to the logits of the classes."""

from __future__ import annotations

from keras import ops

from dreamfilters.backend import Tensor
from dreamfilters.networks import LOGITS, Network, before
from dreamfilters.networks.layers.layer_info import position_axes
from dreamfilters.networks.watching import SplitPass, layer_named_by, split


def split_network(network: Network, layer: str) -> SplitPass:
    """Return the two parts of a network.

    `first` maps images (n, h, w, c) in [0, 1] to the float32 activation of the layer and the values of paths that
    bypass it. `rest` maps these to the logits of the classes, (n, classes); a map of logits becomes its mean.

    Raises:
        UnknownNameError: the network has no such layer.
        ModelError: the logits do not depend on the layer, or it is the output layer.

    Example:
        >>> parts = split_network(network, "conv6")
        >>> activation, others = parts.first(images)
        >>> parts.rest(activation, others).shape
        TensorShape([16, 43])
    """
    parts = split(network.graph, network.layer(layer).name)

    def rest(activation: Tensor, others: tuple[Tensor, ...]) -> Tensor:
        logits = network.class_logits(parts.rest(activation, others))
        return ops.mean(logits, axis=position_axes(logits)) if len(logits.shape) > 2 else logits

    return SplitPass(lambda images: parts.first(network.to_input(images)), rest)


def split_before(network: Network, layer: str, address: str) -> SplitPass:
    """Return the two parts of a network up to an address that an objective reads, such as `LOGITS` or another layer.

    `first` is as in `split_network`; `rest` maps its values to the activation of the address, as `Network.watch` does.

    Raises:
        UnknownNameError: the network has no such layer.
        ModelError: the address is the layer itself, or does not depend on it.
    """
    if address == LOGITS:
        exact = address
    else:
        name = network.layer(layer_named_by(address)).name
        exact = name if layer_named_by(address) == address else before(name)
    parts = split(network.graph, network.layer(layer).name, exact)

    def rest(activation: Tensor, others: tuple[Tensor, ...]) -> Tensor:
        values = parts.rest(activation, others)
        return network.class_logits(values) if address == LOGITS else values

    return SplitPass(lambda images: parts.first(network.to_input(images)), rest)
