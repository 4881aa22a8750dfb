"""The command as a person gives it: what it prints, and one line for what cannot be."""

import json

import typer
from typer.testing import CliRunner

from dreamfilters.cli import atlas
from dreamfilters.errors import ImageError, UnknownNameError

FEW = ["--set", "steps=2", "--seeds", "1", "--top", "2", "--range", "0", "1", "--layers", "conv2,classes", "--quiet"]


def asked(noisy, *words):
    app = typer.Typer()
    app.command()(atlas.atlas)
    return CliRunner().invoke(app, [str(noisy / "tiny.keras"), *map(str, words), *FEW])


def test_counts_the_page_and_the_image_that_failed(noisy, tmp_path):
    said = asked(noisy, noisy / "images", "--out", tmp_path / "out")
    assert said.exit_code == 3, said.output
    lines = [line.split() for line in said.stdout.splitlines()]
    assert lines[0] == ["verdict", "units"]
    assert sum(int(words[-1]) for words in lines[1:-2]) == 11
    assert lines[-1] == [str(tmp_path / "out" / "index.html")]
    assert "1 of 25 images could not be read" in said.stderr
    again = asked(noisy, noisy / "images", "--out", tmp_path / "out", "--json")
    values = json.loads(again.stdout)
    assert sum(values["counts"].values()) == 11
    assert [failure["image"] for failure in values["failures"]] == ["broken.png"]


def test_what_cannot_be_is_one_line(noisy, tmp_path):
    (tmp_path / "empty").mkdir()
    wrong = [
        (ImageError, [tmp_path / "empty"], "empty"),
        (ImageError, [], "name a folder of them"),
        (UnknownNameError, [noisy / "images", "--layers", "conv9"], "Close names: conv"),
    ]
    for error, words, told in wrong:
        said = asked(noisy, *words, "--out", tmp_path / "out")
        assert isinstance(said.exception, error), said.exception
        assert told in str(said.exception)
        assert len(str(said.exception).splitlines()) == 1
        assert not (tmp_path / "out").exists()
