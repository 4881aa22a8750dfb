"""Which layers a scan covers: of a convolution, its normalization and its activation, the one whose units are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.layers.activation_chains import shown_by
from dreamfilters.networks.layers.pass_through import types_of

EVERY = "*"  # in place of names: every layer with units
# Layers whose units have the statistics of the layer before. Their maps differ (permuted, padded) and can be drawn.
_COPIES = types_of("identity", "reshape", "reorder", "cast", "pad")


def scanned_layers(network: Network, layers: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the layers that are meant: these names, those of `every_layer` for "*", `default_layers` for None."""
    names = tuple(layers or ())
    return (every_layer(network) if names == (EVERY,) else names) or default_layers(network)


def default_layers(network: Network, *, also: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the layers that a scan covers by default: those of `every_layer` that no other one of them shows.

    A convolution is shown by its activation layer, and so is batch normalization between them; batch normalization that
    no activation follows is shown by its convolution. In MobileNetV2 64 of 151 layers remain. Every unit that an audit
    gives a verdict is among them. Layers of `also` are not left out.
    """
    left_out = layers_shown_by(network).keys() - {network.layer(name).name for name in also}
    return tuple(name for name in every_layer(network) if name not in left_out)


def every_layer(network: Network) -> tuple[str, ...]:
    """Return all layers with units that compute something, in the order of execution, and the logits."""
    kept = [info for info in network.layers if info.type not in _COPIES and info.units and info.is_visual]
    is_scored = network.class_count > 0 or network.layer(LOGITS).kind == "vector" if kept else False
    logits = (LOGITS,) if is_scored and network.has_linear(LOGITS) else ()
    return (*(info.name for info in kept), *logits)


def layers_shown_by(network: Network) -> Mapping[str, str]:
    """Return layer -> the layer that shows its units, for the layers that a scan leaves out by default.

    Example:
        >>> from keras import Sequential, layers
        >>> from dreamfilters import load
        >>> steps = layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="norm"), layers.ReLU(name="relu")
        >>> layers_shown_by(load(Sequential([layers.Input((8, 8, 3)), *steps])))
        {'conv': 'relu', 'norm': 'relu'}
    """
    graph, every = network.graph, every_layer(network)
    found: dict[str, str] = {}
    for name in every:
        step = graph.by_name.get(name)
        other = None if step is None else shown_by(graph, step)
        if other is not None and other.name in every:
            found[name] = other.name
    return found
