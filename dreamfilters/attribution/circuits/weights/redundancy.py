"""Redundant units: those whose weights or responses are nearly those of another unit of their layer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.circuits.weights.partner import Partner
from dreamfilters.errors import ModelError, RecipeError
from dreamfilters.evidence.activations import Images, mean_responses
from dreamfilters.evidence.duplicate_filters import ALIKE, weight_vectors
from dreamfilters.networks import AnyNetwork, Network, network_of

Floats = NDArray[np.float64]


def redundant_units(
    network: AnyNetwork, layers: str | Sequence[str], images: Images, *, threshold: float = ALIKE
) -> tuple[Partner, ...]:
    """Return the units of layers that another unit of the layer, which is not among them, can replace.

    Two units are alike if the cosine of their weights or the correlation of their responses is at least `threshold`. Of
    units that are alike, the first one is kept. `ablate(..., how="partner")` measures the accuracy without the others.

    Args:
        network: a Keras model, or the value that `load` returns.
        layers: names of layers.
        images: images as in `activations`, whose responses are compared.
        threshold: the least similarity, above 0 and at most 1.

    Raises:
        UnknownNameError: no such layer.
        RecipeError: the threshold is out of range, or the units of a layer have no responses.
        ImageError: there are no images.

    Example:
        >>> found = redundant_units(network, "conv4", images, threshold=0.9)
        >>> all(one.similarity >= 0.9 for one in found), len({one.unit for one in found}) == len(found)
        (True, True)
    """
    if not 0 < threshold <= 1:
        raise RecipeError(f"threshold={threshold}: must be above 0 and at most 1")
    network = network_of(network)
    names = [network.layer(one).name for one in ([layers] if isinstance(layers, str) else layers)]
    responses = mean_responses(network, images, names)
    return tuple(one for name in names for one in _redundant(network, name, responses[name], threshold))


def partners_of(
    network: Network, layer: str, responses: NDArray[np.floating], excluded: Collection[int] = ()
) -> tuple[Partner, ...]:
    """Return the most similar unit of every unit of a layer; () for a layer of one unit.

    Args:
        network: the network.
        layer: name of the layer.
        responses: (n, units) of its units to n images.
        excluded: units that are no partner, unless there are no others.
    """
    pairs = _Similarities.of(network, layer, responses)
    count = responses.shape[1]
    allowed = [unit for unit in range(count) if unit not in set(excluded)]
    found = []
    for unit in range(count):
        others = [one for one in allowed if one != unit] or [one for one in range(count) if one != unit]
        if others:
            found.append(pairs.partner(layer, unit, others))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class _Similarities:
    """The cosines and correlations of all pairs of units, (units, units), NaN for none, and the responses."""

    weights: Floats
    responses: Floats
    values: Floats

    @classmethod
    def of(cls, network: Network, layer: str, responses: NDArray[np.floating]) -> _Similarities:
        values = np.nan_to_num(np.asarray(responses, np.float64))
        try:
            vectors = weight_vectors(network, layer)
        except ModelError:
            vectors = np.zeros((values.shape[1], 1))
        return cls(_cosines(vectors), _cosines((values - values.mean(axis=0)).T), values)

    @property
    def both(self) -> Floats:
        """The larger similarity of each pair, -1 for none."""
        return np.fmax(np.nan_to_num(self.weights, nan=-1.0), np.nan_to_num(self.responses, nan=-1.0))

    def partner(self, layer: str, unit: int, others: Sequence[int]) -> Partner:
        """Return the partner of a unit among others; the first one of equal similarity."""
        other = others[int(self.both[unit, others].argmax())]
        own, theirs = self.values[:, unit], self.values[:, other]
        size = float(theirs @ theirs)
        cosine, correlation = float(self.weights[unit, other]), float(self.responses[unit, other])
        return Partner(
            layer=layer,
            unit=unit,
            partner=other,
            weights=None if np.isnan(cosine) else cosine,
            responses=None if np.isnan(correlation) else correlation,
            factor=float(own @ theirs) / size if size > 0 else 0.0,
        )


def _redundant(network: Network, layer: str, responses: NDArray[np.floating], threshold: float) -> list[Partner]:
    pairs, kept, found = _Similarities.of(network, layer, responses), list[int](), []
    for unit in range(responses.shape[1]):
        similar = [one for one in kept if pairs.both[unit, one] >= threshold]
        if similar:
            found.append(pairs.partner(layer, unit, similar))
        else:
            kept.append(unit)
    return found


def _cosines(vectors: Floats) -> Floats:
    """Return the cosine of each pair of rows, NaN for a row of zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.full_like(vectors, np.nan), where=lengths > 1e-12)
    return np.asarray(np.clip(units @ units.T, -1.0, 1.0))
