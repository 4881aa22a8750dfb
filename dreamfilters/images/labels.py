"""Labels of the images in a folder, from subfolders or a CSV."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError, printable
from dreamfilters.text_files import parse_csv, read_text

_LARGEST = 2**28  # bytes of a CSV; one of the 14 million images of ImageNet has as many
_FILE = frozenset({"file", "filename", "file_name", "path", "image"})
_LABEL = frozenset({"label", "class", "classid", "class_id", "class_name", "category", "target"})


def labels_of(paths: Sequence[Path], source: Path, table: Path | None = None) -> tuple[str, ...]:
    """Return the label of each image, "" for none: its first folder below `source`, or its label in `table`.

    `table` is a CSV of file and label, separated by comma, semicolon or tab. With a header, such as `Path` and
    `ClassId` in GTSRB, it may have other columns too. Files are relative to `source` or to the CSV, or just names where
    only one image has the name.

    Raises:
        ImageError: the CSV cannot be read, or names none of the images.
    """
    if table is None:
        return tuple(label_of(path, source) for path in paths)
    entries = read_table(table)
    single = {name for name, count in Counter(path.name for path in paths).items() if count == 1}
    labels = tuple(_entry(entries, path, (source, table.parent), path.name in single) for path in paths)
    if not any(labels):
        raise ImageError(
            f"{printable(str(table))}: names none of the {len(paths)} images in {printable(str(source))}; "
            f"paths are relative to it, such as {printable(str(os.path.relpath(paths[0], source)))}"
        )
    return labels


def label_texts(labels: Sequence[object] | NDArray[Any], count: int) -> tuple[str, ...]:
    """Return the label of each of so many images as text, "" for none; numbers may be an array (n,) or (n, 1).

    Raises:
        ImageError: there is another number of labels, or several for an image.

    >>> label_texts(np.array([[3], [0]]), 2)
    ('3', '0')
    """
    values = np.asarray(labels)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1:
        raise ImageError(f"labels of shape {values.shape}: give one for each image, such as labels.argmax(axis=1)")
    if len(values) != count:
        raise ImageError(f"{len(values)} labels for {count} images: give one for each, '' for none")
    plain = (int(value) if isinstance(value, float) and value.is_integer() else value for value in values.tolist())
    return tuple("" if value is None else str(value) for value in plain)


def label_of(path: str | Path, folder: str | Path) -> str:
    """Return the name of the first folder below `folder` in `path`, "" if there is none.

    >>> label_of("signs/14/00039_00004.png", "signs")
    '14'
    """
    path, folder = Path(path), Path(folder)
    below = path.relative_to(folder).parts if path.is_relative_to(folder) else ()
    return below[0] if len(below) > 1 else ""


def _entry(entries: Mapping[str, str], path: Path, folders: Sequence[Path], single: bool) -> str:
    keys = [os.path.relpath(path, folder) for folder in folders] + [str(path)] + [path.name] * single
    return next((entries[key] for key in map(os.path.normpath, keys) if key in entries), "")


def read_table(table: Path) -> dict[str, str]:
    """Return {file: label} from a CSV, or raise ImageError."""
    text = read_text(table, error=ImageError, largest=_LARGEST)
    separator = max(",;\t", key=text.partition("\n")[0].count)
    rows, (file, label) = _columns(parse_csv(text, str(table), error=ImageError, delimiter=separator))
    short = next((number for number, row in enumerate(rows, start=1) if len(row) <= max(file, label)), None)
    if short or not rows:
        cause = f"row {short} has no label" if short else "has no rows"
        raise ImageError(f"{printable(str(table))}: {cause}; lines must look like signs/1.png,STOP")
    return {os.path.normpath(row[file]): row[label] for row in rows}


def _columns(rows: list[list[str]]) -> tuple[list[list[str]], tuple[int, int]]:
    """Return the rows without a header, and the columns of file and label: by the header, or the first two."""
    header = [cell.casefold() for cell in rows[0]] if rows else []
    file = next((column for column, cell in enumerate(header) if cell in _FILE), None)
    label = next((column for column, cell in enumerate(header) if cell in _LABEL), None)
    return (rows, (0, 1)) if file is None or label is None else (rows[1:], (file, label))


def evenly_spread(labels: Sequence[str], per_class: int) -> list[int]:
    """Return `per_class` images of each class, evenly spread, because neighbors often show the same object."""
    if per_class < 1:
        raise ImageError(f"per_class={per_class}: at least 1")
    members: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        if label:
            members.setdefault(label, []).append(index)
    if not members:
        raise ImageError("no image has a label: use one folder per class, or give a CSV with --labels")
    spread = [np.linspace(0, len(group) - 1, min(per_class, len(group))).astype(int) for group in members.values()]
    return sorted(group[place] for group, places in zip(members.values(), spread, strict=True) for place in places)
