"""The help of the program and its commands: options in named sections, each with its metavariable and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from dreamfilters.cli.usage_errors import check_no_more, in_one_line, unknown_command

_MODEL, _IMAGES, _RECIPE, _OUTPUT = "Model", "Images", "Recipe", "Output"  # sections that several commands have
_ARGUMENTS, _OPTIONS = "Arguments", "Options"
_SECTIONS = (_ARGUMENTS, _OPTIONS, _IMAGES, _RECIPE, _MODEL, _OUTPUT)  # in this order, others after them
_TYPES = {" <int>": " N", " <float>": " X", " <str>": " TEXT", " <path>": " PATH"}

# Options of these sections.
of_model, of_images, of_recipe, of_output = (
    partial(typer.Option, rich_help_panel=section) for section in (_MODEL, _IMAGES, _RECIPE, _OUTPUT)
)


class SectionedCommand(TyperCommand):
    """A command whose help lists the options by their `rich_help_panel`, and whose usage errors take one line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return the words that are left, none, after the options and arguments have been read into the context."""
        ctx.allow_extra_args = True  # they get an error of our own
        with in_one_line(ctx, tuple(args)):
            check_no_more(ctx, super().parse_args(ctx, list(args)))
        return []

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line: each argument as its metavariable, which says if it is optional."""
        arguments = [str(each.metavar) for each in self.get_params(ctx) if each.param_type_name == "argument"]
        return [str(self.options_metavar), *arguments]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each panel."""
        for title, entries in self.sections(ctx).items():
            with formatter.section(title):
                formatter.write_dl(entries)

    def sections(self, ctx: Any) -> Mapping[str, list[tuple[str, str]]]:
        """Return the title of each section and its entries: the option or argument, and its meaning."""
        found: dict[str, list[tuple[str, str]]] = {title: [] for title in _SECTIONS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                found.setdefault(_section_of(parameter), []).append(_entry(parameter, *record))
        return {title: entries for title, entries in found.items() if entries}


class SectionedGroup(TyperGroup):
    """A program whose help lists the commands by their `rich_help_panel`, and whose usage errors take one line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return the words of the command, after the options of the program have been read into the context."""
        with in_one_line(ctx, tuple(args)):
            return super().parse_args(ctx, list(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the name of the command, the command and its words."""
        name, *rest = args
        command = self.get_command(ctx, name)
        if command is None:
            raise unknown_command(ctx, name)
        return name, command, rest

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write a section for each panel."""
        sections: dict[str, list[Any]] = {}
        for command in self.commands.values():
            sections.setdefault(str(getattr(command, "rich_help_panel", "Commands")), []).append(command)
        width = max(map(len, self.commands))
        for title, commands in sections.items():
            with formatter.section(title):
                limit = formatter.width - 6 - width
                formatter.write_dl(
                    [(str(command.name).ljust(width), command.get_short_help_str(limit)) for command in commands]
                )


def _section_of(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _ARGUMENTS
    default = _OUTPUT if parameter.name == "help" else _OPTIONS
    return str(getattr(parameter, "rich_help_panel", None) or default)


def _entry(parameter: Any, label: str, meaning: str) -> tuple[str, str]:
    if parameter.param_type_name == "argument":  # every argument has a metavariable; brackets mark an optional one
        return str(parameter.metavar), meaning.removesuffix("[required]").rstrip()
    for kind, letter in _TYPES.items():
        label = label.replace(kind, letter)
    return label, meaning
