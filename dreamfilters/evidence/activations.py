"""The activations of a network's layers on given images, computed batch by batch."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from dreamfilters import backend
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.images.prefetch import in_order
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.networks.layers.layer_info import position_axes
from dreamfilters.networks.programs import programs_of

Floats: TypeAlias = NDArray[np.float32]
Images: TypeAlias = Iterable[ArrayLike] | ImageFolder | str | Path
Activations: TypeAlias = dict[str, Any]  # layer -> its activation, (n, h, w, c), (n, t, c) or (n, c)
Reduction: TypeAlias = Callable[[Activations], Activations]

PIXELS = "//pixels"  # the images themselves in a list of layers; no layer can have this name

_MOST_IMAGES = 64  # in a batch; larger batches are no faster
BATCH_BYTES = 2**29  # of activations in a batch; with half of it MobileNetV2 takes a fifth longer


def activations(
    network: AnyNetwork, images: Images, layers: Sequence[str], *, batch: int | None = None
) -> dict[str, Floats]:
    """Return each layer's float32 activations for all images: maps (n, h, w, c), tokens (n, t, c), vectors (n, c).

    All activations are held in memory at once; `stream` yields them batch by batch.

    Args:
        network: a Keras model, or the value that `load` returns.
        images: an array (n, h, w, c) in [0, 1] or of uint8, an iterable of images, a folder or its `ImageFolder`. They
            are resized to the network's input size. Files of a folder are decoded while the network computes;
            unreadable files are left out and listed in the folder's `failures`.
        layers: layer names; `LOGITS` for the input of the softmax.
        batch: images per batch (default: as many as fit 512 MiB of activations). It does not change any value.

    Raises:
        UnknownNameError: the network has no such layer.
        ImageError: there are no images, or they differ in size and the network accepts any size.
        InputFormError: the images have the wrong number of channels.
        RecipeError: `batch` is below 1, or there are no layers.

    Example:
        >>> activations(network, np.zeros((2, 48, 48, 3)), ["conv1"])["conv1"].shape
        (2, 48, 48, 32)
    """
    images = opened_images(images)
    return _concatenated(stream(network, images, layers, batch=batch), images)


def mean_responses(
    network: AnyNetwork, images: Images, layers: Sequence[str], *, batch: int | None = None
) -> dict[str, Floats]:
    """Return each unit's mean response to each image, (n, units) per layer: the mean over its activation map.

    Arguments and errors are those of `activations`. Maps are held for one batch at a time.
    """
    images = opened_images(images)
    return _concatenated(stream(network, images, layers, reduce=means, batch=batch), images)


def iter_activations(
    network: AnyNetwork,
    indexed: Iterable[tuple[int, ArrayLike]],
    layers: Sequence[str],
    *,
    reduce: Reduction = dict,
    batch: int | None = None,
) -> Iterator[tuple[int, Floats, dict[str, Floats]]]:
    """Yield (index, image, {layer: activation (h, w, c), (t, c) or (c,)}) for each image.

    `indexed` yields pairs of index and image, as an `ImageFolder` does. The yielded image is resized to the network's
    input size. Only one batch is held in memory. `reduce` is that of `stream`, other arguments and errors are those of
    `activations`.
    """
    network = network_of(network)
    pending: deque[tuple[int, Floats]] = deque()

    def images() -> Iterator[Floats]:
        for index, image in indexed:
            fitted = network.form.fit(image)
            pending.append((index, fitted))
            yield fitted

    for values in stream(network, images(), layers, reduce=reduce, batch=batch):
        for row in range(len(next(iter(values.values())))):
            index, image = pending.popleft()
            yield index, image, {layer: value[row] for layer, value in values.items()}


def stream(
    network: AnyNetwork, images: Images, layers: Sequence[str], *, reduce: Reduction = dict, batch: int | None = None
) -> Iterator[dict[str, Floats]]:
    """Yield the result of `activations` batch by batch, in read-only arrays.

    `reduce` maps a batch's activations to the values to return. It is compiled with the network, so that only its
    results are copied out. Other arguments and errors are those of `activations`.
    """
    network = network_of(network)
    if not layers:
        raise RecipeError("layers: none given; name at least one")
    yield from stream_program(network, images, _compiled(network, frozenset(layers), reduce), layers, batch=batch)


def stream_program(
    network: Network,
    images: Images,
    program: Callable[[Any], Activations],
    layers: Sequence[str],
    *,
    batch: int | None = None,
) -> Iterator[dict[str, Floats]]:
    """Yield the values of a compiled program of images (n, h, w, c) in [0, 1] batch by batch, as `stream` does.

    `layers` are those whose activations the program holds, which decide the size of a batch.
    """
    fitted = (network.form.fit(image) for image in arrays_of(network, images))

    def run(padded: tuple[Floats, int]) -> dict[str, Floats]:
        stack, count = padded
        # np.asarray shares TensorFlow's memory: no copy
        return {layer: np.asarray(value)[:count] for layer, value in program(backend.tensor(stack)).items()}

    batches = _batches(fitted, lambda shape: _batch_size(network, layers, shape) if batch is None else batch)
    yield from in_order(run, batches, threads=1)  # the next batch is decoded while this one passes the network


def _compiled(network: Network, layers: frozenset[str], reduce: Reduction) -> Callable[[Any], Activations]:
    """Return the compiled program from images to reduced activations.

    Programs with this module's reductions are cached. A caller's own reduction is a new function each time, and its
    program is dropped with it.
    """

    def compiled(network: Network) -> Callable[[Any], Activations]:
        watch = network.watch(layers)
        return backend.compile(lambda images: reduce(watch(network.to_input(images))))

    if reduce in (dict, means):
        return programs_of(network).get((iter_activations, layers, reduce), compiled)
    return compiled(network)


def means(values: Activations) -> Activations:
    """Return the mean over the positions of each unit's map, (n, units) per layer: a reduction for `stream`."""
    return {layer: ops.mean(value, axis=position_axes(value)) for layer, value in values.items()}


def arrays_of(network: Network, images: Images) -> Iterator[ArrayLike]:
    """Yield the images; those of a folder are decoded ahead at the network's size and number of channels."""
    found = opened_images(images)
    if isinstance(found, ImageFolder):
        return (image for _, image in files_for(network, found))
    return iter(found)


def files_for(network: Network, images: ImageFolder) -> ImageFolder:
    """Return the files of a folder as the network reads them: at its size, with its channels, resize rule and bits."""
    form, (height, width) = network.form, network.form.size
    size = images.size if height is None or width is None else (height, width)
    return images.fitted(size, form.channels, form.resize, form.bits)


def _batches(images: Iterable[Floats], batch_for: Callable[[tuple[int, ...]], int]) -> Iterator[tuple[Floats, int]]:
    """Yield (stack, count): stacks of equal shape, the last one padded with its last image, and how many are real."""
    remaining = iter(images)
    first = next(remaining, None)
    if first is None:
        raise ImageError("no images: give at least one readable image")
    shape, batch, length = first.shape, batch_for(first.shape), 0
    if batch < 1:
        raise RecipeError(f"batch={batch}: must be at least 1")
    remaining = itertools.chain([first], remaining)
    while chunk := list(itertools.islice(remaining, batch)):
        other = next((image.shape for image in chunk if image.shape != shape), shape)
        if other != shape:
            raise ImageError(f"images of shapes {shape} and {other}: give images of one size and number of channels")
        length = length or len(chunk)
        yield np.stack(chunk + chunk[-1:] * (length - len(chunk))), len(chunk)


def _batch_size(network: Network, layers: Sequence[str], shape: tuple[int, ...]) -> int:
    """Return how many images' activations fit `BATCH_BYTES`."""
    numbers = sum(activation_size(network, layer, shape[:2]) for layer in layers)
    return max(1, min(_MOST_IMAGES, BATCH_BYTES // max(1, 4 * numbers)))


def activation_size(network: Network, layer: str, size: tuple[int, ...]) -> int:
    """Return how many numbers a layer's activation of one image of (height, width) has.

    A layer whose number of positions depends on the image is taken to have one position per pixel.
    """
    if layer == PIXELS:
        return math.prod(size) * network.form.channels
    info = network.layer(layer)
    return info.units * (math.prod(size) if info.positions is None else info.positions)


def _concatenated(parts: Iterable[dict[str, Floats]], images: Images) -> dict[str, Floats]:
    """Return the parts concatenated; unless `images` is an iterator, they are written into one array to save memory."""
    if not isinstance(images, Sized):
        parts = list(parts)
        return {layer: np.concatenate([part[layer] for part in parts]) for layer in parts[0]}
    total: dict[str, Floats] = {}
    start = end = 0
    for part in parts:
        for layer, values in part.items():
            end = start + len(values)
            total.setdefault(layer, np.empty((len(images), *values.shape[1:]), np.float32))[start:end] = values
        start = end
    return {layer: values[:end] for layer, values in total.items()}
