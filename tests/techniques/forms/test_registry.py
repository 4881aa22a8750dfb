"""The forms of the viewer and the options of the commands agree: words, defaults, choices and limits.

They are written twice and not as one description. `--help` imports no Keras, while a form takes its defaults and
choices from the modules of the techniques, which do; and a form has a short label with a sentence where an option has
one line.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from typing import Any

import click
import numpy as np
import pytest
from typer.main import get_command

from dreamfilters.cli import app
from dreamfilters.cli.options.values import parse_radius
from dreamfilters.errors import DreamfiltersError
from dreamfilters.images import png_bytes
from dreamfilters.techniques import inversion, style_transfer, texture_synthesis
from dreamfilters.techniques.forms.argument import IMAGE, TARGET
from dreamfilters.techniques.forms.registry import TECHNIQUES
from dreamfilters.viewer.services.jobs.technique_values import word

COMMANDS: Any = get_command(app).commands
NUMBERS = ("integer", "number")
# The default of an option that is None on the command line: that of the recipe.
OF_RECIPE = {
    ("invert", "steps"): inversion.RECIPE.steps, ("texture", "steps"): texture_synthesis.RECIPE.steps,
    ("style", "steps"): style_transfer.RECIPE.steps,
}  # fmt: skip
# Options of a command that its form leaves to the command line, with the reason.
LEFT_OUT = {
    "--size": "a larger canvas takes minutes",
    "--set": "the settings of a recipe are those of a file",
}
OTHER_SECTIONS = ("Model", "Output", "Images")  # of the network and of the run, which the viewer was started with
# `dream` has its own panel in the viewer, and `weights` takes several layers and prints a table.
OF_ANOTHER_USE = ("dream", "weights")


def command_of(technique):
    return COMMANDS[technique.command or technique.name]


def options_of(technique):
    return {name: each for each in command_of(technique).params for name in each.opts if name.startswith("--")}


def parsed(technique, words):
    """The parameters that the command reads from these words, without running it; None if it refuses them."""
    with redirect_stderr(io.StringIO()):
        try:
            return command_of(technique).make_context(technique.name, list(words)).params
        except (DreamfiltersError, click.ClickException):
            return None


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A function that returns the words of a technique without options."""
    image = tmp_path_factory.mktemp("images") / "a.png"
    image.write_bytes(png_bytes(np.zeros((4, 4, 3), np.float32)))
    by_kind = {"class": "class:0", "image": str(image), "kernels": "conv1", "layer-target": "layer:conv4"}

    def words(technique):
        own = {argument.name: by_kind[argument.kind] for argument in technique.arguments if not argument.flag}
        given = {TARGET: "conv6:12", IMAGE: str(image.parent if technique.subject == "unit" else image), **own}
        return ["signs", *(given.get(each, each) for each in technique.words)]

    return words


@pytest.mark.parametrize("name", TECHNIQUES)
def test_the_words_of_a_form_are_those_of_its_command(name, words):
    technique = TECHNIQUES[name]
    assert parsed(technique, words(technique)) is not None
    assert parsed(technique, [*words(technique), "--nothing", "3"]) is None
    plain = {argument.name for argument in technique.arguments if not argument.flag}
    assert plain <= set(technique.words)
    assert all(argument.required for argument in technique.arguments if not argument.flag)


CASES = [(name, each.name) for name, technique in TECHNIQUES.items() for each in technique.arguments if each.flag]


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_an_argument_has_the_default_of_its_option_and_only_values_that_the_command_takes(name, argument, words):
    technique = TECHNIQUES[name]
    one = next(each for each in technique.arguments if each.name == argument)
    option = options_of(technique)[one.flag]
    read = parsed(technique, words(technique))
    known = read[option.name]
    if one.suffix:
        assert parse_radius(known) == one.default / 255
    elif one.flag == "--set":
        assert not known
    elif not known and known != 0:  # nothing is given
        assert one.default == OF_RECIPE.get((name, argument))
    else:
        assert known == one.default
    values = list(one.choices) or [each for each in (one.lowest, one.highest) if each is not None]
    for value in values:
        given = float(value) if one.kind == "number" else value
        assert parsed(technique, [*words(technique), one.flag, word(one.as_values(), given)]) is not None, value
    if one.lowest is not None and one.flag != "--set" and one.name not in ("size", "strongest", "count"):
        below = word(one.as_values(), float(one.lowest) - 1 if one.kind == "number" else int(one.lowest) - 1)
        assert parsed(technique, [*words(technique), one.flag, below]) is None, below


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_form_has_every_option_of_its_command_but_those_that_are_named_here(name):
    technique = TECHNIQUES[name]
    if (technique.command or name) in OF_ANOTHER_USE:
        return
    own = {
        flag
        for flag, option in options_of(technique).items()
        if (getattr(option, "rich_help_panel", None) or "Options") not in OTHER_SECTIONS and flag != "--help"
    }
    assert own - set(LEFT_OUT) == {argument.flag for argument in technique.arguments if argument.flag}
