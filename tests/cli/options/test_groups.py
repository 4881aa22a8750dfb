import inspect
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from dreamfilters.cli.options.groups import with_option_groups
from dreamfilters.errors import InputFormError


@dataclass(frozen=True)
class Group:
    loud: Annotated[bool, typer.Option("--loud", "-l")] = False
    pair: Annotated[tuple[float, float] | None, typer.Option(metavar="A B")] = None

    def check(self, command):
        assert command == "command"
        if self.pair == (0.0, 0.0):
            raise InputFormError("--pair 0 0")


def test_the_fields_of_a_dataclass_become_options():
    seen = []

    @with_option_groups
    def command(name: Annotated[str, typer.Argument()], count: int = 1, *, group: Group) -> None:
        """Does it."""
        seen.append((name, count, group))

    assert list(inspect.signature(command).parameters) == ["name", "count", "loud", "pair"]
    assert command.__doc__ == "Does it."
    app = typer.Typer()
    app.command()(command)
    assert CliRunner().invoke(app, ["a", "-l", "--pair", "1", "2", "--count", "3"]).exit_code == 0
    assert CliRunner().invoke(app, ["b"]).exit_code == 0
    assert isinstance(CliRunner().invoke(app, ["c", "--pair", "0", "0"]).exception, InputFormError)
    assert seen == [("a", 3, Group(True, (1.0, 2.0))), ("b", 1, Group())]
