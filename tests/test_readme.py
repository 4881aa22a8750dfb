"""The README is run: every command and every block of Python, in order, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dreamfilters.cli import app

README = Path(__file__).parents[1] / "README.md"
WEIGHTS = README.parent / "dreamfilters" / "signs" / "signs.keras"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
COMMANDS = [
    line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("dreamfilters ")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


def test_the_two_commands_come_first():
    text = README.read_text("utf-8")
    assert text.index("make demo") < text.index("dreamfilters dream")
    targets = (README.parent / "Makefile").read_text("utf-8")
    assert "\ndemo:" in targets
    assert "\ntest:" in targets


@pytest.mark.parametrize("command", COMMANDS)
def test_command(command, folder, monkeypatch):
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, shlex.split(command, comments=True)[1:])
    assert result.exit_code == 0, result.output + str(result.exception)


@pytest.mark.parametrize("number", range(sum(kind == "python" for kind, _ in BLOCKS)))
def test_python(number, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    text = [text for kind, text in BLOCKS if kind == "python"][number]
    names: dict[str, object] = {}
    exec(compile(text, f"README, Python block {number + 1}", "exec"), names)
    assert capsys.readouterr().out.strip()


def test_every_recipe_and_no_other_is_named():
    text = README.read_text("utf-8")
    named = set(re.findall(r"^\| (`[\w`, ]+`) \|", text[text.index("| recipe |") :], re.MULTILINE))
    shipped = {path.stem for path in (README.parent / "configs").glob("*.toml")}
    assert {name for row in named for name in re.findall(r"`(\w+)`", row)} >= shipped


def test_links_and_pictures_are_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text("utf-8")):
        assert (README.parent / target).exists(), target
