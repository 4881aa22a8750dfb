"""The distributions of a layer's weights, with those of the normalization behind it, and its kernels as images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.circuits.weights.kernels import first_convolution, kernel_images
from dreamfilters.display import frame, heading, table, tiles
from dreamfilters.errors import ModelError
from dreamfilters.evidence.scan.histograms import Histogram
from dreamfilters.images import ImageArray, contact_sheet
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.networks.fingerprint import as_numpy
from dreamfilters.networks.graph import Step
from dreamfilters.serialization import finite

_BINS = 112  # of a histogram: two for each bar of a chart over the whole width
_TILE = 128  # pixels of a kernel's longer side in a sheet
_SHOWN = 64  # kernels in a notebook


@dataclass(frozen=True, eq=False)
class WeightDistribution:
    """The distribution of one array of weights.

    Attributes:
        name: such as 'kernel', 'bias', 'gamma', 'beta', 'moving_mean' or 'moving_variance'; of a normalization that
            follows, with its name before a slash.
        shape: of the array.
        mean, std, low, high: of the finite values; NaN for none.
        zeros: share of values that are exactly 0.
        not_finite: number of values that are NaN or infinite.
        histogram: of the finite values.
    """

    name: str
    shape: tuple[int, ...]
    mean: float
    std: float
    low: float
    high: float
    zeros: float
    not_finite: int
    histogram: Histogram = field(repr=False)

    def as_values(self) -> dict[str, Any]:
        """Return everything but the histogram as plain values."""
        numbers = {name: finite(getattr(self, name)) for name in ("mean", "std", "low", "high", "zeros")}
        return {"name": self.name, "shape": list(self.shape), **numbers, "not_finite": self.not_finite}


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """The weights of a layer.

    Attributes:
        network: name of the network.
        layer: name of the layer.
        type: its class, such as 'Conv2D'.
        distributions: one for each array of weights.
        kernels: the image of each unit's kernel, see `kernel_images`; () for a layer without kernels, or if they are
            not wanted.
    """

    network: str
    layer: str
    type: str
    distributions: tuple[WeightDistribution, ...]
    kernels: tuple[ImageArray, ...] = field(default=(), repr=False)

    @property
    def sheet(self) -> ImageArray | None:
        """The kernels in a grid with their units, (H, W, 3); None without kernels."""
        if not self.kernels:
            return None
        captions = [f"{self.layer}:{number}" for number in range(len(self.kernels))]
        return contact_sheet(
            self.kernels, captions, title=f"{self.network}: kernels of {self.layer}, each on its scale"
        )

    def as_values(self) -> dict[str, Any]:
        """Return the statistics of each distribution as plain values."""
        return {"layer": self.layer, "type": self.type, "weights": [one.as_values() for one in self.distributions]}

    def _repr_html_(self) -> str:
        rows = [{**one.as_values(), "shape": " × ".join(map(str, one.shape))} for one in self.distributions]
        shown = [(image, (f"{self.layer}:{unit}",)) for unit, image in enumerate(self.kernels[:_SHOWN])]
        parts = [tiles(shown, side=96)] if shown else []
        return frame(heading(f"{self.layer} of {self.network}", self.type), table("", rows), *parts)


def layer_weights(
    network: AnyNetwork, layers: str | Sequence[str] | None = None, *, kernels: bool | None = None
) -> tuple[LayerWeights, ...]:
    """Return the distributions of the weights of layers, and the images of their kernels.

    A batch normalization that directly follows a layer counts to it. A network learns its first kernels as color and
    edge detectors; noise among them, or weights that are all near 0, says that it did not learn them.

    Args:
        network: a Keras model, or the value that `load` returns.
        layers: names of layers (default: all with weights).
        kernels: whether to draw the kernels of convolutions; default: of named layers, else of the first convolution.

    Raises:
        UnknownNameError: no such layer.
        ModelError: a named layer has no weights.

    Example:
        >>> (found,) = layer_weights(network, "conv1")
        >>> [one.name for one in found.distributions], len(found.kernels)
        (['kernel', 'bias'], 32)
    """
    network = network_of(network)
    named = None if layers is None else [layers] if isinstance(layers, str) else list(layers)
    names = [network.layer(one).name for one in named] if named is not None else _with_weights(network)
    drawn = set(names) if kernels or (kernels is None and named) else set()
    if kernels is None and named is None:
        drawn = {first_convolution(network)}
    return tuple(_weights_of(network, name, draw=name in drawn) for name in dict.fromkeys(names))


def _with_weights(network: Network) -> list[str]:
    """Return the layers with weights; not the normalizations that count to the layer before them."""
    graph = network.graph
    followers = {one.name for step in graph.steps if (one := _normalization(network, step)) is not None}
    return [step.name for step in graph.steps if step.name not in followers and any(_arrays(step))]


def _weights_of(network: Network, layer: str, *, draw: bool) -> LayerWeights:
    step = network.graph.by_name[layer]
    found = list(_arrays(step))
    if not found:
        raise ModelError(f"{layer}: a {step.type} has no weights")
    norm = _normalization(network, step)
    found += [(f"{norm.name}/{name}", values) for name, values in _arrays(norm)] if norm is not None else []
    try:
        images = kernel_images(network, layer) if draw else ()
    except ModelError:  # a dense layer
        images = ()
    return LayerWeights(network.name, layer, step.type, tuple(_distribution(*one) for one in found), images)


def _normalization(network: Network, step: Step) -> Step | None:
    """Return the batch normalization that alone reads a layer with a kernel."""
    readers = network.graph.readers(step.outputs[0])
    follows = len(readers) == 1 and readers[0].type == "BatchNormalization" and step.type != "BatchNormalization"
    return readers[0] if follows and any(_arrays(step)) else None


def _arrays(step: Step) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield name and values of each array of weights of a step; the state of random generators is no weight."""
    weights = getattr(step.operation, "weights", ())
    own = f"{getattr(step.operation, 'path', '')}/"
    for weight in weights:
        values = as_numpy(weight)
        if values.dtype.kind == "f" or values.dtype.name == "bfloat16":
            yield (
                weight.path.removeprefix(own) if weight.path.startswith(own) else weight.path.rpartition("/")[2],
                values,
            )


def _distribution(name: str, values: NDArray[Any]) -> WeightDistribution:
    every = np.asarray(values, np.float64).ravel()
    known = every[np.isfinite(every)]
    counts, edges = np.histogram(known, bins=_BINS)
    nan = float("nan")
    low, high, mean, std = (
        (float(known.min()), float(known.max()), float(known.mean()), float(known.std())) if known.size else [nan] * 4
    )
    zeros = float((known == 0).mean()) if known.size else nan
    histogram = Histogram(counts, edges.astype(np.float64), low, high)
    return WeightDistribution(name, values.shape, mean, std, low, high, zeros, every.size - known.size, histogram)
