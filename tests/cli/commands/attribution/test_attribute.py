"""`dreamfilters attribute`: output, exit codes and error messages."""

import json
import warnings
from dataclasses import dataclass

import pytest
import typer
from PIL import Image

from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.attribution.trust.registry import TRUST_MEASURES
from dreamfilters.cli.commands.attribution import attribute
from dreamfilters.errors import DreamfiltersError


@dataclass(frozen=True)
class Gradient:
    """A toy method: the sum of the gradient over the channels."""

    name: str = "toy-gradient"
    meaning: str = "a toy"

    def __call__(self, network, objective, images):
        return Scorer(network, objective).gradients(images)[1].sum(axis=-1)

    def remarks(self, network, objective, images, heatmaps):
        """Return a remark on every image that is brighter at its end than at its beginning."""
        return ["gets brighter" if image[-1, 0, 0] > image[0, 0, 0] else "" for image in images]


@pytest.fixture(autouse=True)
def toy():
    """The method, registered."""
    ATTRIBUTIONS.register(Gradient())
    yield
    ATTRIBUTIONS.remove("toy-gradient")


@pytest.fixture(scope="module")
def workspace(tiny, tmp_path_factory):
    """A folder with tiny.keras and two images."""
    folder = tmp_path_factory.mktemp("workspace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tiny.save(folder / "tiny.keras")
    (folder / "images" / "b").mkdir(parents=True)
    Image.linear_gradient("L").resize((16, 16)).convert("RGB").save(folder / "images" / "ramp.png")
    Image.radial_gradient("L").resize((20, 10)).save(folder / "images" / "b" / "gray.png")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def run_command(workspace, monkeypatch, capfd, tmp_path):
    """A function that runs the command and returns its exit code, stdout and stderr."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    for command in attribute.COMMANDS:
        app.command()(command)

    @app.callback()
    def _several() -> None:
        pass

    monkeypatch.chdir(workspace)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words, method="toy-gradient"):
        given = ["attribute", "tiny.keras", *map(str, words), "--method", method, "--range", "0", "1"]
        try:
            code = app([*given, "--out", str(tmp_path / "out")], standalone_mode=False) or 0
        except DreamfiltersError as error:
            return 2, "", str(error)
        return code, *capfd.readouterr()

    return run


def test_a_line_for_each_image_and_target_and_the_page(run_command, tmp_path):
    code, out, err = run_command("class:1", "conv2:0", "images")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["image", "label", "predicted", "target", "score", "heatmaps"]
    assert [line.split()[0] for line in lines[1:5]] == ["b/gray.png", "b/gray.png", "ramp.png", "ramp.png"]
    assert lines[-1] == str(tmp_path / "out" / "index.html")
    assert "input form of tiny" in err


def test_a_remark_is_printed_stored_and_on_the_page(run_command, tmp_path):
    line = "toy-gradient: ramp.png: gets brighter (2 of 4 heatmaps)"
    for _ in range(2):  # the second time from the records
        code, _, err = run_command("class:1", "conv2:0", "images")
        assert (code, line in err.splitlines()) == (0, True)
    assert line in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_the_predicted_class_is_explained_without_a_target(run_command):
    code, out, _ = run_command("images/ramp.png", "--json")
    (image,) = json.loads(out)["images"]
    assert code == 0
    assert image["targets"][0]["target"] == f"class:{image['predicted'].split(',')[0]}"


def test_the_table_of_trust_has_the_seconds_and_the_control(run_command):
    code, out, _ = run_command("class:1", "images/ramp.png", "--measure", "1")
    head = next(line for line in out.splitlines() if line.startswith("method"))
    row = next(line for line in out.splitlines() if line.startswith("toy-gradient"))
    assert code == 0
    assert head.split() == ["method", *TRUST_MEASURES, "seconds"]
    assert float(row.split()[-1]) >= 0
    assert "does not depend on the weights" in next(line for line in out.splitlines() if line.startswith("random"))


def test_json_is_complete(run_command):
    code, out, _ = run_command("class:1", "images", "--against", "class:0", "--measure", "1", "--json")
    values = json.loads(out)
    assert code == 0
    assert values["images"][0]["targets"][0]["target"] == "class:1 - class:0"
    assert [row["method"] for row in values["trust"]] == ["toy-gradient", "random"]
    assert set(values["trust"][0]["measures"]["deletion"]) == {"mean", "by_chance", "images"}
    assert values["seconds"].keys() == {"toy-gradient"}
    assert values["failures"] == []


def test_an_unreadable_image_is_named_and_the_code_is_3(run_command, workspace, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    (images / "good.png").write_bytes((workspace / "images" / "ramp.png").read_bytes())
    (images / "bad.png").write_bytes(b"")
    code, _, err = run_command("class:1", images)
    assert code == 3
    assert "bad.png: is empty" in err
    assert "1 of 2 images could not be read" in err


@pytest.mark.parametrize(
    ("words", "method", "message"),
    [
        (["class:1", "missing/"], "toy-gradient", "missing: no such file or folder"),
        (["class:1", "empty"], "toy-gradient", "empty: no image files in this folder"),
        (["class:1"], "toy-gradient", "class:1: no such file or folder"),
        (["class:7", "images"], "toy-gradient", "class 7: tiny has 3 classes, 0 to 2"),
        (["conv9:0", "images"], "toy-gradient", "conv9: tiny has no such layer. Close names: conv"),
        (["class:", "images"], "toy-gradient", "class:"),
        (["class:1", "images", "--against", "class:1"], "toy-gradient", "against class:1: is the target itself"),
        (["images", "--against", "class:1"], "toy-gradient", "against class:1: needs a target"),
        (["class:1", "images"], "toy-gradent", "toy-gradent: there is none. Close names: toy-gradient"),
    ],
)
def test_bad_input_is_one_line(run_command, words, method, message):
    code, out, err = run_command(*words, method=method)
    assert (code, out) == (2, "")
    assert message in err
    assert "\n" not in err
