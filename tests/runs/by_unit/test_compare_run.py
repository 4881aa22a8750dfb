"""A report in its folder: kept, replaced with `force`, and never written over other files."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dreamfilters.comparison.compare import ComparePlan
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import OutputError, RecipeError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder, png_bytes, png_text
from dreamfilters.networks import load
from dreamfilters.runs.by_unit import compare_run
from dreamfilters.runs.by_unit.compare_run import CompareJob, StoredDreams, run
from dreamfilters.runs.by_unit.dream_store import DreamEntry
from dreamfilters.runs.by_unit.reproduction import job_of, reproduce
from dreamfilters.runs.storage.json_files import as_json
from dreamfilters.runs.storage.manifest import KEY, MANIFEST
from dreamfilters.runs.storage.records import dream_of, record_of


@pytest.fixture(scope="module")
def job(make_noisy):
    """Two filters of `tiny`, saved as a file, against twelve noisy images and one that cannot be read."""
    folder = make_noisy(12, 1)
    spec = str(folder / "tiny.keras")
    network = load(spec, form={"range": (0.0, 1.0)})
    recipe = Recipe(steps=2)
    source = source_of(image_folder(folder / "images"))
    return CompareJob(ComparePlan(network, ("conv2:0-1",), source, recipe, seed=3, seeds=2, top=2), spec)


@pytest.fixture(scope="module")
def done(job, tmp_path_factory):
    return run(job, tmp_path_factory.mktemp("out") / "report")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_holds_the_page_the_numbers_and_the_dreams(done):
    assert set(contents(done.folder)) == {
        "index.html", "comparison.json", "comparison.csv", "manifest.json",
        "dreams/unit-conv2-0.png", "dreams/unit-conv2-1.png",
    }  # fmt: skip
    assert (done.folder / "index.html").read_bytes().startswith(b"<!doctype html>")
    assert [unit["row"]["target"] for unit in done.value] == ["conv2:0", "conv2:1"]
    assert [name for name, _ in done.failures] == ["broken.png"]
    assert not done.kept


def test_equal_settings_are_kept_and_give_equal_bytes_in_another_folder(job, done, tmp_path, monkeypatch):
    before = contents(done.folder)
    assert contents(run(job, tmp_path / "again").folder) == before
    monkeypatch.setattr(compare_run, "compare_dreams", None)  # nothing is computed
    kept = run(job, done.folder)
    assert kept.kept
    assert (kept.value, kept.failures) == (done.value, done.failures)
    assert contents(done.folder) == before


def test_a_page_of_earlier_code_is_not_kept(job, done, monkeypatch):
    monkeypatch.setattr(compare_run, "page_code", lambda: "later")
    with pytest.raises(OutputError, match=r"holds a comparison with other settings \(pages\)"):
        run(replace(job), done.folder)


def test_a_damaged_report_is_made_again(job, tmp_path):
    first = run(job, tmp_path)
    before = contents(tmp_path)
    (tmp_path / "comparison.csv").write_text("cut")
    (tmp_path / "dreams" / "unit-conv2-1.png").unlink()
    assert not run(job, first.folder).kept
    assert contents(tmp_path) == before


def test_other_settings_need_force_and_replace_the_earlier_files(job, tmp_path):
    run(job, tmp_path)
    other = replace(job, plan=replace(job.plan, targets=("conv2:2",)))
    with pytest.raises(OutputError, match=r"holds a comparison with other settings \(targets\)"):
        run(other, tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "dreams" / "mine.png").write_text("mine")
    run(other, tmp_path, force=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert {path.name for path in (tmp_path / "dreams").iterdir()} == {"mine.png", "unit-conv2-2.png"}


def test_another_judge_is_another_setting(job, make_tiny, tmp_path):
    def judged(model):
        judges = (load(model, form={"range": (0.0, 1.0)}),)
        return replace(job, plan=replace(job.plan, targets=("class:1",), seeds=1, judges=judges))

    changed = make_tiny()
    changed.layers[-1].bias.assign_add([1.0, 0.0, 0.0])
    run(judged(make_tiny()), tmp_path)
    assert run(judged(make_tiny()), tmp_path).kept
    with pytest.raises(OutputError, match=r"holds a comparison with other settings \(judges\)"):
        run(judged(changed), tmp_path)


def test_other_files_are_never_touched(job, tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    for force in (False, True):
        with pytest.raises(OutputError, match=r"holds other files \(manifest\.json\)"):
            run(job, tmp_path, force=force)
    assert (tmp_path / "manifest.json").read_text() == "{}"


def test_a_manifest_that_names_files_outside_its_folder_is_ignored(job, tmp_path):
    (tmp_path / "victim").write_text("mine")
    folder = tmp_path / "report"
    folder.mkdir()
    manifest = {KEY: "1", "command": "compare", "settings": {}, "model": {}, "files": {"../victim": ""}}
    manifest |= {"results": [], "failures": []}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(OutputError, match="holds other files"):
        run(job, folder, force=True)
    assert (tmp_path / "victim").read_text() == "mine"


def test_a_comparison_that_fails_leaves_no_folder(job, tmp_path):
    with pytest.raises(RecipeError, match="seeds=0: at least 1"):
        run(replace(job, plan=replace(job.plan, seeds=0)), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_dream_can_be_reproduced(done):
    image = done.folder / "dreams" / "unit-conv2-1.png"
    assert json.loads(png_text(image)[KEY])["target"] == "conv2:1"
    assert reproduce(image, job_of(image)).same


@pytest.fixture
def small_job(opened_network, model_file, tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(4):
        image = np.random.default_rng(number).uniform(0, 1, (16, 16, 3))
        (tmp_path / "images" / f"{number}.png").write_bytes(png_bytes(image))
    source = source_of(image_folder(tmp_path / "images"))
    plan = ComparePlan(opened_network, ("conv1:0-2",), source, Recipe(steps=2), seed=5, seeds=2, top=1)
    return CompareJob(plan, str(model_file))


def test_a_dream_comes_back_from_its_record(make_dream, settings):
    dream = make_dream(note="3 steps overflowed", attempts=("another seed",), robust=float("nan"))
    record = record_of(dream, settings)
    again = dream_of(record, dream.image)
    assert as_json(record_of(again, settings)) == as_json(record)
    assert np.isnan(again.robust)
    assert again.attempts == ("another seed",)


def test_every_seed_has_a_folder_and_a_unit_that_is_not_activated_has_one_dream(small_job, tmp_path):
    found = small_job.dreams(tmp_path / "dreams")
    activated = [name for name in found if found[name][0].activated]
    assert list(found) == ["conv1:0", "conv1:1", "conv1:2"]
    assert [len(found[name]) for name in found] == [1 + (name in activated) for name in found]
    assert {path.name for path in (tmp_path / "dreams").iterdir()} <= {"seed-5", "seed-6"}
    assert [made.seed for made in found[activated[0]]] == [5, 6]
    levels = found[activated[0]][0].image * 255
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)  # to the precision of its file


def test_the_scan_is_of_the_units_layers(small_job, tmp_path):
    real = small_job.references(tmp_path / "scan")
    assert list(real.scan.layers) == ["conv1"]
    assert real.read([2]).shape == (1, 16, 16, 3)


def test_numbers_below_one_are_refused(small_job):
    for name in ("seeds", "top"):
        with pytest.raises(RecipeError, match=f"{name}=0: at least 1"):
            replace(small_job, plan=replace(small_job.plan, **{name: 0})).check()


def test_images_are_read_on_access(tmp_path):
    stored = StoredDreams(3, {"a": (DreamEntry(tmp_path / "gone.png", {}),)})
    assert list(stored) == ["a"]
    assert len(stored) == 1
