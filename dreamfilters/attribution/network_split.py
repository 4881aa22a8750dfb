"""A network split at a layer: from images to the layer's activation, and from there to the logits of the classes."""

from __future__ import annotations

from keras import ops

from dreamfilters.backend import Tensor
from dreamfilters.networks import Network
from dreamfilters.networks.layers.layer_info import position_axes
from dreamfilters.networks.watching import SplitPass, split


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
