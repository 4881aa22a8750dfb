"""Stored ablations: resumed to the same bytes, read again, and never mixed with others."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from dreamfilters.attribution.ablation.ablation_job import AblationJob, ablate
from dreamfilters.errors import DamagedError, ImageError, OutputError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import image_folder
from dreamfilters.runs.over_images.ablation_run import read_ablation, run, stored_ablation
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz

FILES = ["ablation.npz", "classes.csv", "index.html", "manifest.json", "units.csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve small images in the folders of three classes, one of which cannot be read."""
    images = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(12):
        path = images / f"{number % 3:02}" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    (images / "01" / "4.png").write_bytes(b"no image")
    return images


@pytest.fixture
def job_of(network, folder):
    """A function that returns a job on this folder."""
    source = source_of(image_folder(folder))
    return lambda how="resample", batch=5: AblationJob(
        network, ("conv2:1-2",), source, how, controls=2, witness="mean", batch=batch
    )


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_stored_ablation_equals_the_ablation(job_of, network, folder, tmp_path):
    stored = run(stored_ablation(job_of()), tmp_path / "out")
    assert sorted(content(tmp_path / "out")) == FILES
    once = ablate(network, "conv2:1-2", folder, how="resample", controls=2, witness="mean")
    for found in (stored.value, read_ablation(tmp_path / "out")):
        assert found.as_values() == once.as_values()
        assert found.failures == once.failures == (("01/4.png", found.failures[0][1]),)
    assert stored.value.images == 11


@pytest.mark.parametrize("how", ["mean", "resample"])
def test_an_ablation_interrupted_after_every_batch_has_the_same_bytes(job_of, tmp_path, how):
    run(stored_ablation(job_of(how)), tmp_path / "whole")

    def stop(*_):
        raise KeyboardInterrupt

    for turn in range(6):
        stored = run(stored_ablation(job_of(how, batch=2), save_every=0), tmp_path / "out", progress=stop)
        if stored.value is not None:
            break
        assert (stored.stopped, stored.done) == (True, 2 * (turn + 1))
    assert stored.stopped
    assert run(stored_ablation(job_of(how)), tmp_path / "out").value is not None
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_finished_ablation_is_kept_and_another_one_refused(job_of, tmp_path):
    run(stored_ablation(job_of()), tmp_path)
    before = content(tmp_path)
    assert run(stored_ablation(job_of()), tmp_path).kept
    assert content(tmp_path) == before
    with pytest.raises(OutputError, match="holds an ablation with other settings"):
        run(stored_ablation(job_of("zero")), tmp_path)
    assert run(stored_ablation(job_of("zero")), tmp_path, force=True).value.how == "zero"


def test_the_tables_hold_every_ablation_and_the_classes_that_change(job_of, tmp_path):
    found = run(stored_ablation(job_of("zero")), tmp_path).value
    rows = list(csv.DictReader(io.StringIO((tmp_path / "units.csv").read_text())))
    assert [row["kind"] for row in rows] == [one.kind for one in found.sets]
    assert [float(row["margin_change"]) for row in rows] == pytest.approx([e.margin.value for e in found.effects])
    classes = list(csv.DictReader(io.StringIO((tmp_path / "classes.csv").read_text())))
    assert sum(int(row["lost"]) for row in classes) == sum(one.lost.sum() for one in found.effects)


def test_damaged_and_forged_files_are_refused(job_of, tmp_path):
    run(stored_ablation(job_of("zero")), tmp_path)
    arrays = read_npz(tmp_path, "ablation.npz")
    (tmp_path / "ablation.npz").write_bytes(npz_bytes({**arrays, "lost": arrays["lost"][:1]}))
    with pytest.raises(DamagedError, match=r"ablation\.npz"):
        read_ablation(tmp_path)


def test_a_folder_without_a_readable_image_is_refused_before_anything_is_written(network, tmp_path):
    (tmp_path / "images" / "00").mkdir(parents=True)
    (tmp_path / "images" / "00" / "1.png").write_bytes(b"no image")
    job = AblationJob(network, ("conv2:1",), source_of(image_folder(tmp_path / "images")))
    with pytest.raises(ImageError, match="none of its 1 images can be read"):
        run(stored_ablation(job), tmp_path / "out")
    assert not (tmp_path / "out").exists()
