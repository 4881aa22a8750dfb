"""Class names read from a text, JSON or CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dreamfilters.errors import ModelError
from dreamfilters.text_files import parse_csv, parse_json, read_text


def read_classes(path: Path) -> tuple[str, ...]:
    """Return the class names in a file, in the order of the outputs, or raise ModelError.

    A text file has one name per line. A JSON file is a list, or an object from number to name. A CSV file has lines
    'number,name' or 'name', with or without a header.
    """
    text = read_text(path, error=ModelError)
    read = {".json": _from_json, ".csv": _from_csv}.get(path.suffix.lower(), _from_lines)
    names = read(text, path)
    if not all(map(_is_text, names)):  # JSON can state half of a character
        raise ModelError(f"{path}: has a name with an incomplete character; save the file as UTF-8")
    return names


def _is_text(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _from_lines(text: str, path: Path) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _from_json(text: str, path: Path) -> tuple[str, ...]:
    content = parse_json(text, str(path), error=ModelError)
    if isinstance(content, list) and all(isinstance(name, str) for name in content):
        return tuple(content)
    if isinstance(content, dict):
        return _in_order(content, path)
    raise ModelError(f'{path}: must be a list of names or an object such as {{"0": "cat"}}')


def _from_csv(text: str, path: Path) -> tuple[str, ...]:
    rows = parse_csv(text, str(path), error=ModelError)
    if not rows or min(map(len, rows)) == max(map(len, rows)) == 1:
        return tuple(row[0] for row in rows)
    if any(len(row) < 2 for row in rows):
        raise ModelError(f"{path}: all lines must be 'number,name', or all must be 'name'")
    if not rows[0][0].isdecimal():  # a header
        rows = rows[1:]
    return _in_order({row[0]: row[1] for row in rows}, path)


def _in_order(names: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Return the names of {number: name} or, as in Keras' generators, {name: number}, sorted by number."""
    if names and all(isinstance(value, int) for value in names.values()):
        names = {str(number): name for name, number in names.items()}
    wanted = [str(number) for number in range(len(names))]
    missing = [number for number in wanted if number not in names]
    if missing:
        raise ModelError(f"{path}: has {len(names)} names but none for class {missing[0]}; numbers start at 0")
    return tuple(str(names[number]) for number in wanted)
