"""What a network's layers answer to real images, recorded batch by batch."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Any, TypeAlias

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from dreamfilters import backend
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.images import ImageFolder, resize
from dreamfilters.images.prefetch import in_order
from dreamfilters.networks import LOGITS, InputForm, Network
from dreamfilters.networks.watching import layer_named_by

Floats: TypeAlias = NDArray[np.float32]
Images: TypeAlias = Iterable[ArrayLike] | ImageFolder
Seen: TypeAlias = dict[str, Any]  # layer -> its activation, (n, h, w, c) or (n, c)

_MOST = 64  # images at a time; more of them are no faster
_ROOM = 2**29  # bytes of activations at a time; with half of it MobileNetV2 takes a fifth longer
_PROGRAMS = 64  # kept with a network, those of dreams among them; the oldest goes first

# Layers that hand on what they got, at least when nothing is trained: their numbers are those of the layer before.
HANDED_ON = frozenset(
    "Dropout SpatialDropout2D GaussianNoise GaussianDropout AlphaDropout ActivityRegularization "  # noqa: SIM905
    "Flatten Reshape InputLayer Identity".split()
)


def activations(
    network: Network, images: Images, layers: Sequence[str], *, batch: int | None = None
) -> dict[str, Floats]:
    """Return each layer's float32 activations for all images: maps (n, h, w, c), vectors (n, c).

    All of them are held at once; `stream` gives them batch by batch.

    Args:
        network: what `load` returned.
        images: (n, h, w, c) in [0, 1], or one (h, w, c) after the other, brought to the network's size if needed; or
            what `images` returned, decoded while the network computes, in which case what cannot be read is left out
            and stands in its `failures`.
        layers: their names; `LOGITS` for what enters the softmax.
        batch: images at a time; as many as fit half a gigabyte by itself. It never changes a number.

    Raises:
        UnknownNameError: no such layer.
        ImageError: no images, or ones of unequal size where the network takes any.
        InputFormError: images of another number of channels.
        RecipeError: `batch` is below 1.

    Example:
        >>> activations(load("signs"), np.zeros((2, 48, 48, 3)), ["conv1"])["conv1"].shape
        (2, 48, 48, 32)
    """
    return _joined(stream(network, images, layers, batch=batch), _count(images))


def mean_responses(
    network: Network, images: Images, layers: Sequence[str], *, batch: int | None = None
) -> dict[str, Floats]:
    """Return how strongly each unit answers each image, (n, units) a layer: the mean of its map.

    Arguments and errors are those of `activations`; the maps themselves are never held for more than a batch.
    """
    return _joined(stream(network, images, layers, reading=_means, batch=batch), _count(images))


def recorded(
    network: Network,
    indexed: Iterable[tuple[int, ArrayLike]],
    layers: Sequence[str],
    *,
    batch: int | None = None,
) -> Iterator[tuple[int, Floats, dict[str, Floats]]]:
    """Yield (index, image, {layer: its activation, (h, w, c) or (c,)}) for one image after the other.

    `indexed` are pairs of index and image, as `ImageFolder` yields them; else as `activations`. The images come back
    as the network saw them. Nothing is held for longer than its batch.
    """
    waiting: deque[tuple[int, Floats]] = deque()

    def images() -> Iterator[Floats]:
        for index, image in indexed:
            fitted = _fitted(image, network.form)
            waiting.append((index, fitted))
            yield fitted

    for seen in stream(network, images(), layers, batch=batch):
        for row in range(len(next(iter(seen.values())))):
            index, image = waiting.popleft()
            yield index, image, {layer: values[row] for layer, values in seen.items()}


def stream(
    network: Network,
    images: Images,
    layers: Sequence[str],
    *,
    reading: Callable[[Seen], Seen] = dict,
    batch: int | None = None,
) -> Iterator[dict[str, Floats]]:
    """Yield what `activations` returns, a batch at a time, in arrays that are not to be written to.

    `reading` turns a batch's activations into what is wanted of them; it is compiled with the network, so what it
    leaves out is never copied. Arguments and errors are those of `activations`.
    """
    look = _compiled(network, frozenset(layers), reading)
    fitted = (_fitted(image, network.form) for image in _arrays(network, images))

    def seen(portion: tuple[Floats, int]) -> dict[str, Floats]:
        stack, count = portion  # what comes out is TensorFlow's own memory, no copy
        return {layer: np.asarray(value)[:count] for layer, value in look(backend.tensor(stack)).items()}

    portions = _batches(fitted, lambda shape: _affordable(network, layers, shape) if batch is None else batch)
    yield from in_order(seen, portions, hands=1)  # the next batch is decoded while this one passes the network


def _compiled(network: Network, layers: frozenset[str], reading: Callable[[Seen], Seen]) -> Callable[[Any], Seen]:
    """Return the program from images to what is read of them; those of this module are kept with the network.

    To build it takes as long as to show it dozens of images. One with a reading of its own goes with that.
    """
    key = (recorded, layers, reading)
    if key in network.compiled:
        return network.compiled[key]  # type: ignore[no-any-return]
    watch = network.watch(layers)
    look = backend.compile(lambda images: reading(watch(network.to_input(images))))
    if reading in (dict, _means):
        while len(network.compiled) >= _PROGRAMS:
            network.compiled.pop(next(iter(network.compiled)))
        network.compiled[key] = look
    return look


def _means(seen: Seen) -> Seen:
    return {layer: ops.mean(value, axis=tuple(range(1, len(value.shape) - 1))) for layer, value in seen.items()}


def _arrays(network: Network, images: Images) -> Iterator[ArrayLike]:
    """Yield the images alone; those of files are decoded to the network's size and channels, ahead of their use."""
    if not isinstance(images, ImageFolder):
        yield from images
        return
    height, width = network.form.size
    size = images.size if height is None or width is None else (height, width)
    for _, image in images.fitted(size, network.form.image_channels, network.form.resize):
        yield image


def _batches(images: Iterable[Floats], batch_for: Callable[[tuple[int, ...]], int]) -> Iterator[tuple[Floats, int]]:
    """Yield stacks of equal shape, the last one filled up with its last image, and how many of each count."""
    rest = iter(images)
    first = next(rest, None)
    if first is None:
        raise ImageError("no images: give at least one that can be read")
    shape, batch, length = first.shape, batch_for(first.shape), 0
    if batch < 1:
        raise RecipeError(f"batch={batch}: at least 1")
    rest = itertools.chain([first], rest)
    while chunk := list(itertools.islice(rest, batch)):
        odd = next((image.shape for image in chunk if image.shape != shape), shape)
        if odd != shape:
            raise ImageError(f"images of shapes {shape} and {odd}: bring them to one size and number of channels")
        length = length or len(chunk)
        yield np.stack(chunk + chunk[-1:] * (length - len(chunk))), len(chunk)


def _affordable(network: Network, layers: Sequence[str], shape: tuple[int, ...]) -> int:
    """Return how many images' activations fit into `_ROOM`; a side that no layer knows is taken for the image's."""
    known = [network.layer(layer_named_by(layer)).shape for layer in layers if layer != LOGITS]
    sides = [[side or full for side, full in zip(sizes, shape, strict=False)] for sizes in known]
    return max(1, min(_MOST, _ROOM // max(1, 4 * sum(map(math.prod, sides)))))


def _fitted(image: ArrayLike, form: InputForm) -> Floats:
    values = np.asarray(image, np.float32)
    if values.ndim != 3:
        raise ImageError(f"an image of shape {values.shape}; wanted (h, w, c)")
    height, width = form.size[0] or values.shape[0], form.size[1] or values.shape[1]
    return values if values.shape[:2] == (height, width) else resize(values, (height, width), form.resize)


def _count(images: Images) -> int | None:
    """Return how many images there are at most, None where only the end will tell."""
    return len(images) if isinstance(images, Sized) else None


def _joined(parts: Iterable[dict[str, Floats]], count: int | None) -> dict[str, Floats]:
    """Return the parts one after the other; with a `count` they are laid into their place and never held twice."""
    if count is None:
        parts = list(parts)
        return {layer: np.concatenate([part[layer] for part in parts]) for layer in parts[0]}
    whole: dict[str, Floats] = {}
    start = end = 0
    for part in parts:
        for layer, values in part.items():
            end = start + len(values)
            whole.setdefault(layer, np.empty((count, *values.shape[1:]), np.float32))[start:end] = values
        start = end
    return {layer: values[:end] for layer, values in whole.items()}
