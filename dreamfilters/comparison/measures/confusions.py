"""What a class is taken for, which images show it, and which units tell two classes apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import ImageError
from dreamfilters.networks.classes.class_head import SOFTMAX, ClassHead
from dreamfilters.serialization import plain, table


@dataclass(frozen=True)
class Confusion:
    """One class taken for another.

    Attributes:
        meant: the number of the class that the images show.
        taken_for: the number of the class that the network says.
        count: of images.
        share: count / all images of `meant`.
        probability: the mean probability of `taken_for` over the images of `meant`; None for a regression.
        images: places of the images that show it, the surest mistake first.
        closest: place of the image of `meant` whose two logits lie closest to a mistake, or deepest in it.
    """

    meant: int
    taken_for: int
    count: int
    share: float
    probability: float | None
    images: tuple[int, ...]
    closest: int

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return table("Confusion", [self.as_values()])


@dataclass(frozen=True)
class UnitSeparation:
    """How well one unit tells two classes apart.

    Attributes:
        unit: its number.
        sensitivity: d', the difference of its mean responses in units of their std; above 0 where the first class
            excites it more; None where both are constant and differ: nothing ever blurs them.
        first: mean response to images of the first class.
        second: to those of the second.
    """

    unit: int
    sensitivity: float | None
    first: float
    second: float

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return table("Separation", [self.as_values()])


def confusions_of(
    logits: ArrayLike, labels: ArrayLike, number: int, *, most: int = 3, head: ClassHead = SOFTMAX
) -> tuple[Confusion, ...]:
    """Return what images of a class are taken for, the most frequent mistake first.

    Where mistakes are equally many, or there are none, the class comes first to which the network gives more
    probability. For the other direction, what is taken for this class, ask `mistaken_for`.

    Args:
        logits: (n, classes) of labeled real images.
        labels: (n,) the number of each one's class.
        number: of the class in question.
        most: how many other classes.
        head: how the network turns logits into probabilities, see `class_head`.

    Raises:
        ImageError: logits and labels do not fit, or no image shows the class.

    Example:
        >>> confusions_of([[2, 3], [4, 1]], [0, 0], 0)[0].images
        (0,)
    """
    values, known = _checked(logits, labels)
    rows = np.flatnonzero(known == number)
    if not rows.size:
        raise ImageError(f"class {number}: none of the {len(known)} labeled images shows it")
    found = [_confusion(values, rows, number, other, head) for other in range(values.shape[1]) if other != number]
    return tuple(sorted(found, key=lambda one: (-one.count, -(one.probability or 0)))[:most])


def mistaken_for(
    logits: ArrayLike, labels: ArrayLike, number: int, *, most: int = 3, head: ClassHead = SOFTMAX
) -> tuple[Confusion, ...]:
    """Return which other classes' images are taken for a class; order, arguments and errors as in `confusions_of`."""
    values, known = _checked(logits, labels)
    others = [other for other in range(values.shape[1]) if other != number and (known == other).any()]
    found = [_confusion(values, np.flatnonzero(known == other), other, number, head) for other in others]
    return tuple(sorted(found, key=lambda one: (-one.count, -(one.probability or 0)))[:most])


def separating_units(
    responses: ArrayLike, labels: ArrayLike, first: int, second: int, *, most: int = 5
) -> tuple[UnitSeparation, ...]:
    """Return the units that tell two classes apart best, whichever of the two excites them.

    d' = (mean over the first - mean over the second) / sqrt((variance of the first + variance of the second) / 2), the
    sensitivity of signal detection (Green and Swets, 1966; unequal variances averaged as in Simpson and Fitter, 1973).

    Args:
        responses: (n, units), such as the means of their maps.
        labels: (n,) the number of each image's class.
        first: number of a class.
        second: of another.
        most: how many units.

    Raises:
        ImageError: responses and labels do not fit, or fewer than two images show one of the classes.

    Example:
        >>> separating_units([[1], [3], [5], [7]], [0, 0, 1, 1], 0, 1)[0].sensitivity
        -4.0
    """
    values, known = _checked(responses, labels)
    ours, theirs = values[known == first], values[known == second]
    if min(len(ours), len(theirs)) < 2:
        raise ImageError(f"classes {first} and {second}: {len(ours)} and {len(theirs)} images; at least 2 of each")
    means = ours.mean(axis=0), theirs.mean(axis=0)
    std = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / 2)
    apart = means[0] - means[1]
    far = np.where(apart == 0, 0, np.copysign(np.inf, apart))
    sensitivity = np.divide(apart, std, out=far, where=std > 0)
    order = np.argsort(-np.abs(sensitivity), kind="stable")[:most]
    return tuple(
        UnitSeparation(
            int(unit),
            float(sensitivity[unit]) if np.isfinite(sensitivity[unit]) else None,
            float(means[0][unit]),
            float(means[1][unit]),
        )
        for unit in order
    )


def _confusion(
    logits: NDArray[np.float64], rows: NDArray[np.intp], meant: int, other: int, head: ClassHead
) -> Confusion:
    seen = logits[rows]  # (images of `meant`, classes)
    lead = seen[:, other] - seen[:, meant]
    wrong = np.flatnonzero(seen.argmax(axis=1) == other)
    wrong = wrong[np.argsort(-lead[wrong], kind="stable")]
    probabilities = head.probabilities(seen)
    return Confusion(
        meant=meant,
        taken_for=other,
        count=len(wrong),
        share=len(wrong) / len(rows),
        probability=None if probabilities is None else float(probabilities[:, other].mean()),
        images=tuple(map(int, rows[wrong])),
        closest=int(rows[np.argmax(lead)]),
    )


def _checked(values: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any]]:
    numbers, known = np.asarray(values, np.float64), np.asarray(labels)
    if numbers.ndim != 2 or known.shape != numbers.shape[:1]:
        raise ImageError(f"numbers of shape {numbers.shape} and labels of shape {known.shape}: wanted (n, m) and (n,)")
    return numbers, known
