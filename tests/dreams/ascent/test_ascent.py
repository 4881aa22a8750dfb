"""Steps of an ascent as progress in finished dreams, and with each backend as TensorFlow computed them."""

import numpy as np
import pytest

from dreamfilters.dreams.ascent.ascent import AscentStep, step_progress
from tests.dreams.ascent import stored_ascent


def step(names, finished, number, **tries):
    return AscentStep(names, finished, 3, number, 10, np.zeros(len(names)), lambda: np.zeros((1, 1, 1, 3)), **tries)


def test_steps_count_as_parts_of_a_dream_and_a_fallback_does_not_reduce_the_count():
    seen = []
    on_step = step_progress(seen.append, 3)
    on_step(step(("conv:0", "conv:1"), 0, 5))  # half of two dreams
    on_step(step(("conv:1",), 0, 1))  # a fallback starts over
    on_step(step(("conv:2",), 2, 10))
    assert [(each.done, each.total, each.note) for each in seen] == [
        (1.0, 3, "conv:0"), (1.0, 3, "conv:1"), (3.0, 3, "conv:2"),
    ]  # fmt: skip


def test_each_of_several_seeds_is_a_part_of_its_dream():
    seen = []
    on_step = step_progress(seen.append, 2)
    for tried in range(2):
        on_step(step(("conv:0", "conv:1"), 0, 5, tried=tried, tries=2))
    assert [each.done for each in seen] == [0.5, 1.5]


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
