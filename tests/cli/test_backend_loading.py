"""What a command does before TensorFlow or JAX is loaded: it raises the error of a mistake, and shows a first text."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dreamfilters import backend
from dreamfilters.cli.backend_loading import device_line, library_name
from tests.fuzz.good_files import write_prior

ROOT = Path(__file__).parents[2]

# Commands and what their one line says.
MISTAKES = [
    (("dream", "no.keras", "conv1:0"), "no.keras: no such file"),
    (("dream", "net.keras", "conv1:0", "--recipe", "standart"), "no such recipe"),
    (("dream", "net.keras", "conv1:0", "--size", "big"), "--size big: must be a side"),
    (("dream", "net.keras", "conv1:0", "--images", "none"), "none: no such file or folder"),
    (("dream", "net.keras", "conv1:0", "--out", "net.keras"), "net.keras: cannot be written"),
    (("dream", "net.keras", "conv1:0", "--out", "."), "holds other files (bad.npz, bad.toml, empty"),
    (("maps", "net.keras", "none"), "none: no such file or folder"),
    (("maps", "net.keras", "net.keras", "--units", "7-3"), "--units 7-3"),
    (("scan", "net.keras", "none"), "none: no such file or folder"),
    (("audit", "net.keras", "none"), "none: no such file or folder"),
    (("compare", "net.keras", "conv1:0", "none"), "none: no such file or folder"),
    (("layers", "net.keras", "--form", "bad.toml", "--order", "BGR"), "give either the file or --order"),
    (("dream", "net.keras", "conv6:x"), "'x' is not a list of numbers"),
    (("dream", "net.keras", "class:"), "expected a class after class:"),
    (("dream", "net.keras", ":::"), "expected a layer before :::"),
    (("dream", "net.keras", "conv1:0", "--set", "steps"), "--set steps: give KEY=VALUE"),
    (("dream", "net.keras", "conv1:0", "--recipe", "bad.toml"), "bad.toml: is not TOML"),
    (("dream", "net.keras", "conv1:0", "--frames", "-1"), "--frames -1: must be 0 or more"),
    (("dream", "net.keras", "conv1:0", "--start", "none.png"), "--start none.png: no such file"),
    (("dream", "net.keras", "conv1:0", "--order", "RBG"), "order='RBG': one of RGB, BGR, gray"),
    (("dream", "net.keras", "conv1:0", "--range", "1", "0"), "the second number must be above the first"),
    (("dream", "net.keras", "conv1:0", "--bits", "3"), "bits=3: must be 9 to 16"),
    (
        ("dream", "net.keras", "conv1:0", "--out", "bad.toml/x"),
        "bad.toml/x: cannot be written (bad.toml is a",
    ),
    (("layers", "net.keras", "--input", "a=O.5"), "--input a=O.5: neither a number nor a file"),
    (("layers", "net.keras", "--classes", "none.txt"), "--classes none.txt: no such file"),
    (("maps", "net.keras", "empty"), "empty: no image files in this folder"),
    (("maps", "net.keras", "net.keras", "--scale", "big"), "must be unit, layer or LOW:HIGH"),
    (("maps", "net.keras", "net.keras", "--colormap", "red"), "no such colormap"),
    (("scan", "net.keras"), "net.keras: no images"),
    (("scan", "net.keras", "net.keras", "--labels", "none.csv"), "--labels none.csv: no such file"),
    (("scan", "net.keras", "net.keras", "--top", "0"), "--top 0: must be 1 or more"),
    (("audit", "net.keras", "--scan", "empty"), "empty: holds no scan"),
    (("compare", "net.keras", "conv1:x", "net.keras"), "'x' is not a list of numbers"),
    (("compare", "net.keras", "conv1:0", "net.keras", "--against", "no.keras"), "no.keras: no such file"),
    (("atlas", "net.keras", "net.keras", "--seeds", "0"), "--seeds 0: must be 1 or more"),
    (("serve", "net.keras", "none"), "none: no such file or folder"),
    (("serve", "net.keras", "--port", "99999"), "--port 99999: must be 0 to 65535"),
    (("inputs", "net.keras", "empty"), "empty: no image files in this folder"),
    (("convert", "nett.h5", "new.keras"), "error: nett.h5: no such file."),
    (("again", "none.png"), "error: none.png: no such file"),
    (("dream", "net.keras", "conv1:0", "--set", "nosuch=3"), "unknown key 'nosuch'"),
    (("dream", "net.keras", "conv1:0", "--set", "steps=many"), "steps='many': a whole number"),
    (("dream", "net.keras", "conv1:0", "--set", "steps=-1"), "steps=-1: at least 1"),
    (("dream", "net.keras", "conv1:0", "--recipe", "fast", "--set", "stepz=3"), "Close names: steps"),
    (("dream", "net.keras", "conv1:0", "--recipe", "other.toml"), "other.toml: unknown key 'stepz'"),
    (("dream", "net.keras", "conv1:0", "--start", "bad.toml"), "bad.toml: is not an image"),
    (("dream", "net.keras", "conv1:0", "--form", "bad.toml"), "bad.toml: is not TOML"),
    (("dream", "net.keras", "conv1:0", "--form", "other.toml"), "other.toml: stepz: no such key"),
    (("dream", "empty", "conv1:0"), "empty: is a folder; give a file that ends in"),
    (("convert", "net.keras", "out.txt"), "out.txt: the name must end in .keras for a network"),
    (("convert", "net.keras", "net.keras"), "net.keras: exists already; use --force"),
    (("convert", "net.keras", "bad.toml/new.keras"), "bad.toml: cannot be written (it is a file)"),
    (("convert", "net.keras", "empty"), "empty: is a folder; give a file in it"),
    (("again", "bad.toml"), "bad.toml: is not an image"),
    (("maps", "net.keras", "images", "--labels", "bad.toml"), "bad.toml: row 1 has no label"),
    (("audit", "net.keras", "images", "--scan", "images"), "images: holds other files"),
    (("inputs", "signs", "images", "--save"), "signs: is not a file, so no model.toml can be saved"),
    (("calibrate", "signs", "images", "--save"), "signs: is not a file, so no model.toml can be saved"),
    (("compare", "net.keras", "conv1:0", "images", "--set", "nosuch=3"), "unknown key 'nosuch'"),
    (("compare", "net.keras", "conv1:0", "images", "--image", "bad.toml"), "bad.toml: is not an image"),
    (("atlas", "net.keras", "images", "--set", "nosuch=3"), "unknown key 'nosuch'"),
    (("circuit", "net.keras", "conv1:0", "images", "--set", "nosuch=3"), "unknown key 'nosuch'"),
    (("circuit", "net.keras", "conv1:0", "images", "--out", "bad.toml/x.png"), "bad.toml: cannot be written"),
    (("unit", "net.keras", "conv1:0"), "net.keras: no images"),
    (("unit", "net.keras", "conv1:x", "images"), "'x' is not a list of numbers"),
    (("facets", "net.keras", "conv1:0", "none/"), "none: no such file or folder"),
    (("facets", "net.keras", "conv1:0", "images", "--weight", "-1"), "--weight -1: must be 0 or more"),
    (("facets", "net.keras", "conv1:0", "images", "--weight", "nan"), "--weight nan: must be 0 or more"),
    (("fool", "net.keras", "class:0", "images", "--norm", "l3"), "--norm l3: must be linf or l2"),
    (("fool", "net.keras", "class:0", "images", "--confidence", "2"), "--confidence 2: must be above 0 and below 1"),
    (("style", "net.keras", "none", "images/a.png"), "none: no such file or folder"),
    (("style", "net.keras", "images", "bad.toml"), "bad.toml: is not an image"),
    (("style", "net.keras", "images", "images/a.png", "--size", "big"), "--size big: must be a side"),
    (("segment", "net.keras", "images", "--algorithm", "x"), "--algorithm x: must be watershed or random-walker"),
    (("segment", "net.keras", "images", "--background", "0.9"), "--background 0.9 --foreground 0.8: the first must"),
    (("embed", "net.keras", "images", "--metric", "x"), "--metric x: must be cosine or euclidean"),
    (("prior", "images", "--out", "bad.toml/x.npz"), "bad.toml: cannot be written"),
    (("prior", "images", "--out", "x.npz", "--minutes", "0"), "--minutes 0: must be above 0"),
    (("film", "net.keras"), "net.keras: checkpoints need images; add --images DIR"),
    (("film", "none.keras", "--images", "images"), "none.keras: no such file or folder"),
    (("film", "net.keras", "--images", "images", "--units", "conv1:x"), "'x' is not a list of numbers"),
    (("summaries", "empty", "--out", "logs"), "empty: holds no run of this tool"),
    (("demo", "--out", "bad.toml"), "bad.toml: cannot be written"),
    (("samples", "bad.toml/x"), "bad.toml/x: cannot be written"),
    (("serve", "net.keras", "empty"), "empty: no image files in this folder"),
    (("serve", "net.keras", "images", "--out", "bad.toml"), "bad.toml: cannot be written"),
    (("serve", "net.keras", "--form", "bad.toml"), "bad.toml: is not TOML"),
    (("dream", "net.keras", "conv1:0", "--prior", "none.npz"), "--prior none.npz: no such file"),
    (("dream", "net.keras", "conv1:0", "--prior", "bad.npz"), "bad.npz: is damaged, or not a prior"),
    (("serve", "net.keras", "--prior", "bad.npz"), "bad.npz: is damaged, or not a prior"),
    (("dream", "net.keras", "conv1:0", "--prior", "good.npz"), "--prior good.npz: is for --recipe learned"),
    (
        ("compare", "net.keras", "conv1:0", "images", "--prior", "good.npz", "--recipe", "fast"),
        "recipe fast: uses colors and spectrum only; a learned prior is for recipe 'learned'",
    ),
    (("dream", "net.keras", "conv1:0", "--recipe", "learned"), "recipe learned: needs a learned prior; train one"),
    (("compare", "net.keras", "conv1:0", "images", "--recipe", "learned"), "recipe learned: needs a learned prior;"),
    (("atlas", "net.keras", "images", "--recipe", "learned"), "recipe learned: needs a learned prior; train one"),
    (
        ("facets", "net.keras", "conv1:0", "images", "--recipe", "learned"),
        "needs a learned prior, which `dreamfilters facets` does not take; choose another recipe",
    ),
    (("attribute", "net.keras", "images", "--method", "lrp,gradientt"), "method gradientt: there is none. Close names"),
    (("segment", "net.keras", "images", "--method", "*"), "attribution method *: there is none"),
    *(
        ((command, "net.keras", *more, "--seed", "-1"), "--seed -1: must be 0 to 2147483647")
        for command, more in {
            "dream": ("conv1:0",),
            "compare": ("conv1:0", "images"),
            "atlas": ("images",),
            "audit": ("images",),
            "ablate": ("conv1:0", "images"),
            "circuit": ("conv1:0", "images"),
            "unit": ("conv1:0", "images"),
            "facets": ("conv1:0", "images"),
            "fool": ("class:0", "images"),
            "invert": ("images",),
            "texture": ("images",),
            "style": ("images", "images/a.png"),
            "embed": ("images",),
            "film": (),
            "diff": ("net.keras",),
        }.items()
    ),
    (("prior", "images", "--out", "x.npz", "--seed", "2147483648"), "--seed 2147483648: must be 0 to 2147483647"),
]


@pytest.fixture(scope="module")
def lines_of_mistakes(tmp_path_factory):
    """Exit code, stdout and stderr of each of `MISTAKES`, in one process that can import neither TensorFlow nor JAX."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "net.keras").touch()
    (folder / "bad.toml").write_text("steps = = 3")
    (folder / "other.toml").write_text("stepz = 3")
    (folder / "empty").mkdir()
    (folder / "images").mkdir()
    Image.new("RGB", (4, 4)).save(folder / "images" / "a.png")
    (folder / "bad.npz").write_bytes(bytes(100))
    write_prior(folder / "good.npz")
    code = f"""
import contextlib, io, json, sys
sys.modules["tensorflow"] = sys.modules["jax"] = sys.modules["keras"] = None
from dreamfilters.cli import main
found = []
for words in {[words for words, _ in MISTAKES]}:
    sys.argv = ["dreamfilters", *words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stopped:
            found.append([stopped.code, out.getvalue(), err.getvalue()])
print(json.dumps(found))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return dict(zip((words for words, _ in MISTAKES), json.loads(done.stdout), strict=True))


@pytest.mark.parametrize(("words", "message"), MISTAKES)
def test_a_mistake_is_an_error_before_tensorflow_is_loaded(words, message, lines_of_mistakes):
    code, out, err = lines_of_mistakes[words]
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("dream", "signs", "conv6:1"),
        ("scan", "signs"),
        ("audit", "signs"),
        ("maps", "signs", "a.png"),
        ("layers", "signs"),
        ("inputs", "signs", "."),
        ("demo",),
        ("convert", "net.keras", "new.keras"),
        ("calibrate", "signs", "."),
        ("prior", ".", "--out", "x.npz"),
        ("attribute", "signs", "a.png"),
        ("evaluate", "signs"),
        ("embed", "signs"),
        ("neighbors", "signs", ".", "a.png"),
        ("ablate", "signs", "conv4:3"),
        ("circuit", "signs", "conv5:3"),
        ("weights", "signs"),
        ("compare", "signs", "conv5:3"),
        ("measures",),
        ("atlas", "signs"),
        ("unit", "signs", "conv5:3", "a.png"),
        ("facets", "signs", "conv5:3", "a.png"),
        ("fool", "signs", "class:STOP"),
        ("invert", "signs", "a.png"),
        ("texture", "signs", "a.png"),
        ("style", "signs", "a.png", "a.png"),
        ("segment", "signs", "a.png"),
        ("diff", "signs", "signs"),
        ("film", "net.keras", "--images", "."),
        ("again", "a.png"),
        ("samples", "samples"),
        ("serve", "signs"),
    ],
)
def test_something_is_on_the_screen_before_the_large_imports(tmp_path, words):
    """The first text on a terminal precedes what takes long to import.

    NumPy and Pillow are imported by the options of `embed` and `ablate`, and where `style` and `again` read an image.
    """
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "net.keras").touch()
    code = """
import os, sys
from dreamfilters.cli import main

def first_text(text):
    if text:
        large = {"tensorflow", "jax", "keras", "h5py", "scipy", "skimage", "fastapi", "uvicorn", "rich", "jinja2"}
        large |= set() if {"embed", "ablate", "style", "again"} & set(sys.argv) else {"numpy", "PIL"}
        sys.stdout.write(f"{text}|{sorted(large & set(sys.modules))}")
        sys.stdout.flush()
        os._exit(0)

sys.stderr.isatty, sys.stderr.write = lambda: True, first_text
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    text, large = done.stdout.split("|")
    assert (text[-4:], large) == (" ...", "[]")


@pytest.mark.parametrize(
    ("stored", "variable", "name"),
    [
        (None, None, "TensorFlow"),
        (None, "jax", "JAX"),
        ('{"backend": "jax"}', None, "JAX"),
        ('{"backend": "jax"}', "tensorflow", "TensorFlow"),
        ('{"backend": "torch"}', None, "Keras"),
        ("{", None, "TensorFlow"),
        ("[]", "", "TensorFlow"),
    ],
)
def test_the_library_is_the_one_that_keras_will_load(stored, variable, name, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    if variable is not None:
        monkeypatch.setenv("KERAS_BACKEND", variable)
    if stored is not None:
        (tmp_path / "keras.json").write_text(stored)
    assert library_name() == name


def test_an_accelerator_is_named(monkeypatch):
    assert device_line() == ""  # the processor is not
    monkeypatch.setattr(backend, "device", lambda: backend.Device("gpu", "NVIDIA H200", 1, 10**11))
    assert device_line() == "computing on NVIDIA H200"
    monkeypatch.setattr(backend, "device", lambda: backend.Device("gpu", "NVIDIA H200", 8, 10**11))
    assert device_line() == "computing on 8 devices NVIDIA H200"
