from pathlib import Path

import pytest

import dreamfilters
from dreamfilters.cli.options import ModelOptions
from dreamfilters.errors import InputFormError


def test_model_options_are_the_arguments_of_load(tmp_path):
    model_options = ModelOptions(
        range=(0.0, 255.0), order="BGR", classes=Path("names.txt"), input=["a", "c=0.5"], output="b"
    )
    assert model_options.settings == {
        "trust": False,
        "imports": (),
        "architecture": None,
        "form": {"range": (0.0, 255.0), "order": "BGR"},
        "classes": Path("names.txt").absolute(),
        "input": "a",
        "inputs": {"c": 0.5},
        "output": "b",
    }
    assert ModelOptions(form=tmp_path / "x.toml").settings["form"] == tmp_path / "x.toml"
    assert ModelOptions().settings["form"] is None
    held = ModelOptions(input=["a=b=c.png"]).settings
    assert (held["input"], held["inputs"]) == (None, {"a": Path("b=c.png").absolute()})
    with pytest.raises(InputFormError, match="--input a --input b: one input takes the image"):
        ModelOptions(input=["a", "b"]).settings  # noqa: B018
    with pytest.raises(InputFormError, match=r"--form x\.toml: give either the file or --range and --order"):
        ModelOptions(form=Path("x.toml"), range=(0, 1), order="BGR").settings  # noqa: B018


def test_the_words_of_the_options_give_the_same_options():
    given = ModelOptions(trust=True, form=Path("form.toml"), input=["a", "c=0.5"], output="b")
    assert given.words == ["--form", "form.toml", "--input", "a", "--input", "c=0.5", "--output", "b", "--trust"]
    assert ModelOptions(range=(0.0, 255.0), bits=12, input_size="28").words == (
        ["--range", "0", "255", "--bits", "12", "--input-size", "28x28"]
    )
    assert ModelOptions().words == []


def test_verbose_prints_what_was_changed_in_an_old_file(tiny, tmp_path, capsys):
    tiny.save(tmp_path / "tiny.keras")
    ModelOptions(verbose=True).network(str(tmp_path / "tiny.keras"))
    versions, opened, changes = capsys.readouterr().err.splitlines()[:3]
    assert versions.startswith(f"dreamfilters {dreamfilters.__version__}, ")
    assert opened.startswith("tiny: ")
    assert opened.endswith(" layers, takes 16x16 RGB, 0 to 1")
    assert changes == "nothing was changed"
