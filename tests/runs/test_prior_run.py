"""The file of a prior: written once, resumed to the same bytes after Ctrl-C, and refused in one line."""

from dataclasses import replace

import numpy as np
import pytest

from dreamfilters.dreams.priors.fitting import prior_job
from dreamfilters.errors import DamagedError, OutputError, RecipeError
from dreamfilters.runs import prior_run
from dreamfilters.runs.prior_run import run
from dreamfilters.runs.storage.prior_files import read_prior


def images(count=120, seed=0):
    """Smooth images, which a linear filter restores almost exactly."""
    level, slope = np.random.default_rng(seed).random((2, count, 1, 1, 1)).astype("float32")
    return level * 0.5 + slope * np.linspace(0.05, 0.5, 8, dtype="float32")[:, None] * np.ones((1, 8, 1), "float32")


@pytest.fixture(scope="module")
def job():
    return prior_job(images(), steps=5, name="ramps")


@pytest.fixture(scope="module")
def whole(job, tmp_path_factory):
    """The file of a training that was not interrupted; a few steps do not beat a linear filter, so it needs `force`."""
    path = tmp_path_factory.mktemp("whole") / "prior.npz"
    result = run(job, path, force=True)
    assert (result.done, result.total, result.stopped, result.kept) == (5, 5, False, False)
    return path


def stop_at(step):
    """A listener that presses Ctrl-C after a step."""

    def listener(now):
        if now.done == step:
            raise KeyboardInterrupt

    return listener


@pytest.mark.parametrize("seconds", [30, -1])  # stored at Ctrl-C only, or after every step too
def test_an_interrupted_training_resumes_to_the_same_bytes(job, whole, tmp_path, monkeypatch, seconds):
    monkeypatch.setattr(prior_run, "_SECONDS", seconds)
    path, part = tmp_path / "prior.npz", tmp_path / "prior.npz.part"
    for step in (2, 4):
        result = run(job, path, force=True, progress=stop_at(step))
        assert (result.value, result.done, result.total, result.stopped) == (None, step, 5, True)
        assert part.exists()
        assert not path.exists()
    assert run(job, path, force=True).value.digest == read_prior(whole).digest
    assert path.read_bytes() == whole.read_bytes()
    assert not part.exists()


def test_a_training_that_is_killed_resumes_from_what_it_stored(job, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(prior_run, "_SECONDS", -1)
    path, seen = tmp_path / "prior.npz", []

    def killed(now):
        if now.done == 3:
            raise SystemExit  # nothing is written after it, as after a kill

    with pytest.raises(SystemExit):
        run(job, path, force=True, progress=killed)
    run(job, path, force=True, progress=lambda now: seen.append(now.done))
    assert seen == [4, 5]
    assert path.read_bytes() == whole.read_bytes()


def test_a_prior_that_is_no_better_than_a_linear_filter_is_not_written(job, tmp_path):
    path, seen = tmp_path / "prior.npz", []
    with pytest.raises(RecipeError, match=r"not written: .* times that of a Wiener filter; train with more --steps"):
        run(job, path)
    assert not path.exists()
    result = run(job, path, force=True, progress=lambda now: seen.append(now.done))  # without training again
    assert (seen, result.value.record.is_better_than_linear) == ([], False)
    assert path.exists()


def test_a_finished_prior_is_kept_and_another_file_is_not_replaced(job, whole, tmp_path):
    before = whole.read_bytes()
    assert run(job, whole).kept
    with pytest.raises(OutputError, match=r"prior.npz: is a prior with other seed; choose another file"):
        run(replace(job, seed=1), whole)
    with pytest.raises(OutputError, match=r"prior.npz: is a prior with other images, held_out; choose another file"):
        run(prior_job(images(130), steps=5, name="ramps"), whole)
    assert whole.read_bytes() == before
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    with pytest.raises(OutputError, match=r"notes.txt: exists and is no prior"):
        run(job, other)
    with pytest.raises(OutputError, match="missing is no folder"):
        run(job, tmp_path / "missing" / "prior.npz")
    assert other.read_text() == "mine"


def test_the_state_of_another_training_is_kept_until_it_is_to_be_replaced(job, whole, tmp_path):
    path = tmp_path / "prior.npz"
    run(replace(job, seed=9), path, progress=stop_at(2))
    with pytest.raises(OutputError, match=r"prior.npz.part: holds an interrupted training with other seed; repeat"):
        run(job, path)
    run(job, path, force=True)
    assert path.read_bytes() == whole.read_bytes()


def test_a_training_for_a_time_keeps_its_number_of_steps_when_it_resumes(job, tmp_path, monkeypatch):
    path, numbers = tmp_path / "prior.npz", iter([4, 7])
    monkeypatch.setattr(
        "dreamfilters.dreams.priors.denoiser_training.DenoiserTraining.steps_within",
        lambda self, seconds: next(numbers),
    )
    assert run(job, path, minutes=1, force=True, progress=stop_at(1)).total == 4
    assert run(job, path, minutes=1, force=True).value.record.steps == 4
    assert run(job, path, minutes=1).kept


def test_a_damaged_state_is_one_line(job, whole, tmp_path):
    path, part = tmp_path / "prior.npz", tmp_path / "prior.npz.part"
    run(job, path, progress=stop_at(2))
    content = part.read_bytes()
    for damaged in (content[:-100], content[:5000] + b"xyz" + content[5003:], b"", whole.read_bytes()):
        part.write_bytes(damaged)
        with pytest.raises(DamagedError, match=r"prior.npz.part: .*; give --force to start again"):
            run(job, path)
    run(job, path, force=True)
    assert path.read_bytes() == whole.read_bytes()


def test_damaged_and_other_files_are_no_priors(whole, tmp_path):
    content, path = whole.read_bytes(), tmp_path / "prior.npz"
    for damaged in (content[:-100], content[:5000] + b"x" + content[5001:], b"", b"PK"):
        path.write_bytes(damaged)
        with pytest.raises(RecipeError, match=r"prior.npz: is damaged, or not a prior that"):
            read_prior(path)
    np.savez(path, mean=np.zeros(3), colors=np.eye(3))
    with pytest.raises(RecipeError, match="it holds no record of a training"):
        read_prior(path)
    np.savez(path, record=np.array({"a": 1}, dtype=object))  # a pickle, which is never read
    with pytest.raises(RecipeError, match="is damaged, or not a prior"):
        read_prior(path)
    with pytest.raises(RecipeError, match=r"missing.npz: no such file; train a prior with"):
        read_prior(tmp_path / "missing.npz")
