"""Units are chosen from answers small enough to rank by hand."""

import numpy as np

from dreamfilters.evidence.maps.unit_selection import informative_units

LABELS = np.array([0, 0, 1, 1])
DECIDED = [1, 1, 0, 0]  # all of its variance lies between the classes
BLURRED = [3, 1, 1, 1]  # variance .75, between .25: a third
BLIND = [1, 0, 1, 0]  # none
DEAD = [0, 0, 0, 0]


def answers(*units):
    return np.array(units, "float32").T


def test_the_unit_that_tells_classes_apart_comes_first():
    assert informative_units(answers(BLIND, DEAD, BLURRED, DECIDED), LABELS, 1) == [3]
    assert informative_units(answers(BLIND, DEAD, BLURRED, DECIDED), LABELS, 2) == [2, 3]


def test_scale_and_offset_do_not_count():
    tiny = np.array(DECIDED) * 1e-3 + 5
    assert informative_units(answers(BLURRED, tiny), LABELS, 1) == [1]


def test_a_twin_stands_back_behind_a_unit_that_differs():
    assert informative_units(answers(DECIDED, DECIDED, BLURRED), LABELS, 2) == [0, 2]
    assert informative_units(answers(DECIDED, [0, 0, 2, 2], BLURRED), LABELS, 2) == [0, 2]  # its negative is a twin too


def test_a_unit_that_hardly_answers_stands_back():
    assert informative_units(answers(np.array(DECIDED) * 0.09, BLURRED, [1, 1, 1, 0]), LABELS, 2) == [1, 2]  # median 1
    assert informative_units(answers(np.array(DECIDED) * 0.11, BLURRED, [1, 1, 1, 0]), LABELS, 1) == [0]


def test_no_more_than_there_are():
    assert informative_units(answers(DEAD, DECIDED), LABELS, 4) == [0, 1]
