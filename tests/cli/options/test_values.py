import os
import subprocess
import sys
from pathlib import Path

import pytest

from dreamfilters.cli.options.values import known_model, parse_numbers, parse_sides, parse_size
from dreamfilters.errors import InputFormError, ModelError, TargetError


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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dream", "no.keras", "conv1:0"), "no.keras: no such file"),
        (("dream", "net.keras", "conv1:0", "--recipe", "standart"), "no such recipe"),
        (("dream", "net.keras", "conv1:0", "--size", "big"), "--size big: must be a side"),
        (("dream", "net.keras", "conv1:0", "--prior-from", "none"), "none: no such file or folder"),
        (("dream", "net.keras", "conv1:0", "--out", "net.keras"), "net.keras: cannot be written"),
        (("dream", "net.keras", "conv1:0", "--out", "."), "holds other files (net.keras)"),
        (("maps", "net.keras", "none"), "none: no such file or folder"),
        (("maps", "net.keras", "net.keras", "--units", "7-3"), "--units 7-3"),
        (("scan", "net.keras", "none"), "none: no such file or folder"),
        (("audit", "net.keras", "none"), "none: no such file or folder"),
        (("compare", "net.keras", "conv1:0", "none"), "none: no such file or folder"),
        (("layers", "net.keras", "--form", "f.toml", "--order", "BGR"), "give either the file or --order"),
    ],
)
def test_a_mistake_is_an_error_before_tensorflow_is_loaded(tmp_path, monkeypatch, words, message):
    """In a process without TensorFlow: `dreamfilters.backend` cannot be imported."""
    (tmp_path / "net.keras").touch()
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None; from dreamfilters.cli import main; main()"
    )
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
