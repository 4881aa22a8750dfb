"""`dreamfilters circuit`: its table, JSON, drawing and exit codes."""

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

    def run(*words):
        result = CliRunner().invoke(app, ["circuit", "tiny.keras", *words, "--range", "0", "1"])
        return result.exit_code, result.stdout

    return run


def test_it_prints_the_units_and_draws_their_weights(run_command, tmp_path):
    code, out = run_command("conv2:3", "images", "--most", "4", "--kernels", "kernels.png")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["unit", "contribution", "share", "activation", "weight"]
    assert [line.split()[0].partition(":")[0] for line in lines[1:5]] == ["conv1"] * 4
    assert lines[5].startswith("conv2:3: response ")
    with Image.open(tmp_path / "kernels.png") as drawn:
        assert min(drawn.size) > 200


def test_json_and_an_image_that_cannot_be_read(run_command, tmp_path):
    (tmp_path / "images" / "broken.png").write_bytes(b"")
    code, out = run_command("classes:1", "images", "--from", "conv1", "--json")
    values = json.loads(out)
    assert code == 3
    assert (values["target"], values["layer"], values["images"], len(values["units"])) == ("classes:1", "conv1", 3, 8)
    assert len(values["failures"]) == 1
