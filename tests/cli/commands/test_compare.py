"""`dreamfilters compare` and `atlas`: output, exit codes and error messages."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from dreamfilters.cli import options
from dreamfilters.cli.commands import compare
from dreamfilters.errors import ImageError, ModelError, TargetError, UnknownNameError
from dreamfilters.images import png_bytes

FEW = ["--set", "steps=2", "--seeds", "1", "--top", "2", "--range", "0", "1", "--quiet"]
ATLAS = [*FEW, "--layers", "conv2,classes"]


@pytest.fixture(scope="module")
def place(make_tiny, tmp_path_factory):
    """`tiny` as a file with three named classes, and nine images in folders of these names."""
    folder = tmp_path_factory.mktemp("place")
    make_tiny().save(folder / "tiny.keras")
    (folder / "names.txt").write_text("one\ntwo\nthree\n")
    rng = np.random.default_rng(2)
    for number in range(9):
        path = folder / "images" / ("one", "two", "three")[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    return folder


def asked(place, *words):
    app = typer.Typer()
    app.command()(compare.compare)
    return CliRunner().invoke(app, [str(place / "tiny.keras"), *map(str, words), *FEW])


@pytest.mark.slow
def test_a_line_a_unit_and_the_page(place, tmp_path):
    out = tmp_path / "out"
    names = ["--classes", place / "names.txt"]
    said = asked(place, "conv1:0", "class:two", place / "images", "--out", out, *names)
    assert said.exit_code == 0, said.output
    lines = said.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["target", "conv1:0", "class:two", str(out / "index.html")]
    unit = json.loads((out / "comparison.json").read_text())["units"][1]
    assert (unit["title"], unit["measures"]["confusions"]["images"]) == ("two", 3)


@pytest.mark.thorough
def test_the_last_word_is_the_images(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    split = options.targets_and_images
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").touch()
    assert split("net.keras", ["conv1:0", "class:two", "images"]) == (["conv1:0", "class:two"], Path("images"))
    assert split("signs", ["conv1:0", "images/"]) == (["conv1:0"], Path("images"))
    assert split("signs", ["conv1:0", "class:STOP"]) == (["conv1:0", "class:STOP"], Path("outputs/samples"))
    with pytest.raises(ImageError, match="net: no images; give an image or a folder of images as the last argument"):
        split("net", ["conv1:0"])
    with pytest.raises(TargetError, match="give at least one target"):
        split("signs", [str(place / "images")])


def test_json_an_image_and_another_network(place, tmp_path):
    image = place / "images" / "one" / "0.png"
    words = ["--image", image, "--against", place / "tiny.keras", "--json", "--out", tmp_path / "out"]
    said = asked(place, "conv2:0-1", place / "images", *words)
    assert said.exit_code == 0, said.output
    values = json.loads(said.stdout)
    assert [unit["target"] for unit in values["units"]] == ["conv2:0", "conv2:1"]
    assert all(unit["unit_transfer_percentile"] is not None for unit in values["units"])
    assert "0.png" in (tmp_path / "out" / "index.html").read_text("utf-8")


@pytest.mark.thorough
def test_judges_are_in_the_table_and_in_json(place, tmp_path):
    """The file itself is the judge: it predicts for a dream what the network predicts."""
    words = ["class:two", place / "images", "--classes", place / "names.txt", "--out", tmp_path / "out"]
    judge = ["--judge", place / "tiny.keras"]
    said = asked(place, *words, *judge)
    assert said.exit_code == 0, said.output
    (unit,) = json.loads((tmp_path / "out" / "comparison.json").read_text())["units"]
    is_predicted = unit["measures"]["dream_prediction"]["is_predicted"]
    head, row = (line.split("  ") for line in said.stdout.splitlines()[:2])
    assert "Recognized" in head
    assert f"{int(is_predicted)} of 1" in row
    assert "Recognized by other networks: a class is predicted for" in said.stderr
    values = json.loads(asked(place, *words, *judge, "--json").stdout)
    real = 1 - unit["measures"]["confusions"]["misclassified"] / 3
    assert values["means"]["recognition"] == {"dream tiny": float(is_predicted), "real tiny": pytest.approx(real)}
    assert values["units"][0]["recognized"] == float(is_predicted)


def test_an_image_that_cannot_be_read_is_named_and_is_another_exit_code(place, tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes((place / "images" / "one" / "0.png").read_bytes())
    (tmp_path / "broken.png").write_bytes(b"no image")
    said = asked(place, "conv1:1", tmp_path, "--out", tmp_path / "out")
    assert said.exit_code == 3
    assert "broken.png: " in said.stderr
    assert "1 of 4 images could not be read" in said.stderr


def test_what_cannot_be_is_one_line(place, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "labels.csv").write_text("one/0.png,four\n")
    (tmp_path / "broken").mkdir()
    for number in range(3):
        (tmp_path / "broken" / f"{number}.png").write_bytes(b"no image")
    images, names = place / "images", ["--classes", place / "names.txt"]
    wrong = [
        (ImageError, [empty]),
        (ImageError, [tmp_path / "broken"]),
        (UnknownNameError, [images, "--labels", tmp_path / "labels.csv", *names]),
        (UnknownNameError, [images, "--against", place / "tiny.keras", *names]),  # it has numbers for classes
        (ModelError, [images, "--judge", place / "none.keras"]),
    ]
    for error, words in wrong:
        said = asked(place, "class:0", *words, "--out", tmp_path / "out")
        assert isinstance(said.exception, error), said.exception
        assert len(str(said.exception).splitlines()) == 1
        assert not (tmp_path / "out").exists()


def invoked(noisy, *words):
    app = typer.Typer()
    app.command()(compare.atlas)
    return CliRunner().invoke(app, [str(noisy / "tiny.keras"), *map(str, words), *ATLAS])


@pytest.mark.thorough
@pytest.mark.slow
def test_counts_the_page_and_the_image_that_failed(noisy, tmp_path):
    words = [noisy / "images", "--out", tmp_path / "out", "--judge", noisy / "tiny.keras"]
    result = invoked(noisy, *words)
    assert result.exit_code == 3, result.output
    assert "Recognized by other networks: a class is predicted for" in result.stderr
    assert "Recognized by other networks" in (tmp_path / "out" / "index.html").read_text("utf-8")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["verdict", "units"]
    assert sum(int(words[-1]) for words in lines[1:-1]) == 11
    assert lines[-1] == [str(tmp_path / "out" / "index.html")]
    assert "1 of 25 images could not be read" in result.stderr
    again = invoked(noisy, *words, "--json")
    values = json.loads(again.stdout)
    assert sum(values["counts"].values()) == 11
    assert set(values["means"]["recognition"]) == {"dream tiny", "other tiny"}  # the images have no labels
    assert [failure["image"] for failure in values["failures"]] == ["broken.png"]


def test_errors_are_one_line(noisy, tmp_path):
    (tmp_path / "empty").mkdir()
    wrong = [
        (ImageError, [tmp_path / "empty"], "empty"),
        (ImageError, [], "give an image or a folder of images"),
        (UnknownNameError, [noisy / "images", "--layers", "conv9"], "Close names: conv"),
    ]
    for error, words, message in wrong:
        result = invoked(noisy, *words, "--out", tmp_path / "out")
        assert isinstance(result.exception, error), result.exception
        assert message in str(result.exception)
        assert len(str(result.exception).splitlines()) == 1
        assert not (tmp_path / "out").exists()
