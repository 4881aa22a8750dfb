"""`Evaluation`: the predictions of a network on labeled images, and what follows from them.

Imports neither TensorFlow nor Keras, so that a stored evaluation loads quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.display import frame, heading, table, tiles
from dreamfilters.evidence.evaluation.reliability import Reliability, reliability
from dreamfilters.evidence.evaluation.separation import ClassSeparation
from dreamfilters.evidence.evaluation.statistics import confusion_matrix, wilson_interval
from dreamfilters.evidence.scan.result import ScannedImages, readable_images
from dreamfilters.networks.classes.accuracy import Accuracy
from dreamfilters.networks.classes.class_head import ClassHead
from dreamfilters.number_format import percent

_ROWS = 4096  # images whose probabilities are computed at a time
_SHOWN = 12  # mistakes in a notebook
TOP = 5  # classes of the second accuracy, of networks with more


@dataclass(frozen=True)
class ClassResult:
    """The images of one class, and those that are predicted as it.

    Attributes:
        number: of the class.
        name: of the class.
        images: how many images are labeled as the class.
        right: how many of them are predicted as the class.
        predicted: how many images of any class are predicted as it.
        interval: the 95 % confidence interval of the recall.
    """

    number: int
    name: str
    images: int
    right: int
    predicted: int
    interval: tuple[float, float]

    @property
    def recall(self) -> float | None:
        """The share of the images of the class that are predicted as it, None for no images."""
        return self.right / self.images if self.images else None

    @property
    def precision(self) -> float | None:
        """The share of the images predicted as the class that are labeled as it, None for no predictions."""
        return self.right / self.predicted if self.predicted else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall, None for neither images nor predictions.

        >>> ClassResult(0, "STOP", images=4, right=3, predicted=6, interval=(0.3, 1.0)).f1
        0.6
        """
        both = self.images + self.predicted
        return 2 * self.right / both if both else None


@dataclass(frozen=True)
class Misclassified:
    """The images of one class that are predicted as another; `predicted` is -1 for no class.

    Attributes:
        label, predicted: numbers of the classes.
        rows: their rows, the most confident prediction first.
    """

    label: int
    predicted: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class ClassPair:
    """Two classes that are confused: how many images of each are predicted as the other."""

    first: int
    second: int
    first_as_second: int
    second_as_first: int

    @property
    def count(self) -> int:
        """The images of both."""
        return self.first_as_second + self.second_as_first


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The predictions of a network on m labeled images, as `evaluate` and `read_evaluation` return them.

    Attributes:
        network: the network's name.
        fingerprint: of its weights and configuration.
        form: its input form as plain values.
        size: (height, width) to which every image was resized.
        names: n, the file name of every image that was given.
        labels: n, "" for none.
        classes: the name of each output.
        head: how the network turns logits into probabilities.
        indices: (m,) which of the given images were read and have a class.
        truth: (m,) the number of each one's class.
        logits: (m, classes) float32.
        failures: name and reason of each image that could not be read.
        remark: how the labels are read, see `ClassLabels.remark`.
        separations: the units that separate the most confused classes, or do not.
        images: the images, None if they are not known.

    Example:
        >>> evaluation = evaluate(network, image_folder("signs"))
        >>> evaluation.accuracy.value > 0.9, evaluation.matrix.shape
        (True, (43, 44))
    """

    network: str
    fingerprint: str
    form: Mapping[str, Any]
    size: tuple[int, int]
    names: tuple[str, ...]
    labels: tuple[str, ...]
    classes: tuple[str, ...]
    head: ClassHead
    indices: NDArray[np.intp]
    truth: NDArray[np.intp]
    logits: NDArray[np.float32]
    failures: tuple[tuple[str, str], ...] = ()
    remark: str = ""
    separations: tuple[ClassSeparation, ...] = ()
    images: ScannedImages | None = field(default=None, repr=False)

    @property
    def count(self) -> int:
        """The number of images that were read and have a class."""
        return len(self.indices)

    @property
    def left_out(self) -> int:
        """The number of images whose label is missing or means no class."""
        return len(self.names) - self.count - len(self.failures)

    @property
    def has_several(self) -> bool:
        """Whether the network predicts several classes for an image; a label then names one of them."""
        return self.head.kind == "sigmoid"

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """(m,) the predicted class, -1 for none; of several, the class of the label if it is among them."""
        return self.head.predicted_for(self.logits, self.truth)

    @cached_property
    def right(self) -> NDArray[np.bool_]:
        """(m,) whether the predicted class is that of the label."""
        return np.equal(self.predicted, self.truth)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """(m,) the probability of the predicted class; NaN where no class is predicted."""
        found = self._probability_of(np.maximum(self.predicted, 0))
        return np.where(self.predicted < 0, np.nan, found)

    @cached_property
    def label_probability(self) -> NDArray[np.float64]:
        """(m,) the probability of the class of the label."""
        return self._probability_of(self.truth)

    @cached_property
    def accuracy(self) -> Accuracy:
        """The accuracy, overall and averaged over the classes (`Accuracy.value`, the balanced accuracy)."""
        several = float(self._are_predicted.mean()) / self.count if self.has_several else None
        return Accuracy(self.indices, self.truth, self.predicted, self.remark, several)

    @property
    def share(self) -> float:
        """The share of the images that are predicted correctly."""
        return float(self.right.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of `share`, see `wilson_interval`.

        It treats the images as independent: several images of one object make it too narrow.
        """
        return wilson_interval(int(self.right.sum()), self.count)

    @cached_property
    def top_share(self) -> float | None:
        """The share of the images whose class is among the `TOP` largest logits; None for no more classes than that.

        Of equal logits the class with the lower number comes first, as for the predicted class.
        """
        if len(self.classes) <= TOP:
            return None
        own = np.take_along_axis(self.logits, self.truth[:, None], axis=1)
        before = (self.logits > own) | ((self.logits == own) & (np.arange(len(self.classes)) < self.truth[:, None]))
        known = np.isfinite(self.logits).all(axis=1)
        return float((known & (before.sum(axis=1) < TOP)).mean())

    @cached_property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that have images."""
        return float(np.mean([one.f1 for one in self.per_class if one.images]))

    @cached_property
    def matrix(self) -> NDArray[np.int64]:
        """(classes, classes + 1) images of each label by predicted class, see `confusion_matrix`."""
        return confusion_matrix(self.truth, self.predicted, len(self.classes))

    @cached_property
    def per_class(self) -> tuple[ClassResult, ...]:
        """The result of each class.

        Where a network predicts several classes for an image, each of them counts as predicted.
        """
        images, right = self.matrix.sum(axis=1).tolist(), np.diagonal(self.matrix).tolist()
        predicted = self._are_predicted.tolist()
        return tuple(
            ClassResult(number, name, labeled, hits, named, wilson_interval(hits, labeled))
            for number, (name, labeled, hits, named) in enumerate(
                zip(self.classes, images, right, predicted, strict=True)
            )
        )

    @cached_property
    def misclassified(self) -> tuple[Misclassified, ...]:
        """The mistakes by label and predicted class, the most frequent first."""
        groups: dict[tuple[int, int], list[int]] = {}
        for row in self.mistakes:
            groups.setdefault((int(self.truth[row]), int(self.predicted[row])), []).append(int(row))
        found = [Misclassified(*classes, tuple(rows)) for classes, rows in groups.items()]
        return tuple(sorted(found, key=lambda one: (-len(one.rows), one.label, one.predicted)))

    @cached_property
    def pairs(self) -> tuple[ClassPair, ...]:
        """The pairs of classes that are confused, the most frequent first; a pair counts in both directions."""
        square = self.matrix[:, :-1]
        both = np.triu(square + square.T, 1)
        found = [
            ClassPair(first, second, int(square[first, second]), int(square[second, first]))
            for first, second in np.argwhere(both).tolist()
        ]
        return tuple(sorted(found, key=lambda one: (-one.count, one.first, one.second)))

    @cached_property
    def mistakes(self) -> NDArray[np.intp]:
        """The rows that are not predicted as labeled, the most confident prediction first."""
        rows = np.flatnonzero(~self.right)
        return rows[np.argsort(-np.nan_to_num(self.confidence[rows], nan=-1.0), kind="stable")]

    @cached_property
    def hits(self) -> NDArray[np.intp]:
        """The rows that are predicted as labeled, the least confident first."""
        rows = np.flatnonzero(self.right)
        return rows[np.argsort(np.nan_to_num(self.confidence[rows], nan=2.0), kind="stable")]

    @cached_property
    def reliability(self) -> Reliability | None:
        """The calibration; None where several classes are predicted for an image, because the label names only one."""
        return None if self.has_several else reliability(self.confidence, self.right)

    def name_of(self, row: int) -> str:
        """Return the name of the image of a row."""
        return self.names[int(self.indices[row])]

    def class_name(self, number: int) -> str:
        """Return the name of a class, 'none' for -1."""
        return self.classes[number] if number >= 0 else "none"

    def describe(self) -> str:
        """Return the accuracy with its interval, the balanced accuracy and the calibration error in one line.

        >>> evaluate(network, image_folder("signs")).describe()
        '97.7 % of 172 images are predicted correctly (95 % interval: 94.2 to 99.1 %; ...'
        """
        low, high = (f"{100 * end:.1f}" for end in self.interval)
        parts = [f"95 % interval: {low} to {high} %", f"balanced: {percent(self.accuracy.value, 1)}"]
        parts += [] if self.top_share is None else [f"among the first {TOP}: {percent(self.top_share, 1)}"]
        parts += [f"calibration error: {percent(self.reliability.error, 1)}"] if self.reliability else []
        parts += [self.remark] if self.remark else []
        images = f"{self.count:,} image{'s are' if self.count != 1 else ' is'}"
        return f"{percent(self.share, 1)} of {images} predicted correctly ({'; '.join(parts)})"

    def __repr__(self) -> str:
        return f"Evaluation({self.network[:80]!r}, {percent(self.share, 1)} of {self.count} images)"

    def _repr_html_(self) -> str:
        wanted = [(int(self.indices[row]), self._lines(row)) for row in self.mistakes[:_SHOWN]]
        shown = [tiles(found)] if (found := readable_images(self.images, wanted)) else []
        worst = sorted((one for one in self.per_class if one.images), key=lambda one: one.recall or 0.0)[:_SHOWN]
        rows = [
            {"class": one.name, "images": one.images, "recall": one.recall, "precision": one.precision, "F1": one.f1}
            for one in worst
        ]
        head = heading(f"Evaluation of {self.network}", self.describe())
        mistakes = ["The most confident mistakes: image, label and predicted class.", *shown] if shown else []
        return frame(head, *mistakes, table("The classes with the lowest recall", rows))

    def _lines(self, row: int) -> tuple[str, ...]:
        predicted = f"{self.class_name(self.predicted[row])} {percent(self.confidence[row], 1)}"
        return self.name_of(row), self.classes[self.truth[row]], predicted

    @cached_property
    def _are_predicted(self) -> NDArray[np.int64]:
        """(classes,) how many images are predicted as each class."""
        parts = [
            self.head.are_predicted(self.logits[first : first + _ROWS]).sum(axis=0)
            for first in range(0, self.count, _ROWS)
        ]
        return np.asarray(np.sum(parts, axis=0), np.int64)

    def _probability_of(self, classes: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the probability of one class for each row."""
        parts = []
        for first in range(0, self.count, _ROWS):
            chosen = classes[first : first + _ROWS, None]
            probabilities = self.head.probabilities(self.logits[first : first + _ROWS])
            assert probabilities is not None  # the head is that of classes
            parts.append(np.take_along_axis(probabilities, chosen, axis=1)[:, 0])
        return np.concatenate(parts)
