"""Errors in the use of the command line: one line that names the word and what works, exit code 2, no TensorFlow."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from dreamfilters import cli
from dreamfilters.cli.help import SectionedCommand, SectionedGroup
from dreamfilters.errors import UsageError

TARGETS = "`dreamfilters dream [OPTIONS] MODEL TARGET...`"
LINES = {
    ("drem",): "drem: no such command. Close names: dream, demo",
    ("xyzzy",): "xyzzy: no such command; see `dreamfilters --help`",
    ("--versio",): "--versio: dreamfilters has no such option. Close names: --version",
    ("dream", "signs", "conv6:1", "--sede", "3"):
        "--sede: dreamfilters dream has no such option. Close names: --seed, --seeds, --set",
    ("layers", "signs", "--xyzzy"): "--xyzzy: dreamfilters layers has no such option; see `dreamfilters layers --help`",
    ("layers", "signs", "-z"): "-z: dreamfilters layers has no such option; see `dreamfilters layers --help`",
    ("dream", "signs", "-conv6:3"):
        "-conv6:3: dreamfilters dream has no such option; targets that begin with a minus stand at the end, after --, "
        "as in `-- -conv6:3`",
    ("dream", "signs"): f"TARGET...: is missing; the command is {TARGETS}",
    ("dream",): f"MODEL: is missing; the command is {TARGETS}",
    ("layers", "signs", "x"):
        "x: is one argument too many; the command is `dreamfilters layers [OPTIONS] MODEL`",
    ("layers", "signs", "x", "y"):
        "x y: are arguments too many; the command is `dreamfilters layers [OPTIONS] MODEL`",
    ("dream", "signs", "conv6:1", "--seed", "x"): "--seed x: must be a whole number such as 3",
    ("dream", "signs", "conv6:1", "--seed=1.5"): "--seed 1.5: must be a whole number such as 3",
    ("dream", "signs", "conv6:1", "--tries", "1.5"): "--tries 1.5: must be a whole number such as 3",
    ("dream", "signs", "conv6:1", "--tries", "0"): "--tries 0: must be 1 to 1000",
    ("dream", "signs", "conv6:1", "--tries=-1"): "--tries -1: must be 1 to 1000",
    ("dream", "signs", "conv6:1", "--tries", str(10**9)): "--tries 1000000000: must be 1 to 1000",
    ("dream", "signs", "conv6:1", "--range", "0", "white"): "--range 0 white: must be two numbers such as 0 255",
    ("dream", "signs", "conv6:1", "--range", "0"): "--range 0: needs two values: --range LOW HIGH",
    ("dream", "signs", "conv6:1", "--seed"): "--seed: needs a value: --seed N",
    ("dream", "signs", "conv6:1", "--json=yes"): "--json=yes: takes no value; give --json alone",
}  # fmt: skip


@pytest.mark.parametrize("words", LINES)
def test_an_error_of_use_is_one_line(words, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dreamfilters", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert capsys.readouterr() == ("", f"error: {LINES[words]}\n")
    assert not list(tmp_path.iterdir())


def test_a_wrong_value_in_the_file_with_defaults_is_named_with_the_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "dreamfilters.toml").write_text('seed = "x"', "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dreamfilters", "dream", "signs", "conv6:1"])
    with pytest.raises(SystemExit):
        cli.main()
    error = capsys.readouterr().err.splitlines()[-1]
    assert error == f"error: {Path('dreamfilters.toml').resolve()}: seed = 'x': must be a whole number such as 3"


def test_no_words_at_all_print_the_help():
    done = subprocess.run([sys.executable, "-m", "dreamfilters"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Show what an image network has learned." in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["inner", "colour"], "colour: no such command. Close names: color"),
        (
            ["inner", "color", "--shad", "1"],
            "--shad: dreamfilters inner color has no such option. Close names: --shade, --help",
        ),
        (["inner", "color", "--shade", "x"], "--shade x: must be a whole number such as 3"),
        (
            ["inner", "color", "red"],
            "red: is one argument too many; the command is `dreamfilters inner color [OPTIONS]`",
        ),
    ],
)
def test_a_group_in_a_group_has_the_same_errors(words, line):
    outer, inner = typer.Typer(cls=SectionedGroup, rich_markup_mode=None), typer.Typer(cls=SectionedGroup)

    @inner.command(cls=SectionedCommand)
    def color(shade: int = 0) -> None: ...

    @inner.command(cls=SectionedCommand)
    def other() -> None: ...

    outer.add_typer(inner, name="inner")
    with pytest.raises(UsageError) as raised:
        outer(words)
    assert str(raised.value) == line
