import json
import tomllib

import pytest
import typer
from typer.testing import CliRunner

from dreamfilters.cli import inputs
from dreamfilters.errors import OutputError
from dreamfilters.images import png_bytes
from dreamfilters.networks import load


@pytest.fixture
def place(tiny, tmp_path, scene):
    """tiny.keras and a folder for each of its three classes."""
    tiny.save(tmp_path / "tiny.keras")
    for number in range(9):
        path = tmp_path / "images" / str(number % 3) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(scene(16, 16, seed=number)))
    return tmp_path


def run(place, *words):
    app = typer.Typer()
    app.command()(inputs.inputs)
    return CliRunner().invoke(app, [str(place / "tiny.keras"), str(place / "images"), *words])


def test_forms_are_ranked_and_the_best_is_written_beside_the_model(place):
    told = run(place, "--json")
    rows = json.loads(told.stdout)["trials"]
    assert (told.exit_code, json.loads(told.stdout)["images"]) == (0, 9)
    assert rows == sorted(rows, key=lambda row: (-row["accuracy"], row["log_loss"]))
    assert not (place / "tiny.toml").exists()
    saved = run(place, "--save", "--top", "2")
    lines = saved.stdout.splitlines()
    assert lines[0].split() == ["accuracy", "log-loss", "input", "form", "resize", "classes"]
    assert (len(lines), lines[-1]) == (4, str(place / "tiny.toml"))
    assert tomllib.loads((place / "tiny.toml").read_text())["size"] == [16, 16]
    network = load(place / "tiny.keras")
    assert (network.form.describe(), network.assumed) == (rows[0]["input"], "")
    assert isinstance(run(place, "--save").exception, OutputError)
    assert run(place, "--save", "--force").exit_code == 0


def test_a_near_tie_is_said(place):
    assert "near tie: 16x16" in run(place, "--per-class", "1").stderr


def test_an_image_that_cannot_be_read_is_named(place):
    (place / "images" / "0" / "bad.png").write_bytes(b"no image")
    told = run(place)
    assert (told.exit_code, "bad.png: is not an image" in told.stderr) == (3, True)


def test_what_is_in_no_file_cannot_be_saved():
    app = typer.Typer()
    app.command()(inputs.inputs)
    told = CliRunner().invoke(app, ["signs", "images", "--save"])
    assert isinstance(told.exception, OutputError)
    assert str(told.exception) == "signs: is not a file, so no model.toml can be saved beside it"
