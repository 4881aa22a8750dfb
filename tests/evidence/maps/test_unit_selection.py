"""Tests of the selection of units on responses ranked by hand."""

import numpy as np

from dreamfilters.evidence.maps.unit_selection import informative_units

LABELS = np.array([0, 0, 1, 1])
DECIDED = [1, 1, 0, 0]  # all variance is between the classes
BLURRED = [3, 1, 1, 1]  # variance .75, between .25: a third
BLIND = [1, 0, 1, 0]  # none
DEAD = [0, 0, 0, 0]


def responses(*units):
    return np.array(units, "float32").T


def test_the_unit_that_separates_the_classes_is_first():
    assert informative_units(responses(BLIND, DEAD, BLURRED, DECIDED), LABELS, 1) == [3]
    assert informative_units(responses(BLIND, DEAD, BLURRED, DECIDED), LABELS, 2) == [2, 3]


def test_scale_and_offset_do_not_matter():
    tiny = np.array(DECIDED) * 1e-3 + 5
    assert informative_units(responses(BLURRED, tiny), LABELS, 1) == [1]


def test_a_duplicate_is_selected_after_a_unit_that_differs():
    assert informative_units(responses(DECIDED, DECIDED, BLURRED), LABELS, 2) == [0, 2]
    assert informative_units(responses(DECIDED, [0, 0, 2, 2], BLURRED), LABELS, 2) == [
        0,
        2,
    ]  # negated


def test_a_faint_unit_is_selected_last():
    assert informative_units(responses(np.array(DECIDED) * 0.09, BLURRED, [1, 1, 1, 0]), LABELS, 2) == [
        1,
        2,
    ]  # median 1
    assert informative_units(responses(np.array(DECIDED) * 0.11, BLURRED, [1, 1, 1, 0]), LABELS, 1) == [0]


def test_all_units_if_there_are_fewer():
    assert informative_units(responses(DEAD, DECIDED), LABELS, 4) == [0, 1]
