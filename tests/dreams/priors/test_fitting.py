"""A training that teaches more than a linear filter knows, that repeats and resumes to the byte, and its errors."""

from dataclasses import replace

import numpy as np
import pytest

from dreamfilters.dreams.priors.denoiser_training import rate_at
from dreamfilters.dreams.priors.fitting import fit_prior, on_step, prior_job, warning_of_other_images
from dreamfilters.dreams.priors.learned_prior import SIGMAS
from dreamfilters.errors import RecipeError


def bars(count=240, side=8, seed=0):
    """Images of one bright bar, across or down: their edges are sharp at any place, which no linear filter restores."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, side, side, 1), "float32")
    for image in images:
        first = rng.integers(0, side - 2)
        where = (slice(first, first + 3), slice(None))
        image += rng.uniform(0, 0.3)
        image[where if rng.random() < 0.5 else where[::-1]] = rng.uniform(0.6, 1)
    return images


@pytest.mark.slow
def test_on_images_with_edges_the_denoiser_beats_the_wiener_filter():
    prior = fit_prior(bars(), steps=500, name="bars")
    record = prior.record
    assert (prior.size, prior.channels, record.steps) == ((8, 8), 1, 500)
    assert 0 < record.held_out < record.images / 8
    assert record.images + record.held_out <= record.found == 240
    assert record.is_better_than_linear
    assert record.ratio < 0.8
    assert record.loss < 0.5  # 1 before the training
    assert len(record.held_out_errors) == len(record.wiener_errors) == len(SIGMAS)
    assert f"{record.images} images at 8x8, 500 steps; error on {record.held_out} images held out: 0." in prior.text


def test_two_steps_are_no_better_than_linear():
    assert not fit_prior(bars(130), steps=2).record.is_better_than_linear


@pytest.fixture(scope="module")
def job():
    return prior_job(bars(120), steps=6, seed=3, name="bars")


@pytest.fixture(scope="module")
def whole(job):
    losses = []
    return job.finished(job.training.run(job.training.start(), losses), losses)


def test_images_that_a_prior_was_not_trained_on_are_a_line(whole):
    assert warning_of_other_images(whole, bars(120)) == ""
    line = "prior bars: was trained on 120 other images than the 130; its dreams look like its own"
    assert warning_of_other_images(whole, bars(130)) == line
    assert "than the 3;" in warning_of_other_images(whole, bars(3))  # too few to train on


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(job, whole):
    again = fit_prior(bars(120), steps=6, seed=3, name="bars")
    assert again.to_bytes() == whole.to_bytes()
    assert again.digest == whole.digest
    other, losses = replace(job, seed=4), []
    assert other.finished(job.training.run(other.training.start(), losses), losses).digest != whole.digest


def test_a_training_that_is_resumed_gives_the_same_bytes(job, whole):
    states = {}
    job.training.run(job.training.start(), [], lambda state, losses: states.update({len(losses): (state, losses[:])}))
    state, losses = states[2]
    stored = {part: {name: np.asarray(value) for name, value in state[part].items()} for part in state}
    resumed = prior_job(bars(120), steps=6, seed=3, name="bars")
    assert resumed.finished(resumed.training.run(stored, losses), losses).to_bytes() == whole.to_bytes()


def test_a_step_goes_down_its_gradient(job):
    """Of one batch, the loss after ten steps on it is lower: the direction of the moves is right."""
    training = job.training
    state, arguments, seen = training.start(), training._batch(0), []
    for _ in range(10):
        state, loss = training._step(state, *arguments[:2], np.float32(0.002), *arguments[3:])
        seen.append(float(loss))
    assert seen[-1] < seen[0]


def test_the_rate_rises_and_falls():
    assert [rate_at(step, 1000) for step in (0, 99, 599)] == pytest.approx([2e-5, 2e-3, 2e-3])
    assert rate_at(999, 1000) == pytest.approx(2e-3 * 0.02)


def test_a_time_becomes_a_number_of_steps(job, monkeypatch):
    ticks = iter(np.arange(100) * 0.5)  # each reading of the clock half a second later
    monkeypatch.setattr("time.perf_counter", lambda: float(next(ticks)))
    assert job.within(1).steps == 120
    assert job.settings["steps"] == 6


def test_progress_reports_steps_and_loss():
    seen = []
    report = on_step(9, seen.append)
    report({}, [1.0, 0.5])
    assert (seen[0].done, seen[0].total, seen[0].note) == (2, 9, "loss 0.750")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": 0}, "steps=0: must be 1 or more"),
        ({"minutes": 0.0}, "minutes=0.0: must be above 0"),
        ({"minutes": float("nan")}, "minutes=nan: must be above 0"),
        ({"channels": 5}, "channels=5: must be 1 to 4"),
        ({"size": 4}, "size=4: a prior has sides of 8 to 96 pixels"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(RecipeError, match=message):
        fit_prior(bars(130), **setting)
