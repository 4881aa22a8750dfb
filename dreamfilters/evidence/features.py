"""What an image is to a network: its activations in a layer as one row of numbers, and how alike two rows are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats, activations, mean_responses
from dreamfilters.images import resize
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.graph import Graph, Step
from dreamfilters.networks.watching import layer_named_by, logits_step

Images: TypeAlias = NDArray[np.float32] | Sequence[ArrayLike]  # (n, h, w, c) in [0, 1], read as often as needed

PIXELS = "//pixels"  # the images themselves, where a layer is asked for; no layer can be called so

_ROOM = 2**29  # bytes of activations at a time

# Layers that only hand on what another layer computed.
_HAND_ON = frozenset(
    {
        "Activation", "ReLU", "Softmax", "Dropout", "SpatialDropout2D", "GaussianDropout", "Flatten", "Reshape",
        "GlobalAveragePooling2D", "GlobalMaxPooling2D", "AveragePooling2D", "MaxPooling2D", "Identity",
    }
)  # fmt: skip


def shown(network: Network, images: Iterable[ArrayLike]) -> Floats:
    """Return images (n, h, w, c) as the network is shown them: in its size where it has one.

    Raises:
        ImageError: no images, or ones of unequal size where the network takes any.
    """
    height, width = network.form.size
    sized = []
    for image in images:
        values = np.asarray(image, np.float32)
        if values.ndim != 3:
            raise ImageError(f"an image of shape {values.shape}; wanted (h, w, c)")
        size = (height or values.shape[0], width or values.shape[1])
        sized.append(values if values.shape[:2] == size else resize(values, size))
    if len({image.shape for image in sized}) != 1:
        raise ImageError(f"{len(sized)} images of unequal size: give at least one, all of one size")
    return np.stack(sized)


def rows(network: Network, images: Images, layer: str, *, pooled: bool = False) -> Floats:
    """Return one row an image (n, d): a layer's activations laid flat, or with `pooled` the mean of each unit's map.

    Flat rows of two images are alike only where the same is in the same place; pooled ones wherever it is. `layer`
    may be `LOGITS`, or `PIXELS` for the images themselves in the network's size.
    """
    if layer == PIXELS:
        stack = shown(network, images)
        return stack.mean(axis=(1, 2)) if pooled else stack.reshape(len(stack), -1)
    if pooled and layer != LOGITS and len(network.layer(layer_named_by(layer)).shape) == 3:
        return mean_responses(network, images, [layer])[layer]
    flat = activations(network, images, [layer])[layer]
    return flat.reshape(len(flat), -1)


def layer_by_layer(network: Network, images: Images, layers: Sequence[str]) -> Iterator[tuple[str, Floats]]:
    """Yield each layer and its activations of all images, (n, h, w, c) or (n, c); `PIXELS` for the images.

    In one pass over the images where half a gigabyte holds all layers, else in one a layer.
    """
    stack = shown(network, images)
    if PIXELS in layers:
        yield PIXELS, stack
    watched = [layer for layer in layers if layer != PIXELS]
    numbers = sum(numbers_of(network, layer, stack.shape[1:3]) for layer in watched)
    together = 4 * len(stack) * numbers <= _ROOM
    for group in [watched] if together and watched else [[layer] for layer in watched]:
        yield from activations(network, stack, group).items()


def numbers_of(network: Network, layer: str, size: tuple[int, int]) -> int:
    """Return how many numbers a layer answers to an image; a side that is not known is taken for the image's."""
    if layer in (LOGITS, PIXELS):
        return len(network.classes) if layer == LOGITS else math.prod(size) * network.form.image_channels
    shape = network.layer(layer_named_by(layer)).shape
    return math.prod(side or full for side, full in zip(shape, (*size, 1), strict=False))


def cosines(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Return the cosine of every row (n, d) with every other (m, d), (n, m); NaN where a row is all zero."""
    ours, theirs = (unit_length(np.asarray(vectors, np.float64), silent=np.nan) for vectors in (first, second))
    return np.asarray(ours @ theirs.T)


def mean_cosine_distance(vectors: Floats) -> float | None:
    """Return 1 - cosine averaged over all pairs of rows, None for fewer than two rows that are not zero."""
    alike = cosines(vectors, vectors)[np.triu_indices(len(vectors), 1)]
    alike = alike[np.isfinite(alike)]
    return float(np.clip(1 - alike.mean(), 0, 2)) if alike.size else None


def penultimate(network: Network) -> str:
    """Return the layer that the logits are computed from: the last one, whatever only hands on left out.

    Dropout, flattening, pooling and a ReLU of their own keep the units of the layer before them; a ReLU of its own is
    returned itself, because what it lets through is what the logits see.

    >>> penultimate(load("signs"))
    'dense'
    """
    graph = network.graph
    scores = _computing(graph, logits_step(graph), _HAND_ON)  # a softmax or a pooling of their own left out
    step = scores and _computing(graph, graph.writers.get(scores.inputs[0]), _HAND_ON - {"Activation", "ReLU"})
    return step.name if step else LOGITS


def layers_before(network: Network, layer: str, *, most: int = 5) -> tuple[str, ...]:
    """Return up to `most` layers that lie before `layer`, evenly over the depth; `PIXELS` where there are none.

    Those that end in a nonlinearity, as LPIPS watches a network behind its ReLUs; where none does, those with weights.
    """
    graph = network.graph
    named = logits_step(graph) if layer == LOGITS else graph.by_name[network.layer(layer_named_by(layer)).name]
    step = (_computing(graph, named, _HAND_ON) if layer == LOGITS else None) or named
    upstream = {before.name: before for before in graph.needed(set(step.inputs))}
    known = [info for info in network.layers if info.name in upstream and info.dreamable]
    bent = [info.name for info in known if info.activation != "linear"]
    weighted = [info.name for info in known if getattr(upstream[info.name].operation, "weights", None)]
    names = bent or weighted or [PIXELS]
    return tuple(names[number] for number in np.unique(np.linspace(0, len(names) - 1, most).round().astype(int)))


def unit_length(vectors: NDArray[Any], *, silent: float = 0.0) -> NDArray[Any]:
    """Return vectors (..., d) scaled to length 1; those that are zero throughout become `silent` throughout."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.full_like(vectors, silent), where=lengths != 0))


def centered(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return values less their mean along an axis, exactly zero where they are constant: that mean may round."""
    shifted = values - np.take(values, [0], axis=axis)
    return np.asarray(shifted - shifted.mean(axis=axis, keepdims=True))


def _computing(graph: Graph, step: Step | None, hands_on: frozenset[str]) -> Step | None:
    """Return the step whose numbers reach this one unchanged but for what `hands_on` does; None for the input."""
    while step is not None and step.type in hands_on:
        step = graph.writers.get(step.inputs[0])
    return step
