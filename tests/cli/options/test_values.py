import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dreamfilters.cli.options.values import known_model, parse_numbers, parse_sides, parse_size, writable_folder
from dreamfilters.errors import InputFormError, ModelError, OutputError, TargetError

ROOT = Path(__file__).parents[3]


def test_sizes():
    assert (parse_sides("96"), parse_sides("64x96"), parse_sides("64×96")) == ((96,), (64, 96), (64, 96))
    assert (parse_size(None), parse_size("96"), parse_size("64x96")) == (None, (96, 96), (64, 96))
    with pytest.raises(InputFormError, match="--size 1x2x3: must be a side in pixels"):
        parse_size("1x2x3")


def test_numbers_and_ranges():
    assert parse_numbers("0-3, 42,2") == (0, 1, 2, 3, 42)
    for text in ("", "a", "-1", "3-", "1-2-3", "0-9999999"):
        with pytest.raises(TargetError, match="must be numbers and ranges"):
            parse_numbers(text)


def test_a_model_that_is_no_file_is_left_to_load(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved").mkdir()
    (tmp_path / "net.keras").touch()
    for text in (None, "signs", "applications:VGG16", "module:function", "saved", "net.keras"):
        assert known_model(text) == text
    with pytest.raises(ModelError, match=r"^nett\.keras: no such file\. Close names: net\.keras$"):
        known_model("nett.keras")


# Commands and what their one line says.
MISTAKES = [
    (("dream", "no.keras", "conv1:0"), "no.keras: no such file"),
    (("dream", "net.keras", "conv1:0", "--recipe", "standart"), "no such recipe"),
    (("dream", "net.keras", "conv1:0", "--size", "big"), "--size big: must be a side"),
    (("dream", "net.keras", "conv1:0", "--images", "none"), "none: no such file or folder"),
    (("dream", "net.keras", "conv1:0", "--out", "net.keras"), "net.keras: cannot be written"),
    (("dream", "net.keras", "conv1:0", "--out", "."), "holds other files (bad.toml, empty, net.keras)"),
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
]


@pytest.fixture(scope="module")
def lines_of_mistakes(tmp_path_factory):
    """Exit code, stdout and stderr of each of `MISTAKES`, in one process that cannot import TensorFlow."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "net.keras").touch()
    (folder / "bad.toml").write_text("steps = = 3")
    (folder / "empty").mkdir()
    code = f"""
import contextlib, io, json, sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
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


def test_an_output_directory_that_cannot_be_made_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    assert writable_folder(tmp_path / "new" / "newer") == tmp_path / "new" / "newer"
    with pytest.raises(OutputError, match=r"file/new: cannot be written \(.*file is a file\)"):
        writable_folder(tmp_path / "file" / "new")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # as for a user who may not write
    with pytest.raises(OutputError, match="does not allow it"):
        writable_folder(tmp_path / "new")


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
        ("again", "a.png"),
        ("serve", "signs"),
    ],
)
def test_something_is_on_the_screen_before_the_large_imports(tmp_path, words):
    """The first text on a terminal precedes what takes long to import; numpy, Pillow and pydantic may be there."""
    (tmp_path / "a.png").touch()
    code = """
import os, sys
from dreamfilters.cli import main

def first_text(text):
    if text:
        large = {"tensorflow", "keras", "h5py", "scipy", "skimage", "fastapi", "uvicorn", "rich", "jinja2"}
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
