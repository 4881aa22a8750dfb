"""Defaults of options from a file: the table [tool.dreamfilters] of pyproject.toml, or dreamfilters.toml.

A key is an option without its dashes. Keys of the table hold for every command that has the option, keys of a table
with the name of a command for this command.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from dreamfilters.errors import InputFormError, UnknownNameError, close_names
from dreamfilters.text_files import parse_toml, read_text, shown

FILE, PROJECT = "dreamfilters.toml", "pyproject.toml"


@dataclass(frozen=True)
class Defaults:
    """The defaults in a file.

    Attributes:
        file: the file, None if there is none.
        options: command -> parameter -> value; paths are relative to the file.
        named: command -> option as the file names it -> value.
    """

    file: Path | None = None
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    named: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def describe(self, command: str) -> str:
        """Return the options that a command has from the file, "" for none."""
        given = ", ".join(f"{name} = {value}" for name, value in self.named.get(command, {}).items())
        return f"defaults of {self.file}: {given}" if given else ""


def read_defaults(folder: Path, commands: Mapping[str, Any]) -> Defaults:
    """Return the defaults in the nearest file of a folder or its parents.

    Args:
        folder: where the search begins.
        commands: the commands by name.

    Raises:
        InputFormError: the file is not TOML.
        UnknownNameError: no command has an option of this name.
    """
    path, table = next(_tables(folder), (None, {}))
    if path is None:
        return Defaults()
    known = {name: _options_of(command) for name, command in commands.items()}
    general = {key: value for key, value in table.items() if key not in commands}
    _check_known(path, general, {option for options in known.values() for option in options})
    found: dict[str, dict[str, Any]] = {}
    named: dict[str, dict[str, Any]] = {}
    for name, options in known.items():
        own = table.get(name, {})
        _check_known(path, own, options)
        named[name] = {**{key: value for key, value in general.items() if _plain(key) in options}, **own}
        paths = _paths_of(commands[name])
        found[name] = {
            option.name: _value(option, value, path.parent if option.name in paths else None)
            for option, value in ((options[_plain(key)], value) for key, value in named[name].items())
        }
    return Defaults(path, found, named)


def _tables(folder: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the files with defaults and their tables, the nearest first."""
    for parent in (folder, *folder.parents):
        for path in (parent / FILE, parent / PROJECT):
            if path.is_file():
                values = _read(path)
                table = values if path.name == FILE else _tool_table(values)
                if table is not None:
                    yield path, table


def _read(path: Path) -> dict[str, Any]:
    return parse_toml(read_text(path, error=InputFormError), str(path), error=InputFormError)


def _tool_table(values: Mapping[str, Any]) -> Any:
    tools = values.get("tool")
    return tools.get("dreamfilters") if isinstance(tools, Mapping) else None


def _plain(key: str) -> str:
    return key.replace("_", "-")


def _options_of(command: Any) -> dict[str, Any]:
    """Return the options of a command by their long name without dashes."""
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    return {name.lstrip("-"): each for each in options for name in each.opts if name.startswith("--")}


def _check_known(path: Path, table: Any, options: Any) -> None:
    if not isinstance(table, Mapping):
        raise InputFormError(f"{path}: {shown(table)} is not a table of options")
    for key in table:
        if _plain(key) not in options:
            raise UnknownNameError(f"{path}: {key}: no such option. {close_names(key, sorted(options))}")


def _paths_of(command: Any) -> set[str]:
    """Return the names of the parameters of a command that are paths."""
    parameters = inspect.signature(command.callback, eval_str=True).parameters.values()
    return {each.name for each in parameters if Path in _types_of(each.annotation)}


def _types_of(annotation: Any) -> tuple[Any, ...]:
    """Return the types of an annotation such as Annotated[Path | None, ...]."""
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return get_args(base) or (base,)


def _value(option: Any, value: Any, folder: Path | None) -> Any:
    """Return a value as the command line gives it; a path is relative to `folder`."""
    if folder is not None and isinstance(value, str):
        return str(folder / value)
    return [value] if option.multiple and not isinstance(value, list) else value
