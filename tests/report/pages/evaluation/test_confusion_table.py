"""The confusion matrix as a page draws it."""

import numpy as np
import pytest

from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.networks.classes.class_head import ClassHead
from dreamfilters.report.pages.evaluation import confusion_table as module
from dreamfilters.report.pages.evaluation.confusion_table import confusion_table


def evaluation(matrix, kind="softmax"):
    """An evaluation with this confusion matrix, (classes, classes) or with a column for no class."""
    matrix = np.array(matrix)
    classes = len(matrix)
    truth, predicted = (np.repeat(place.ravel(), matrix.ravel()) for place in np.indices(matrix.shape))
    logits = np.full((len(truth), classes + 1), -1.0, "float32")
    logits[np.arange(len(truth)), predicted] = 1
    return Evaluation(
        "net", "f", {}, (8, 8), ("a.png",) * len(truth), ("x",) * len(truth), tuple("dcbaefgh"[:classes]),
        ClassHead(kind), np.arange(len(truth)), truth, logits[:, :classes],
    )  # fmt: skip


def test_cells_hold_counts_shares_and_levels():
    table = confusion_table(evaluation([[3, 1, 0], [0, 4, 0], [0, 0, 0]]), frozenset({(0, 1)}))
    assert [row.name for row in table.rows] == ["d", "c"]  # the third class has neither images nor predictions
    first, second = table.rows[0].cells
    assert (first.count, first.share, first.level, first.anchor) == (3, 0.75, 8, "")  # 9 * sqrt(0.75) = 7.8
    assert (second.count, second.share, second.level, second.anchor) == (1, 0.25, 5, "cell-0-1")
    assert (table.rows[1].cells[0].level, table.rows[1].cells[1].level) == (0, 9)
    assert (table.more, table.has_none) == (0, False)


def test_images_without_a_predicted_class_have_the_last_column():
    table = confusion_table(evaluation([[1, 0, 2], [0, 1, 0]], "sigmoid"), frozenset({(0, -1)}))
    assert table.has_none
    assert [(cell.predicted, cell.count, cell.anchor) for cell in table.rows[0].cells] == [
        (0, 1, ""), (1, 0, ""), (-1, 2, "cell-0-none"),
    ]  # fmt: skip


def test_orders_are_permutations():
    found = evaluation([[2, 0, 0, 5], [0, 9, 1, 0], [0, 2, 3, 0], [4, 0, 0, 1]])
    orders = confusion_table(found, frozenset()).orders
    assert orders["class"] == (0, 1, 2, 3)
    assert orders["name"] == (3, 2, 1, 0)
    assert orders["mistakes"] == (0, 3, 1, 2)  # 9, 9, 3 and 3 mistakes
    together = orders["confused classes together"]
    assert sorted(together) == [0, 1, 2, 3]
    places = {number: place for place, number in enumerate(together)}
    assert abs(places[0] - places[3]) == abs(places[1] - places[2]) == 1


def test_of_many_classes_those_in_most_mistakes_are_shown(monkeypatch):
    monkeypatch.setattr(module, "MOST_CLASSES", 2)
    table = confusion_table(evaluation([[9, 0, 0, 0], [0, 5, 0, 2], [0, 0, 9, 0], [0, 1, 0, 4]]), frozenset())
    assert [row.label for row in table.rows] == [1, 3]
    assert [cell.count for cell in table.rows[0].cells] == [5, 2]
    assert table.more == 2


@pytest.mark.parametrize("classes", [2, 3])
def test_few_classes_have_all_orders(classes):
    table = confusion_table(evaluation(np.eye(classes, dtype=int)), frozenset())
    assert [sorted(order) for order in table.orders.values()] == [list(range(classes))] * 4
