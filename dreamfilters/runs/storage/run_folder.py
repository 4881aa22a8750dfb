"""Whose folder is it? A run finds it empty, its own, another run's or somebody's, and makes room or refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamfilters.errors import OutputError
from dreamfilters.runs.storage.atomic_files import LOCK, claimed, sha256

KEY = "dreamfilters"  # of the text inside a PNG, and the first one of every JSON file
_NAMED = 3  # files that an error names


@dataclass(frozen=True)
class RunKind:
    """A kind of run, and by what its folders are known.

    Attributes:
        what: such a run in words, "an atlas".
        manifest: the file that says what lies there.
        settings: the key under which that file holds the settings of the run.
        known: a key that the settings of this kind have.
        written: names all files of the run that lies in a folder, the manifest last.
    """

    what: str
    manifest: str
    settings: str
    known: str
    written: Callable[[Path], Iterable[str]]

    def read(self, folder: Path) -> dict[str, Any]:
        """Return the manifest of the run of this kind that lies in a folder, {} if none does."""
        try:
            manifest = json.loads((folder / self.manifest).read_bytes())
            settings, files = manifest[self.settings], manifest["files"]
            ours = KEY in manifest and isinstance(settings, dict) and self.known in settings
            safe = isinstance(files, dict) and all(is_below(name) for name in files)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}
        return dict(manifest) if ours and safe else {}

    @contextmanager
    def entered(self, folder: Path, settings: Mapping[str, Any], *, force: bool) -> Iterator[dict[str, Any]]:
        """Claim a folder, make room in it, and yield the manifest of the run of equal settings there, {} if none is.

        Raises:
            OutputError: the folder holds something else, cannot be written, or another run is writing into it.
        """
        with claimed(folder):
            earlier = self.read(folder)
            make_room(
                folder, self.what, settings=settings, earlier=earlier.get(self.settings, {}),
                written=self.written(folder), force=force,
            )  # fmt: skip
            yield self.read(folder)


def make_room(
    folder: Path,
    what: str,
    *,
    settings: Mapping[str, Any],
    earlier: Mapping[str, Any],
    written: Iterable[str],
    force: bool,
    mine: Collection[str] | None = None,
) -> None:
    """Leave an empty folder and a run of equal settings as they are, remove another one if forced, refuse all else.

    Args:
        folder: claimed by this run.
        what: such a run in words, "a scan".
        settings: everything that decides what this run writes.
        earlier: the settings of the run of this kind that lies there, {} if none does.
        written: the names of that run's files, the one by which it is known last: a kill leaves none unknown.
        force: replace another run. Files that are not from it are never touched.
        mine: what this run will write, where forced it may lie beside other files; None where it never may.

    Raises:
        OutputError: it is refused.
    """
    present = {path.name for path in folder.iterdir()} - {LOCK}
    if not earlier:
        present = {name for name in present if not (name.startswith(".") and name.endswith(".part"))}
    if not present or earlier == settings:
        return
    if not earlier and (mine is None or not force):
        few = ", ".join(sorted(present)[:_NAMED]) + (", ..." if len(present) > _NAMED else "")
        raise OutputError(f"{folder}: holds other files ({few}); choose another folder with --out")
    if earlier and not force:
        differing = [key for key in settings if earlier.get(key) != settings[key]] or ["version"]
        other = ", ".join("version" if key == KEY else key for key in differing)
        raise OutputError(f"{folder}: holds {what} of other {other}; choose another folder with --out, or say --force")
    written = list(written) if earlier else []
    foreign = (present - {Path(name).parts[0] for name in written}) & set(mine or ())
    if foreign:
        raise OutputError(
            f"{folder / min(foreign)}: is not from this tool; move it, or choose another folder with --out"
        )
    remove(folder, written)


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove these files, what a killed run has left of them, and every folder below this one that is empty then."""
    for name in names:
        path = folder / name
        if not is_below(name) or any(parent.is_symlink() for parent in _between(folder, path)):
            continue  # nothing that a manifest says may reach any further
        for file in (path.with_name(f".{path.name}.part"), path):
            with suppress(NotADirectoryError):
                file.unlink(missing_ok=True)
        for parent in _between(folder, path):
            with suppress(OSError):  # it still holds others, or is gone
                parent.rmdir()


def is_below(name: str) -> bool:
    """Say whether a file's name stays inside its folder.

    >>> is_below("dreams/one.png"), is_below("../one.png"), is_below("/one.png")
    (True, False, False)
    """
    path = Path(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def is_whole(folder: Path, files: Mapping[str, str]) -> bool:
    """Say whether there are any of these files and every one is as it was written: name -> checksum."""
    try:
        return bool(files) and all(sha256((folder / name).read_bytes()) == digest for name, digest in files.items())
    except OSError:
        return False


def _between(folder: Path, path: Path) -> list[Path]:
    """Return the folders that lie between a folder and a file below it, the nearest to the file first."""
    return [parent for parent in path.parents if folder in parent.parents]
