"""`image_features`: one pass over images that keeps a layer's features of each, in the same bytes for any batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.errors import ImageError, RecipeError, UnknownNameError
from dreamfilters.evidence.activations import iter_activations, means
from dreamfilters.evidence.embedding.feature_table import ImageFeatures, thumbnail, thumbnail_size
from dreamfilters.evidence.features import penultimate
from dreamfilters.evidence.scan.sources import ImageSource, image_size, source_of
from dreamfilters.images import ImageArray, ImageFolder
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.networks.classes.class_labels import ClassLabels, class_labels
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.serialization import plain

MOST_BYTES = 2**31 - 2**20  # of all rows: those of a stored run fit a file


def image_features(
    network: AnyNetwork,
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    layer: str | None = None,
    *,
    pooled: bool = True,
    labels: Sequence[object] | None = None,
    batch: int | None = None,
    progress: OnProgress | None = None,
) -> ImageFeatures:
    """Return a layer's features of each image that can be read, with a thumbnail of it.

    Args:
        network: a Keras model, or the value that `load` returns.
        images: a folder, its `ImageFolder`, or an array (n, h, w, c) in [0, 1] or of uint8; resized by the input form.
        layer: layer name; default: `penultimate`, the layer before the logits.
        pooled: take the mean of each unit's map, which does not depend on positions; else the whole activation.
        labels: one label per image, "" for none; default: those of the folder.
        batch: images per batch; it changes the running time, never the result.
        progress: called after each image with the number of images done.

    Raises:
        UnknownNameError: the network has no such layer.
        ImageError: no image can be read.
        RecipeError: the layer has no features, or those of all images take more than 2 GiB.

    Example:
        >>> image_features(network, images, "conv2").rows.shape
        (16, 32)
    """
    network = network_of(network)
    job = FeatureJob(network, source_of(images, labels), layer_of(network, layer), pooled=pooled, batch=batch)
    state = job.start()
    for name in job.advance(state):
        if progress is not None:
            progress(Progress(state.done, len(job.source.names), name))
    return job.result(state)


def layer_of(network: Network, layer: str | None) -> str:
    """Return the exact name of a layer, that before the logits for None.

    Raises:
        UnknownNameError: the network has no such layer.
    """
    name = penultimate(network) if layer is None else layer
    return name if name == LOGITS else network.layer(name).name


@dataclass
class FeatureState:
    """Everything an unfinished pass stores so that a later one resumes it.

    Attributes:
        done: number of images processed, which is also the index of the next one.
        rows: (n, d) features, zero where there are none yet.
        thumbnails: (n, h, w, c), zero where there are none yet.
        failures: image index -> the reason why it cannot be read; those from `done` on are tried again.
    """

    done: int
    rows: NDArray[np.float32]
    thumbnails: NDArray[np.uint8]
    failures: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FeatureJob:
    """The features to compute.

    Attributes:
        network: the network.
        source: the images.
        layer: exact name of the layer.
        pooled: see `image_features`.
        batch: images per batch; None for the fastest.
    """

    network: Network
    source: ImageSource
    layer: str
    pooled: bool = True
    batch: int | None = None

    def __post_init__(self) -> None:
        if self.batch is not None and self.batch < 1:
            raise RecipeError(f"batch={self.batch}: must be at least 1")
        if not self.source.names:
            raise ImageError("no images: give at least one")
        info = self.network.layer(self.layer)
        if not info.is_visual:
            raise RecipeError(f"{self.layer}: {info.reason}; choose another layer")

    @cached_property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image, see `image_size`."""
        return image_size(self.source, self.network.form)

    @cached_property
    def width(self) -> int:
        """The number of features.

        Raises:
            RecipeError: those of all images take more memory than a result may.
        """
        watch = self.network.watch(frozenset([self.layer]))
        shape = (1, *self.size, self.network.form.channels)
        reduce = means if self.pooled else dict
        shapes = backend.output_shapes(lambda images: reduce(watch(self.network.to_input(images))), shape)
        width = int(np.prod(shapes[self.layer][1:]))
        count = len(self.source.names)
        if 4 * width * count > MOST_BYTES:
            raise RecipeError(
                f"{self.layer}: {width} features of {count} images take {4 * width * count / 2**30:.1f} GiB, at most 2 "
                "are kept; take the mean of each unit over its map, or a layer with fewer features"
            )
        return width

    @cached_property
    def labels(self) -> ClassLabels | None:
        """The classes of the network that the labels mean, None if they mean none."""
        try:
            return class_labels(self.network, self.source.labels) if any(self.source.labels) else None
        except UnknownNameError:
            return None

    def start(self) -> FeatureState:
        """Return the state before the first image."""
        count, channels = len(self.source.names), self.network.form.channels
        height, width = thumbnail_size(count, self.size, channels)
        thumbnails = np.zeros((count, height, width, channels), np.uint8)
        return FeatureState(0, np.zeros((count, self.width), np.float32), thumbnails)

    def advance(self, state: FeatureState) -> Iterator[str]:
        """Compute the features of the remaining images; yield the name of each after it has updated `state`.

        Raises:
            ImageError: no image can be read.
        """
        images = self._readable(state)
        first = next(images, None)
        if first is not None:
            shown, reduce = itertools.chain([first], images), means if self.pooled else dict
            found = iter_activations(self.network, shown, [self.layer], reduce=reduce, batch=self.batch)
            for index, image, values in found:
                state.rows[index] = values[self.layer].ravel()
                state.thumbnails[index] = thumbnail(image, state.thumbnails.shape[1:3])
                state.done = index + 1
                yield self.source.names[index]
        state.done = len(self.source.names)
        if len(state.failures) == len(self.source.names):
            raise self.source.unreadable(state.failures[len(self.source.names) - 1])

    def _readable(self, state: FeatureState) -> Iterator[tuple[int, ImageArray]]:
        """Yield the index and image of each remaining one that can be read."""
        fitted = self.source.fitted(self.size, self.network.form)
        for index in range(state.done, len(self.source.names)):
            image = fitted.tried(index)
            if isinstance(image, str):
                state.failures[index] = image
            else:
                yield index, image

    def result(self, state: FeatureState) -> ImageFeatures:
        """Return the features of a finished state."""
        names, labels = self.source.names, self.source.labels
        read, remark = self.labels, ""
        if read is not None:
            numbered = zip(read.numbers, labels, strict=True)
            labels = tuple(read.names[number] if number >= 0 else label for number, label in numbered)
            remark = read.remark if read.rule != "name" else ""
        kept = [index for index in range(len(names)) if index not in state.failures]
        return ImageFeatures(
            network=self.network.name,
            fingerprint=self.network.fingerprint,
            form=plain(self.network.form),
            size=self.size,
            layer=self.layer,
            pooled=self.pooled,
            names=tuple(names[index] for index in kept),
            labels=tuple(labels[index] for index in kept),
            rows=state.rows[kept],
            thumbnails=state.thumbnails[kept],
            failures=tuple((names[index], reason) for index, reason in sorted(state.failures.items())),
            remark=remark,
        )
