"""`dreamfilters maps`: output, exit codes and error messages."""

import json
import re
import warnings

import keras
import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from dreamfilters.cli import program
from dreamfilters.cli.commands import maps
from dreamfilters.errors import DreamfiltersError
from tests.cli.commands.test_scan import write_bad, write_odd_but_good


@pytest.fixture(scope="module")
def workspace(tiny, tmp_path_factory):
    """A folder with tiny.keras and two images."""
    folder = tmp_path_factory.mktemp("workspace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tiny.save(folder / "tiny.keras")
    (folder / "images" / "b").mkdir(parents=True)
    Image.new("RGB", (16, 16), (200, 30, 30)).save(folder / "images" / "red.png")
    Image.new("L", (20, 10), 128).save(folder / "images" / "b" / "gray.png")
    (folder / "empty").mkdir()
    (folder / "unreadable").mkdir()
    for number in range(2):
        (folder / "unreadable" / f"{number}.png").write_bytes(b"")
    return folder


@pytest.fixture
def run_command(workspace, monkeypatch, capfd):
    """A function that runs the command and returns its exit code, stdout and stderr."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    for command in maps.COMMANDS:
        app.command()(command)

    @app.callback()
    def _several() -> None:
        pass

    monkeypatch.chdir(workspace)

    def run(*words, model="tiny.keras"):
        try:
            code = app(["maps", str(model), *map(str, words), "--range", "0", "1"], standalone_mode=False) or 0
        except DreamfiltersError as error:
            return 2, "", str(error)
        return code, *capfd.readouterr()

    return run


def test_a_column_without_a_value_is_left_out(run_command, tmp_path):
    _, out, _ = run_command("images/red.png", "--out", tmp_path / "out", "--layers", "conv1")
    assert out.splitlines()[0].split() == ["image", "predicted", "probability", "maps"]


def test_each_image_gets_a_line_and_a_folder(run_command, tmp_path):
    code, out, _ = run_command("images", "--out", tmp_path / "out", "--layers", "conv1, pool1", "--layers", "classes")
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["image", "label", "predicted", "probability", "maps"]
    assert [line.split()[0] for line in lines[1:]] == ["b/gray.png", "red.png"]
    folder = tmp_path / "out" / lines[2].split("out/")[1]
    assert {path.name for path in folder.iterdir()} >= {"01-conv1.png", "02-pool1.png", "overview.png", "maps.json"}


@pytest.mark.parametrize(
    ("bias", "cells"), [((2.0, -3.0, 1.0), ["0, 2", "88.08 %, 73.11 %"]), ((-2.0, -3.0, -1.0), ["none", "2 26.89 %"])]
)
def test_every_class_that_is_predicted_is_named(run_command, tmp_path, bias, cells):
    """Sigmoids of constants: classes that do not exclude each other."""
    image = keras.Input((16, 16, 3))
    tags = keras.layers.Dense(3, "sigmoid", name="tags")
    net = keras.Model(image, tags(keras.layers.GlobalAveragePooling2D()(image)))
    tags.set_weights([np.zeros((3, 3)), np.array(bias)])
    net.save(tmp_path / "tags.keras")
    _, out, _ = run_command("images/red.png", "--out", tmp_path / "out", model=tmp_path / "tags.keras")
    assert re.split(" {2,}", out.splitlines()[1])[1:3] == cells


def test_json_lists_predictions_and_folders(run_command, tmp_path):
    words = ("--out", tmp_path / "out", "--json", "--no-pages", "--half", "--units", "0-1,3", "--top", "2")
    code, out, _ = run_command("images", *words, "--scale", "0:2")
    rows = json.loads(out)["images"]
    assert code == 0
    assert [row["label"] for row in rows] == ["b", ""]
    assert [len(row["predictions"]) for row in rows] == [2, 2]
    arrays = np.load(f"{rows[0]['folder']}/maps.npz")
    assert arrays["01-conv1"].shape == (16, 16, 3)
    assert arrays["01-conv1"].dtype == np.float16


def test_unreadable_images_are_named_and_the_exit_code_is_3(run_command, workspace, tmp_path):
    (workspace / "images" / "broken.jpg").write_text("no")
    try:
        code, out, err = run_command("images", "--out", tmp_path / "out", "--no-pages")
    finally:
        (workspace / "images" / "broken.jpg").unlink()
    assert code == 3
    assert len(out.splitlines()) == 3
    assert "broken.jpg: is not an image" in err
    assert "1 of 3 images could not be read" in err


def test_labels_come_from_a_table(run_command, workspace, tmp_path):
    (tmp_path / "labels.csv").write_text("file,label\nred.png,STOP\n")
    _, out, _ = run_command(
        "images", "--labels", tmp_path / "labels.csv", "--out", tmp_path / "out", "--no-pages", "--json"
    )
    assert [row["label"] for row in json.loads(out)["images"]] == ["", "STOP"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none",), "none: no such file or folder"),
        (("empty",), "empty: no image files in this folder"),
        (("unreadable",), r"none of 2 images can be read; first error: 0\.png: is empty"),
        (("images", "--layers", "conf1"), "conf1: .* no such layer"),
        (("images", "--units", "7-3"), "--units 7-3: must be numbers and ranges"),
        (("images", "--units", "99"), "unit 99: no chosen layer has it"),
        (("images", "--scale", "own"), "scale=own"),
        (("images", "--colormap", "jet"), "colormap=jet"),
        (("images", "--size", "0"), "--size 0"),
        (("images", "--top", "-1"), "--top -1: must be 0 or more"),
        (("images", "--labels", "none.csv"), "--labels none.csv: no such file"),
        (("images", "--out", "images"), "images: holds other files"),
    ],
)
def test_bad_input_is_one_line(run_command, words, message):
    code, _, err = run_command(*words)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert re.search(message, err)


def test_odd_images_get_maps_and_bad_ones_a_reason(run_command, workspace, tmp_path):
    (workspace / "odd").mkdir()
    write_odd_but_good(workspace / "odd")
    bad = write_bad(workspace / "odd")
    code, out, err = run_command("odd", "--out", tmp_path / "out", "--no-pages", "--layers", "conv1", "--json")
    values = json.loads(out)
    assert code == 3
    assert len(values["images"]) == 13
    reasons = {each["image"]: each["reason"] for each in values["failures"]}
    assert reasons.keys() == bad.keys()
    assert all(reason in reasons[name] for name, reason in bad.items())
    assert err.splitlines()[-1] == "5 of 18 images could not be read"


def test_maps_of_other_weights_are_refused(run_command, workspace, tmp_path, make_tiny, fill):
    words = ("images", "--out", tmp_path / "out", "--no-pages", "--layers", "conv1")
    assert run_command(*words)[0] == 0
    kept = (workspace / "tiny.keras").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        fill(make_tiny(), 5).save(workspace / "tiny.keras")
    try:
        code, _, err = run_command(*words)
    finally:
        (workspace / "tiny.keras").write_bytes(kept)
    assert code == 2
    assert re.search(r"holds maps with other settings \(model\); choose another folder", err)
    assert run_command(*words)[0] == 0


def test_a_value_that_is_not_finite(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1, name="age")])
    model.get_layer("age").set_weights([np.full((768, 1), np.nan, np.float32), np.zeros(1, np.float32)])
    model.save("age.keras")
    for _ in range(2):  # the second run keeps the maps of the first one
        found = CliRunner().invoke(program.app, ["maps", "age.keras", "images/red.png", "--no-pages", "-q"])
        assert found.exit_code == 0, found.exception
        assert re.search(r"^red\.png +nan +outputs/age/maps/", found.stdout, re.MULTILINE), found.stdout


def test_the_values_of_a_regression_are_named(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(4, name="point")])
    model.get_layer("point").set_weights([np.zeros((768, 4), np.float32), np.float32([0.5, 2, -1, 7])])
    model.compile(loss="mse")  # else they are taken for logits
    model.save("point.keras")
    found = CliRunner().invoke(program.app, ["maps", "point.keras", "images/red.png", "--no-pages", "-q"])
    assert found.exit_code == 0, found.exception
    assert "point:0 0.5, point:1 2, point:2 -1, ...  outputs/point/maps/" in found.stdout
