"""Scans: one pass over images that records the statistics of every unit, in memory independent of their number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.errors import ImageError, RecipeError, UnknownNameError
from dreamfilters.evidence.scan.accumulators import Accumulators
from dreamfilters.evidence.scan.batch_statistics import BatchContribution
from dreamfilters.evidence.scan.column_shards import ColumnShards
from dreamfilters.evidence.scan.reductions import Floats, reducer
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.scanned_layers import layers_shown_by, scanned_layers
from dreamfilters.evidence.scan.sources import ImageSource, image_size, source_of
from dreamfilters.executors.executor import LOCAL, Executor, OnNote, Task
from dreamfilters.images import ImageFolder
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.networks.classes.class_labels import ClassLabels, class_labels
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.networks.programs import programs_of
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.serialization import plain

TOP_K = 9  # as many references as interpretability scores use (Zimmermann et al. 2021, 2024)
_BATCH_BYTES = 2**28  # of a batch's activation maps in the memory of the machine
_SHARE = 8  # part of an accelerator's memory for them: the pass through the network needs more
# Four workers of a core each send statistics of MobileNetV2 about as fast as a thread adds them, of signs twenty.
_WORKERS_OF_A_SHARD = 4
_BATCHES_IN_FLIGHT = 2  # one passes the network while one is reduced; a third one only takes memory


def scan(
    network: AnyNetwork,
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    layers: Sequence[str] | None = None,
    *,
    labels: Sequence[object] | None = None,
    k: int = TOP_K,
    batch: int | None = None,
    progress: OnProgress | None = None,
) -> Scan:
    """Return the statistics of every unit over images: extremes, top-k images, histograms, class means.

    Memory does not grow with the number of images. Unreadable images are listed in `failures`. An image on which a
    unit's map is not finite is left out for that unit.

    Args:
        network: a Keras model, or the value that `load` returns.
        images: a folder, its `ImageFolder`, or an array (n, h, w, c) in [0, 1] or of uint8; resized to the network's
            input size.
        layers: layer names, or "*" for every layer with units. Default: all but those whose units another layer shows,
            such as a convolution and its normalization before an activation layer.
        labels: one label per image, a name or a number, "" for none (default: those of the folder).
        k: greatest number of images in a ranking.
        batch: images per batch; it changes the running time, never the result.
        progress: called after each batch with the number of images done.

    Raises:
        UnknownNameError: the network has no such layer.
        ImageError: no image can be read.
        RecipeError: `k` or `batch` is below 1, or a layer has no units.

    Example:
        >>> scan(network, images, ["conv2"]).layer("conv2").always_silent.sum()
        np.int64(3)
    """
    network = network_of(network)
    job = ScanJob(network, source_of(images, labels), scanned_layers(network, layers), k=k, batch=batch)
    state = job.start()
    for name in job.advance(state):
        if progress is not None:
            progress(Progress(state.done, len(job.source.names), name))
    return job.result(state)


@dataclass
class ScanState:
    """Everything an unfinished scan stores so that a later run resumes it.

    Attributes:
        done: number of images processed; it is also the index of the next image.
        accumulators: the statistics of these images.
        predicted: (n,) the predicted class of each image, -1 for none; see `ClassHead.predicted_for`.
        counts: (n,) how many classes are predicted for each image.
        failures: image index -> the reason why it cannot be read.
        consistent: False while a batch is being added; a state is stored only if it is True.
    """

    done: int
    accumulators: Accumulators | ColumnShards
    predicted: NDArray[np.int32]
    counts: NDArray[np.int32]
    failures: dict[int, str] = field(default_factory=dict)
    consistent: bool = True


@dataclass(frozen=True, eq=False)
class ScanJob:
    """A scan to compute.

    Attributes:
        network: the network.
        source: the images.
        layers: layer names.
        k: greatest number of images in a ranking; at most the number of images.
        batch: images per batch; None for the fastest.
        executor: where batches are computed; it never changes the result.
    """

    network: Network
    source: ImageSource
    layers: tuple[str, ...]
    k: int = TOP_K
    batch: int | None = None
    executor: Executor = LOCAL

    def __post_init__(self) -> None:
        count = len(self.source.names)
        if self.k < 1:
            raise RecipeError(f"k={self.k}: must be at least 1")
        if self.batch is not None and self.batch < 1:
            raise RecipeError(f"batch={self.batch}: must be at least 1")
        if not count:
            raise ImageError("no images: give at least one")
        object.__setattr__(self, "k", min(self.k, count))
        if not self.layers:
            raise RecipeError(
                f"{self.network.name}: no layer has units to scan; 'dreamfilters layers' gives the reasons"
            )
        for layer in self.layers:
            self.network.layer(layer)

    @property
    def total(self) -> int:
        """Number of images."""
        return len(self.source.names)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image, see `image_size`."""
        return image_size(self.source, self.network.form)

    @cached_property
    def facts(self) -> tuple[LayerInfo, ...]:
        """Each layer, with its output shape for images of this size."""
        watch = self.network.watch(frozenset(self.layers))
        shape = (1, *self.size, self.network.form.channels)
        shapes = backend.output_shapes(lambda images: watch(self.network.to_input(images)), shape)
        return tuple(_facts(self.network, layer, shapes[layer]) for layer in self.layers)

    @cached_property
    def labels(self) -> ClassLabels | None:
        """The classes of the network that the images' labels mean, None if there are no labels or they mean none."""
        return None if isinstance(self._labels, str) else self._labels

    @cached_property
    def _labels(self) -> ClassLabels | str:
        """See `labels`; the reason instead of None."""
        if not any(self.source.labels):
            return ""
        try:
            return class_labels(self.network, self.source.labels)
        except UnknownNameError as error:
            return f"no accuracy: {error}" if self.network.is_classifier else ""

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes of the outputs, then the labels of no class; the sorted labels if they mean no classes."""
        return tuple(sorted(set(self.source.labels) - {""})) if self.labels is None else self.labels.names

    @cached_property
    def truth(self) -> NDArray[np.int32]:
        """The index in `classes` of each image's label, -1 for none."""
        if self.labels is not None:
            return np.array(self.labels.numbers, np.int32)
        known = {label: number for number, label in enumerate(self.classes)}
        return np.array([known.get(label, -1) for label in self.source.labels], np.int32)

    def start(self) -> ScanState:
        """Return the state before the first image."""
        units = sum(facts.units for facts in self.facts)
        accumulators = Accumulators.empty(units, self.k, len(self.classes))
        count = len(self.source.names)
        return ScanState(0, accumulators, np.full(count, -1, np.int32), np.zeros(count, np.int32))

    def advance(self, state: ScanState) -> Iterator[str]:
        """Process the remaining images; yield the name of a batch's last image after each batch that updates `state`.

        Raises:
            ImageError: no image can be read.
        """
        shards = min(self.executor.count // _WORKERS_OF_A_SHARD, os.cpu_count() or 1)
        if shards > 1 and isinstance(state.accumulators, Accumulators):
            state.accumulators = ColumnShards.of(state.accumulators, shards)
        images, shipped = self.source.fitted(self.size, self.network.form), self.executor.ships_images
        amount = (len(self.source.names) - state.done) * self._map_bytes / self.executor.count
        reading = _Reading(images, self.layers, self.k, self._batch_size, shipped, amount)
        task = Task(_batch_reducer, self.network, reading, _BATCHES_IN_FLIGHT, lambda batch: images.files(batch[0]))
        for batch in self.executor.map(task, self._batches(state)):
            state.consistent = False
            state.failures |= batch.failures
            if batch.contribution is not None:
                state.accumulators.add(batch.indices, batch.contribution, self.truth[batch.indices])
                if LOGITS in self.layers:
                    logits = batch.contribution.mean[:, self._columns(LOGITS)]
                    head, labels = self.network.head, self.truth[batch.indices]
                    of_outputs = np.where(labels < logits.shape[-1], labels, -1)
                    state.predicted[batch.indices] = head.predicted_for(logits, of_outputs)
                    state.counts[batch.indices] = head.are_predicted(logits).sum(axis=-1)
            state.done = batch.end
            state.consistent = True
            yield self.source.names[batch.end - 1]
        if len(state.failures) == len(self.source.names):
            raise self.source.unreadable(state.failures[len(self.source.names) - 1])

    def result(self, state: ScanState) -> Scan:
        """Return the scan of a finished state."""
        return Scan(
            network=self.network.name,
            fingerprint=self.network.fingerprint,
            form=plain(self.network.form),
            size=self.size,
            k=self.k,
            names=self.source.names,
            labels=self.source.labels,
            classes=self.classes,
            failures=tuple((self.source.names[index], reason) for index, reason in sorted(state.failures.items())),
            predicted=state.predicted,
            counts=state.counts,
            truth=self.truth,
            facts=self.facts,
            arrays=state.accumulators.arrays,
            has_several=self.network.head.kind == "sigmoid",
            shown_by={
                name: other
                for name, other in layers_shown_by(self.network).items()
                if name not in self.layers and other in self.layers
            },
            outputs=0 if self.labels is None else len(self.labels.classes),
            remark=self._labels if isinstance(self._labels, str) else self._labels.remark,
            images=self.source,
        )

    @cached_property
    def _batch_size(self) -> int:
        execution, memory = backend.execution(), backend.device().memory
        room = _BATCH_BYTES if memory is None else memory * execution.devices // _SHARE
        fitting = max(1, min(execution.scanned, room // self._map_bytes, len(self.source.names)))
        return self.batch or max(1, fitting // execution.devices) * execution.devices

    @cached_property
    def _map_bytes(self) -> int:
        """Bytes of the activation maps of an image."""
        return 4 * sum(facts.units * (facts.positions or 1) for facts in self.facts)

    def _batches(self, state: ScanState) -> Iterator[tuple[range, Floats]]:
        """Yield the image indices of each remaining batch with the ranking thresholds at that moment.

        The thresholds lag a few batches behind. Lower thresholds only cost a few more positions.
        """
        for first in range(state.done, len(self.source.names), self._batch_size):
            indices = range(first, min(first + self._batch_size, len(self.source.names)))
            yield indices, state.accumulators.thresholds.copy()

    def _columns(self, layer: str) -> slice:
        number = self.layers.index(layer)
        start = sum(facts.units for facts in self.facts[:number])
        return slice(start, start + self.facts[number].units)


@dataclass(frozen=True, eq=False)
class _Reading:
    """What a worker reads and reduces: images at the network's size, layers, images per ranking and per batch.

    `shipped` says whether it is sent the files of the images, `amount` how many bytes of maps it reduces.
    """

    images: ImageSource
    layers: tuple[str, ...]
    k: int
    batch: int
    shipped: bool
    amount: float


def _batch_reducer(network: Network, reading: _Reading, note: OnNote) -> Callable[[tuple[range, Floats]], _Batch]:
    """Return the function that reads a batch of images and reduces their activation maps."""
    layers = reading.layers
    if not reading.shipped:
        reading.images.check_present()
    reduce = programs_of(network).get(("scan", layers), lambda network: reducer(network, layers))

    def reduced(batch: tuple[range, Floats]) -> _Batch:
        numbers, thresholds = batch
        results = {index: reading.images.tried(index) for index in numbers}
        failures = {index: result for index, result in results.items() if isinstance(result, str)}
        images = [result for result in results.values() if not isinstance(result, str)]
        if not images:
            return _Batch(numbers.stop, np.empty(0, np.intp), None, failures)
        padded = np.stack(images + images[-1:] * (reading.batch - len(images)))  # one program for all batches
        statistics = reduce(padded, thresholds, reading.amount).first(len(images))
        indices = np.array([i for i in numbers if i not in failures])
        return _Batch(numbers.stop, indices, statistics.contribution(thresholds, reading.k), failures)

    return reduced


@dataclass(frozen=True, eq=False)
class _Batch:
    """The reduced batch: the index after its last image, the readable images with what they add, the failures."""

    end: int
    indices: NDArray[np.intp]
    contribution: BatchContribution | None
    failures: dict[int, str]


def _facts(network: Network, layer: str, shape: tuple[int, ...]) -> LayerInfo:
    """Return a layer under the name and with the output shape (n, ..., units) of this scan."""
    info = network.layer(layer)
    if not info.is_visual:
        raise RecipeError(f"{layer}: {info.reason}; leave it out")
    if layer == LOGITS:
        info = replace(info, type="logits", receptive_field=None)
    return replace(info, name=layer, shape=shape[1:], units=shape[-1])
