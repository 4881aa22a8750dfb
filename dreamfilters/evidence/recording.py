"""What a network's layers answer to real pictures, recorded batch by batch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from dreamfilters import backend
from dreamfilters.errors import PictureError, RecipeError
from dreamfilters.images import resize
from dreamfilters.networks import Network

Floats: TypeAlias = NDArray[np.float32]
Seen: TypeAlias = dict[str, Any]  # layer -> its activation, (n, h, w, c) or (n, c)


def activations(
    network: Network, pictures: Iterable[ArrayLike], layers: Sequence[str], *, batch: int = 64
) -> dict[str, Floats]:
    """Return each layer's float32 activations for all pictures: maps (n, h, w, c), vectors (n, c).

    Args:
        network: what `load` returned.
        pictures: (n, h, w, c) in [0, 1], or one (h, w, c) after the other; brought to the network's size if needed.
        layers: their names; `LOGITS` for what enters the softmax.
        batch: pictures at a time.

    Raises:
        UnknownNameError: no such layer.
        PictureError: no pictures, or ones of unequal size where the network takes any.
        InputFormError: pictures of another number of channels.
        RecipeError: `batch` is below 1.

    Example:
        >>> activations(load("signs"), np.zeros((2, 48, 48, 3)), ["conv1"])["conv1"].shape
        (2, 48, 48, 32)
    """
    return _joined(stream(network, pictures, layers, batch=batch))


def mean_responses(
    network: Network, pictures: Iterable[ArrayLike], layers: Sequence[str], *, batch: int = 64
) -> dict[str, Floats]:
    """Return how strongly each unit answers each picture, (n, units) a layer: the mean of its map.

    Arguments and errors are those of `activations`; the maps themselves are never held for more than a batch.
    """

    def means(seen: Seen) -> Seen:
        return {layer: ops.mean(value, axis=tuple(range(1, len(value.shape) - 1))) for layer, value in seen.items()}

    return _joined(stream(network, pictures, layers, reading=means, batch=batch))


def stream(
    network: Network,
    pictures: Iterable[ArrayLike],
    layers: Sequence[str],
    *,
    reading: Callable[[Seen], Seen] = dict,
    batch: int = 64,
) -> Iterator[dict[str, Floats]]:
    """Yield what `activations` returns, a batch at a time.

    `reading` turns a batch's activations into what is wanted of them; it is compiled with the network, so what it
    leaves out is never copied. Arguments and errors are those of `activations`.
    """
    watch = network.watch(frozenset(layers))
    look = backend.compile(lambda pictures: reading(watch(network.to_input(pictures))))
    for stack, count in _batches(pictures, network.form.size, batch):
        seen = look(backend.tensor(stack))
        yield {layer: np.asarray(keras.ops.convert_to_numpy(value))[:count] for layer, value in seen.items()}


def _batches(
    pictures: Iterable[ArrayLike], size: tuple[int | None, int | None], batch: int
) -> Iterator[tuple[Floats, int]]:
    """Yield stacks of equal shape, the last one filled up with its last picture, and how many of each count."""
    if batch < 1:
        raise RecipeError(f"batch={batch}: at least 1")
    rest, shape, length = iter(pictures), None, 0
    while chunk := [_fitted(picture, size) for picture in itertools.islice(rest, batch)]:
        shape, length = shape or chunk[0].shape, length or len(chunk)
        odd = next((picture.shape for picture in chunk if picture.shape != shape), shape)
        if odd != shape:
            raise PictureError(f"pictures of shapes {shape} and {odd}: bring them to one size and number of channels")
        yield np.stack(chunk + chunk[-1:] * (length - len(chunk))), len(chunk)
    if shape is None:
        raise PictureError("no pictures: give at least one")


def _fitted(picture: ArrayLike, size: tuple[int | None, int | None]) -> Floats:
    values = np.asarray(picture, np.float32)
    if values.ndim != 3:
        raise PictureError(f"a picture of shape {values.shape}; wanted (h, w, c)")
    height, width = size[0] or values.shape[0], size[1] or values.shape[1]
    return values if values.shape[:2] == (height, width) else resize(values, (height, width))


def _joined(parts: Iterable[dict[str, Floats]]) -> dict[str, Floats]:
    lists: dict[str, list[Floats]] = {}
    for part in parts:
        for layer, values in part.items():
            lists.setdefault(layer, []).append(values)
    return {layer: np.concatenate(values) for layer, values in lists.items()}
