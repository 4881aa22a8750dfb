"""`dreamfilters ablate`: its table, JSON and exit codes."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from dreamfilters.cli import app
from dreamfilters.errors import DreamfiltersError, RecipeError, TargetError
from dreamfilters.runs.over_images.ablation_store import read_ablation


@pytest.fixture
def workspace(make_tiny, tmp_path, monkeypatch):
    """A folder with `tiny.keras`, six images of three classes and one file that is no image."""
    make_tiny().save(tmp_path / "tiny.keras")
    rng = np.random.default_rng(0)
    for number in range(6):
        path = tmp_path / "images" / str(number % 3) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    (tmp_path / "images" / "0" / "broken.png").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run_command(workspace):
    """A function that runs the command and returns its exit code and what it prints to stdout."""

    def run(*words):
        result = CliRunner().invoke(app, ["ablate", "tiny.keras", *words, "--range", "0", "1", "--quiet"])
        if isinstance(result.exception, DreamfiltersError):
            raise result.exception
        return result.exit_code, result.stdout

    return run


def test_it_prints_the_units_and_the_random_ones(run_command, workspace):
    code, out = run_command("conv2:0-1", "images", "--controls", "2", "--out", "out")
    assert code == 3  # an image could not be read
    lines = out.splitlines()
    assert lines[0].split("  ")[0] == "units"
    assert {line.split("  ")[0] for line in lines[1:3]} == {"conv2:0", "conv2:1"}
    assert [line.split("  ")[0] for line in lines[3:6]] == [
        "conv2, all 2", "conv2, random: 2 x 1", "conv2, random: 2 x 2",
    ]  # fmt: skip
    assert lines[6].startswith("6 images, accuracy ")
    assert (workspace / "out" / "index.html").is_file()


def test_json_holds_all_units(run_command):
    code, out = run_command("conv2", "images", "--json", "--how", "mean")
    values = json.loads(out)
    assert code == 3
    assert (values["how"], values["images"], len(values["layers"][0]["effects"])) == ("mean", 6, 8)
    assert values["failures"][0]["image"] == "0/broken.png"


def test_bad_options_are_one_line(run_command):
    with pytest.raises(RecipeError, match="--how noise: must be one of zero, mean, resample, partner"):
        run_command("conv2", "images", "--how", "noise")


def test_units_are_needed(run_command):
    with pytest.raises(
        DreamfiltersError, match="images: name the units before the images, such as conv2:0, conv2:0-3 or conv2 for all"
    ):
        run_command("images")


def test_redundant_units_are_replaced_by_their_partners(make_tiny, workspace, run_command):
    with pytest.raises(TargetError, match="conv2: none of these units is redundant"):
        run_command("conv2", "images", "--redundant")
    model = make_tiny()
    kernel, bias = model.get_layer("conv2").get_weights()
    kernel[..., 5], bias[5] = 2 * kernel[..., 1], 2 * bias[1]  # twice the response of unit 1
    model.get_layer("conv2").set_weights([kernel, bias])
    model.save(workspace / "tiny.keras")
    code, out = run_command("conv1", "conv2", "images", "--redundant", "--controls", "1", "--out", "redundant")
    assert code == 3  # an image could not be read
    assert "conv2:5  " in out
    assert "1, weights 1.00, responses 1.00" in out
    found = read_ablation(workspace / "redundant")
    partner = found.partner(found.unit("conv2", 5).ablated)
    assert (partner.unit, partner.partner, partner.factor) == (5, 1, pytest.approx(2, rel=1e-4))
    effect = found.unit("conv2", 5)
    assert (effect.lost.sum(), effect.gained.sum()) == (0, 0)
    assert effect.margin.value == pytest.approx(0, abs=1e-4)  # the partner says the same
    page = (workspace / "redundant" / "index.html").read_text("utf-8")
    assert "Replaced by" in page
    assert "1, weights 1.00, responses 1.00" in page
