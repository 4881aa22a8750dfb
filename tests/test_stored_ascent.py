"""The backends compute the same: each is compared with what TensorFlow computed."""

import numpy as np
import pytest

from tests import stored_ascent


@pytest.fixture(scope="module")
def stored():
    with np.load(stored_ascent.STORED) as arrays:
        return dict(arrays)


def test_one_step_has_the_same_gradient(stored):
    expected = stored["gradient"].astype("float64").reshape(2, -1)
    found = stored_ascent.gradient().astype("float64").reshape(2, -1)
    length = np.linalg.norm(expected, axis=1)
    cosines = np.sum(expected * found, axis=1) / (length * np.linalg.norm(found, axis=1))
    assert length.min() > 0
    assert cosines.min() > 0.9999
    assert np.linalg.norm(found, axis=1) == pytest.approx(length, rel=1e-3)


def test_ten_dreams_have_the_same_scores(stored):
    assert stored["scores"].min() > 0
    assert stored_ascent.scores() == pytest.approx(stored["scores"], rel=0.05)


def test_normal_numbers_differ_by_three_units_in_the_last_place(stored):
    apart = np.abs(stored_ascent.normals().astype("float64") - stored["normals"])
    assert np.all(apart <= 3 * np.spacing(np.abs(stored["normals"])))
