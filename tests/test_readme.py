"""The README is run: every command and every block of Python, in order, in an empty folder."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import traceback
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dreamfilters.cli import app

README = Path(__file__).parents[1] / "README.md"
WEIGHTS = README.parent / "dreamfilters" / "signs" / "signs.keras"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
RUN = [
    (kind, text)
    for kind, block in BLOCKS
    for text in (block.splitlines() if kind == "sh" else [block])
    if kind == "python" or text.startswith("dreamfilters ")
]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What everything printed and the error it ended in, run one after the other in one empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("readme"))
        return [(command if kind == "sh" else block)(text) for kind, text in RUN]


def command(line):
    result = CliRunner().invoke(app, shlex.split(line, comments=True)[1:])
    return result.output, result.exit_code and (result.exception or result.exit_code)


def block(text):
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(text, "README", "exec"), {})
    except Exception:
        return printed.getvalue(), traceback.format_exc()
    return printed.getvalue(), None


def test_the_two_commands_come_first():
    text = README.read_text("utf-8")
    assert text.index("make demo") < text.index("dreamfilters dream")
    targets = (README.parent / "Makefile").read_text("utf-8")
    assert "\ndemo:" in targets
    assert "\ntest:" in targets


@pytest.mark.parametrize("number", range(len(RUN)), ids=[text.splitlines()[0] for _, text in RUN])
def test_it_runs_and_says_something(said, number):
    printed, error = said[number]
    assert not error, f"{printed}{error}"
    assert printed.strip()


def test_every_recipe_and_no_other_is_named():
    text = README.read_text("utf-8")
    named = set(re.findall(r"^\| (`[\w`, ]+`) \|", text[text.index("| recipe |") :], re.MULTILINE))
    shipped = {path.stem for path in (README.parent / "configs").glob("*.toml")}
    assert {name for row in named for name in re.findall(r"`(\w+)`", row)} >= shipped


def test_links_and_images_are_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text("utf-8")):
        assert (README.parent / target).exists(), target
