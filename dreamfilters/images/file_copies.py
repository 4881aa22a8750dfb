"""Copies of image files that lie on another machine, for a worker that is sent the files with its work."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_copies: dict[Path, Path] = {}  # a file of another machine -> its copy on this one


def contents_of(paths: Iterable[Path]) -> dict[Path, bytes]:
    """Return the content of each file; one that cannot be read is left out, and is missing on the other machine too."""
    found = {}
    for path in paths:
        try:
            found[path] = path.read_bytes()
        except OSError:
            continue
    return found


@contextmanager
def copied(contents: Mapping[Path, bytes]) -> Iterator[None]:
    """Let `copy_of` return copies of these files, which are removed at the end."""
    if not contents:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="dreamfilters-") as folder:
        copies = {path: Path(folder) / f"{number}{path.suffix}" for number, path in enumerate(contents)}
        for path, copy in copies.items():
            copy.write_bytes(contents[path])
        _copies.update(copies)
        try:
            yield
        finally:
            for path in copies:
                del _copies[path]


def copy_of(path: Path) -> Path:
    """Return where a file is to be read: its copy, or the file itself."""
    return _copies.get(path, path)
