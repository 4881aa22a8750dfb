"""Steps of an ascent: as progress in finished dreams, and several in one dispatch."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import Recipe, backend, channel, dream
from dreamfilters.dreams.ascent.ascent import AscentStep, _Pace, step_progress
from dreamfilters.dreams.parameterizations import Pixels


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


def test_a_dispatch_takes_half_a_second_and_at_most_twice_the_steps_of_the_last():
    pace = _Pace(32)
    assert pace.steps == 1
    pace.took(1, 20.0)  # compiled
    assert pace.steps == 1
    for steps in (2, 4, 8, 16, 32, 32):
        pace.took(pace.steps, 0.001 * pace.steps)
        assert pace.steps == steps
    pace.took(32, 3.2)  # a tenth of a second each
    assert pace.steps == 5
    pace.took(5, 5.0)
    assert pace.steps == 1
    alone = _Pace(1)
    alone.took(1, 0.001)
    assert alone.steps == 1


SETTINGS = {"seed": 3, "frames": 3}
GOAL = "conv2:0-7"


def dreams_by(network, most, on_step=None):
    with backend.executing(steps=most):
        return dream(network, GOAL, Recipe(steps=24), on_step=on_step, **SETTINGS)


def test_several_steps_in_a_dispatch_give_the_same_dreams(network):
    """Also frames and curves; in another program, XLA rounds the last bits differently."""
    found, expected = dreams_by(network, 8), dreams_by(network, 1)
    tolerance = 2e-4 if backend.ONE_SHAPE else 0.0
    assert [one.recovered_by for one in found] == [one.recovered_by for one in expected]
    assert [(one.steps, one.activated, one.note) for one in found] == [
        (one.steps, one.activated, one.note) for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert len(one.history) == len(other.history)
        np.testing.assert_allclose(one.history, other.history, rtol=10 * tolerance, atol=tolerance)
        np.testing.assert_allclose(one.image, other.image, atol=tolerance)
        np.testing.assert_allclose(one.score, other.score, rtol=10 * tolerance)
        np.testing.assert_allclose(one.frames, other.frames, atol=tolerance)


def test_a_fallback_takes_several_steps_in_a_dispatch(network_of):
    """No gradient passes conv1 on gray: its steps are 16 of the relaxed gradient, then plain ones."""
    model = keras.Sequential([layers.Input((8, 8, 3))], name="byhand")
    for number, (inputs, bias) in enumerate(((3, -2.4), (1, -0.1)), 1):
        model.add(layers.Conv2D(1, 1, activation="relu", name=f"conv{number}"))
        model.layers[-1].set_weights([np.ones((1, 1, inputs, 1), "float32"), np.array([bias], "float32")])
    network, recipe = network_of(model), Recipe(Pixels(), (), steps=24)
    expected = dream(network, "conv2:0", recipe)[0]
    with backend.executing(steps=8):
        found = dream(network, "conv2:0", recipe)[0]
    assert found.recovered_by == expected.recovered_by == "relaxed gradient"
    assert (found.steps, found.attempts) == (expected.steps, expected.attempts)
    np.testing.assert_allclose(found.image, expected.image, atol=1e-5)


def test_a_dream_has_the_same_bytes_next_to_any_others_with_several_steps_in_a_dispatch(network):
    with backend.executing(steps=8):
        forward = dream(network, "conv2:0-7", Recipe(steps=24), seed=3)
        backward = dream(network, "conv2:7,6,5,4,3,2,1,0", Recipe(steps=24), seed=3)
        alone = dream(network, "conv2:4", Recipe(steps=24), seed=3)[0]
    turned = {one.name: one.image.tobytes() for one in backward}
    assert [one.image.tobytes() for one in forward] == [turned[one.name] for one in forward]
    assert alone.image.tobytes() == turned["conv2:4"]


def test_a_callback_is_called_after_each_dispatch_and_can_end_the_ascent(network):
    seen = []
    dreams_by(network, 8, seen.append)
    plain = seen[: next(number for number, each in enumerate(seen) if each.step == 24) + 1]
    steps = [each.step for each in plain]
    assert steps == sorted(set(steps))
    assert {8, 16} & set(steps) or {14, 19} & set(steps)  # of frames and checks
    assert len(steps) < 24  # the first dispatches are short, see `_Pace`

    def interrupt(each):
        if each.step >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dreams_by(network, 8, interrupt)


def test_an_image_that_is_not_finite_stops_at_its_step(network):
    """Half of a dispatch is recorded for it."""
    goal = 1.0 * channel("conv2", [0, 1])
    bad = goal.up_to(np.array([np.inf, np.inf], "float32"))
    broken = replace(bad, wanted=((np.array([np.nan, 1.0], "float32"), goal.wanted[1]), bad.wanted[1]))
    with backend.executing(steps=8):
        found = dream(network, broken, Recipe(steps=24), seed=3)
    assert "stopped at step 1: a number was not finite" in found[0].note
    assert len(found[1].history) == 24
