"""Stored diffs: the page and tables of two networks, read again, kept, and refused where they are damaged."""

import csv
import io

import keras
import numpy as np
import pytest

from dreamfilters.comparison.diff.network_diff import DiffJob
from dreamfilters.errors import DamagedError, ImageError, OutputError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.runs.over_images.diff_run import StoredDiffJob, read_diff, run
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest


@pytest.fixture(scope="module")
def job(tiny, network_of):
    """A diff of `tiny` and a copy with other weights in its last two layers, on noise."""
    copy = keras.models.clone_model(tiny)
    copy.set_weights(tiny.get_weights())
    rng = np.random.default_rng(0)
    for name in ("conv2", "classes"):
        layer = copy.get_layer(name)
        layer.set_weights([values + rng.normal(0, 0.1, values.shape) for values in layer.get_weights()])
    images = rng.random((40, 16, 16, 3)).astype("float32")
    source = source_of(images, [str(number) for number in tiny.predict(images, verbose=0).argmax(axis=1)])
    return StoredDiffJob(DiffJob(network_of(tiny), network_of(copy), source), dreams=1)


@pytest.fixture(scope="module")
def stored(job, tmp_path_factory):
    return run(job, tmp_path_factory.mktemp("diff") / "out")


def test_a_stored_diff_is_read_again_with_its_tables_and_page(stored, job):
    folder, found = stored.folder, stored.value
    assert found == read_diff(folder)
    assert not found.is_same
    layers = list(csv.DictReader(io.StringIO((folder / "layers.csv").read_text())))
    assert [row["layer"] for row in layers] == [pair.name for pair in found.layers]
    flips = list(csv.DictReader(io.StringIO((folder / "flips.csv").read_text())))
    assert [int(row["index"]) for row in flips] == [flip.index for flip in found.flips]
    units = list(csv.DictReader(io.StringIO((folder / "units.csv").read_text())))
    count = sum(len(pair.units) + len(pair.lost) + len(pair.new) for pair in found.layers)
    assert len(units) == count
    page = (folder / "index.html").read_text()
    assert "The units that changed most" in page
    assert page.count('<figure class="') == len(found.flips)


def test_a_finished_diff_is_kept_and_another_folder_refused(stored, job, tmp_path):
    assert run(job, stored.folder).kept
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        run(job, tmp_path)
    with pytest.raises(OutputError, match="holds no diff"):
        read_diff(tmp_path)


def test_a_forged_diff_is_one_line(stored, tmp_path):
    manifest = Manifest.read(stored.folder)
    for key, value in {"layers": 3, "right": [1], "images": "many", "flips": [{}]}.items():
        forged = {**manifest.results, key: value}
        (tmp_path / MANIFEST).write_bytes(Manifest("diff", {}, manifest.model, {MANIFEST: "0" * 64}, forged).to_json())
        with pytest.raises(DamagedError):
            read_diff(tmp_path)


def test_too_few_images_are_refused_before_anything_is_written(job, tmp_path):
    few = StoredDiffJob(DiffJob(job.diff.network, job.diff.other, source_of(np.zeros((3, 16, 16, 3)))))
    with pytest.raises(ImageError, match="3 images: give at least 8"):
        run(few, tmp_path / "out")
    assert not (tmp_path / "out").exists()
