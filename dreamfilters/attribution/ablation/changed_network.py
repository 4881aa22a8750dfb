"""A network some of whose units are ablated or boosted: its activations, predictions and gradients."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dreamfilters.attribution.ablation.ablated_sets import units_of_targets
from dreamfilters.attribution.ablation.unit_change import MOST_UNITS, UnitChange
from dreamfilters.attribution.network_split import split_network
from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.errors import TargetError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network


def changed_network(network: Network, changes: Sequence[UnitChange]) -> Network:
    """Return the network with the outputs of units multiplied by their factors; the model itself is not changed.

    Activations, predictions and gradients of the result are those of the changed network. Factor 0 is the ablation
    "zero" of `ablate`. A worker process that gets the result has the plain network.

    Raises:
        UnknownNameError, TargetError: no such layer or unit, a unit twice, or too many.
        ModelError: the logits do not depend on the layer, or it is the output layer.

    Example:
        >>> changed = changed_network(network, [UnitChange("conv6", 12, 0.0)])
        >>> seen = changed.watch(frozenset({"conv6"}))(changed.to_input(images))["conv6"]
        >>> float(np.asarray(seen)[..., 12].max())
        0.0
    """
    if len(changes) > MOST_UNITS:
        raise TargetError(f"{len(changes)} changed units: at most {MOST_UNITS}")
    factors: dict[str, Floats] = {}
    for change in changes:
        ((layer, (unit,)),) = units_of_targets(network, [f"{quoted(change.layer)}:{change.unit}"]).items()
        if layer not in factors:
            split_network(network, layer)  # raises where nothing that is predicted depends on the layer
            factors[layer] = np.ones(network.layer(layer).units, np.float32)
        if factors[layer][unit] != 1:
            raise TargetError(f"{layer}:{unit}: is changed twice")
        factors[layer][unit] = change.factor
    changed = copy.copy(network)  # with everything that was computed from the model, which stays true
    own_axes = {
        layer: each[:, None, None] if network.graph.by_name[layer].channels_first else each
        for layer, each in factors.items()
    }
    changed.__dict__["graph"] = replace(network.graph, factors=own_axes)
    return changed
