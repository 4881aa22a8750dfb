"""The command line of `atlas`: its output, and one line for each error."""

import json

import typer
from typer.testing import CliRunner

from dreamfilters.cli import atlas
from dreamfilters.errors import ImageError, UnknownNameError

FEW = ["--set", "steps=2", "--seeds", "1", "--top", "2", "--range", "0", "1", "--layers", "conv2,classes", "--quiet"]


def invoked(noisy, *words):
    app = typer.Typer()
    app.command()(atlas.atlas)
    return CliRunner().invoke(app, [str(noisy / "tiny.keras"), *map(str, words), *FEW])


def test_counts_the_page_and_the_image_that_failed(noisy, tmp_path):
    result = invoked(noisy, noisy / "images", "--out", tmp_path / "out")
    assert result.exit_code == 3, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["verdict", "units"]
    assert sum(int(words[-1]) for words in lines[1:-2]) == 11
    assert lines[-1] == [str(tmp_path / "out" / "index.html")]
    assert "1 of 25 images could not be read" in result.stderr
    again = invoked(noisy, noisy / "images", "--out", tmp_path / "out", "--json")
    values = json.loads(again.stdout)
    assert sum(values["counts"].values()) == 11
    assert [failure["image"] for failure in values["failures"]] == ["broken.png"]


def test_errors_are_one_line(noisy, tmp_path):
    (tmp_path / "empty").mkdir()
    wrong = [
        (ImageError, [tmp_path / "empty"], "empty"),
        (ImageError, [], "give a folder of images"),
        (UnknownNameError, [noisy / "images", "--layers", "conv9"], "Close names: conv"),
    ]
    for error, words, message in wrong:
        result = invoked(noisy, *words, "--out", tmp_path / "out")
        assert isinstance(result.exception, error), result.exception
        assert message in str(result.exception)
        assert len(str(result.exception).splitlines()) == 1
        assert not (tmp_path / "out").exists()
