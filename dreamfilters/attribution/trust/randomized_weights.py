"""Copies of a network whose weights are random, from the output layer down to the input; the user's model is unchanged.

Adebayo et al., "Sanity Checks for Saliency Maps" (NeurIPS 2018), section 3.1: cascading randomization.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from dreamfilters import backend
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.fingerprint import as_numpy
from dreamfilters.networks.graph import Step, twin
from dreamfilters.networks.watching import logits_step

SHARES = (0.5, 1.0)  # of the layers with weights that are random in each copy, from the output down
_ONES = ("gamma", "scale", "moving_variance")  # names of vectors that begin at 1
# Attributes of a layer by which Keras finds and saves its parts; they are not read when it is called.
_OF_KERAS = frozenset({"_tracker", "_tracked", "_self_unconditional_checkpoint_dependencies"})


@dataclass(frozen=True, eq=False)
class RandomizedNetworks:
    """The random copies of networks, made once for each set of layers that an objective reads."""

    _made: dict[Any, tuple[Network, ...]] = field(default_factory=dict, repr=False)

    def of(self, network: Network, objective: Objective) -> tuple[Network, ...]:
        """Return a copy for each of `SHARES`; a layer that is random in several has the same weights in them."""
        key = (id(network), objective.layers)
        if key not in self._made:
            self._made[key] = _randomized_networks(network, objective)
        return self._made[key]


def _randomized_networks(network: Network, objective: Objective) -> tuple[Network, ...]:
    layers = _layers_from_output(network, objective)
    random: dict[int, Any] = {}
    found = []
    for share in SHARES:
        chosen = layers[: max(1, round(share * len(layers)))]
        for layer in chosen:
            if id(layer) not in random:
                random[id(layer)] = randomized_layer(layer, len(random))
        found.append(_with_layers(network, {id(layer): random[id(layer)] for layer in chosen}))
    return tuple(found)


def _layers_from_output(network: Network, objective: Objective) -> list[Any]:
    """Return the layers with weights that the objective depends on, the last one first, each once."""
    graph = network.graph
    watched = [
        logits_step(graph) if layer == LOGITS else graph.by_name[network.layer(layer).name]
        for layer in sorted(objective.layers)
    ]
    needed = graph.needed({slot for step in watched for slot in step.outputs})
    layers = {id(step.operation): step.operation for step in needed if getattr(step.operation, "weights", ())}
    return list(reversed(layers.values()))


def _with_layers(network: Network, layers: dict[int, Any]) -> Network:
    """Return the network with other operations in some steps, given by the identity of those that they replace."""

    def changed(step: Step) -> Step:
        return replace(step, operation=layers.get(id(step.operation), step.operation))

    other = replace(network)  # without what was computed from the old graph
    other.__dict__["graph"] = replace(network.graph, steps=tuple(map(changed, network.graph.steps)))
    return other


def randomized_layer(layer: Any, number: int) -> Any:
    """Return a copy of a layer with the weights of a layer that was never trained, see `_initial`.

    The layer, and the layers inside it, are not changed. `number` chooses the random numbers.
    """
    random = np.random.default_rng(int(backend.seed_of("random weights", number)))
    return _copied(layer, {}, random)


def _copied(value: Any, copies: dict[int, Any], random: np.random.Generator) -> Any:
    """Return a copy of a layer, or of a list of layers or weights, with random weights; others are returned as is."""
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, keras.Variable):
        copies[id(value)] = _initial(value, random)
    elif isinstance(value, keras.layers.Layer):
        copies[id(value)] = double = twin(value)
        parts = {name: part for name, part in value.__dict__.items() if name not in _OF_KERAS}
        double.__dict__.update(
            {name: copy for name, part in parts.items() if (copy := _copied(part, copies, random)) is not part}
        )
    elif isinstance(value, list) and any(isinstance(part, keras.Variable | keras.layers.Layer) for part in value):
        return [_copied(part, copies, random) for part in value]
    return copies.get(id(value), value)


def _initial(weight: Any, random: np.random.Generator) -> Any:
    """Return a variable of this shape as it is before training.

    Kernels are normal with the std of He et al., "Delving deep into rectifiers" (2015), by which activations keep their
    size behind a ReLU: after a random order of the trained values, every unit of some networks is dead. Scales and
    variances are 1, all other vectors 0, as Keras initializes them. Integers, such as the state of a random generator,
    stay as they are.
    """
    old, name = as_numpy(weight), weight.path.rpartition("/")[2]
    if old.dtype.kind in "iub":
        return weight
    inputs = old.shape[:2] if "depthwise" in name else old.shape[:-1]
    if old.ndim > 1:
        values = random.normal(0, math.sqrt(2 / max(1, math.prod(inputs))), old.shape)
    else:
        values = np.full(old.shape, float(name in _ONES))
    return keras.Variable(values.astype(old.dtype), trainable=False, dtype=weight.dtype)
