"""Which class each image of a folder shows: by its folder, or by a CSV."""

import csv
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from dreamfilters.errors import ImageError
from dreamfilters.images.decoding import shown
from dreamfilters.images.reading import label_of

_FILE = frozenset({"file", "filename", "file_name", "path", "image"})
_LABEL = frozenset({"label", "class", "classid", "class_id", "class_name", "category", "target"})


def labels_of(paths: Sequence[Path], source: Path, table: Path | None = None) -> tuple[str, ...]:
    """Return each image's label, "" where it has none: its first folder below `source`, or what `table` says.

    `table` is a CSV of file and label, divided by comma, semicolon or tab; with a heading (such as GTSRB's `Path` and
    `ClassId`) it may have other columns too. A file stands there relative to `source` or to the CSV, or by its bare
    name where only one image is called so. Raises ImageError for a CSV that cannot be read or fits no image.
    """
    if table is None:
        return tuple(label_of(path, source) for path in paths)
    named = _read(table)
    single = {name for name, count in Counter(path.name for path in paths).items() if count == 1}
    labels = tuple(_looked_up(named, path, (source, table.parent), path.name in single) for path in paths)
    if not any(labels):
        raise ImageError(
            f"{shown(table)}: names none of the {len(paths)} images in {shown(source)}; "
            f"give their paths from there, such as {shown(os.path.relpath(paths[0], source))}"
        )
    return labels


def _looked_up(named: Mapping[str, str], path: Path, folders: Sequence[Path], single: bool) -> str:
    places = [os.path.relpath(path, folder) for folder in folders] + [str(path)] + [path.name] * single
    return next((named[place] for place in map(os.path.normpath, places) if place in named), "")


def _read(table: Path) -> dict[str, str]:
    """Return {file: label} of a CSV."""
    try:
        lines = table.read_text("utf-8-sig").splitlines()
        first = lines[0] if lines else ""
        divider = max(",;\t", key=first.count)
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=divider) if row]
    except OSError as error:
        raise ImageError(f"{shown(table)}: cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImageError(f"{shown(table)}: is no CSV in UTF-8 ({shown(str(error))})") from None
    rows, (file, label) = _columns(rows)
    short = next((number for number, row in enumerate(rows, start=1) if len(row) <= max(file, label)), None)
    if short or not rows:
        raise ImageError(f"{shown(table)}: {_lacking(short)}; wanted lines such as signs/1.png,STOP")
    return {os.path.normpath(row[file]): row[label] for row in rows}


def _lacking(row: int | None) -> str:
    return f"row {row} has no label" if row else "has no rows"


def _columns(rows: list[list[str]]) -> tuple[list[list[str]], tuple[int, int]]:
    """Return the rows without a heading, and which columns hold file and label: as it says, or the first two."""
    heading = [cell.casefold() for cell in rows[0]] if rows else []
    file = next((place for place, cell in enumerate(heading) if cell in _FILE), None)
    label = next((place for place, cell in enumerate(heading) if cell in _LABEL), None)
    return (rows, (0, 1)) if file is None or label is None else (rows[1:], (file, label))
