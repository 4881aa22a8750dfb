import json
import re
import tomllib

import keras
import pytest
import typer
from typer.testing import CliRunner

from dreamfilters.cli import model
from dreamfilters.errors import OutputError
from dreamfilters.images import png_bytes
from dreamfilters.networks import load

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


@pytest.fixture
def workspace(tiny, tmp_path, scene):
    """A folder with tiny.keras, and `images` with a subfolder for each of its three classes."""
    tiny.save(tmp_path / "tiny.keras")
    for number in range(9):
        path = tmp_path / "images" / str(number % 3) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(scene(16, 16, seed=number)))
    return tmp_path


def invoke(command, *words):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(word) for word in words])


def rank(workspace, *words):
    return invoke(model.inputs, workspace / "tiny.keras", workspace / "images", *words)


def test_layers_are_listed_with_their_kinds_and_the_reason_of_one_that_is_not_visual(tmp_path):
    image = keras.Input((16, 16, 3))
    patches = keras.layers.Conv2D(8, 4, strides=4, name="patches")(image)
    tokens = keras.layers.Reshape((16, 8), name="tokens")(patches)
    volume = keras.layers.Reshape((4, 4, 2, 4), name="volume")(tokens)
    classes = keras.layers.Dense(3, name="classes")(keras.layers.Flatten(name="flat")(volume))
    keras.Model(image, classes).save(tmp_path / "net.keras")
    rows = {row["name"]: row for row in json.loads(invoke(model.layers, tmp_path / "net.keras", "--json").stdout)}
    kinds = {"patches": "map", "tokens": "tokens", "volume": "not visual", "classes": "vector"}
    assert {name: rows[name]["kind"] for name in kinds} == kinds
    assert rows["volume"]["reason"]
    assert not rows["patches"]["reason"]
    lines = invoke(model.layers, tmp_path / "net.keras").stdout.splitlines()
    assert lines[0].split()[:4] == ["name", "type", "kind", "output"]
    printed = {cells[0]: cells for cells in (re.split(" {2,}", line) for line in lines[1:])}
    assert [printed[name][2] for name in ("patches", "tokens", "classes")] == ["map", "tokens", "vector"]
    assert printed["volume"][2] == f"not visual: {rows['volume']['reason']}"
    assert printed["volume"][-1] == "no"


def test_input_forms_are_ranked_and_the_best_is_saved_beside_the_model(workspace):
    result = rank(workspace, "--json")
    rows = json.loads(result.stdout)["trials"]
    assert (result.exit_code, json.loads(result.stdout)["images"]) == (0, 9)
    assert rows == sorted(rows, key=lambda row: (-row["accuracy"], row["log_loss"]))
    assert not (workspace / "tiny.toml").exists()
    saved = rank(workspace, "--save", "--top", "2")
    lines = saved.stdout.splitlines()
    assert lines[0].split() == ["accuracy", "log-loss", "input", "form", "resize", "classes"]
    assert (len(lines), lines[-1]) == (4, str(workspace / "tiny.toml"))
    assert tomllib.loads((workspace / "tiny.toml").read_text())["size"] == [16, 16]
    network = load(workspace / "tiny.keras")
    assert (network.form.describe(), network.assumed) == (rows[0]["input"], "")
    assert isinstance(rank(workspace, "--save").exception, OutputError)
    assert rank(workspace, "--save", "--force").exit_code == 0


def test_a_near_tie_is_reported(workspace):
    assert "near tie: 16x16" in rank(workspace, "--per-class", "1").stderr


def test_an_image_that_cannot_be_read_is_named(workspace):
    (workspace / "images" / "0" / "bad.png").write_bytes(b"no image")
    result = rank(workspace)
    assert (result.exit_code, "bad.png: is not an image" in result.stderr) == (3, True)


def test_an_input_form_cannot_be_saved_beside_the_built_in_network():
    result = invoke(model.inputs, "signs", "images", "--save")
    assert isinstance(result.exception, OutputError)
    assert str(result.exception) == "signs: is not a file, so no model.toml can be saved beside it"


def test_a_model_file_is_converted(tiny, tmp_path):
    tiny.save(tmp_path / "tiny.h5")
    out = tmp_path / "tiny.keras"
    done = invoke(model.convert, tmp_path / "tiny.h5", out, "-v")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out)
    assert done.stderr.strip() == "nothing was changed"
    assert keras.models.load_model(out).count_params() == tiny.count_params()


def test_a_missing_file_is_an_error_of_one_line(tmp_path):
    done = invoke(model.convert, tmp_path / "absent.h5", tmp_path / "out.keras")
    assert done.exit_code != 0
    assert "no such file" in str(done.exception)
