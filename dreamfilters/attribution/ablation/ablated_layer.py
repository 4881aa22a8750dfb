"""One layer without some of its units: a pass up to the layer, then one of the later layers for each set of units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from keras import ops
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.attribution.ablation.predictions import LayerChanges, Predictions, predictions_of
from dreamfilters.attribution.network_split import split_network
from dreamfilters.backend import Tensor
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import Network
from dreamfilters.networks.programs import programs_of


class _Programs(NamedTuple):
    """The compiled parts of a network."""

    first: Callable[..., Any]  # images -> (activation, values that bypass the layer)
    partnered: Callable[..., Any]  # (activation, partners, factors) -> what replaces each unit, as large as activation
    differs: Callable[..., Any]  # (activation, fill) -> (units,) whether any value of a unit is not the fill
    rest: Callable[..., Any]  # (activation, others, mask (units,), fill) -> logits (n, classes)


@dataclass(frozen=True, eq=False)
class AblatedLayer:
    """The predictions of a network without sets of units of a layer.

    Attributes:
        network: the network.
        layer: name of the layer.
        sets: the numbers of the units that are ablated at once.
        fill: (units,) what replaces each unit.
        partners: (units,) the number of the unit whose map replaces each unit; None to use `fill`.
        factors: (units,) what this map is multiplied by.
    """

    network: Network
    layer: str
    sets: tuple[tuple[int, ...], ...]
    fill: Floats
    partners: NDArray[np.int32] | None = None
    factors: Floats | None = None

    def changes(self, images: Floats | None, resampled: Floats | None, labels: NDArray[np.intp]) -> LayerChanges:
        """Return the predictions without an ablation and with each one, for a batch.

        Args:
            images: (n, h, w, c) in [0, 1] at the network's size, of which the first have labels; None for none.
            resampled: as many other images, whose activation replaces that of the units; None to use `fill`.
            labels: numbers of the classes.
        """
        if images is None:
            return LayerChanges.none(len(self.sets))
        programs = self._programs
        activation, others = programs.first(backend.tensor(images))
        if self.partners is not None:
            fill = programs.partnered(activation, backend.tensor(self.partners), backend.tensor(self.factors))
        elif resampled is not None:
            fill = programs.first(backend.tensor(resampled))[0]
        else:
            fill = backend.tensor(self.fill)
        differs = np.asarray(programs.differs(activation, fill))

        def predictions(units: tuple[int, ...]) -> Predictions:
            mask = np.zeros(len(self.fill), bool)
            mask[list(units)] = True
            logits = np.asarray(programs.rest(activation, others, backend.tensor(mask), fill))
            return predictions_of(self.network.head, logits[: len(labels)], labels)

        before = predictions(())
        # Where the units equal the fill on the whole batch, the same program on equal values would change nothing.
        return LayerChanges(
            before, tuple(predictions(units) if differs[list(units)].any() else before for units in self.sets)
        )

    @cached_property
    def _programs(self) -> _Programs:
        return programs_of(self.network).get((AblatedLayer, self.layer), lambda network: _compiled(network, self.layer))


def _compiled(network: Network, layer: str) -> _Programs:
    parts = split_network(network, layer)

    def rest(activation: Tensor, others: tuple[Tensor, ...], mask: Tensor, fill: Tensor) -> Tensor:
        return parts.rest(ops.where(mask, fill, activation), others)

    def partnered(activation: Tensor, partners: Tensor, factors: Tensor) -> Tensor:
        return ops.take(activation, partners, axis=-1) * factors

    def differs(activation: Tensor, fill: Tensor) -> Tensor:
        return ops.any(activation != fill, axis=tuple(range(len(activation.shape) - 1)))

    return _Programs(
        backend.compile(parts.first), backend.compile(partnered), backend.compile(differs), backend.compile(rest)
    )
