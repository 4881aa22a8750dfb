"""A report in its folder: kept, replaced when forced, and never laid over what is not from it."""

import json
from dataclasses import replace

import pytest

from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ImageError, OutputError
from dreamfilters.images import image_folder, png_text
from dreamfilters.networks import load
from dreamfilters.runs import compare_run
from dreamfilters.runs.compare_run import CompareJob, run
from dreamfilters.runs.reproduction import job_of, reproduce
from dreamfilters.runs.storage.manifest import KEY, MANIFEST


@pytest.fixture(scope="module")
def comparing(make_noisy):
    """Two filters of `tiny`, saved as a file, against twelve noisy images and one that cannot be read."""
    folder = make_noisy(12, 1)
    spec = str(folder / "tiny.keras")
    network = load(spec, form={"range": (0.0, 1.0)})
    recipe = Recipe(steps=2)
    return CompareJob(network, spec, ("conv2:0-1",), image_folder(folder / "images"), recipe, seed=3, seeds=2, top=2)


@pytest.fixture(scope="module")
def done(comparing, tmp_path_factory):
    return run(comparing, tmp_path_factory.mktemp("out") / "report")


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_holds_the_page_the_numbers_and_the_dreams(done):
    assert set(contents(done.folder)) == {
        "index.html", "comparison.json", "comparison.csv", "manifest.json",
        "dreams/unit-conv2-0.png", "dreams/unit-conv2-1.png",
    }  # fmt: skip
    assert (done.folder / "index.html").read_bytes().startswith(b"<!doctype html>")
    assert [row["target"] for row in done.value] == ["conv2:0", "conv2:1"]
    assert [name for name, _ in done.failures] == ["broken.png"]
    assert not done.kept


def test_equal_settings_are_kept_and_elsewhere_come_to_equal_bytes(comparing, done, tmp_path, monkeypatch):
    before = contents(done.folder)
    assert contents(run(comparing, tmp_path / "again").folder) == before
    monkeypatch.setattr(compare_run, "layer_comparisons", None)  # nothing is computed
    kept = run(comparing, done.folder)
    assert kept.kept
    assert (kept.value, kept.failures) == (done.value, done.failures)
    assert contents(done.folder) == before


def test_a_damaged_report_is_made_again(comparing, tmp_path):
    first = run(comparing, tmp_path)
    before = contents(tmp_path)
    (tmp_path / "comparison.csv").write_text("cut")
    (tmp_path / "dreams" / "unit-conv2-1.png").unlink()
    assert not run(comparing, first.folder).kept
    assert contents(tmp_path) == before


def test_other_settings_need_force_and_leave_nothing_of_the_earlier_ones(comparing, tmp_path):
    run(comparing, tmp_path)
    other = replace(comparing, targets=("conv2:2",))
    with pytest.raises(OutputError, match="holds a comparison of other targets"):
        run(other, tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "dreams" / "mine.png").write_text("mine")
    run(other, tmp_path, force=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert {path.name for path in (tmp_path / "dreams").iterdir()} == {"mine.png", "unit-conv2-2.png"}


def test_other_files_are_never_touched(comparing, tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    for force in (False, True):
        with pytest.raises(OutputError, match=r"holds other files \(manifest\.json\)"):
            run(comparing, tmp_path, force=force)
    assert (tmp_path / "manifest.json").read_text() == "{}"


def test_a_manifest_that_points_out_of_its_folder_is_none(comparing, tmp_path):
    (tmp_path / "victim").write_text("mine")
    folder = tmp_path / "report"
    folder.mkdir()
    manifest = {KEY: "1", "command": "compare", "settings": {}, "model": {}, "files": {"../victim": ""}}
    manifest |= {"results": [], "failures": []}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(OutputError, match="holds other files"):
        run(comparing, folder, force=True)
    assert (tmp_path / "victim").read_text() == "mine"


def test_what_cannot_be_compared_leaves_no_folder(comparing, tmp_path):
    with pytest.raises(ImageError, match="only 13"):
        run(replace(comparing, top=40), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_dream_tells_how_it_is_made_again(done):
    image = done.folder / "dreams" / "unit-conv2-1.png"
    assert json.loads(png_text(image)[KEY])["target"] == "conv2:1"
    assert reproduce(image, job_of(image)).same
