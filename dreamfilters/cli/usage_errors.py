"""Errors in the use of the command line, each as one line of `UsageError` instead of the several lines of Typer."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from dreamfilters.errors import UsageError, close_names

_TYPES = {int: "a whole number such as 3", float: "a number such as 0.5"}
_TYPER_ERROR: Any = typer.BadParameter.__base__  # what Typer raises for all of them; it has no public name
_TWO = 2  # values of an option such as --range


def command_line(context: Any) -> str:
    """Return the words that run the command of a context, without options: "dreamfilters dream"."""
    words = []
    while context.parent is not None:
        words.append(context.info_name)
        context = context.parent
    return " ".join(["dreamfilters", *reversed(words)])


def usage(context: Any) -> str:
    """Return the command with its options and arguments: "dreamfilters dream [OPTIONS] MODEL TARGET..."."""
    return " ".join([command_line(context), *context.command.collect_usage_pieces(context)])


@contextmanager
def in_one_line(context: Any, words: Sequence[str]) -> Iterator[None]:
    """Raise an error that Typer finds in the words of a command as a UsageError.

    Args:
        context: of the command.
        words: the options and arguments of the command.
    """
    try:
        yield
    except _TYPER_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # the help, not an error
            raise
        raise UsageError(_line(error, context, list(words))) from None


def check_no_more(context: Any, more: Sequence[str]) -> None:
    """Raise UsageError if a command is given more arguments than it has."""
    if more:
        too_many = "is one argument too many" if len(more) == 1 else "are arguments too many"
        raise UsageError(f"{' '.join(more)}: {too_many}; the command is `{usage(context)}`")


def unknown_command(context: Any, name: str) -> UsageError:
    """Return the error of a command that does not exist."""
    return UsageError(f"{name}: no such command{_close(name, context.command.commands, context)}")


def _line(error: Any, context: Any, words: list[str]) -> str:
    kind, parameter = type(error).__name__, getattr(error, "param", None)
    if kind == "NoSuchOption":
        return _unknown_option(error.option_name, context, words)
    if kind == "BadOptionUsage":
        return _bad_use(error.option_name, context, words)
    if kind == "MissingParameter":
        return f"{_name(parameter)}: is missing; the command is `{usage(context)}`"
    if parameter is not None:
        wanted = _wanted(parameter, context)
        return f"{_given(parameter, context, words)}: {f'must be {wanted}' if wanted else error.message}"
    return str(error.format_message())


def _close(name: str, known: Iterable[str], context: Any) -> str:
    """Return the end of an error: the known names that are close to a name, or else where they are listed."""
    close = close_names(name, known)
    return f". {close}" if close.startswith("Close") else f"; see `{command_line(context)} --help`"


def _unknown_option(option: str, context: Any, words: list[str]) -> str:
    """Return the error of an option that does not exist; Typer names only the first letter of "-conv6:3"."""
    if not option.startswith("--"):
        option = next((word for word in words if word.startswith(option[0]) and option[1] in word[1:]), option)
    parameters = context.command.get_params(context)
    known = [name for each in parameters for name in each.opts if name.startswith("--")]
    end = _close(option, known, context)
    takes_targets = any("TARGET" in str(each.metavar) for each in parameters)
    if takes_targets and not option.startswith("--") and not end.startswith("."):
        end = f"; targets that begin with a minus stand at the end, after --, as in `-- {option}`"
    return f"{option}: {command_line(context)} has no such option{end}"


def _bad_use(option: str, context: Any, words: list[str]) -> str:
    """Return the error of an option with too few values, or of a flag with one."""
    parameter = next(each for each in context.command.get_params(context) if option in each.opts)
    if parameter.is_flag:
        given = next((word for word in words if word.startswith(f"{option}=")), option)
        return f"{given}: takes no value; give {option} alone"
    values = words[words.index(option) + 1 :] if option in words else []
    needs = "needs two values" if parameter.nargs == _TWO else "needs a value"
    return f"{' '.join([option, *values])}: {needs}: {option} {_metavar(parameter, context)}"


def _given(parameter: Any, context: Any, words: list[str]) -> str:
    """Return an option or argument with its value, as the command line or the file with defaults has it."""
    parsed, *_ = context.command.make_parser(context).parse_args(list(words))
    if parameter.name in parsed:
        value = parsed[parameter.name]
        return f"{_name(parameter)} {' '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
    file = getattr(context.find_root().obj, "file", None)
    return f"{file or Path()}: {_name(parameter).lstrip('-')} = {context.lookup_default(parameter.name)!r}"


def _wanted(parameter: Any, context: Any) -> str:
    """Return what the value of an option has to be, "" for a text."""
    return "two numbers such as 0 255" if parameter.nargs == _TWO else _TYPES.get(_type_of(parameter, context), "")


def _type_of(parameter: Any, context: Any) -> Any:
    """Return the type in an annotation such as Annotated[int | None, ...]."""
    annotation = inspect.signature(context.command.callback, eval_str=True).parameters[parameter.name].annotation
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return (get_args(base) or (base,))[0]


def _name(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    return str(max(parameter.opts, key=len) if is_option else parameter.metavar or parameter.name)


def _metavar(parameter: Any, context: Any) -> str:
    return str(parameter.metavar or {int: "N", float: "X"}.get(_type_of(parameter, context), "TEXT"))
