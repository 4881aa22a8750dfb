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
def workspace(tiny, tmp_path, scene):
    """A folder with tiny.keras, and `images` with a subfolder for each of its three classes."""
    tiny.save(tmp_path / "tiny.keras")
    for number in range(9):
        path = tmp_path / "images" / str(number % 3) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(scene(16, 16, seed=number)))
    return tmp_path


def run(workspace, *words):
    app = typer.Typer()
    app.command()(inputs.inputs)
    return CliRunner().invoke(app, [str(workspace / "tiny.keras"), str(workspace / "images"), *words])


def test_input_forms_are_ranked_and_the_best_is_saved_beside_the_model(workspace):
    told = run(workspace, "--json")
    rows = json.loads(told.stdout)["trials"]
    assert (told.exit_code, json.loads(told.stdout)["images"]) == (0, 9)
    assert rows == sorted(rows, key=lambda row: (-row["accuracy"], row["log_loss"]))
    assert not (workspace / "tiny.toml").exists()
    saved = run(workspace, "--save", "--top", "2")
    lines = saved.stdout.splitlines()
    assert lines[0].split() == ["accuracy", "log-loss", "input", "form", "resize", "classes"]
    assert (len(lines), lines[-1]) == (4, str(workspace / "tiny.toml"))
    assert tomllib.loads((workspace / "tiny.toml").read_text())["size"] == [16, 16]
    network = load(workspace / "tiny.keras")
    assert (network.form.describe(), network.assumed) == (rows[0]["input"], "")
    assert isinstance(run(workspace, "--save").exception, OutputError)
    assert run(workspace, "--save", "--force").exit_code == 0


def test_a_near_tie_is_reported(workspace):
    assert "near tie: 16x16" in run(workspace, "--per-class", "1").stderr


def test_an_image_that_cannot_be_read_is_named(workspace):
    (workspace / "images" / "0" / "bad.png").write_bytes(b"no image")
    told = run(workspace)
    assert (told.exit_code, "bad.png: is not an image" in told.stderr) == (3, True)


def test_an_input_form_cannot_be_saved_beside_the_built_in_network():
    app = typer.Typer()
    app.command()(inputs.inputs)
    told = CliRunner().invoke(app, ["signs", "images", "--save"])
    assert isinstance(told.exception, OutputError)
    assert str(told.exception) == "signs: is not a file, so no model.toml can be saved beside it"
