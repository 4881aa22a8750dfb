import json
import sys

import pytest
from typer.main import get_command

from dreamfilters import cli
from dreamfilters.cli import app
from dreamfilters.cli.options.defaults_file import Defaults, read_defaults
from dreamfilters.errors import InputFormError, UnknownNameError


@pytest.fixture(scope="module")
def commands():
    return get_command(app).commands


def test_the_nearest_table_gives_the_defaults_of_every_command_that_has_the_option(tmp_path, commands):
    (tmp_path / "pyproject.toml").write_text(
        """
        [tool.dreamfilters]
        quiet = true
        range = [-1, 1]
        classes = "names.txt"
        [tool.dreamfilters.dream]
        recipe = "fast"
        images = "images"
        set = "steps=3"
        quiet = false
        """
    )
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    found = read_defaults(below, commands)
    common = {"range": [-1, 1], "classes": str(tmp_path / "names.txt")}
    assert found.options["scan"] == {"quiet": True, **common}
    assert found.options["dream"] == {
        "quiet": False, **common, "recipe": "fast", "images": str(tmp_path / "images"), "settings": ["steps=3"],
    }  # fmt: skip
    assert found.options["recipes"] == {}
    assert found.describe("recipes") == ""
    assert found.describe("gtsrb") == f"defaults of {tmp_path / 'pyproject.toml'}: quiet = True"
    (below / "dreamfilters.toml").write_text("seed = 4")
    assert read_defaults(below, commands).options["dream"] == {"seed": 4}


def test_a_project_without_the_table_has_no_defaults(tmp_path, commands):
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 80")
    assert read_defaults(tmp_path, commands).file is None
    assert Defaults().describe("dream") == ""


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("recip = 1", UnknownNameError, "recip: no such option. Close names: recipe"),
        ("[layers]\nrecipe = 1", UnknownNameError, "recipe: no such option"),
        ("dream = 3", InputFormError, "3 is not a table of options"),
        ("a =", InputFormError, "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path, commands, text, error, words):
    (tmp_path / "dreamfilters.toml").write_text(text)
    with pytest.raises(error, match=words):
        read_defaults(tmp_path, commands)


def test_a_command_uses_the_defaults_and_says_so_and_options_win(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dreamfilters.toml").write_text("json = true")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["dreamfilters", *words])
        with pytest.raises(SystemExit):
            cli.main()
        return capsys.readouterr()

    printed = run("recipes")
    assert {row["recipe"] for row in json.loads(printed.out)} >= {"standard", "natural"}
    assert printed.err == f"defaults of {tmp_path / 'dreamfilters.toml'}: json = True\n"
    assert json.loads(run("recipes", "standard").out)["steps"] == 32
    (tmp_path / "dreamfilters.toml").unlink()
    assert "when to use it" in run("recipes").out


def test_completion_knows_models_and_recipes(tmp_path, monkeypatch):
    from dreamfilters.cli.options.values import models, recipe_names

    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "one.keras").touch()
    (tmp_path / "nets" / "notes.txt").touch()
    assert models("") == ["signs", "nets/"]
    assert models("nets/o") == ["nets/one.keras"]
    assert models("no/such") == []
    assert recipe_names("na") == ["natural", "natural-large"]
