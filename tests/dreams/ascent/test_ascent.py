"""Steps of an ascent as progress in finished dreams."""

import numpy as np

from dreamfilters.dreams.ascent.ascent import AscentStep, step_progress


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
