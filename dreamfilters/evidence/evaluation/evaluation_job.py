"""Evaluations to compute: one pass over labeled images, of which the logits are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError, ModelError, RecipeError, UnknownNameError, printable
from dreamfilters.evidence.activations import activations
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.scan.sources import FolderSource, ImageSource, image_size
from dreamfilters.executors.executor import LOCAL, Executor, OnNote, Task
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.classes.class_labels import ClassLabels, class_labels, listed
from dreamfilters.serialization import plain

Floats = NDArray[np.float32]

_MOST_IMAGES = 64  # in a batch; larger batches are hardly faster
_BATCHES_IN_FLIGHT = 2  # one is read, one passes the network


@dataclass
class EvaluationState:
    """Everything an unfinished evaluation stores so that a later run resumes it.

    Attributes:
        done: number of labeled images processed, which is also the place of the next one.
        logits: (labeled images, classes), NaN where there are none yet.
        failures: place of a labeled image -> the reason why it cannot be read.
    """

    done: int
    logits: Floats
    failures: dict[int, str] = field(default_factory=dict)

    @property
    def consistent(self) -> bool:
        """Whether the state may be stored: always, because a batch that is predicted again changes nothing."""
        return True


@dataclass(frozen=True, eq=False)
class EvaluationJob:
    """An evaluation to compute.

    Attributes:
        network: the network.
        source: the images with their labels.
        batch: images per batch; None for the fastest.
        executor: where batches are computed; it never changes the result.
    """

    network: Network
    source: ImageSource
    batch: int | None = None
    executor: Executor = LOCAL

    def __post_init__(self) -> None:
        if self.batch is not None and self.batch < 1:
            raise RecipeError(f"batch={self.batch}: must be at least 1")
        _check_classifier(self.network)
        if not self.source.names:
            raise ImageError("no images: give at least one")
        if not any(self.source.labels):
            hint = (
                _parent_of_classes(self.network, self.source) or "use one folder per class, or give a CSV with --labels"
            )
            raise ImageError(f"no image has a label: {hint}")
        present = sorted(set(self.truth.tolist()))
        if len(present) < 2:
            known = listed([self.labels.classes[number] for number in present])
            hint = _parent_of_classes(self.network, self.source) or "give images of two classes or more"
            raise ImageError(f"all labeled images are of the class {known}; {hint}")

    @cached_property
    def labels(self) -> ClassLabels:
        """The classes that the labels mean."""
        return class_labels(self.network, self.source.labels)

    @cached_property
    def wanted(self) -> NDArray[np.intp]:
        """The indices of the images whose label means a class."""
        numbers = np.array(self.labels.numbers, np.intp)
        return np.flatnonzero((numbers >= 0) & (numbers < len(self.labels.classes)))

    @cached_property
    def truth(self) -> NDArray[np.intp]:
        """The class of each of `wanted`."""
        return np.array(self.labels.numbers, np.intp)[self.wanted]

    @property
    def total(self) -> int:
        """Number of images whose label means a class."""
        return len(self.wanted)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image, see `image_size`."""
        return image_size(self.source, self.network.form)

    def start(self) -> EvaluationState:
        """Return the state before the first image."""
        return EvaluationState(0, np.full((len(self.wanted), self.network.class_count), np.nan, np.float32))

    def advance(self, state: EvaluationState) -> Iterator[str]:
        """Predict the remaining images; yield the name of a batch's last image after each batch that updates `state`.

        Raises:
            ImageError: no image can be read.
        """
        images, shipped = self.source.fitted(self.size, self.network.form), self.executor.ships_images
        reading = _Reading(images, self.wanted, self._batch_size, shipped)
        task = Task(
            _predictor,
            self.network,
            reading,
            _BATCHES_IN_FLIGHT,
            lambda places: images.files(int(self.wanted[place]) for place in places),
        )
        firsts = range(state.done, self.total, self._batch_size)
        batches = (range(first, min(first + self._batch_size, self.total)) for first in firsts)
        for batch in self.executor.map(task, batches):
            state.failures |= batch.failures
            state.logits[batch.readable] = batch.logits
            state.done = batch.places.stop
            yield self.source.names[self.wanted[state.done - 1]]
        if len(state.failures) == self.total:
            raise self.source.unreadable(state.failures[self.total - 1])

    @property
    def _batch_size(self) -> int:
        return self.batch or min(_MOST_IMAGES, self.total)

    def result(self, state: EvaluationState) -> Evaluation:
        """Return the evaluation of a finished state."""
        kept = np.array([place not in state.failures for place in range(len(self.wanted))], bool)
        return Evaluation(
            network=self.network.name,
            fingerprint=self.network.fingerprint,
            form=plain(self.network.form),
            size=self.size,
            names=self.source.names,
            labels=self.source.labels,
            classes=self.labels.classes,
            head=self.network.head,
            indices=self.wanted[kept],
            truth=self.truth[kept],
            logits=state.logits[kept],
            failures=tuple(
                (self.source.names[self.wanted[place]], reason) for place, reason in sorted(state.failures.items())
            ),
            remark=self.labels.remark,
            images=self.source,
        )


@dataclass(frozen=True, eq=False)
class _Reading:
    """What a worker reads: images at the network's size, the index of each labeled one, images per batch.

    `shipped` says whether it is sent the files of the images.
    """

    images: ImageSource
    wanted: NDArray[np.intp]
    batch: int
    shipped: bool


@dataclass(frozen=True, eq=False)
class _Batch:
    """The places of a batch, those that can be read with their logits, and the failures of the others."""

    places: range
    readable: list[int]
    logits: Floats
    failures: dict[int, str]


def _predictor(network: Network, reading: _Reading, note: OnNote) -> Callable[[range], _Batch]:
    """Return the function that reads the images of a batch and computes their logits."""
    if not reading.shipped:
        reading.images.check_present()

    def predicted(places: range) -> _Batch:
        tried = {place: reading.images.tried(int(reading.wanted[place])) for place in places}
        failures = {place: image for place, image in tried.items() if isinstance(image, str)}
        images = [image for image in tried.values() if not isinstance(image, str)]
        if not images:
            return _Batch(places, [], np.empty((0, network.class_count), np.float32), failures)
        padded = images + images[-1:] * (reading.batch - len(images))  # one program for all batches
        logits = activations(network, padded, [LOGITS], batch=reading.batch)[LOGITS][: len(images)]
        return _Batch(places, [place for place in places if place not in failures], logits, failures)

    return predicted


def _parent_of_classes(network: Network, source: ImageSource) -> str:
    """Return the advice to give the parent of a folder that is named as a class, beside others; '' for others."""
    if not isinstance(source, FolderSource) or any("/" in name for name in source.names):
        return ""
    folder = source.folder.folder.absolute()
    try:
        beside = sorted(path.name for path in folder.parent.iterdir() if path.is_dir() and path != folder)
        found = class_labels(network, [folder.name, *beside])
    except (OSError, UnknownNameError):
        return ""
    known = [0 <= number < network.class_count for number in found.numbers]
    if found.rule == "order" or not known[0] or sum(known) < 2:
        return ""
    given = source.folder.folder
    parent = given.parent if given.name and given.parent.name else folder.parent
    return f"{printable(str(given))} is the folder of one class; give its parent, {printable(str(parent))}"


def _check_classifier(network: Network) -> None:
    """Raise a ModelError if the network does not predict classes of whole images."""
    if network.is_classifier:
        return
    output = network.output_layer
    if network.class_count > 1:
        cause = f"its output {output.name} {output.shape} has classes at each position, not for the whole image"
    else:
        cause = f"its output {output.name} {output.shape} ends in neither softmax nor sigmoid"
    raise ModelError(f"{network.name}: has no classes to evaluate: {cause}; choose another one with --output")
