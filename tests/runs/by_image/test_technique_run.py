"""The run of a technique: what it writes, and that it resumes to the same bytes."""

import json

import numpy as np
import pytest

from dreamfilters.dreams.optimizers import Adam
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import ImageError, OutputError, TargetError
from dreamfilters.images import image_folder, png_bytes
from dreamfilters.runs.by_image.technique_run import TechniqueJob, image_items, run, target_items
from dreamfilters.techniques.texture_synthesis import texture
from dreamfilters.techniques.unit_overview import unit_overview

QUICK = Recipe(Pixels(), transforms=(), optimizer=Adam(0.1), steps=2)


@pytest.fixture(scope="module")
def folder(scene, tmp_path_factory):
    path = tmp_path_factory.mktemp("images")
    for number in range(3):
        (path / f"{number}.png").write_bytes(png_bytes(scene(seed=number)))
    (path / "broken.png").write_bytes(b"no image")
    return path


@pytest.fixture
def job(network, folder):
    """The textures of three images; `made` are the images of which one was made."""
    made = []

    def make(path, progress):
        result = texture(network, path, ["conv1"], QUICK, frames=1)
        made.append(path.name)
        return result

    found = TechniqueJob("texture", network, {"seed": 0}, image_items(image_folder(folder), network, make), "spec")
    object.__setattr__(found, "made", made)
    return found


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_run_resumes_to_the_same_bytes(job, tmp_path):
    def stop(progress):
        if progress.done >= 2:
            raise KeyboardInterrupt

    whole = run(job, tmp_path / "whole")
    assert (whole.done, whole.total) == (4, 4)
    assert [name for name, _ in whole.failures] == ["broken.png"]
    job.made.clear()
    stopped = run(job, tmp_path / "stopped", progress=stop)
    assert stopped.stopped
    assert len(job.made) < 3
    resumed = run(job, tmp_path / "stopped")
    assert sorted(job.made) == ["0.png", "1.png", "2.png"]  # each once
    assert content(tmp_path / "whole") == content(tmp_path / "stopped")
    assert run(job, tmp_path / "stopped").done == 4
    assert len(job.made) == 3  # the failure is tried again, the others are kept
    assert resumed.images[0].endswith("strip.png")


def test_each_result_has_its_files_and_a_record(job, tmp_path):
    result = run(job, tmp_path / "out")
    one = result.value[0]
    assert {path.name for path in one.folder.iterdir()} == {"strip.png", "texture.png", "frames.gif", "result.json"}
    record = json.loads((one.folder / "result.json").read_text("utf-8"))
    assert record["image"] == "0.png"
    assert record["values"]["layers"] == ["conv1"]
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "Gatys" in page
    assert "broken.png" in page
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert len(manifest["results"]["results"]) == 3


def test_other_settings_are_refused_and_an_error_of_the_technique_leaves_nothing(job, network, folder, tmp_path):
    run(job, tmp_path / "out")
    other = TechniqueJob("texture", network, {"seed": 1}, job.items, "spec")
    with pytest.raises(OutputError, match="holds textures with other settings"):
        run(other, tmp_path / "out")

    def refuse(path, progress):
        return texture(network, path, ["classes"], QUICK)

    items = image_items(image_folder(folder / "0.png"), network, refuse)
    with pytest.raises(TargetError, match="has no positions"):
        run(TechniqueJob("texture", network, {}, items), tmp_path / "new")
    assert content(tmp_path / "new") == {}
    broken = image_items(image_folder(folder / "broken.png"), network, lambda path, progress: texture(network, path))
    with pytest.raises(ImageError, match=r"broken\.png"):
        run(TechniqueJob("texture", network, {}, broken), tmp_path / "bad")
    assert content(tmp_path / "bad") == {}


@pytest.mark.thorough
def test_a_unit_is_made_again_if_an_image_has_changed(network, scene, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for number in range(2):
        (images / f"{number}.png").write_bytes(png_bytes(scene(seed=number)))

    def job():
        def make(target, source, progress):
            return unit_overview(network, target, source, QUICK, count=2, progress=progress)

        return TechniqueJob("unit", network, {}, target_items(["conv1:0"], image_folder(images), network, make))

    seen = []
    first = run(job(), tmp_path / "out", progress=seen.append)
    assert 0 < seen[0].done < 1 == seen[-1].done
    assert run(job(), tmp_path / "out").kept
    (images / "1.png").write_bytes(png_bytes(np.zeros((16, 16, 3))))
    with pytest.raises(OutputError, match="with other settings"):
        run(job(), tmp_path / "out")
    assert run(job(), tmp_path / "out", force=True).value[0].text != first.value[0].text
