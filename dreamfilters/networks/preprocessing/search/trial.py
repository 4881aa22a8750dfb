"""Trials: a network's accuracy on the same labeled images in many input forms and orders of its classes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters import backend
from dreamfilters.errors import ImageError, InputFormError
from dreamfilters.images import ImageArray, ImageFolder, resize
from dreamfilters.images.resizing import RULES, Rule
from dreamfilters.networks import LOGITS, InputForm, Network
from dreamfilters.networks.classes.accuracy import SIGNIFICANT
from dreamfilters.networks.classes.class_head import LARGEST_LOGIT, SOFTMAX
from dreamfilters.networks.classes.class_labels import ClassLabels
from dreamfilters.networks.preprocessing.search.class_order import (
    ClassOrder,
    class_orders,
    order_by_predictions,
)
from dreamfilters.networks.preprocessing.settings_file import form_as_toml
from dreamfilters.progress import OnProgress, Progress

Reals: TypeAlias = NDArray[np.float64]

_BATCH = 64
_ROOM = 2**29  # bytes of images held at a time
_LEAST = 1e-7  # the least probability, as in Keras; otherwise one confident mistake would dominate the loss
_SMALL_GAIN = 0.1  # of the mean loss: the probability of the right class differs by less than a tenth of itself


@dataclass(frozen=True, eq=False)
class Trial:
    """The results of a network with one input form and one order of its classes."""

    form: InputForm
    order: ClassOrder
    right: NDArray[np.bool_] = field(repr=False)  # (n,) whether each image is predicted correctly
    losses: Reals = field(repr=False)  # (n,) -log(probability of the right class)

    @property
    def accuracy(self) -> float:
        """The share of images that are predicted correctly."""
        return float(self.right.mean())

    @property
    def log_loss(self) -> float:
        """The mean of `losses`."""
        return float(self.losses.mean())

    def describe(self) -> str:
        """Return the form and the order as text."""
        return f"{self.form.describe()}, {self.order.name}"

    def as_values(self) -> dict[str, Any]:
        """Return the trial as JSON values."""
        form = self.form
        return {
            "accuracy": self.accuracy, "log_loss": self.log_loss, "input": form.describe(), "resize": form.resize,
            "classes": self.order.name,
        }  # fmt: skip

    def as_toml(self, inputs: Mapping[str, float | str] | None = None, *, without: Collection[str] = ()) -> str:
        """Return the text of a `model.toml` with the form, and with the names of the classes unless they are numbers.

        `inputs` are the values of other inputs; keys in `without` are left out, see `form_as_toml`.
        """
        return form_as_toml(self.form, None if self.order.is_plain else self.order.classes, inputs, without=without)

    def beats(self, other: Trial) -> bool:
        """Return whether this trial is significantly better than another one on the same images.

        Either by the sign test of McNemar (1947) on the images that only one of them predicts correctly, or by the
        mean difference of the losses relative to its standard error. A small difference of the losses is no evidence:
        input values of a larger range alone make correct predictions more confident.
        """
        won, lost = int(np.sum(self.right & ~other.right)), int(np.sum(other.right & ~self.right))
        if won - lost > SIGNIFICANT * math.sqrt(won + lost):
            return True
        gain = other.losses - self.losses
        return bool(gain.mean() > _SMALL_GAIN and gain.mean() * math.sqrt(len(gain)) > SIGNIFICANT * gain.std())


@dataclass(frozen=True, eq=False)
class ShownImages:
    """Images at the network's size, resized by each rule."""

    indices: tuple[int, ...]  # (n,) their indices among the given images
    resized: Mapping[Rule, NDArray[np.float16]]  # (n, h, w, c) in [0, 1] by each rule


def read_images(
    network: Network,
    images: ImageFolder | Sequence[ArrayLike],
    chosen: Sequence[int],
    progress: OnProgress | None = None,
) -> ShownImages:
    """Return the chosen images that can be read; fewer of them where they would not fit in memory."""
    form = network.form
    height, width = form.size
    if height is None or width is None:
        raise InputFormError(f"{network.name}: takes any size; set one in its TOML, such as size = [224, 224]")
    most = max(1, _ROOM // (2 * len(RULES) * height * width * form.channels))
    chosen = chosen[:: math.ceil(len(chosen) / most)]
    indices: list[int] = []
    resized: dict[Rule, list[NDArray[np.float16]]] = {rule: [] for rule in RULES}
    arrays: Iterable[tuple[int, ImageArray]]
    if isinstance(images, ImageFolder):
        arrays = images.fitted(None, form.channels, bits=form.bits).only(chosen)
    else:
        as_given = replace(form, size=(None, None))
        arrays = ((index, as_given.fit(images[index])) for index in chosen)
    for index, image in arrays:
        fits = image.shape[:2] == (height, width)
        for rule, stack in resized.items():
            stack.append(np.asarray(image if fits else resize(image, (height, width), rule), np.float16))
        indices.append(index)
        if progress is not None:
            progress(Progress(len(indices), len(chosen), "decoding"))
    if not indices:
        failures = images.failures if isinstance(images, ImageFolder) else ()
        last = "".join(f"; {path.name}: {reason}" for path, reason in failures[-1:])
        raise ImageError(f"none of the {len(chosen)} labeled images can be read{last}")
    return ShownImages(tuple(indices), {rule: np.stack(stack) for rule, stack in resized.items()})


class TrialRunner:
    """Runs trials of a network on the same images, for several orders of its classes.

    `labels` are those of the shown images.
    """

    def __init__(self, network: Network, shown: ShownImages, labels: ClassLabels) -> None:
        self.form, self.shown, self.labels = network.form, shown, labels
        self.orders = class_orders(labels)
        self.folds = _halves(labels.numbers)
        head = network.head
        self.head = SOFTMAX if head.kind == "regression" else head  # the labels imply that the outputs are classes
        watch = network.watch(frozenset({LOGITS}))
        self.logits = backend.compile(lambda x: watch(x)[LOGITS])

    def trials(self, form: InputForm) -> list[Trial]:
        """Return the trial of one form for each order of the classes.

        The order that the predictions imply is among them if it is significantly better than every other order.
        """
        probabilities = np.concatenate([self._probabilities(form, stack) for stack in self._stacks(form.resize)])
        trials = [_trial(form, order, probabilities) for order in self.orders]
        if self.folds.any():
            implied = order_by_predictions(self.labels.classes, self.labels.numbers, probabilities, self.folds)
            solved = _trial(form, implied, probabilities)
            trials += [solved] if all(solved.beats(trial) for trial in trials) else []
        return trials

    def statistics(self, form: InputForm) -> tuple[Reals, Reals]:
        """Return the mean and the std of each channel of the network's input over all images."""
        first, second = np.zeros(form.channels), np.zeros(form.channels)
        for stack in self._stacks(form.resize):
            values = np.asarray(form.to_input(stack), np.float64)
            first += values.mean(axis=(1, 2)).sum(axis=0)
            second += np.square(values).mean(axis=(1, 2)).sum(axis=0)
        mean = first / len(self.shown.indices)
        return mean, np.sqrt(np.maximum(second / len(self.shown.indices) - np.square(mean), 0))

    def _stacks(self, rule: Rule) -> Iterator[ImageArray]:
        images = self.shown.resized[rule]
        for start in range(0, len(images), _BATCH):
            yield images[start : start + _BATCH].astype(np.float32)

    def _probabilities(self, form: InputForm, stack: ImageArray) -> Reals:
        """Return the probability of each output, (n, outputs)."""
        missing = min(_BATCH, len(self.shown.indices)) - len(stack)  # one compiled program for full batches
        filled = np.concatenate([stack, np.repeat(stack[-1:], missing, axis=0)])
        logits = np.asarray(self.logits(form.to_input(filled)), np.float64)[: len(stack)]
        logits = np.nan_to_num(logits, nan=0, posinf=LARGEST_LOGIT, neginf=-LARGEST_LOGIT)
        probabilities = np.asarray(self.head.probabilities(logits))
        sums = 1 if self.head.kind == "softmax" else probabilities.sum(axis=1, keepdims=True)
        return probabilities / sums


def _trial(form: InputForm, order: ClassOrder, probabilities: Reals) -> Trial:
    of_class = np.where(order.positions < 0, 0, probabilities[np.arange(len(probabilities)), order.positions])
    right = probabilities.argmax(axis=1) == order.positions
    return Trial(form, order, right, -np.log(np.maximum(of_class, _LEAST)))


def _halves(labels: Sequence[int]) -> NDArray[np.bool_]:
    """Return for each image whether it is in the second half; every other image of a class is."""
    seen: Counter[int] = Counter()
    halves = []
    for label in labels:
        halves.append(seen[label] % 2 == 1)
        seen[label] += 1
    return np.array(halves)
