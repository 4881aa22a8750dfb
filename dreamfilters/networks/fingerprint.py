"""A hash of what a model computes: its operations, their settings and connections, and the values of its weights."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import Any

import keras
import numpy as np

from dreamfilters import backend
from dreamfilters.networks.graph import Graph, Slot, Step


def fingerprint_of(graph: Graph) -> str:
    """Return the hash of a model, which saving and loading keep: it depends on no name and no path of a weight."""
    digest = hashlib.sha256()
    if len(set(graph.outputs)) > 1:
        digest.update(f"output {graph.output}".encode())
    seen: set[int] = set()
    for step in graph.steps:
        description = [step.type, _settings(step.operation), _constants(step), step.outputs]
        digest.update(json.dumps(description, sort_keys=True).encode())
        if id(step.operation) in seen:
            continue
        seen.add(id(step.operation))
        for weight in getattr(step.operation, "weights", ()):
            values = np.ascontiguousarray(as_numpy(weight))
            digest.update(f"{values.shape} {values.dtype}".encode())
            digest.update(values.tobytes())
    return digest.hexdigest()


def structure_of(graph: Graph) -> list[Any]:
    """Return a value that is equal as long as a model has the same operations, settings, connections and variables."""
    return [
        [
            step.name,
            id(step.operation),
            getattr(step.operation, "activation", None),
            _settings(step.operation),
            _constants(step),
            step.outputs,
            [id(weight) for weight in getattr(step.operation, "weights", ())],
        ]
        for step in graph.steps
    ]


def as_numpy(value: Any) -> np.ndarray:
    """Return a variable or tensor as an array."""
    return np.asarray(backend.tensor(value))  # np.asarray(variable) is deprecated in numpy 2


# Settings that do not change what a layer computes, or that are saved in another form.
_IRRELEVANT = frozenset(
    {"name", "trainable", "dtype", "seed", "batch_shape", "build_config", "module", "registered_name",
     "shared_object_id"}
)  # fmt: skip
_ONLY_FOR_TRAINING = ("initializer", "regularizer", "constraint")


def _settings(operation: Any) -> Any:
    config: dict[str, Any] = {}
    with suppress(Exception):  # an operation that cannot be saved may raise anything
        config = operation.get_config()
    return {"compute_dtype": getattr(operation, "compute_dtype", ""), **_relevant(config)}


def _constants(step: Step) -> list[Any]:
    leaves: list[Any] = []  # the numbers of slots and the values of constants, in order
    for leaf in keras.tree.flatten(step.arguments):
        if isinstance(leaf, Slot):
            leaves.append(f"slot {leaf.number}")
        elif isinstance(leaf, (str, int, float, type(None))):
            leaves.append(leaf)
        elif keras.ops.is_tensor(leaf) or isinstance(leaf, np.ndarray):
            leaves.append(as_numpy(leaf).tolist())
    return leaves


def _relevant(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _relevant(inner)
            for key, inner in value.items()
            if isinstance(key, str) and key not in _IRRELEVANT and not key.endswith(_ONLY_FOR_TRAINING)
        }
    if isinstance(value, (list, tuple)):
        return [_relevant(inner) for inner in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else type(value).__name__
