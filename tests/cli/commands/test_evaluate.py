"""`dreamfilters evaluate`: output, exit codes, and what cannot be evaluated."""

import json
import warnings

import numpy as np
import pytest
from typer.testing import CliRunner

import dreamfilters as df
from dreamfilters.cli import app
from dreamfilters.errors import DreamfiltersError
from dreamfilters.images import png_bytes

QUICK = ("--range", "0", "1", "--quiet")


@pytest.fixture(scope="module")
def workspace(tiny, tmp_path_factory):
    """A folder with tiny.keras, and `images` of three classes."""
    folder = tmp_path_factory.mktemp("evaluate")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tiny.save(folder / "tiny.keras")
    rng = np.random.default_rng(0)
    for number in range(24):
        path = folder / "images" / str(number % 3) / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    (folder / "one" / "0").mkdir(parents=True)
    (folder / "one" / "0" / "a.png").write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    (folder / "flat").mkdir()
    (folder / "flat" / "a.png").write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def run(workspace, monkeypatch, tmp_path):
    """A function that runs the command in the workspace."""
    monkeypatch.chdir(workspace)
    return lambda *words: CliRunner().invoke(app, ["evaluate", *words, *QUICK, "--out", str(tmp_path / "out")])


def test_the_command_prints_confusions_and_the_page(run, tmp_path):
    result = run("tiny.keras", "images")
    assert result.exit_code == 0, result.output
    found = df.read_evaluation(tmp_path / "out")
    top = found.misclassified[0]
    first, second = (line.split() for line in result.stdout.splitlines()[:2])
    assert first == ["label", "predicted", "images", "of"]
    assert second == [found.classes[top.label], found.classes[top.predicted], str(len(top.rows)), "8"]
    assert f"% of 24 images are predicted correctly (95 % interval: {100 * found.interval[0]:.1f} to" in result.stdout
    assert result.stdout.rstrip().endswith("index.html")
    lines = result.stdout.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("class"))
    assert lines[head].split() == ["class", "images", "precision", "recall", "F1"]
    worst = min(found.per_class, key=lambda one: one.f1)
    assert lines[head + 1].split()[0] == worst.name
    assert lines[head + 1].split()[-1] == f"{worst.f1:.3f}"
    assert lines[head + 4].split()[-2:] == [f"{found.accuracy.value:.3f}", f"{found.macro_f1:.3f}"]
    assert "warning: only" in result.stderr
    assert "dreamfilters inputs tiny.keras images" in result.stderr


def test_json_holds_every_number(run, tmp_path):
    values = json.loads(run("tiny.keras", "images", "--json").stdout)
    found = df.read_evaluation(tmp_path / "out")
    assert values["accuracy"] == found.share
    assert values["accuracy_interval"] == list(found.interval)
    assert values["balanced_accuracy"] == found.accuracy.value
    assert values["calibration_error"] == found.reliability.error
    assert [one["images"] for one in values["classes"]] == [8, 8, 8]
    assert [one["f1"] for one in values["classes"]] == [one.f1 for one in found.per_class]
    assert values["macro_f1"] == found.macro_f1
    assert values["top_5_accuracy"] is None  # three classes
    assert len(values["mistakes"]) == len(found.mistakes) == sum(one["images"] for one in values["confusions"])
    assert values["mistakes"][0].keys() == {"image", "label", "predicted", "probability", "label_probability", "right"}
    assert values["pairs"][0]["layer"] == "conv2"
    assert values["failures"] == []


def test_unreadable_images_are_exit_code_3(run, workspace):
    broken = workspace / "images" / "0" / "broken.png"
    broken.write_bytes(b"no image")
    try:
        result = run("tiny.keras", "images", "--pairs", "0")
    finally:
        broken.unlink()
    assert result.exit_code == 3
    assert "0/broken.png" in result.stderr
    assert "1 of 25 images could not be read" in result.stderr


def test_labels_of_a_file_are_used(run, workspace):
    lines = [f"{number % 3}/{number:02}.png,{(number + 1) % 3}" for number in range(24)]
    (workspace / "labels.csv").write_text("\n".join(lines))
    values = json.loads(run("tiny.keras", "images", "--labels", "labels.csv", "--json", "--pairs", "0").stdout)
    labeled = {one["image"]: one["label"] for one in values["mistakes"]}
    assert labeled
    assert all(label == str((int(name[0]) + 1) % 3) for name, label in labeled.items())
    assert values["pairs"] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tiny.keras", "empty"), "no image files in this folder"),
        (("tiny.keras", "flat"), "no image has a label: use one folder per class"),
        (("tiny.keras", "one"), "all labeled images are of the class 0; give images of two classes or more"),
        (
            ("tiny.keras", "images/1"),
            "no image has a label: images/1 is the folder of one class; give its parent, images",
        ),
        (("tiny.keras", "nowhere"), "nowhere: no such file or folder"),
        (("tiny.keras", "images", "--layer", "conv9"), "conv9: tiny has no such layer"),
        (("tiny.keras", "images", "--pairs", "-1"), "--pairs -1: must be 0 or more"),
        (("tiny.keras",), "tiny.keras: no images; give an image or a folder of images"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(run, tmp_path, words, message):
    result = run(*words)
    assert isinstance(result.exception, DreamfiltersError)
    assert message in str(result.exception)
    assert not (tmp_path / "out").exists()
