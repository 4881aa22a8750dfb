"""Runs of dreams: an interrupted one resumes to the same bytes."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from dreamfilters import backend
from dreamfilters.dreams.default_recipes import DefaultRecipes
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.errors import OutputError, RecipeError, TargetError, UnknownNameError
from dreamfilters.images import png_bytes, read_image
from dreamfilters.networks import LOGITS
from dreamfilters.runs.by_unit.dream_run import measured_prior, run
from dreamfilters.runs.by_unit.dream_store import opened
from dreamfilters.runs.by_unit.reproduction import job_of, reproduce
from dreamfilters.runs.storage.json_files import as_json, with_checksum
from dreamfilters.writing import open_folder
from dreamfilters.writing.claimed_folder import LOCK
from tests.dreams.priors.test_denoised import prior

FIVE = ("conv1:0", "conv1:1", "conv1:2", 'class:"Vorfahrt achten"', "class:STOP")


@pytest.fixture(scope="module")
def whole(job_for, bytes_in, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    finished = run(job_for(), folder)
    assert tuple(entry.record["target"] for entry in finished.value) == FIVE
    assert (finished.missing, finished.stopped) == ((), False)
    return bytes_in(folder)


def stop_after(steps):
    """Return a progress callback that interrupts the run at its n-th call."""
    seen = []

    def on_progress(progress):
        seen.append(progress.note)
        if len(seen) == steps:
            raise KeyboardInterrupt

    return on_progress


def test_an_interrupted_run_resumes_to_the_same_bytes(job_for, whole, bytes_in, tmp_path):
    first = run(job_for(), tmp_path, progress=stop_after(5))  # 2 images take 3 steps; the next 2 are lost
    assert first.stopped
    assert tuple(entry.record["target"] for entry in first.value) == FIVE[:2]
    assert json.loads((tmp_path / "manifest.json").read_text("utf-8"))["results"]["missing"] == list(FIVE[2:])
    assert (tmp_path / "contact-sheet.png").exists()
    kept = first.value[0].image.stat().st_mtime_ns
    told = []
    second = run(job_for(), tmp_path, progress=told.append)
    assert bytes_in(tmp_path) == whole
    assert first.value[0].image.stat().st_mtime_ns == kept
    assert [entry.seconds is None for entry in second.value] == [True, True, False, False, False]
    assert {each.note for each in told} == {"conv1:2", 'class:"Vorfahrt achten"'}
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert (told[-1].done, told[-1].total) == (5, 5)


def test_targets_are_added_to_a_run_of_equal_settings(job_for, whole, bytes_in, tmp_path):
    """The folder is that of one run of all targets."""
    first = run(job_for(targets=("conv1:0-2",)), tmp_path)
    written = first.value[0].image.stat().st_mtime_ns
    second = run(job_for(targets=('class:"Vorfahrt achten"', "class:STOP", "conv1:2")), tmp_path)
    assert [entry.record["target"] for entry in second.value] == ['class:"Vorfahrt achten"', "class:STOP", "conv1:2"]
    assert second.value[2].seconds is None
    assert first.value[0].image.stat().st_mtime_ns == written
    assert bytes_in(tmp_path) == whole
    with pytest.raises(
        OutputError, match=r"holds a run with other settings \(seed\); choose another folder with --out, or add"
    ):
        run(job_for(targets=("conv1:3",), seed=8), tmp_path)
    run(job_for(targets=("conv1:2",)), tmp_path, force=True)
    assert len(list(tmp_path.glob("conv1*.png"))) == 1


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.slow
def test_the_default_recipes_share_a_folder(job_for, bytes_in, tmp_path):
    """Filters and classes have recipes of their own; each record has that of its dream."""
    quick = DefaultRecipes(("steps=2", "octaves=2"))  # several octaves have no fallbacks, which would take a minute
    for targets in (("conv1:0",), ("conv1:1", "class:STOP")):
        run(job_for(recipe=quick, targets=targets), tmp_path / "parts")
    found = run(job_for(recipe=quick, targets=("conv1:0", "class:STOP", "conv1:1")), tmp_path / "parts")
    assert [entry.seconds for entry in found.value] == [None, None, None]
    assert {entry.record["target"]: entry.record["recipe"]["name"] for entry in found.value} == {
        "conv1:0": "standard", "conv1:1": "standard", "class:STOP": "natural",
    }  # fmt: skip
    run(job_for(recipe=quick, targets=("conv1:0", "class:STOP", "conv1:1")), tmp_path / "whole")
    assert bytes_in(tmp_path / "parts") == bytes_in(tmp_path / "whole")
    for entry in found.value:
        assert reproduce(entry.image, job_of(entry.image)).same
    with pytest.raises(OutputError, match=r"holds a run with other settings \(recipe\);"):
        run(job_for(recipe=DefaultRecipes(("steps=3", "octaves=2")), targets=("conv1:0",)), tmp_path / "parts")


def test_adding_that_is_interrupted_resumes(job_for, whole, bytes_in, tmp_path):
    run(job_for(targets=("conv1:0-2",)), tmp_path)
    more = job_for(targets=FIVE[3:])
    assert run(more, tmp_path, progress=stop_after(1)).stopped
    assert json.loads((tmp_path / "manifest.json").read_text("utf-8"))["results"]["missing"] == list(FIVE[3:])
    run(more, tmp_path)
    assert bytes_in(tmp_path) == whole


KILLED = """
import os, signal, sys
from pathlib import Path
from dreamfilters.dreams.parameterizations import Fourier
from dreamfilters.dreams.default_recipes import DefaultRecipes
from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.networks import load
from dreamfilters.runs.by_unit.reproduction import job_of, reproduce
from dreamfilters.runs.by_unit.dream_run import DreamJob, run
from dreamfilters.writing import open_folder
model, folder = sys.argv[1:]
written = []
def failing(file, content, flush, before=open_folder.write_through):
    written.append(file)
    before(file, content[:len(content) // 2] if len(written) == 6 else content)
    if len(written) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
open_folder.write_through = failing
network = load(model, form={"range": [0, 1]}, classes=("STOP", "Vorfahrt achten", "20"))
targets = ("conv1:0-2", 'class:"Vorfahrt achten"', "class:STOP")
recipe = Recipe(Fourier(16), transforms=(), steps=3, name="quick")
run(DreamJob(network, model, targets, recipe, seed=7, batch=2), Path(folder))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_run_killed_while_writing_a_file_resumes_to_the_same_bytes(job_for, model_file, whole, bytes_in, tmp_path):
    process = subprocess.run([sys.executable, "-c", KILLED, model_file, tmp_path], capture_output=True, check=False)
    assert process.returncode == -9, process.stderr.decode()
    left = {path.name for path in tmp_path.iterdir()}
    assert LOCK in left
    assert any(name.endswith(".part") for name in left)
    finished = run(job_for(), tmp_path)
    assert [entry.seconds is None for entry in finished.value] == [True, True, False, False, False]
    assert bytes_in(tmp_path) == whole


def test_a_finished_run_is_not_written_again(job_for, whole, bytes_in, tmp_path):
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, ns=(1, 1))
    batch = 2 if backend.ONE_SHAPE else 5
    run(job_for(batch=batch), tmp_path, progress=stop_after(1))  # nothing is dreamt, so nothing can be interrupted
    assert bytes_in(tmp_path) == whole
    assert {path.stat().st_mtime_ns for path in tmp_path.iterdir()} == {1}


def test_a_damaged_dream_is_dreamed_again(job_for, whole, bytes_in, tmp_path):
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
    broken = next(path for path in tmp_path.iterdir() if path.name.startswith("conv1-1") and path.suffix == ".png")
    broken.write_bytes(b"")
    run(job_for(), tmp_path)
    assert bytes_in(tmp_path) == whole


def test_a_unit_named_twice_is_dreamed_once(job_for):
    job = job_for(targets=("conv1:0-2", "conv1:1", "class:1", 'class:"Vorfahrt achten"', "class:STOP"))
    assert job.names == FIVE
    assert job.settings == job_for().settings


def test_the_seed_is_a_setting_and_the_batch_size_only_where_it_decides_bytes(job_for):
    assert (job_for(batch=3).settings == job_for().settings) == (not backend.ONE_SHAPE)
    assert job_for(seed=8).settings != job_for().settings


def test_the_best_of_several_seeds_resumes_and_its_png_is_that_of_its_seed(job_for, bytes_in, tmp_path):
    job = job_for(tries=2, targets=FIVE[:3])
    told = []
    finished = run(job, tmp_path / "whole", progress=told.append)
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert [each.done for each in told[:6]] == pytest.approx([2 * step / 6 for step in range(1, 7)])
    assert run(job, tmp_path / "parts", progress=stop_after(8)).stopped  # the third dream, by its first seed
    resumed = run(job, tmp_path / "parts")
    assert [entry.seconds is None for entry in resumed.value] == [True, True, False]
    assert bytes_in(tmp_path / "parts") == bytes_in(tmp_path / "whole")
    for seed in (7, 8):
        run(job_for(seed=seed, targets=FIVE[:3]), tmp_path / str(seed))
    for entry in finished.value:
        tries = entry.record["tries"]
        single = {seed: tmp_path / str(seed) / entry.image.name for seed in tries["seeds"]}
        records = [json.loads(path.with_suffix(".json").read_text("utf-8")) for path in single.values()]
        assert tries["robust"] == [record["robust"] for record in records]
        assert entry.record["seed"] == tries["seed"] == (7 if records[0]["robust"] >= records[1]["robust"] else 8)
        assert entry.image.read_bytes() == single[tries["seed"]].read_bytes()
        assert "tries" not in records[0]
        assert entry.remark.endswith(tries["text"])
        assert entry.summary["tries"] == tries
    assert reproduce(entry.image, job_of(entry.image)).same
    for tries in (1, 3):
        with pytest.raises(OutputError, match=r"holds a run with other settings \(tries\); choose another folder"):
            run(job_for(tries=tries, targets=FIVE[:3]), tmp_path / "whole")
    sheet = read_image(tmp_path / "whole" / "contact-sheet.png")
    assert sheet.shape[0] > read_image(tmp_path / "7" / "contact-sheet.png").shape[0]  # two lines more


def test_a_dream_of_other_tries_is_not_finished(job_for, tmp_path):
    """The record of another number of tries, or of other seeds, is not that of the run."""
    job = job_for(tries=2, targets=FIVE[:1])
    record = run(job, tmp_path).value[0].image.with_suffix(".json")
    values = json.loads(record.read_text("utf-8"))
    values.pop("checksum")
    for change in ({"seeds": [6, 7]}, {"seeds": [7]}, {"seeds": "7"}, None):
        forged = dict(values)
        if change is None:
            forged.pop("tries")
        else:
            forged["tries"] = {**values["tries"], "seed": 7, **change}
        record.write_text(with_checksum(as_json(forged)), "utf-8")
        with opened(tmp_path, job.settings, {}) as store:
            assert store.finished(FIVE[0]) is None


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"targets": ("conv9",)}, UnknownNameError, "Close names: conv"),
        ({"targets": ("conv1:8",)}, TargetError, "0 to 7"),
        ({"targets": ("class:Stopp",)}, UnknownNameError, "STOP"),
        ({"batch": 0}, RecipeError, "batch=0"),
        ({"frames": -1}, RecipeError, "frames=-1"),
        ({"tries": 0}, RecipeError, "tries=0: must be a whole number from 1 to 1000"),
    ],
)
def test_an_invalid_argument_is_an_error_before_anything_is_written(job_for, tmp_path, changes, error, words):
    with pytest.raises(error, match=words):
        run(job_for(**{"targets": ("conv2:0",), **changes}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_force_with_an_invalid_argument_keeps_the_old_run(job_for, whole, bytes_in, tmp_path):
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(RecipeError):
        run(job_for(batch=0), tmp_path, force=True)
    assert bytes_in(tmp_path) == whole


def test_a_full_disk_leaves_no_partial_file(job_for, whole, bytes_in, tmp_path, monkeypatch):
    import errno

    written = []

    def full(file, content, flush, before=open_folder.write_through):
        written.append(file)
        if len(written) == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        before(file, content)

    monkeypatch.setattr(open_folder, "write_through", full)
    with pytest.raises(OutputError, match=r"No space left on device"):
        run(job_for(), tmp_path)
    assert not any(name.endswith(".part") for name in bytes_in(tmp_path))
    monkeypatch.undo()
    run(job_for(), tmp_path)
    assert bytes_in(tmp_path) == whole


def test_the_prior_of_a_folder_is_measured_at_the_input_size(opened_network, tmp_path, scene):
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(png_bytes(scene(24, 32, seed=number)))
    (tmp_path / "broken.png").write_bytes(b"x")
    prior, failures = measured_prior(opened_network, Recipe(), tmp_path)
    assert (prior.name, prior.shape, prior.channels) == (tmp_path.name, (16, 16), 3)
    assert len(failures) == 1
    assert "broken.png: is not an image" in failures[0]
    assert prior.to_bytes() == prior.to_bytes()


def test_a_folder_without_a_readable_image_gives_no_prior(opened_network, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"x")
    with pytest.raises(RecipeError, match="none of its 1 images can be read"):
        measured_prior(opened_network, Recipe(), tmp_path)


def test_a_start_image_of_16_bits_is_used_as_it_is_stored(job_for, scene, tmp_path):
    image = scene(16, 16)  # not on the 256 levels of a PNG
    job = job_for(targets=("conv1:0",), start=image)
    dream = run(job, tmp_path / "a").value[0]
    stored = read_image(tmp_path / "a" / "start.png")
    assert 0 < np.abs(stored - image).max() <= 0.5 / 255 + 1e-6
    assert LOGITS not in job.goals[0].layers
    from_stored = run(job_for(targets=("conv1:0",), start=stored), tmp_path / "b").value[0]
    assert dream.image.read_bytes() == from_stored.image.read_bytes()


@pytest.mark.thorough
@pytest.mark.slow
def test_what_a_learned_prior_hides_is_stored_once(job_for, bytes_in, tmp_path):
    recipe = read_recipe("learned", settings=["steps=2", "transforms.views.views=1"])
    job = job_for(targets=("conv1:0",), recipe=recipe, prior=prior(), check_seeds=2)
    (entry,) = run(job, tmp_path / "run").value
    whole = bytes_in(tmp_path / "run")
    values = json.loads(entry.check.with_suffix(".json").read_text("utf-8"))
    assert [one["name"] for one in values["images"]] == ["dream", "raw dream", "30 raw steps", "seed 0"]
    assert values["appearance"]["images"] == 200
    assert entry.check.name in json.loads(whole["manifest.json"])["files"]
    time = entry.check.stat().st_mtime_ns
    assert run(job, tmp_path / "run").kept
    assert entry.check.stat().st_mtime_ns == time
    entry.check.write_bytes(b"damaged")
    run(job, tmp_path / "run")
    assert bytes_in(tmp_path / "run") == whole
    (without,) = run(replace(job, check_seeds=0), tmp_path / "without").value
    assert not without.check.exists()
    assert without.image.read_bytes() == entry.image.read_bytes()
    run(job, tmp_path / "without")  # adds the check
    assert bytes_in(tmp_path / "without") == whole
