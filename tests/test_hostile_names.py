"""Names of layers, classes, networks and images are data: printed escaped, and never used as paths."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
import warnings
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from dreamfilters import cli
from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.errors import printable
from dreamfilters.report.tables import guarded

tf = pytest.importorskip("tensorflow", reason="TensorFlow, which writes these files, is not installed")

LAYERS = (
    "..", "a\0b", "<img src=x onerror=alert(1)>", "", " ", "x<y> z", "line\nbreak", "n" * 300, "\u202etfel\u200f",
    "-rf *", "..\\..\\up", "C:con", '" onload="x', "{{7*7}}", "=1+1",
)  # fmt: skip
CLASSES = ("<script>alert(1)</script>", "../../up", "a\nb\u202e")
CHECKPOINTS = ("1 x\x1b[31m\ny", "2 <img src=x onerror=alert(1)>", "3 <!--<script>", "4 =1+1\u202e")
NETWORK = "..\\..\\evil<b>"
MODEL = f"{NETWORK}.keras"
FORM = ("--range", "0", "1", "--classes", "classes.json")


def written(path: Path, seed: int = 1) -> None:
    """Save a network with these names; NUL is edited into the file, because Keras cannot write it."""
    keras.utils.set_random_seed(seed)
    x = inputs = layers.Input((8, 8, 3), name="in")
    for name in LAYERS:
        # one filter of each is always on, the other one dead
        layer = layers.Conv2D(2, 1, activation="relu", name=name.replace("\0", "NUL"))
        x = layer(x)
        kernel = np.abs(layer.get_weights()[0]) * [1, 0]
        layer.set_weights([kernel, np.array([0.1, -1], "float32")])
    x = layers.Dense(3, name="..\\out<")(layers.GlobalAveragePooling2D(name="gap ]")(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras.Model(inputs, x, name=NETWORK).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = members["config.json"].replace(b"aNULb", rb"a\u0000b")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with the network, classes.json and six images with hostile names."""
    folder = tmp_path_factory.mktemp("outer") / "inner"
    written(folder.parent / MODEL)
    folder.mkdir()
    shutil.move(folder.parent / MODEL, folder)
    (folder / "classes.json").write_text(json.dumps(CLASSES))
    noise = np.random.default_rng(0)
    for number, name in enumerate(["0/a", "0/<b onclick=alert(1)>", "1/c\u202e", "1/d\ne", "2/f", "2/{{7}}"]):
        path = folder / "images" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 255 - number, (8, 8, 3), np.uint8)).save(path)
    return folder


@pytest.fixture
def run_command(workspace, monkeypatch, capfd):
    """A function that runs a command and returns its output and new files, which are all in its output folder."""
    monkeypatch.chdir(workspace)

    def run(*words, out=None, code=0):
        before = set(listed(workspace.parent))
        more = () if words[0] in ("again", "summaries") else FORM
        given = ("--out", out, *(() if words[0] == "summaries" else ("--quiet",))) if out else ()
        monkeypatch.setattr(sys, "argv", ["dreamfilters", *words, *given, *more])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        message, err = capfd.readouterr()
        assert int(stopped.value.code or 0) == code, (message, err)
        told = (
            "input form of ", "33 % of 6 labeled images are predicted correctly",
            "predicted as another class, 4 of 6 labeled images: ", "the labels are read as the numbers of the classes",
        )  # fmt: skip
        assert all(line.isprintable() and line.startswith(told) for line in err.splitlines()), err
        assert "--json" in words or all(line.isprintable() for line in message.splitlines())
        new = set(listed(workspace.parent)) - before
        assert new if out else not new
        for path in new:
            inside = path.relative_to(workspace / out)
            assert all(re.fullmatch(r"[\w.-]*", part, re.ASCII) for part in inside.parts), path
            assert ".." not in inside.parts
        return message, sorted(path for path in new if path.is_file())

    return run


def listed(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


def test_layers_are_listed_by_their_exact_names(run_command):
    message, _ = run_command("layers", MODEL, "--json")
    names = [entry["name"] for entry in json.loads(message)]
    assert names == [*LAYERS, "gap ]", "..\\out<"]
    message, _ = run_command("layers", MODEL)
    assert r"a\x00b " in message
    assert r"line\nbreak " in message
    assert r"\u202etfel\u200f " in message


def test_dream_and_again(run_command, workspace):
    targets = [f"{quoted(LAYERS[number])}:0" for number in (1, 3, 6)]
    message, files = run_command("dream", MODEL, *targets, "class:0", "--recipe", "fast", "--set", "steps=1", out="d")
    records = {path: json.loads(path.read_bytes()) for path in files if path.suffix == ".json"}
    made = {record["target"]: path for path, record in records.items() if "target" in record}
    assert set(made) == {*targets, f"class:{quoted(CLASSES[0])}"}
    assert len(message.splitlines()) == 1 + len(made) + 1
    again = made[targets[-1]].with_suffix(".png").relative_to(workspace)
    assert run_command("again", str(again))[0] == "the same bytes\n"


def test_maps(run_command):
    _, files = run_command("maps", MODEL, "images", "--units", "0", out="m")
    record = json.loads(next(path for path in files if path.name == "maps.json").read_bytes())
    assert set(LAYERS) <= set(record["layers"])
    assert len({values["page"] for values in record["layers"].values()}) == len(record["layers"])


def test_scan(run_command, workspace):
    run_command("scan", MODEL, "images", "--top", "2", out="s")
    rows = list(csv.DictReader(io.StringIO((workspace / "s" / "units.csv").read_bytes().decode())))
    assert {row["layer"] for row in rows} >= set(map(guarded, LAYERS))


def test_embed_and_neighbors(run_command, workspace):
    run_command("embed", MODEL, "images", "--layer", LAYERS[2], out="e")
    rows = list(csv.DictReader(io.StringIO((workspace / "e" / "embedding.csv").read_bytes().decode())))
    assert {row["class"] for row in rows} == set(CLASSES)
    message, _ = run_command("neighbors", MODEL, "images", "images/0", "--layer", LAYERS[2], "-k", "2", out="n")
    assert message.splitlines()[-1].startswith("2 queries among 6 images by <img")


def test_evaluate(run_command, workspace):
    run_command("evaluate", MODEL, "images", "--pairs", "2", out="evaluated")
    rows = list(csv.DictReader(io.StringIO((workspace / "evaluated" / "classes.csv").read_bytes().decode())))
    assert [row["class"] for row in rows] == list(map(guarded, CLASSES))
    page = Page((workspace / "evaluated" / "index.html").read_text("utf-8"))
    assert not {name for name, _ in page.attributes if name.startswith("on")}
    assert ("src", "x") not in page.attributes
    assert "<script>alert(1)</script>" in page.text
    assert NETWORK in page.text


def test_audit(run_command, workspace):
    run_command("audit", MODEL, "images", out="a")
    found = json.loads((workspace / "a" / "manifest.json").read_bytes())["results"]
    assert {layer["layer"] for layer in found["layers"]} >= set(LAYERS)
    rows = list(csv.DictReader(io.StringIO((workspace / "a" / "audit.csv").read_bytes().decode())))
    assert {row["layer"] for row in rows} >= set(map(guarded, LAYERS))


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes.update(attributes)

    def handle_data(self, data):
        self.text += data


def test_compare_escapes_names_in_its_page(run_command, workspace):
    words = ["--seeds", "1", "--top", "2", "--set", "steps=1", "--recipe", "fast"]
    chosen = [quoted(LAYERS[number]) + ":0" for number in (2, 13)]
    run_command("compare", MODEL, *chosen, "class:0", "images", *words, out="c")
    page = Page((workspace / "c" / "index.html").read_text("utf-8"))
    assert not {name for name, _ in page.attributes if name.startswith("on")}
    assert ("src", "x") not in page.attributes
    assert "y" not in page.tags
    assert NETWORK in page.text
    assert "<script>alert(1)</script>" in page.text
    assert "<img src=x onerror=alert(1)>" in page.text
    assert "{{7*7}}" in page.text


def checked_page(path):
    """A page without an element or attribute that a name made."""
    source = path.read_text("utf-8")
    page = Page(source)
    assert not {name for name, _ in page.attributes if name.startswith("on")}
    assert ("src", "x") not in page.attributes
    assert not page.tags & {"y", "i"}
    assert "<!--" not in source  # inside a script, it would make the rest of the page a part of that
    return page


def test_film_escapes_the_names_of_checkpoints_layers_and_classes(run_command, workspace):
    """Its looks are named by the files, and its tables and events by layers and units."""
    checkpoints = [workspace / "checkpoints" / f"{name}.keras" for name in CHECKPOINTS]
    checkpoints[0].parent.mkdir()
    for path in checkpoints:
        shutil.copy(workspace / MODEL, path)
    targets = [f"{quoted(LAYERS[number])}:0" for number in (2, 6, 13)]
    units = [word for target in (*targets, "class:0") for word in ("--units", target)]
    names = [f"checkpoints/../checkpoints/{path.name}" for path in checkpoints]
    message, files = run_command("film", *names, "--images", "images", *units, out="filmed")
    assert {path.name for path in files} >= {"film.webp", "strip.png", "index.html", "history.csv"}
    assert r"1 x\x1b[31m\ny " in message
    text = checked_page(workspace / "filmed" / "index.html").text
    for name in (*CHECKPOINTS[:3], LAYERS[2], LAYERS[13], CLASSES[0]):
        assert name in text or json.dumps(name)[1:-1].replace("<", "\\u003c") in text, name
    rows = list(csv.DictReader(io.StringIO((workspace / "filmed" / "history.csv").read_bytes().decode())))
    assert [row["look"] for row in rows] == list(map(guarded, sorted(CHECKPOINTS)))
    rows = list(csv.DictReader(io.StringIO((workspace / "filmed" / "units.csv").read_bytes().decode())))
    assert {row["layer"] for row in rows} >= set(map(guarded, LAYERS))
    _, (path,) = run_command("summaries", "filmed", out="logs")
    assert {f"dreams/{target}" for target in targets} <= tags_of(path)


def test_diff_escapes_the_names_of_layers_images_and_classes(run_command, workspace):
    for path in (workspace / "images").glob("*/*.png"):  # it takes at least 8
        for copy in "xy":
            (workspace / "twice" / path.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, workspace / "twice" / path.parent.name / f"{copy}{path.name}")
    written(workspace / "other<i>.keras", seed=2)
    message, _ = run_command("diff", MODEL, "other<i>.keras", "twice", "--dreams", "1", out="differing")
    assert r"line\nbreak " in message
    text = checked_page(workspace / "differing" / "index.html").text
    for name in (LAYERS[2], LAYERS[13], NETWORK):
        assert name in text, name
    flips = list(csv.DictReader(io.StringIO((workspace / "differing" / "flips.csv").read_bytes().decode())))
    assert flips
    assert {name for row in flips for name in row.values()} & set(map(guarded, CLASSES))
    rows = list(csv.DictReader(io.StringIO((workspace / "differing" / "layers.csv").read_bytes().decode())))
    assert {row["layer"] for row in rows} >= set(map(guarded, LAYERS))


def test_summaries_keep_names_as_text(run_command, workspace):
    """The tags of an event file are the names; its own name never is."""
    run_command("evaluate", MODEL, "images", "--pairs", "2", out="for-summaries")
    _, (path,) = run_command("summaries", "for-summaries", out="logs-of-evaluation")
    assert path.name == "events.out.tfevents.0000000000"
    assert {f"recall/{name}" for name in CLASSES} <= tags_of(path)


def tags_of(path: Path) -> set[str]:
    event_pb2 = pytest.importorskip("tensorflow.core.util.event_pb2")
    events = [event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
    return {value.tag for event in events for value in event.summary.value}


def test_control_characters_are_printed_as_escapes():
    assert printable("a\x1b[31m\u202eb\n\x00") == r"a\x1b[31m\u202eb\n\x00"
    assert printable("gewähren 交通") == "gewähren 交通"
