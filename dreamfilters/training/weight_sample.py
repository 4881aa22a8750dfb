"""How far the weights of each layer move between two looks, from a fixed sample of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.networks import Network
from dreamfilters.networks.fingerprint import as_numpy

_MOST = 2**16  # numbers of one variable; those of the largest layers are read at even distances
_STATISTICS = ("moving_mean", "moving_variance", "seed_generator_state")  # they change without a gradient


class WeightSample:
    """The weights of each layer at the last look: all of a small variable, evenly spaced numbers of a large one."""

    def __init__(self, network: Network) -> None:
        self._variables = _variables(network)
        self._last: dict[str, NDArray[np.float64]] = {}

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers that have weights."""
        return tuple(self._variables)

    def changes(self) -> NDArray[np.float32]:
        """Return |now - before| / |before| of each layer since the last call, (layers,); NaN at the first call.

        It is exactly 0 where no number of the sample has changed.
        """
        now = {layer: np.concatenate(list(map(_sampled, found))) for layer, found in self._variables.items()}
        found = [_change(self._last.get(layer), values) for layer, values in now.items()]
        self._last = now
        return np.array(found, np.float32)


def _variables(network: Network) -> dict[str, list[Any]]:
    """Return the variables of each layer that a gradient can change; a layer that is called twice counts once."""
    found: dict[str, list[Any]] = {}
    seen: set[int] = set()
    for step in network.graph.steps:
        weights = [
            weight for weight in getattr(step.operation, "weights", ())
            if id(weight) not in seen and weight.path.rpartition("/")[2] not in _STATISTICS and _is_float(weight)
        ]  # fmt: skip
        if weights:
            seen.update(map(id, weights))
            found[step.name] = weights
    return found


def _is_float(weight: Any) -> bool:
    return "float" in str(weight.dtype)


def _sampled(weight: Any) -> NDArray[np.float64]:
    flat = as_numpy(weight).ravel()
    return flat[:: max(1, -(-flat.size // _MOST))].astype(np.float64)


def _change(before: NDArray[np.float64] | None, now: NDArray[np.float64]) -> float:
    if before is None or before.shape != now.shape:
        return np.nan
    if np.array_equal(before, now):
        return 0.0
    moved, size = float(np.linalg.norm(now - before)), float(np.linalg.norm(before))
    return moved / size if size > 0 else 1.0
