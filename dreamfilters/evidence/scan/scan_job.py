"""A scan as a piece of work: what is to be looked at, how far it has come, and the step from batch to batch."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.errors import ImageError, RecipeError, UnknownNameError
from dreamfilters.evidence.scan.accumulators import Accumulators, BatchStatistics
from dreamfilters.evidence.scan.reductions import Floats, Reducer, reducer
from dreamfilters.evidence.scan.result import LayerFacts, Scan, field_of
from dreamfilters.evidence.scan.sources import ImageSource
from dreamfilters.images.prefetch import in_order
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.watching import layer_named_by

TOP = 9  # as many references as interpretability scores show, to people and to machines (Zimmermann et al. 2021, 2024)
_MOST = 32  # images at a time; more of them are hardly faster
_ROOM = 2**28  # bytes of a batch's maps
_HANDS = 3  # batches at a time: one is read, one passes the network, of one the numbers are taken


def class_numbers(network: Network, labels: Sequence[str]) -> tuple[int, ...]:
    """Return the class that each label names, -1 for "".

    Labels that are all numbers below the number of classes are taken for the classes' numbers, unless the outputs are
    named by numbers themselves; else they are names.

    Raises:
        UnknownNameError: the network has no class of that name, or all labels could be numbers and names alike.
    """
    known = sorted(set(labels) - {""})
    numeric = all(label.isascii() and label.isdecimal() and int(label) < len(network.classes) for label in known)
    numeric = numeric and not all(name.isdecimal() for name in network.classes)
    if numeric and set(known) <= set(network.classes):
        for label in known:
            _check_unequivocal(network.classes, label)
    numbers = {label: int(label) if numeric else network.class_number(label) for label in known}
    return tuple(numbers.get(label, -1) for label in labels)


def _check_unequivocal(classes: Sequence[str], label: str) -> None:
    """Raise unless the label as a number and as a name means the same class."""
    number, called = int(label), classes.index(label)
    if number != called:
        raise UnknownNameError(
            f"label {label}: may be class {number}, {classes[number]}, or class {called}, which is called {label}; "
            f"say 0{number} or 0{called}"
        )


@dataclass
class ScanState:
    """Everything an unfinished scan stores so that a later run resumes it.

    Attributes:
        next: the number of the first image that was not looked at.
        tally: of those before.
        predicted: (n,) the network's class for each image, -1 for none.
        failures: the number of each image that could not be read, and why.
        whole: whether the last batch is counted wholly; while it is not, this is nothing to store.
    """

    next: int
    tally: Accumulators
    predicted: NDArray[np.int32]
    failures: dict[int, str] = dataclasses.field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True, eq=False)
class ScanJob:
    """What is to be scanned.

    Attributes:
        network: on what.
        source: the images.
        layers: their names.
        k: how many images a ranking holds.
        batch: images at a time, None for as many as are fast.
    """

    network: Network
    source: ImageSource
    layers: tuple[str, ...]
    k: int = TOP
    batch: int | None = None

    def __post_init__(self) -> None:
        count = len(self.source.names)
        if self.k < 1:
            raise RecipeError(f"k={self.k}: at least 1")
        if self.batch is not None and self.batch < 1:
            raise RecipeError(f"batch={self.batch}: at least 1")
        if count < self.k:
            raise ImageError(f"top {self.k}: of images there are only {count}; give more, or a lower top")
        for layer in self.layers:
            if layer != LOGITS:
                self.network.layer(layer_named_by(layer))

    @cached_property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image: the network's, and where it takes any, that of the first readable one."""
        height, width, _ = self.source.first(self.network.form.image_channels).shape
        return self.network.form.size[0] or height, self.network.form.size[1] or width

    @cached_property
    def facts(self) -> tuple[LayerFacts, ...]:
        """What there is to know of each layer."""
        watch = self.network.watch(frozenset(self.layers))
        shape = (1, *self.size, self.network.form.image_channels)
        shapes = backend.output_shapes(lambda images: watch(self.network.to_input(images)), shape)
        return tuple(_facts(self.network, layer, shapes[layer]) for layer in self.layers)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The network's classes if the images' labels fit them, else the labels themselves, sorted."""
        try:
            class_numbers(self.network, self.source.labels)
        except UnknownNameError:
            return tuple(sorted(set(self.source.labels) - {""}))
        return self.network.classes if any(self.source.labels) else ()

    @cached_property
    def truth(self) -> NDArray[np.int32]:
        """The number in `classes` of each image's label, -1 for none."""
        try:
            numbers = class_numbers(self.network, self.source.labels)
        except UnknownNameError:
            known = {label: number for number, label in enumerate(self.classes)}
            numbers = tuple(known.get(label, -1) for label in self.source.labels)
        return np.array(numbers, np.int32)

    def start(self) -> ScanState:
        """Return the state before the first image."""
        units = sum(facts.shape[-1] for facts in self.facts)
        tally = Accumulators.empty(units, self.k, len(self.classes))
        return ScanState(0, tally, np.full(len(self.source.names), -1, np.int32))

    def batches(self, state: ScanState) -> Iterator[str]:
        """Look at the images that are left, and yield the last one's name after each batch that updates `state`."""
        for portion in in_order(self._portion(), self._questions(state), hands=_HANDS):
            state.whole = False
            state.failures |= portion.failures
            if portion.answers is not None:
                state.tally.add(portion.indices, portion.answers, self.truth[portion.indices])
                if LOGITS in self.layers:
                    logits = portion.answers.mean[:, self._columns(LOGITS)]
                    state.predicted[portion.indices] = logits.argmax(axis=1)
            state.next = portion.end
            state.whole = True
            yield self.source.names[portion.end - 1]
        if len(state.failures) == len(self.source.names):
            raise self.source.unreadable(state.failures[len(self.source.names) - 1])

    def scan(self, state: ScanState) -> Scan:
        """Return the result."""
        return Scan(
            network=self.network.name,
            fingerprint=self.network.fingerprint,
            form=_plain(dataclasses.asdict(self.network.form)),
            size=self.size,
            k=self.k,
            names=self.source.names,
            labels=self.source.labels,
            classes=self.classes,
            failures=tuple((self.source.names[index], why) for index, why in sorted(state.failures.items())),
            predicted=state.predicted,
            truth=self.truth,
            facts=self.facts,
            arrays=state.tally.arrays,
        )

    @cached_property
    def _batch(self) -> int:
        maps = 4 * sum(math.prod(facts.shape) for facts in self.facts)
        return self.batch or max(1, min(_MOST, _ROOM // maps, len(self.source.names)))

    def _questions(self, state: ScanState) -> Iterator[tuple[range, Floats]]:
        """Yield the numbers of the images that are left, batch by batch, and the bars as they stand when asked.

        Those of some batches ago are lower: a few more places are looked up, and nothing else changes.
        """
        for first in range(state.next, len(self.source.names), self._batch):
            numbers = range(first, min(first + self._batch, len(self.source.names)))
            yield numbers, state.tally.bars.copy()

    def _portion(self) -> Callable[[tuple[range, Floats]], _Portion]:
        """Return the function that reads a batch's images and shows them to the network."""
        fitted = self.source.fitted(self.size, self.network.form)
        key = ("scan", self.layers)
        if key not in self.network.compiled:
            self.network.compiled[key] = reducer(self.network, self.layers)
        reduce: Reducer = self.network.compiled[key]

        def made(question: tuple[range, Floats]) -> _Portion:
            numbers, bars = question
            tried = {index: fitted.tried(index) for index in numbers}
            failures = {index: found for index, found in tried.items() if isinstance(found, str)}
            images = [found for found in tried.values() if not isinstance(found, str)]
            if not images:
                return _Portion(numbers.stop, np.empty(0, np.intp), None, failures)
            filled = np.stack(images + images[-1:] * (self._batch - len(images)))  # one program for all batches
            answers = reduce(filled, bars).first(len(images))
            return _Portion(numbers.stop, np.array([i for i in numbers if i not in failures]), answers, failures)

        return made

    def _columns(self, layer: str) -> slice:
        before = itertools.takewhile(lambda facts: facts.name != layer, self.facts)
        start = sum(facts.shape[-1] for facts in before)
        return slice(start, start + self.facts[self.layers.index(layer)].shape[-1])


@dataclass(frozen=True, eq=False)
class _Portion:
    """What a batch came to: the number after its last image, which could be read, what they answer, which not."""

    end: int
    indices: NDArray[np.intp]
    answers: BatchStatistics | None
    failures: dict[int, str]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values as JSON would give them back."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _facts(network: Network, layer: str, shape: tuple[int, ...]) -> LayerFacts:
    if len(shape) not in (2, 4):
        raise RecipeError(f"{layer}: its output {shape[1:]} is neither a map (h, w, c) nor a vector (c,); leave it out")
    height, width, units = shape[1:] if len(shape) == 4 else (1, 1, shape[1])
    if layer == LOGITS:
        return LayerFacts(layer, "logits", "linear", (height, width, units), None)
    info = network.layer(layer_named_by(layer))
    seen = info.receptive_field
    field = None if seen is None else field_of(seen.size, seen.stride, seen.offset)
    activation = info.activation if layer_named_by(layer) == layer else "linear"
    return LayerFacts(layer, info.type, activation, (height, width, units), field)
