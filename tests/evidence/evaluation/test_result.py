"""Evaluations of predictions that are written out by hand."""

import numpy as np
import pytest

from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.networks.classes.class_head import ClassHead


def evaluation(logits, truth, kind="softmax", **changes):
    """The evaluation of these logits, of images that are called 0.png, 1.png, ..."""
    count, classes = np.shape(logits)
    given = {
        "network": "net", "fingerprint": "f", "form": {}, "size": (8, 8), "labels": ("x",) * count,
        "names": tuple(f"{number}.png" for number in range(count)), "head": ClassHead(kind),
        "classes": ("cat", "dog", "owl", "bat")[:classes], "indices": np.arange(count), "truth": np.array(truth),
        "logits": np.array(logits, "float32"),
    }  # fmt: skip
    return Evaluation(**{**given, **changes})


@pytest.fixture
def softmax():
    """Six images of three classes: two cats of three, one dog of two and the owl are predicted correctly."""
    shares = [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.6, 0.2], [0.55, 0.25, 0.2], [0.1, 0, 0.9]]
    return evaluation(np.log(np.maximum(shares, 1e-9)), [0, 0, 0, 1, 1, 2])


def test_accuracies_worked_by_hand(softmax):
    assert softmax.share == pytest.approx(4 / 6)
    assert softmax.accuracy.value == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert softmax.interval[0] < 4 / 6 < softmax.interval[1]
    assert softmax.matrix.tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0]]
    assert "66.7 % of 6 images are predicted correctly (95 % interval: 30.0 to 90.3 %;" in softmax.describe()


def test_classes_worked_by_hand(softmax):
    cat, dog, owl = softmax.per_class
    assert (cat.name, cat.images, cat.right, cat.predicted) == ("cat", 3, 2, 3)
    assert (cat.recall, cat.precision) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (dog.recall, dog.precision) == (0.5, 0.5)
    assert (owl.recall, owl.precision) == (1, 1)
    assert (cat.f1, dog.f1, owl.f1) == (pytest.approx(2 / 3), 0.5, 1)
    assert softmax.macro_f1 == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert softmax.top_share is None  # no more than five classes


def test_the_class_of_the_label_is_among_the_first_five():
    logits = [[6, 5, 4, 3, 2, 1], [6, 5, 4, 3, 2, 1], [1, 1, 1, 1, 1, 1], [0, 0, np.nan, 0, 0, 9]]
    names = tuple("abcdef")
    assert evaluation(logits, [4, 5, 4, 5], classes=names).top_share == 0.5  # the fifth, and of equal ones the fifth
    assert evaluation(logits, [0, 0, 5, 5], classes=names).top_share == 0.5


def test_a_class_without_images_or_predictions_has_no_share():
    bat = evaluation([[9, 0, 0, 0], [0, 9, 0, 0]], [0, 1]).per_class[3]
    assert (bat.images, bat.recall, bat.precision, bat.interval) == (0, None, None, (0, 1))
    assert bat.f1 is None


def test_mistakes_and_hits_are_ordered_by_confidence(softmax):
    assert softmax.mistakes.tolist() == [2, 4]  # 0.8 and 0.55
    assert softmax.hits.tolist() == [1, 3, 0, 5]  # 0.5, 0.6, 0.7 and 0.9
    assert softmax.confidence[[2, 4]] == pytest.approx([0.8, 0.55])
    assert softmax.label_probability[[2, 4]] == pytest.approx([0.1, 0.25])


def test_confused_classes_are_counted_in_both_directions(softmax):
    assert [(one.label, one.predicted, one.rows) for one in softmax.misclassified] == [(0, 1, (2,)), (1, 0, (4,))]
    (pair,) = softmax.pairs
    assert (pair.first, pair.second, pair.first_as_second, pair.second_as_first, pair.count) == (0, 1, 1, 1, 2)


def test_of_several_sigmoids_the_class_of_the_label_has_to_be_among_the_predicted():
    found = evaluation([[2, 1, -1], [-1, 3, -2], [-1, -2, -3]], [1, 0, 0], "sigmoid")
    assert found.predicted.tolist() == [1, 1, -1]
    assert found.matrix.tolist() == [[0, 1, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert [one.predicted for one in found.per_class] == [1, 2, 0]  # both classes of the first image
    assert found.per_class[1].precision == 0.5
    assert found.reliability is None
    assert found.mistakes.tolist() == [1, 2]  # the one without a predicted class is last
    assert np.isnan(found.confidence[2])
    assert found.accuracy.several == pytest.approx(3 / 3 / 3)
    assert [(one.label, one.predicted) for one in found.misclassified] == [(0, -1), (0, 1)]
    assert [(one.first, one.second) for one in found.pairs] == [(0, 1)]


def test_one_sigmoid_has_the_probability_of_the_predicted_class():
    logit = np.log(3)  # of class 1: probability 3/4
    found = evaluation([[-logit, logit], [logit, -logit]], [1, 1], "binary", classes=("no", "yes"))
    assert found.predicted.tolist() == [1, 0]
    assert found.confidence == pytest.approx([0.75, 0.75])
    assert found.label_probability == pytest.approx([0.75, 0.25])
    assert found.reliability.error == pytest.approx(0.25)


def test_images_are_named_by_their_index():
    found = evaluation([[1, 0], [0, 1]], [0, 0], names=("a", "b", "c", "d"), indices=np.array([1, 3]))
    assert (found.name_of(1), found.left_out) == ("d", 2)


def test_the_probabilities_of_many_images_are_those_of_each(monkeypatch, softmax):
    whole = softmax.confidence.tolist()
    monkeypatch.setattr("dreamfilters.evidence.evaluation.result._ROWS", 2)
    again = evaluation(softmax.logits, softmax.truth)
    assert again.confidence.tolist() == whole
    assert [one.predicted for one in again.per_class] == [one.predicted for one in softmax.per_class]


def test_a_logit_that_is_not_a_number_has_no_confidence():
    found = evaluation([[np.nan, 1.0], [2.0, 0.0]], [1, 0])
    assert found.predicted.tolist() == [1, 0]
    assert np.isnan(found.confidence[0])
    assert sum(one.images for one in found.reliability.bins) == 1


def test_a_notebook_shows_names_as_text(softmax):
    found = evaluation(softmax.logits, softmax.truth, classes=("<b>cat", "dog", "owl"))
    html = found._repr_html_()
    assert "&lt;b&gt;cat" in html
    assert "<b>cat" not in html
    assert repr(found) == "Evaluation('net', 66.7 % of 6 images)"
