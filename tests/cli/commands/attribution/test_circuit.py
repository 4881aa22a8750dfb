"""`dreamfilters circuit` and `weights`: their tables, JSON, drawings, pages and exit codes."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from dreamfilters.cli import app


@pytest.fixture
def run_command(make_tiny, tmp_path, monkeypatch):
    """A function that runs the command on `tiny` and three images, and returns its exit code and output."""
    make_tiny().save(tmp_path / "tiny.keras")
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / "images" / f"{number}.png")
    monkeypatch.chdir(tmp_path)

    def run(*words, command="circuit"):
        result = CliRunner().invoke(app, [command, "tiny.keras", *words, "--range", "0", "1"])
        return result.exit_code, result.stdout

    return run


def test_it_prints_the_units_and_draws_their_dreams_and_weights(run_command, tmp_path):
    code, out = run_command(
        "conv2:3", "images", "--most", "2", "--recipe", "fast", "--set", "steps=1", "--out", "circuit"
    )
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["unit", "contribution", "share", "activation", "weight"]
    assert [line.split()[0].partition(":")[0] for line in lines[1:3]] == ["conv1"] * 2
    assert lines[3].startswith("conv2:3: response ")
    assert lines[-1] == "circuit/index.html"
    page = (tmp_path / "circuit" / "index.html").read_text("utf-8")
    assert page.count('alt="dream of conv1:') == page.count('alt="expanded weights of conv1:') == 2
    assert page.count('alt="dream of conv2:3"') == 1
    values = json.loads((tmp_path / "circuit" / "circuit.json").read_bytes())
    assert [one["target"] for one in values["dreams"]] == ["conv2:3", *(line.split()[0] for line in lines[1:3])]
    with Image.open(tmp_path / "circuit" / "circuit.png") as drawn:
        assert drawn.size[0] > 3 * 144  # three columns: the unit, and two that feed it
        assert drawn.size[1] > 2 * 144  # dreams above weights


def test_weights_are_listed_and_drawn(run_command, tmp_path):
    code, out = run_command("conv1", "--out", "conv1.png", command="weights")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0
    assert lines[0] == ["layer", "weights", "shape", "mean", "std", "range"]
    assert [line[:2] for line in lines[1:3]] == [["conv1", "kernel"], ["conv1", "bias"]]
    assert lines[3] == ["conv1.png"]
    with Image.open(tmp_path / "conv1.png") as drawn:
        assert drawn.size[0] > 4 * 128
    code, out = run_command("--json", command="weights")
    assert [layer["layer"] for layer in json.loads(out)] == ["conv1", "conv2", "classes"]


def test_json_and_an_image_that_cannot_be_read(run_command, tmp_path):
    (tmp_path / "images" / "broken.png").write_bytes(b"")
    code, out = run_command("classes:1", "images", "--from", "conv1", "--json")
    values = json.loads(out)
    assert code == 3
    assert (values["target"], values["layer"], values["images"], len(values["units"])) == ("classes:1", "conv1", 3, 8)
    assert len(values["failures"]) == 1
