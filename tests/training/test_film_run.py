"""Films: of a stored training, and of checkpoints, which an interruption does not change."""

import csv
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import ModelError, UnknownNameError, UsageError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.evidence.unit_statistics import sample_of
from dreamfilters.networks import load
from dreamfilters.training.film_run import FilmJob, run
from dreamfilters.training.film_sources import CheckpointLooks, StoredLooks, checkpoint_paths
from dreamfilters.training.looker import Looker, look_recipe
from tests.planted_training import BIAS_EPOCH

FORM = {"range": [0, 1]}


@pytest.fixture(scope="module")
def filmed(faulty, tmp_path_factory):
    folder = tmp_path_factory.mktemp("film") / "film"
    return run(FilmJob(StoredLooks(faulty[0]), ("2", "epoch 3"), "gif"), folder)


def test_a_film_of_a_training_has_its_frames_tables_and_page(filmed, faulty):
    folder, training = filmed.folder, faulty[1]
    with Image.open(folder / "film.gif") as animation:
        assert animation.n_frames == len(training.looks)
    rows = list(csv.DictReader(io.StringIO((folder / "history.csv").read_text())))
    assert [float(row["loss"]) for row in rows[1:]] == pytest.approx([look.logs["loss"] for look in training.looks[1:]])
    units = list(csv.DictReader(io.StringIO((folder / "units.csv").read_text())))
    assert len(units) == len(training.units)
    (died,) = [row for row in units if (row["layer"], row["unit"]) == ("conv1", "3")]
    assert (died["first_verdict"], died["second_verdict"], died["last_response"]) == ("alive", "dead", "epoch 2")
    page = (folder / "index.html").read_text()
    assert f"stopped responding in epoch {BIAS_EPOCH}" in page
    assert page.count("data-frame=") == len(training.looks) * len(training.targets)
    assert "What changed most, from epoch 2 to epoch 3" in page


def test_the_image_of_a_layer_has_a_row_for_each_unit_and_a_column_for_each_look(faulty):
    from dreamfilters.training.film_images import unit_order, verdict_image
    from dreamfilters.verdicts.verdict import COLORS

    _, training, _ = faulty
    image = verdict_image(training, "conv1")
    assert image.shape == (8 * 16, 7 * 16, 3)
    row = unit_order(training, "conv1").tolist().index(3)
    assert tuple(image[16 * row + 8, 8 + 16 * (BIAS_EPOCH - 1)]) == COLORS["alive"]
    assert tuple(image[16 * row + 8, 8 + 16 * BIAS_EPOCH]) == COLORS["dead"]


def test_a_finished_film_is_kept(filmed, faulty):
    again = run(FilmJob(StoredLooks(faulty[0]), ("2", "epoch 3"), "gif"), filmed.folder)
    assert again.kept
    with pytest.raises(UnknownNameError, match=r"epoch 99: no such look\. "):
        FilmJob(StoredLooks(faulty[0]), ("1", "epoch 99")).check()


@pytest.fixture(scope="module")
def checkpoints(colored_images, make_learner, tmp_path_factory):
    """Three checkpoints of a short training."""
    folder = tmp_path_factory.mktemp("checkpoints")
    model = make_learner()
    for number in (1, 2, 10):
        model.save(folder / f"epoch{number}.keras")
        model.fit(*colored_images, batch_size=60, epochs=1, verbose=0)
    return folder


@pytest.fixture(scope="module")
def source_of_checkpoints(colored_images):
    """A function that returns the looks at checkpoints; all share one looker, whose programs are compiled once."""
    made = []

    def looker_of(network):
        made.append(
            Looker(
                network, sample_of(network, source_of(colored_images[0][:12]), 12), None, ["conv1:1"], look_recipe(), 0
            )
        )
        return made[-1]

    return lambda folder: CheckpointLooks(
        checkpoint_paths([str(folder)]), lambda path: load(path, form=FORM), looker_of
    )


@pytest.mark.thorough
def test_checkpoints_are_sorted_naturally_and_an_interrupted_film_has_the_same_bytes(
    checkpoints, source_of_checkpoints, tmp_path
):
    def stop(*_):
        raise KeyboardInterrupt

    whole = run(FilmJob(source_of_checkpoints(checkpoints)), tmp_path / "whole")
    assert [look.name for look in whole.value.looks] == ["epoch1", "epoch2", "epoch10"]
    changes = np.array([look.changes for look in whole.value.looks])
    conv2 = whole.value.weighted.index("conv2")
    assert np.isnan(changes[0]).all()
    assert (changes[1:, conv2] == 0).all()
    assert (np.delete(changes[1:], conv2, axis=1) > 0).all()
    assert run(FilmJob(source_of_checkpoints(checkpoints)), tmp_path / "parts", progress=stop).stopped
    assert run(FilmJob(source_of_checkpoints(checkpoints)), tmp_path / "parts").value is not None

    def content(folder):
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert content(tmp_path / "parts") == content(tmp_path / "whole")


@pytest.mark.thorough
def test_wrong_checkpoints_are_one_line(checkpoints, source_of_checkpoints, make_tiny, tmp_path):
    folder = shutil.copytree(checkpoints, tmp_path / "mixed")
    make_tiny(size=12).save(folder / "epoch11.keras")
    with pytest.raises(ModelError, match=r"epoch11.keras: another architecture than epoch1.keras: the weights of "):
        run(FilmJob(source_of_checkpoints(folder)), tmp_path / "out")
    with pytest.raises(UsageError, match="one checkpoint; a film needs at least two"):
        checkpoint_paths([str(checkpoints / "epoch1.keras")])
    with pytest.raises(UsageError, match="neither a training nor a folder of checkpoints"):
        checkpoint_paths([str(tmp_path / "out")])
    with pytest.raises(UsageError, match="none: no such file or folder"):
        checkpoint_paths(["none"])
