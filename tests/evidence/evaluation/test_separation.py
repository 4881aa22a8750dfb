"""The units that separate two classes, against numbers worked out by hand."""

import numpy as np
import pytest

from dreamfilters.evidence.evaluation.separation import UnitRows, separation


def rows(**changes):
    """Four images of class 4 and two of class 7; three units. The last image of class 4 is predicted as class 7."""
    given = {
        # unit 0 separates, unit 1 responds to both, unit 2 responds to class 7
        "responses": np.float32([[8, 5, 0], [6, 6, 0], [7, 5, 1], [1, 6, 0], [0, 5, 3], [0, 6, 5]]),
        "contributions": np.float32([[4, 1, 0], [3, 1, 0], [3.5, 1, -1], [0.5, 1, 0], [0, 1, -3], [0, 1, -5]]),
        "margins": np.float32([5, 4, 3.5, -1, -2, -4]),
        "labels": np.array([4, 4, 4, 4, 7, 7]),
        "predicted": np.array([4, 4, 4, 7, 7, 7]),
        "spread": np.ones(6, bool),
    }
    return UnitRows(**{**given, **changes})


def test_units_are_ranked_as_worked_by_hand():
    found = separation("dense", 4, 7, rows(), most=2)
    assert (found.units, found.images_first, found.images_second) == (3, 4, 2)
    # both AUC are farthest from 0.5; d' is 2.9 for unit 0, and -3.75 / sqrt((0.1875 + 1) / 2) = -4.9 for unit 2
    assert [(one.unit, one.auc) for one in found.separating] == [(2, 0.0), (0, 1.0)]
    best = found.separating[1]
    assert (best.mean_first, best.mean_second) == (5.5, 0)
    assert (best.margin_first, best.margin_second) == (2.75, 0)
    # variances: (2.5^2 + .5^2 + 1.5^2 + 4.5^2) / 4 = 7.25, and 0
    assert best.sensitivity == pytest.approx(5.5 / np.sqrt(7.25 / 2))
    assert [one.unit for one in found.shared] == [1]
    # contributions on the first class minus those on the second: unit 0: 2.75, unit 2: -0.25 + 4, unit 1: 0
    assert [one.unit for one in found.carrying] == [2, 0]


def test_what_the_mistakes_lack_worked_by_hand():
    (loss,) = separation("dense", 4, 7, rows()).losses
    assert (loss.label, loss.predicted, loss.hits, loss.mistakes) == (4, 7, 3, 1)
    assert (loss.margin_on_hits, loss.margin_on_mistakes) == (pytest.approx(12.5 / 3), -1)
    assert [(one.unit, one.on_hits, one.on_mistakes) for one in loss.units] == [
        (0, 3.5, 0.5),
        (1, 1, 1),
        (2, pytest.approx(-1 / 3), 0),
    ]


def test_the_margin_of_the_second_class_is_over_the_first():
    (loss,) = separation("dense", 7, 4, rows(margins=-rows().margins, contributions=-rows().contributions)).losses
    assert (loss.label, loss.predicted, loss.margin_on_mistakes) == (4, 7, -1)
    assert [one.unit for one in loss.units] == [0, 1, 2]
    assert loss.units[0].on_hits == 3.5


def test_mistakes_that_are_not_of_the_sample_do_not_enter_the_responses():
    found = separation("dense", 4, 7, rows(spread=np.array([1, 1, 1, 0, 1, 1], bool)))
    assert (found.images_first, found.separating[0].mean_first) == (3, 7)
    assert found.losses[0].mistakes == 1


def test_without_contributions_only_responses_are_compared():
    found = separation("dense", 4, 7, rows(contributions=None), remark="it is bypassed")
    assert (found.carrying, found.losses, found.remark) == ((), (), "it is bypassed")
    assert (found.separating[0].margin_first, found.separating[0].unit) == (None, 2)


def test_an_infinite_sensitivity_is_none_and_comes_first():
    responses = np.float32([[1, 8], [1, 7], [1, 9], [1, 8], [0, 1], [0, 2]])
    found = separation("dense", 4, 7, rows(responses=responses, contributions=None))
    assert [(one.unit, one.auc) for one in found.separating] == [(0, 1), (1, 1)]
    assert found.separating[0].sensitivity is None


def test_a_unit_with_a_value_that_is_not_finite_comes_last():
    responses = rows().responses.copy()
    responses[0, 0] = np.nan
    found = separation("dense", 4, 7, rows(responses=responses))
    assert [one.unit for one in found.separating] == [2, 1, 0]
    assert np.isnan(found.separating[-1].auc)
