"""The order of a network's classes: the orders that are usual, and the one that its predictions on labels imply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dreamfilters.networks.classes.class_labels import ClassLabels

Reals: TypeAlias = NDArray[np.float64]
Numbers: TypeAlias = NDArray[np.intp]

BY_PREDICTIONS = "by predictions"  # the name of the order that `order_by_predictions` returns


@dataclass(frozen=True)
class ClassOrder:
    """One order of the classes."""

    name: str  # 'numeric', 'string-sorted', 'alphabetical', 'as named' or `BY_PREDICTIONS`
    classes: tuple[str, ...]  # the outputs' names in this order
    positions: Numbers = field(repr=False, compare=False)  # each labeled image's output, -1 for none

    @property
    def is_usual(self) -> bool:
        """Whether it was not found from the predictions."""
        return self.name != BY_PREDICTIONS

    @property
    def is_plain(self) -> bool:
        """Whether each output is named by its number."""
        return self.classes == tuple(map(str, range(len(self.classes))))


def class_orders(labels: ClassLabels) -> tuple[ClassOrder, ...]:
    """Return the orders that the classes may be in, the network's own first, with the output of each label.

    Keras' generators sort the folders of the classes as text: 0, 1, 10, 11, ..., 2.

    >>> from dreamfilters.networks.classes.class_labels import class_labels
    >>> [order.name for order in class_orders(class_labels(network, ["0", "1", "42"]))]
    ['as named', 'alphabetical', 'string-sorted']
    """
    names, numbers = labels.classes, list(labels.numbers)
    found: dict[tuple[int, ...], str] = {}  # index into `names` of each output -> name of the order
    for title, order in _permutations(names, "alphabetical" if labels.rule == "order" else "as named"):
        found.setdefault(order, title)
    outputs = {order: np.full(1 + max([*order, *numbers]), -1) for order in found}
    for order, output in outputs.items():
        output[list(order)] = np.arange(len(order))
    return tuple(
        ClassOrder(title, tuple(names[number] for number in order), outputs[order][numbers])
        for order, title in found.items()
    )


def order_by_predictions(
    names: Sequence[str], labels: Sequence[int], probabilities: Reals, folds: NDArray[np.bool_]
) -> ClassOrder:
    """Return the order in which the most labeled images are predicted correctly.

    The output of each image is that of the order found on the images of the other fold, so that chance does not count:
    some order always suits the images that it was chosen on.

    Args:
        names: of the classes; the index of a label that no output has is past them.
        labels: (n,) indices into `names`.
        probabilities: (n, outputs) of each image.
        folds: (n,) which of two halves each image is in.
    """
    numbers = np.asarray(labels)
    positions = np.full(len(numbers), -1)
    for fold in (False, True):
        own, others = folds == fold, folds != fold
        positions[own] = _assigned(numbers[others], probabilities[others], len(names), numbers.max())[numbers[own]]
    outputs = _assigned(numbers, probabilities, len(names), numbers.max())
    named = {int(output): names[label] for label, output in enumerate(outputs) if output >= 0}
    rest = iter(name for label, name in enumerate(names) if outputs[label] < 0)  # no image shows these classes
    classes = tuple(named[output] if output in named else next(rest) for output in range(len(names)))
    return ClassOrder(BY_PREDICTIONS, classes, positions)


def _assigned(labels: Numbers, probabilities: Reals, count: int, greatest: int) -> Numbers:
    """Return the output of each label, up to the greatest, that the confusion matrix of the images implies."""
    confusion = np.zeros((count, probabilities.shape[1]))
    shown = labels < count
    np.add.at(confusion, (labels[shown], probabilities[shown].argmax(axis=1)), 1)
    np.add.at(confusion, labels[shown], probabilities[shown] / (1 + len(labels)))  # decides between equal counts
    known = np.unique(labels[shown])
    rows, columns = linear_sum_assignment(confusion[known], maximize=True)
    outputs = np.full(1 + max(greatest, count - 1), -1)
    outputs[known[rows]] = columns
    return outputs


def _permutations(names: tuple[str, ...], own: str) -> list[tuple[str, tuple[int, ...]]]:
    """Return the name of each usual order with the index into `names` of each output; `own` is that of the names."""
    plain = tuple(range(len(names)))
    as_text = ("string-sorted", tuple(sorted(plain, key=str)))
    if all(name.isdecimal() for name in names):
        by_number = tuple(sorted(plain, key=lambda number: int(names[number])))
        sorted_text = tuple(sorted(plain, key=lambda number: str(int(names[number]))))
        return [("numeric", by_number), ("string-sorted", sorted_text), (own, plain)]
    alphabetical = ("alphabetical", tuple(sorted(plain, key=lambda number: names[number])))
    return [(own, plain), alphabetical, as_text]
