"""The command as a person gives it: what it prints, and one line for what cannot be."""

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from dreamfilters.cli import atlases
from dreamfilters.errors import PictureError, UnknownNameError
from dreamfilters.images import png_bytes

FEW = ["--set", "steps=2", "--seeds", "1", "--top", "2", "--range", "0", "1", "--layers", "conv2,classes", "--quiet"]


@pytest.fixture(scope="module")
def place(make_tiny, tmp_path_factory):
    """`tiny` as a file, and nine pictures of which one cannot be read."""
    folder = tmp_path_factory.mktemp("place")
    make_tiny().save(folder / "tiny.keras")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(2)
    for number in range(8):
        (folder / "photos" / f"{number}.png").write_bytes(png_bytes(rng.uniform(0, 1, (16, 16, 3))))
    (folder / "photos" / "broken.png").write_bytes(b"no picture")
    return folder


def asked(place, *words):
    app = typer.Typer()
    app.command()(atlases.atlas)
    return CliRunner().invoke(app, [str(place / "tiny.keras"), *map(str, words), *FEW])


def test_counts_the_page_and_the_picture_that_failed(place, tmp_path):
    said = asked(place, place / "photos", "--out", tmp_path / "out")
    assert said.exit_code == 3, said.output
    lines = [line.split() for line in said.stdout.splitlines()]
    assert lines[0] == ["verdict", "units"]
    assert sum(int(words[-1]) for words in lines[1:-2]) == 11
    assert lines[-1] == [str(tmp_path / "out" / "index.html")]
    assert "1 of 9 pictures could not be read" in said.stderr
    again = asked(place, place / "photos", "--out", tmp_path / "out", "--json")
    values = json.loads(again.stdout)
    assert sum(values["counts"].values()) == 11
    assert [failure["picture"] for failure in values["failures"]] == ["broken.png"]


def test_what_cannot_be_is_one_line(place, tmp_path):
    (tmp_path / "empty").mkdir()
    wrong = [
        (PictureError, [tmp_path / "empty"], "empty"),
        (PictureError, [], "name a folder of them"),
        (UnknownNameError, [place / "photos", "--layers", "conv9"], "Close names: conv"),
    ]
    for error, words, told in wrong:
        said = asked(place, *words, "--out", tmp_path / "out")
        assert isinstance(said.exception, error), said.exception
        assert told in str(said.exception)
        assert len(str(said.exception).splitlines()) == 1
        assert not (tmp_path / "out").exists()
