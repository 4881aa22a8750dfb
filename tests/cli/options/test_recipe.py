"""Tests of which commands offer a learned prior to their recipe."""

import inspect

from dreamfilters.cli.options.recipe import TAKE_PRIOR
from dreamfilters.cli.program import app


def test_the_commands_named_are_those_with_a_prior_and_a_recipe():
    parameters = {
        command.callback.__name__: set(inspect.signature(command.callback).parameters)
        for command in app.registered_commands
    }
    assert sorted(TAKE_PRIOR) == sorted(name for name, each in parameters.items() if {"learned", "recipe"} <= each)
