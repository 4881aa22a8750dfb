"""`Accuracy`: how many labeled images a network predicts correctly, and whether that is poor."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamfilters.number_format import percent

Numbers = NDArray[np.intp]

SIGNIFICANT = 1.96  # stds; chance alone exceeds it one time in twenty


def chance(classes: int) -> float:
    """Return the accuracy of a constant prediction on images of so many classes, evenly spread; of one class, 0.5."""
    return 1 / max(2, classes)


def acceptable(chance: float) -> float:
    """Return the accuracy halfway from that of chance to 1.

    >>> acceptable(0.5), acceptable(0.1)
    (0.75, 0.55)
    """
    return (1 + chance) / 2


@dataclass(frozen=True)
class Mistake:
    """An image that is not predicted as labeled: its index, and the numbers of both classes; -1 predicts none."""

    index: int
    label: int
    predicted: int


@dataclass(frozen=True, eq=False)
class Accuracy:
    """The predictions of a network on labeled images.

    Attributes:
        indices: (n,) index of each image among those that were given.
        labels: (n,) number of the class that its label names.
        predicted: (n,) number of the predicted class, -1 for none.
        remark: how the labels are read, see `ClassLabels.remark`.
        several: of a network that predicts several classes, the mean share of them that it predicts; else None. The
            predicted class is then that of the label if it is among them.

    >>> Accuracy(np.arange(4), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])).value
    0.75
    """

    indices: Numbers
    labels: Numbers
    predicted: Numbers
    remark: str = ""
    several: float | None = None

    def __repr__(self) -> str:
        return f"Accuracy({self.describe()})"

    @property
    def count(self) -> int:
        """The number of images."""
        return len(self.labels)

    @property
    def right(self) -> NDArray[np.bool_]:
        """(n,) whether each image is predicted correctly."""
        return np.equal(self.labels, self.predicted)

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """The images that are not predicted as labeled."""
        columns = (values[~self.right].tolist() for values in (self.indices, self.labels, self.predicted))
        return tuple(map(Mistake, *columns))

    @property
    def value(self) -> float:
        """The share of images that are predicted correctly, averaged over the classes.

        A network that always predicts the most frequent class is therefore no better than chance.
        """
        return float(np.mean([self.right[self.labels == label].mean() for label in np.unique(self.labels)]))

    @property
    def chance(self) -> float:
        """The accuracy of a constant prediction; of several classes, that of as many random ones."""
        return chance(len(np.unique(self.labels))) if self.several is None else self.several

    @property
    def is_poor(self) -> bool:
        """Whether the accuracy is significantly below an `acceptable` one.

        The input form or the order of the classes is then probably wrong, or the network is not trained. The test is
        that of a proportion, with the continuity correction.
        """
        wanted = acceptable(self.chance)
        slack = SIGNIFICANT * math.sqrt(wanted * (1 - wanted) / self.count) + 0.5 / self.count
        return self.value + slack < wanted

    def describe(self) -> str:
        """Return the accuracy in one line.

        >>> Accuracy(np.arange(4), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])).describe()
        '75 % of 4 labeled images are predicted correctly (chance: 50 %)'
        """
        share, average = percent(self.right.mean(), 0), percent(self.value, 0)
        is_same = average == share or math.isclose(self.right.mean(), self.value)  # rounded alike
        averaged = "" if is_same else f"{average} averaged over the classes"
        many = (
            ""
            if self.several is None
            else f"an image is predicted as {percent(self.several, 0)} of the classes on average"
        )
        details = "; ".join(filter(None, [averaged, many, f"chance: {percent(self.chance, 0)}", self.remark]))
        noun = "image is" if self.count == 1 else "images are"
        return f"{share} of {self.count} labeled {noun} predicted correctly ({details})"

    def warning(self, arguments: Sequence[str]) -> str:
        """Return a warning of one line if the accuracy is poor, else ''; `arguments` are those of `inputs`."""
        if not self.is_poor:
            return ""
        return (
            f"warning: only {self.describe()}. The input form or the order of the classes may be wrong; find them "
            f"with: dreamfilters inputs {shlex.join(arguments)}"
        )
