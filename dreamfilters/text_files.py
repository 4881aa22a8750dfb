"""Text files from people and from other programs: TOML, JSON, CSV and lines, read whole, or refused in one line.

The size is limited before a file is read, and the nesting before it is parsed: a parser takes memory that grows with
the square of the depth, or fails in a way of its own. The caller gives the class of the error.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from dreamfilters.errors import DreamfiltersError

LARGEST_TEXT = 2**20  # bytes; the names of 21,841 classes of ImageNet are half of it
_DEEPEST = 32  # nested brackets or parts of a key; the settings of dreamfilters have three
_SHOWN = 80  # characters of a value or of a cause in a message

# Tokens of TOML and JSON: strings and comments, in which brackets mean nothing, and what nests. Source: TOML 1.0.
_TOKEN = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""|\'\'\'(?:[^\']|\'(?!\'\'))*\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*'
    r"|[\[\]{}.=,\n]",
    re.DOTALL,
)


def read_text(path: Path, *, error: type[DreamfiltersError], largest: int = LARGEST_TEXT) -> str:
    r"""Return the text of a file in UTF-8, without a byte order mark and with `\n` as its line ends.

    A pipe is read too, until its end or the limit.

    Args:
        path: the file.
        error: the class of the error.
        largest: the most bytes.

    Raises:
        DreamfiltersError: of the class `error`: the file cannot be read, is larger, or is not text.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "names.txt"
        >>> _ = path.write_text("STOP\n")
        >>> read_text(path, error=DreamfiltersError)
        'STOP\n'
    """
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as cause:
        raise error(f"{path}: cannot be read: {cause.strerror or cause}") from None
    except ValueError:  # a NUL in the name
        raise error(f"{path}: no file can have this name") from None
    if len(content) > largest:
        raise error(f"{path}: is larger than {largest:,} bytes")
    if b"\0" in content:
        raise error(f"{path}: is not a text file in UTF-8: it contains a zero byte")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error(f"{path}: is not a text file in UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_inside(path: Path, folder: Path, *, error: type[DreamfiltersError]) -> None:
    """Check that a path leads to a regular file inside a folder, wherever links on the way lead.

    A file that came with a model must not make dreamfilters read any other file of the user, nor wait for a pipe.

    Raises:
        DreamfiltersError: of the class `error`: there is no such file, it is elsewhere, or it is not a regular file.
    """
    try:
        found = path.resolve(strict=True)
        is_regular = found.is_file()
    except (OSError, RuntimeError, ValueError) as cause:  # RuntimeError: a loop of links
        detail = getattr(cause, "strerror", None) or "no file can have this name"
        raise error(f"{path}: cannot be read: {detail}") from None
    if not found.is_relative_to(folder.resolve()):
        raise error(f"{path}: is outside the folder {folder}, so it is not read; copy it there")
    if not is_regular:
        raise error(f"{path}: is not a file")


def parse_toml(text: str, where: str, *, error: type[DreamfiltersError]) -> dict[str, Any]:
    """Return the content of a TOML text; `where` starts the message of an error.

    >>> parse_toml("size = 32", "model.toml", error=DreamfiltersError)
    {'size': 32}
    """
    _check_nesting(text, where, error)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as cause:  # a ValueError for integers of 5,000 digits too
        raise error(f"{where}: is not TOML: {_cause(cause)}") from None


def parse_json(text: str, where: str, *, error: type[DreamfiltersError]) -> Any:
    """Return the value of a JSON text; `where` starts the message of an error.

    >>> parse_json('["STOP"]', "names.json", error=DreamfiltersError)
    ['STOP']
    """
    _check_nesting(text, where, error)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise error(f"{where}: is not JSON: {_cause(cause)}") from None


def parse_csv(text: str, where: str, *, error: type[DreamfiltersError], delimiter: str = ",") -> list[list[str]]:
    r"""Return the rows of a CSV text that are not empty, without white space around values.

    >>> parse_csv("0, STOP\n\n", "names.csv", error=DreamfiltersError)
    [['0', 'STOP']]
    """
    try:
        rows = csv.reader(text.splitlines(), delimiter=delimiter)
        return [[cell.strip() for cell in row] for row in rows if row]
    except csv.Error as cause:  # such as a field of 131,073 characters
        raise error(f"{where}: is not CSV: {_cause(cause)}") from None


def shown(value: Any) -> str:
    """Return a value as text for the message of an error, cut to 80 characters.

    >>> len(shown("a" * 1000))
    80
    """
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _cause(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    text = str(error)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _check_nesting(text: str, where: str, error: type[DreamfiltersError]) -> None:
    """Check the depth of brackets and of dotted keys in a TOML or JSON text."""
    depth = dots = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == ".":
            dots += 1
        elif token[0] not in "\"'":  # a quoted part of a key
            dots = 0
        depth += (token in "[{") - (token in "]}")
        if max(depth, dots) > _DEEPEST:
            line = text.count("\n", 0, match.start()) + 1
            raise error(f"{where}: line {line} is nested more than {_DEEPEST} deep")
