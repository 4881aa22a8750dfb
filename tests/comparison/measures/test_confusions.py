import json

import numpy as np
import pytest

from dreamfilters.comparison.measures.confusions import confusions_of, separating_units
from dreamfilters.errors import ImageError
from dreamfilters.serialization import plain

LOGITS = np.array(
    [
        [9.0, 0.0, 0.0],  # 0, correct
        [0.0, 1.0, 0.0],  # 0 predicted as 1, by a lead of 1
        [0.0, 0.0, 5.0],  # 0 predicted as 2
        [0.0, 4.0, 0.0],  # 0 predicted as 1, by a lead of 4
        [0.0, 8.0, 7.0],  # 1, correct, nearly 2
        [3.0, 0.0, 0.0],  # 2 predicted as 0
    ]
)
LABELS = np.array([0, 0, 0, 0, 1, 2])


def test_confusions_are_counted_and_ordered_by_the_lead_of_the_wrong_logit():
    first, second = confusions_of(LOGITS, LABELS, 0)
    assert (first.predicted, first.count, first.share, first.images, first.closest) == (1, 2, 0.5, (3, 1), 3)
    assert (second.predicted, second.count, second.share, second.images) == (2, 1, 0.25, (2,))
    odds = np.exp(LOGITS[:4]) / np.exp(LOGITS[:4]).sum(axis=1, keepdims=True)
    assert first.probability == pytest.approx(odds[:, 1].mean())
    assert confusions_of(LOGITS, LABELS, 0, most=1) == (first,)


def test_without_confusions_the_most_probable_class_comes_first():
    nearest = confusions_of(LOGITS, LABELS, 1)[0]
    assert (nearest.predicted, nearest.count, nearest.images, nearest.closest) == (2, 0, (), 4)
    assert nearest.probability == pytest.approx(np.exp(7) / (1 + np.exp(8) + np.exp(7)))


def test_counts_add_up_to_the_errors():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(200, 5)), rng.integers(0, 5, 200)
    wrong = int((logits.argmax(axis=1) != labels).sum())
    assert sum(one.count for number in range(5) for one in confusions_of(logits, labels, number, most=4)) == wrong


def test_sensitivity_worked_by_hand():
    """1 3 against 5 7: means 2 and 6, stds 1 and 1. 0 0 against 0 2: means 0 and 1, variances 0 and 1."""
    responses = np.array([[1.0, 0.0, 4.0, 1.0], [3.0, 0.0, 4.0, 1.0], [5.0, 0.0, 4.0, 2.0], [7.0, 2.0, 4.0, 2.0]])
    found = separating_units(responses, [0, 0, 1, 1], 0, 1)
    assert [one.unit for one in found] == [3, 0, 1, 2]
    assert found[0].sensitivity is None  # both classes are constant
    assert found[1].sensitivity == -4
    assert found[2].sensitivity == pytest.approx(-(2**0.5))
    assert found[3].sensitivity == 0
    assert (found[1].first, found[1].second) == (2, 6)
    swapped = separating_units(responses, [0, 0, 1, 1], 1, 0)
    assert [one.unit for one in swapped] == [3, 0, 1, 2]
    assert swapped[1].sensitivity == 4


def test_sensitivity_grows_with_the_distance_of_two_classes():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(400, 1))
    labels = np.repeat([0, 1], 200)
    shifted = np.concatenate([noise + labels[:, None] * by for by in (0, 0.5, 1, 2)], axis=1)
    found = separating_units(shifted, labels, 1, 0)
    assert [one.unit for one in found] == [3, 2, 1, 0]
    assert found[0].sensitivity == pytest.approx(2, abs=0.25)
    assert found[-1].sensitivity == pytest.approx(0, abs=0.25)


def test_values_are_json():
    for one in (*confusions_of(LOGITS, LABELS, 0), *separating_units(LOGITS[:4], [0, 0, 1, 1], 0, 1)):
        json.dumps(plain(one), allow_nan=False)
        assert "<table>" in one._repr_html_()


def test_wrong_shapes_and_unknown_classes_are_refused():
    with pytest.raises(ImageError, match="class 7: none of the 6 labeled images shows it"):
        confusions_of(LOGITS, LABELS, 7)
    with pytest.raises(ImageError, match=r"shape \(6, 3\) and labels of shape \(5,\)"):
        confusions_of(LOGITS, LABELS[:5], 0)
    with pytest.raises(ImageError, match="classes 0 and 1: 4 and 1 images; at least 2 of each"):
        separating_units(LOGITS, LABELS, 0, 1)
