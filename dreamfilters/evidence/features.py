"""Feature vectors: a layer's activations on images as one row per image, and the similarity of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import PIXELS, Floats, activation_size, activations, arrays_of, mean_responses
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.graph import Graph, Step
from dreamfilters.networks.layers.pass_through import types_of
from dreamfilters.networks.watching import logits_step

Images: TypeAlias = NDArray[np.float32] | Sequence[ArrayLike]  # (n, h, w, c) in [0, 1], read as often as needed

MAX_BYTES = 2**29  # of activations held at a time

# Layers that only forward or pool what another layer computed.
_SAME_UNITS = types_of("identity", "reshape", "pool")
_FORWARDED = _SAME_UNITS | types_of("activation")


def fitted_images(network: Network, images: Images | ImageFolder) -> Floats:
    """Return images (n, h, w, c) resized to the network's input size by its input form's resize rule.

    Raises:
        ImageError: there are no images, or they differ in size and the network accepts any size.
    """
    fitted = [network.form.fit(image) for image in arrays_of(network, images)]
    if len({image.shape for image in fitted}) != 1:
        raise ImageError(f"{len(fitted)} images of unequal size: give at least one, all of one size")
    return np.stack(fitted)


def feature_vectors(network: Network, images: Images, layer: str, *, pooled: bool = False) -> Floats:
    """Return one row per image, (n, d): a layer's flattened activations, or with `pooled` the mean of each unit's map.

    Flattened rows are similar only if the same content is at the same position; pooled rows do not depend on
    position. `layer` may be `LOGITS`, or `PIXELS` for the images themselves at the network's input size.
    """
    if layer == PIXELS:
        stack = fitted_images(network, images)
        return stack.mean(axis=(1, 2)) if pooled else stack.reshape(len(stack), -1)
    if pooled:
        return mean_responses(network, images, [layer])[layer]
    flat = activations(network, images, [layer])[layer]
    return flat.reshape(len(flat), -1)


def iter_layers(network: Network, images: Images, layers: Sequence[str]) -> Iterator[tuple[str, Floats]]:
    """Yield each layer with its activations of all images, as `activations` returns them; `PIXELS` yields the images.

    `PIXELS` comes first, then the layers in the given order, so that sums over layers are always rounded alike. The
    images pass the network once if 512 MiB hold the activations of all layers, else once per layer.
    """
    stack = fitted_images(network, images)
    if PIXELS in layers:
        yield PIXELS, stack
    watched = [layer for layer in layers if layer != PIXELS]
    numbers = sum(activation_size(network, layer, stack.shape[1:3]) for layer in watched)
    together = 4 * len(stack) * numbers <= MAX_BYTES
    for group in [watched] if together and watched else [[layer] for layer in watched]:
        found = activations(network, stack, group)
        yield from ((layer, found[layer]) for layer in group)


def cosines(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Return the cosine similarity of each row of (n, d) with each row of (m, d), (n, m); NaN where a row is zero.

    >>> cosines(np.array([[1.0, 0.0]]), np.array([[3.0, 4.0], [-2.0, 0.0]]))
    array([[ 0.6, -1. ]])
    """
    a, b = (unit_length(np.asarray(vectors, np.float64), zero=np.nan) for vectors in (first, second))
    return np.asarray(a @ b.T)


def mean_cosine_distance(vectors: Floats) -> float | None:
    """Return the mean of 1 - cosine over all pairs of rows; None for fewer than two nonzero rows."""
    similarity = cosines(vectors, vectors)[np.triu_indices(len(vectors), 1)]
    similarity = similarity[np.isfinite(similarity)]
    return float(np.clip(1 - similarity.mean(), 0, 2)) if similarity.size else None


def penultimate(network: Network) -> str:
    """Return the name of the layer whose units feed the logits.

    Layers that keep the units of the layer before them, such as Dropout, Flatten and pooling, are skipped. A separate
    ReLU layer is returned itself, because the logits read its output.

    >>> penultimate(network)
    'dense'
    """
    graph = network.graph
    scores = _computing_step(graph, logits_step(graph), _FORWARDED)  # skips a separate softmax or pooling layer
    step = scores and _computing_step(graph, graph.writers.get(scores.inputs[0]), _SAME_UNITS)
    return step.name if step else LOGITS


def layers_before(network: Network, layer: str, *, most: int = 5) -> tuple[str, ...]:
    """Return up to `most` layers upstream of `layer`, spread evenly over the depth; `PIXELS` if there is none.

    Layers that end in a nonlinearity are chosen, as LPIPS does (Zhang et al., CVPR 2018); if there is none, layers
    with weights.
    """
    graph = network.graph
    named = graph.by_name[network.layer(layer).name]
    step = (_computing_step(graph, named, _FORWARDED) if layer == LOGITS else None) or named
    upstream = {before.name: before for before in graph.needed(set(step.inputs))}
    known = [info for info in network.layers if info.name in upstream and info.dreamable]
    nonlinear = [info.name for info in known if info.activation != "linear"]
    weighted = [info.name for info in known if getattr(upstream[info.name].operation, "weights", None)]
    names = nonlinear or weighted or [PIXELS]
    return tuple(names[number] for number in np.unique(np.linspace(0, len(names) - 1, most).round().astype(int)))


def unit_length(vectors: NDArray[Any], *, zero: float = 0.0) -> NDArray[Any]:
    """Return vectors (..., d) scaled to length 1; zero vectors are filled with the value `zero`."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.full_like(vectors, zero), where=lengths != 0))


def centered(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return values minus their mean along an axis; exactly zero where they are constant, although the mean rounds."""
    shifted = values - np.take(values, [0], axis=axis)
    return np.asarray(shifted - shifted.mean(axis=axis, keepdims=True))


def _computing_step(graph: Graph, step: Step | None, forwarding: frozenset[str]) -> Step | None:
    """Return the nearest step at or before this one whose type is not in `forwarding`; None for the input."""
    while step is not None and step.type in forwarding:
        step = graph.writers.get(step.inputs[0])
    return step
