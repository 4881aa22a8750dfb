"""Techniques in the worker write what the command writes; one that is registered later is offered and run too."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import dreamfilters as df
from dreamfilters.cli import app
from dreamfilters.errors import ImageError, ModelError, UnknownNameError
from dreamfilters.images import image_folder
from dreamfilters.techniques import texture_synthesis
from dreamfilters.techniques.forms.argument import Argument
from dreamfilters.techniques.forms.registry import TECHNIQUES
from dreamfilters.techniques.forms.technique import Plan, Technique, reported
from dreamfilters.techniques.given_image import adapted, opened
from dreamfilters.techniques.strip import Strip, TechniqueResult
from dreamfilters.viewer.messages import Cancelled, JobRequest, Request, ScanRequest
from dreamfilters.viewer.technique_request import GivenFile, TechniqueRequest
from dreamfilters.viewer.worker import long_work
from dreamfilters.viewer.worker.handlers import Handlers
from dreamfilters.viewer.worker.long_work import Snapshots, snapshot_png
from tests.viewer.http_client import png


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve images of random colors."""
    folder, random = tmp_path_factory.mktemp("images"), np.random.default_rng(1)
    for number in range(12):
        (folder / f"{number}.png").write_bytes(png(random.random((16, 16, 3))))
    return folder


@pytest.fixture(scope="module")
def handlers(network_of, tiny):
    events = []
    found = Handlers(network_of(tiny), {}, lambda topic, value: events.append((topic, value)))
    found.events = events
    return found


def run(handlers, out, name, values=None, image=None, target="", images=None, pause=lambda: None):
    technique = TechniqueRequest(name, tuple((values or {}).items()), image, target)
    scanned = None if images is None else ScanRequest((), image_folder(images))
    request = JobRequest("J0", "technique", (), scanned, out, technique=technique)
    return handlers.handle(Request(0, 5, "job", {"request": request}), pause)


def given(path):
    return GivenFile(path.name, path)


def test_the_description_of_the_network_has_every_form(handlers):
    forms = handlers._session.description.values["techniques"]
    assert [form["name"] for form in forms] == list(TECHNIQUES)
    assert json.loads(json.dumps(forms)) == forms


# Name, values, and what the Python function returns with the same arguments.
OF_IMAGES = {
    "fool": (
        {"target": "class:1", "steps": 2, "radius": 16.0},
        lambda net, path: df.fool(net, "class:1", path, steps=2, radius=16 / 255),
    ),
    "segment": ({"method": "gradient"}, lambda net, path: df.segment(net, path, method="gradient")),
}


@pytest.mark.parametrize("name", OF_IMAGES)
def test_a_technique_of_an_image_is_that_of_the_python_function(handlers, folder, tmp_path, name):
    values, expected = OF_IMAGES[name]
    found = run(handlers, tmp_path, name, values, given(folder / "3.png"))
    (result,) = found.results
    same = expected(handlers._session.network, folder / "3.png")
    assert (found.folder, found.line, result["text"]) == (tmp_path / name, same.text, same.text)
    assert result["name"] == "3.png"
    assert {Path(file).stem for file in result["images"]} == set(same.images)
    for file in (result["strip"], result["numbers"], *result["images"]):
        assert file in found.files
        assert (found.folder / file).is_file()
    assert found.files[0] == "index.html"


def test_an_animation_and_chosen_layers_are_stored(handlers, folder, tmp_path):
    values = {"layers": ("conv2",), "steps": 3, "frames": 2}
    (texture,) = run(handlers, tmp_path, "texture", values, given(folder / "0.png")).results
    assert texture["frames"].endswith("/frames.gif")
    assert texture["text"].endswith("layers conv2")
    (inverted,) = run(
        handlers, tmp_path, "invert", {"layers": ("conv1", "conv2"), "steps": 2}, given(folder / "0.png")
    ).results
    assert len(inverted["images"]) == 2
    assert inverted["frames"] is None
    values = {"style": given(folder / "1.png"), "steps": 2, "style_layers": ("conv1",)}
    (styled,) = run(handlers, tmp_path, "style", values, given(folder / "0.png")).results
    assert styled["text"].startswith("in the style of 1.png: ")


def test_techniques_of_a_unit_search_the_folder(handlers, folder, tmp_path):
    found = run(handlers, tmp_path, "unit", {"count": 2, "recipe": "fast"}, target="conv1:3", images=folder)
    (result,) = found.results
    assert result["name"] == "conv1:3"
    assert sum("dream-" in file for file in result["images"]) == 2
    assert "strongest of 12 images" in result["text"]
    (facets,) = run(
        handlers, tmp_path, "facets", {"count": 2, "recipe": "fast"}, target="conv1:3", images=folder
    ).results
    assert facets["text"].startswith("2 facets of conv1:3")


def test_an_image_in_memory_has_its_own_name_and_run(handlers, folder, tmp_path):
    values = np.random.default_rng(5).random((16, 16, 3)).astype("float32")
    hostile = "../<img src=x onerror=alert(1)>.png"
    found = run(handlers, tmp_path, "segment", {}, GivenFile(hostile, Path("gone"), values, ("I9", 0)))
    (result,) = found.results
    assert result["name"] == hostile
    assert (found.folder / result["strip"]).resolve().is_relative_to(found.folder.resolve())
    assert "<img src=x" not in (found.folder / "index.html").read_text()
    again = run(handlers, tmp_path, "segment", {}, GivenFile(hostile, Path("gone"), 1 - values, ("I9", 1)))
    assert again.folder.name == "segment-2"  # another image of this name


def test_a_canceled_technique_resumes_to_the_same_bytes(handlers, folder, tmp_path):
    def cancel():
        raise Cancelled

    values = {"steps": 40, "layers": ("conv1",)}
    with pytest.raises(Cancelled):
        run(handlers, tmp_path / "a", "invert", values, given(folder / "2.png"), pause=cancel)
    again = run(handlers, tmp_path / "a", "invert", values, given(folder / "2.png"))
    whole = run(handlers, tmp_path / "b", "invert", values, given(folder / "2.png"))
    for name in whole.files:
        assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_progress_is_sent_and_errors_are_one_line(handlers, folder, tmp_path):
    handlers.events.clear()
    run(handlers, tmp_path, "invert", {"steps": 30, "layers": ("conv1",)}, given(folder / "4.png"))
    shares = [value["share"] for topic, value in handlers.events if topic == "job"]
    assert shares == sorted(shares)
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(ImageError) as refused:
        run(handlers, tmp_path, "segment", {}, given(tmp_path / "bad.png"))
    assert "\n" not in str(refused.value)
    with pytest.raises(UnknownNameError, match="technique nothing: there is none"):
        run(handlers, tmp_path, "nothing", {}, given(folder / "4.png"))


@pytest.fixture(scope="module")
def signs():
    return Handlers("signs", {}, lambda topic, value: None)


def test_a_deepdream_of_an_image_has_the_bytes_of_the_command(signs, folder, tmp_path):
    values = {"layer": "layer:conv4", "steps": 2, "octaves": 2, "size": 32, "frames": 2, "seed": 3}
    found = run(signs, tmp_path / "viewer", "deepdream", values, given(folder / "0.png"))
    words = ["--recipe", "deepdream", "--start", str(folder / "0.png"), "--set", "steps=2", "--set", "octaves=2"]
    more = ["--size", "32", "--frames", "2", "--seed", "3", "--out", str(tmp_path / "command")]
    made = CliRunner().invoke(app, ["dream", "signs", "layer:conv4", *words, *more])
    assert made.exit_code == 0, made.output
    written = {path.name: path.read_bytes() for path in (tmp_path / "command").iterdir()}
    assert {name: (found.folder / name).read_bytes() for name in found.files} == written
    (result,) = found.results
    assert found.line.startswith("layer:conv4: score ")
    assert [file for file, _ in result["tiles"]] == ["start.png", *result["images"]]
    assert {*result["images"], result["frames"], result["numbers"], "start.png"} <= set(found.files)


def test_a_deepdream_of_another_layer_joins_the_folder_and_an_upload_starts_its_own(signs, tmp_path):
    image = np.random.default_rng(5).random((16, 16, 3)).astype("float32")
    hostile = GivenFile("../<img src=x onerror=alert(1)>.png", Path("gone"), image, ("I9", 0))
    values = {"layer": "layer:conv1", "steps": 1, "octaves": 1, "size": 16}
    first = run(signs, tmp_path, "deepdream", values, hostile)
    second = run(signs, tmp_path, "deepdream", {**values, "layer": "layer:conv2"}, hostile)
    assert first.folder == second.folder == tmp_path / "dream"
    assert [one["name"] for one in second.results] == ["layer:conv2"]
    other = GivenFile(hostile.name, Path("gone"), 1 - image, ("I9", 1))
    assert run(signs, tmp_path, "deepdream", values, other).folder == tmp_path / "dream-2"


def test_the_weights_of_a_layer_are_the_files_of_the_command(signs, tmp_path):
    found = run(signs, tmp_path / "viewer", "weights", {"layer": "conv1"})
    made = CliRunner().invoke(app, ["weights", "signs", "conv1", "--out", str(tmp_path / "command")])
    assert made.exit_code == 0, made.output
    written = {path.name: path.read_bytes() for path in (tmp_path / "command").iterdir()}
    stored = {name: (found.folder / name).read_bytes() for name in found.files}
    assert stored.pop("manifest.json")
    assert stored == written
    (result,) = found.results
    assert (result["name"], result["strip"], result["numbers"]) == ("conv1", "kernels-conv1.png", "weights.json")
    assert found.line.startswith("conv1: kernel of 3 × 3 × 3 × 32, mean ")
    with pytest.raises(ModelError, match="dense: a Dense has no kernels to draw"):
        run(signs, tmp_path, "weights", {"layer": "dense"})


def test_what_is_shown_meanwhile_are_images_of_the_ascent_and_changes_nothing(handlers, folder, tmp_path, monkeypatch):
    """Every snapshot is a frame that Python records; without snapshots the files have the same bytes."""
    values = {"steps": 12, "frames": 12, "layers": ("conv2",)}
    with monkeypatch.context() as always:
        always.setattr(long_work, "_INTERVAL", 0.0)
        always.setattr(long_work, "_COST", np.inf)
        handlers.events.clear()
        shown = run(handlers, tmp_path / "shown", "texture", values, given(folder / "6.png"))
    network = handlers._session.network
    same = df.texture(network, folder / "6.png", ["conv2"], adapted(texture_synthesis.RECIPE, steps=12), frames=12)
    snapshots = [value["snapshot"] for topic, value in handlers.events if topic == "job" and "snapshot" in value]
    assert snapshots
    assert set(snapshots) <= {snapshot_png(frame[None]) for frame in same.frames}
    monkeypatch.setattr(Snapshots, "of", lambda self, progress: None)
    handlers.events.clear()
    hidden = run(handlers, tmp_path / "hidden", "texture", values, given(folder / "6.png"))
    assert not any("snapshot" in value for topic, value in handlers.events if topic == "job")
    for name in shown.files:
        assert (shown.folder / name).read_bytes() == (hidden.folder / name).read_bytes(), name


@pytest.mark.parametrize(
    ("name", "values", "target"),
    [
        ("fool", {"target": "class:1", "steps": 20, "confidence": 0.999}, ""),
        ("invert", {"layers": ("conv1",), "steps": 3}, ""),
        ("style", {"style_layers": ("conv1",), "steps": 3}, ""),
        ("deepdream", {"layer": "layer:conv1", "steps": 2, "octaves": 1}, ""),
        ("unit", {"count": 2, "recipe": "fast"}, "conv1:3"),
        ("facets", {"count": 2, "recipe": "fast"}, "conv1:3"),
    ],
)
def test_every_ascent_has_images_meanwhile(handlers, folder, tmp_path, monkeypatch, name, values, target):
    looks = []
    monkeypatch.setattr(Snapshots, "of", lambda self, progress: looks.append(progress.images and progress.images()))
    if name == "style":
        values = {**values, "style": given(folder / "1.png")}
    image, images = (None, folder) if target else (given(folder / "0.png"), None)
    run(handlers, tmp_path, name, values, image, target, images)
    shapes = {one.shape[1:] for one in looks if one is not None}
    assert shapes == {(16, 16, 3)}


@dataclass(frozen=True, eq=False)
class Brighter(TechniqueResult):
    """An image plus a constant."""

    image: np.ndarray
    by: float

    @property
    def text(self):
        return f"brighter by {self.by:g}"

    @property
    def strip(self):
        return Strip("brighter", [self.image], ["brighter"])

    @property
    def images(self):
        return {"brighter": self.image}

    def as_values(self):
        return {"by": self.by}


def test_a_technique_that_is_registered_later_is_offered_and_runs(network_of, tiny, folder, tmp_path, monkeypatch):
    def plan(network, values):
        def made(image):
            return Brighter(np.clip(opened(network, image) + values["by"], 0, 1), values["by"])

        return Plan(dict(values), reported(made))

    by = Argument("by", "number", "By", default=0.25, lowest=0, highest=1, flag="--by")
    monkeypatch.setitem(TECHNIQUES, "brighten", Technique("brighten", "Brighter", "A test.", "image", (by,), plan))
    handlers = Handlers(network_of(tiny), {}, lambda topic, value: None)
    form = handlers._session.description.values["techniques"][-1]
    assert (form["title"], form["arguments"][0]["default"]) == ("Brighter", 0.25)
    found = run(handlers, tmp_path, "brighten", {"by": 0.5}, given(folder / "0.png"))
    assert (found.line, found.folder.name) == ("brighter by 0.5", "brighten")
    assert (found.folder / found.results[0]["images"][0]).read_bytes().startswith(b"\x89PNG")
