"""`ConfusionTable`: the confusion matrix as a page draws it, and the orders in which its classes can be sorted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from dreamfilters.evidence.evaluation.result import Evaluation

MOST_CLASSES = 60  # that fit the page
LEVELS = 9  # of a cell's color


@dataclass(frozen=True)
class Cell:
    """How many images of a label are predicted as a class.

    Attributes:
        label, predicted: numbers of the classes; `predicted` is -1 for no class.
        count: of images.
        share: of the images of the label.
        level: of its color, 0 for no image to `LEVELS`.
        anchor: the id of the part of the page with its images, '' for none.
    """

    label: int
    predicted: int
    count: int
    share: float
    level: int
    anchor: str = ""


@dataclass(frozen=True)
class TableRow:
    """The images of one label: name, number of images, and a cell for each predicted class."""

    label: int
    name: str
    images: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ConfusionTable:
    """A confusion matrix.

    Attributes:
        rows: one for each class that is shown; their cells are in the same order, a last one is that of no class where
            an image has none.
        orders: name of an order -> the places of the classes in it.
        more: number of classes that are not shown.
        has_none: whether images without a predicted class have a column.
    """

    rows: tuple[TableRow, ...]
    orders: dict[str, tuple[int, ...]]
    more: int
    has_none: bool


def anchor_of(label: int, predicted: int) -> str:
    """Return the id of the part of the page with the images of a cell."""
    return f"cell-{label}-{'none' if predicted < 0 else predicted}"


def confusion_table(evaluation: Evaluation, linked: frozenset[tuple[int, int]]) -> ConfusionTable:
    """Return the confusion matrix, of more than `MOST_CLASSES` classes those in most mistakes.

    Args:
        evaluation: whose matrix it is.
        linked: label and predicted class of each cell whose images the page shows.
    """
    matrix, square = evaluation.matrix, evaluation.matrix[:, :-1]
    mistakes = square + square.T
    np.fill_diagonal(mistakes, 0)
    total = mistakes.sum(axis=1) + matrix[:, -1]
    present = np.flatnonzero((matrix.sum(axis=1) > 0) | (square.sum(axis=0) > 0))
    chosen = np.sort(present[np.argsort(-total[present], kind="stable")[:MOST_CLASSES]])
    has_none = bool(matrix[:, -1].any())
    columns = [*chosen.tolist(), *([-1] if has_none else [])]
    rows = tuple(_row(evaluation, label, columns, linked) for label in chosen.tolist())
    names = [evaluation.classes[number] for number in chosen]
    places = range(len(chosen))
    orders = {
        "class": tuple(places),
        "name": tuple(sorted(places, key=lambda place: (names[place].casefold(), place))),
        "mistakes": tuple(sorted(places, key=lambda place: (-int(total[chosen[place]]), place))),
        "confused classes together": _confused_together(mistakes[np.ix_(chosen, chosen)]),
    }
    return ConfusionTable(rows, orders, len(present) - len(chosen), has_none)


def _row(evaluation: Evaluation, label: int, columns: list[int], linked: frozenset[tuple[int, int]]) -> TableRow:
    counts = evaluation.matrix[label]
    images = int(counts.sum())
    cells = []
    for predicted in columns:
        count = int(counts[predicted])  # the last column is that of no class, -1
        share = count / images if images else 0.0
        anchor = anchor_of(label, predicted) if (label, predicted) in linked else ""
        cells.append(Cell(label, predicted, count, share, math.ceil(LEVELS * math.sqrt(share)), anchor))
    return TableRow(label, evaluation.classes[label], images, tuple(cells))


def _confused_together(mistakes: NDArray[np.int64]) -> tuple[int, ...]:
    """Return the order in which neighbors are confused most: the leaves of a hierarchical clustering.

    Source: Z. Bar-Joseph et al., "Fast optimal leaf ordering for hierarchical clustering", Bioinformatics 17, 2001.
    """
    if len(mistakes) < 3:
        return tuple(range(len(mistakes)))
    distance = squareform(1 / (1 + mistakes), checks=False)
    return tuple(leaves_list(linkage(distance, "average", optimal_ordering=True)).tolist())
