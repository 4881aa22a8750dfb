"""Which output of a model holds the classes, where it has several and none is chosen."""

from __future__ import annotations

from dataclasses import replace

from dreamfilters.networks.network import Network


def preferred_output(network: Network) -> str | None:
    """Return the output that most likely holds the classes, None for the first one.

    A softmax comes before sigmoids, and these before values without activation, which can also be the coordinates of a
    box; among equals a vector comes before a map, and the first output before the others.
    """
    names = [name for name in dict.fromkeys(network.graph.outputs) if name in network.graph.by_name]
    best = min(names, key=lambda name: _rank(replace(network, output=name)), default=None)
    return None if best == network.graph.outputs[0] else best


def _rank(network: Network) -> tuple[int, bool]:
    kind, output = network.head.kind, network.output_layer
    order = {"sigmoid": 1, "binary": 1, "softmax": 2 if output.activation == "linear" else 0, "regression": 3}[kind]
    return order, output.kind != "vector"
