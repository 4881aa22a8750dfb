"""The folder of a run: which run owns it, which files are part of it, and when another run may replace it.

A run claims its folder with `entered`. It finds the folder empty, with a run to resume or to add to, with another run,
or with other files. Only files that a manifest names as written by this tool are ever removed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dreamfilters
from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.runs.storage.checksums import damage_of, sha256
from dreamfilters.runs.storage.json_files import as_json
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.stored_files import is_below
from dreamfilters.serialization import typed
from dreamfilters.writing.claimed_folder import LOCK, claimed
from dreamfilters.writing.open_folder import OpenFolder, is_part

_LISTED = 3  # files that an error lists
_LONGEST_NAME, _MOST_NAMES = 40, 6  # characters of the name of a setting, and names, in a message


@dataclass(frozen=True)
class RunKind:
    """A command that writes runs, and the files it writes.

    Attributes:
        command: name of the command, such as "scan".
        noun: a run of it in error messages, such as "a scan".
        written: returns the names of all files that the run in a folder may have written, without the manifest.
        planned: returns the names that a run with these settings will write. If given, `force` lets a run write beside
            other files; if None, the folder has to be empty.
        adds: name of the setting to which a run may add, if all others are equal; "" if there is none.
        added: returns the setting of two runs together from that of each, the earlier one first; None if one folder
            cannot hold both.
    """

    command: str
    noun: str
    written: Callable[[Path, Manifest], Iterable[str]]
    planned: Callable[[Mapping[str, Any]], Iterable[str]] | None = None
    adds: str = ""
    added: Callable[[Any, Any], Any] = lambda earlier, later: None

    def read(self, folder: Path) -> Manifest | None:
        """Return the manifest of the run of this kind in a folder, or None if there is none.

        Raises:
            DamagedError: the manifest is damaged.
        """
        manifest = Manifest.read(folder)
        return manifest if manifest is not None and manifest.command == self.command else None

    def read_finished(self, folder: Path) -> Manifest:
        """Return the manifest of the finished run of this kind in a folder.

        Raises:
            OutputError: the folder holds no finished run of this kind.
            DamagedError: its files are damaged.
        """
        manifest = self.read(folder)
        if manifest is None:
            command = f"dreamfilters {self.command} MODEL IMAGES --out {folder}"
            raise OutputError(f"{folder}: holds no {self.command}; make one with `{command}`")
        if not manifest.files:
            raise OutputError(f"{folder}: the {self.command} is not finished; run the same command again to resume")
        if damage := damage_of(folder, manifest.files):
            raise DamagedError(f"{damage}; run `dreamfilters {self.command}` of {folder} again to repair it")
        return manifest

    def joined(self, earlier: Manifest, settings: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the settings of an earlier run and a later one together, None if one folder cannot hold both."""
        if self.differing(earlier, settings):
            return None
        if not self.adds:
            return settings
        try:
            both = self.added(earlier.settings[self.adds], settings[self.adds])
        except (KeyError, ValueError, TypeError, AttributeError):  # of another shape
            return None
        return None if both is None else {**settings, self.adds: both}

    def differing(self, earlier: Manifest, settings: Mapping[str, Any]) -> list[str]:
        """Return which settings differ from those of an earlier run, "version" among them, without `adds`."""
        version = [] if earlier.version == dreamfilters.__version__ else ["version"]
        keys = dict.fromkeys([*settings, *earlier.settings])
        return version + [key for key in keys if key != self.adds and earlier.settings.get(key) != settings.get(key)]

    def files_in(self, folder: Path) -> list[str]:
        """Return the names of all files of the run in a folder, the manifest last; [] if there is no such run.

        The manifest comes last so that a removal that is killed leaves a folder that is still known.
        """
        try:
            manifest = self.read(folder)
        except DamagedError:  # of a folder inside another run: its names are not known
            return []
        try:
            return [] if manifest is None else [*self.written(folder, manifest), MANIFEST]
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise DamagedError(f"{folder / MANIFEST}: is damaged ({error!r}); remove it") from error

    def files_below(self, folder: Path, name: str) -> list[str]:
        """Return the files of the run in the subfolder `name`, relative to `folder`."""
        return [f"{name}/{file}" for file in self.files_in(folder / name)]


@dataclass(frozen=True)
class RunFolder:
    """A folder that a run has claimed, see `entered`.

    Attributes:
        path: the folder.
        opened: the folder held open, through which every file is written.
        kind: the kind of the run.
        settings: everything that decides the bytes of its files, as JSON gives them back.
        model: name, spec and fingerprint of the network.
    """

    path: Path
    opened: OpenFolder
    kind: RunKind
    settings: Mapping[str, Any]
    model: Mapping[str, Any]

    @property
    def manifest(self) -> Manifest:
        """The manifest as it is on disk, an unfinished one if there is none."""
        return self.kind.read(self.path) or Manifest(self.kind.command, self.settings, self.model)

    @property
    def digest(self) -> str:
        """SHA-256 of version and settings, for files that have to match them."""
        return settings_digest([dreamfilters.__version__, self.settings])

    def is_whole(self) -> bool:
        """Return whether the run is finished and none of its files has changed."""
        files = self.manifest.files
        return bool(files) and not damage_of(self.path, files)

    def results(self, kind: Any) -> Any:
        """Return the results in the manifest as this type, see `typed`.

        Raises:
            DamagedError: they are not of this type.
        """
        try:
            return typed(kind, self.manifest.results, "results")
        except ValueError as error:
            raise DamagedError(f"{self.path / MANIFEST}: is damaged ({error})") from error

    def write(self, name: str, content: bytes) -> str:
        """Write one file, whole or not at all, and return its SHA-256."""
        self.opened.write(name, content)
        return sha256(content)

    def remove(self, names: Iterable[str]) -> None:
        """Remove these files, unfinished writes of them, and every subfolder that is empty then.

        Names that lead out of the folder, or through a link, are ignored: a manifest may be forged.
        """
        for name in filter(is_below, names):
            self.opened.remove(name)

    def save_manifest(
        self, files: Mapping[str, str], results: Any = None, failures: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Write the manifest; with all files of the result it marks the run as finished."""
        manifest = Manifest(self.kind.command, self.settings, self.model, files, results, tuple(failures))
        self.opened.write(MANIFEST, manifest.to_json())

    def update(self, contents: Mapping[str, bytes]) -> None:
        """Replace files of the finished run that this version of the code makes otherwise, and their checksums."""
        manifest = self.manifest
        changed = {name: data for name, data in contents.items() if manifest.files.get(name) != sha256(data)}
        if changed:
            files = {**manifest.files, **{name: self.write(name, data) for name, data in changed.items()}}
            self.save_manifest(files, manifest.results, manifest.failures)


@contextmanager
def entered(
    folder: Path, kind: RunKind, settings: Mapping[str, Any], model: Mapping[str, Any], *, force: bool
) -> Iterator[RunFolder]:
    """Claim a folder for a run, and release it at the end.

    An empty folder gets an unfinished manifest first, so that files of a killed run are known as written by this tool.
    A run of equal settings stays for the caller to resume; one to which this run may add stays too, and the settings of
    the `RunFolder` are then those of both. Another run of the same kind is removed if `force` is given. A run whose
    manifest is damaged is then treated as an unfinished one of these settings.

    Raises:
        OutputError: the folder holds another run or other files, cannot be written, or is in use by another run; a name
            that the run writes leads elsewhere, see `OpenFolder.check`.
    """
    with claimed(folder) as opened:
        opened.check(MANIFEST)
        wanted = RunFolder(folder, opened, kind, json.loads(as_json(settings)), model)
        if force and _has_damaged_manifest(folder):
            wanted.save_manifest({})
        run = _with_room(wanted, force)
        for name in dict.fromkeys([*kind.files_in(folder), *(kind.planned(run.settings) if kind.planned else ())]):
            opened.check(name)  # before anything is computed
        known = run.manifest
        if kind.read(folder) is None or known.settings != run.settings:
            run.save_manifest(known.files, known.results, known.failures)
        yield run


def _has_damaged_manifest(folder: Path) -> bool:
    try:
        Manifest.read(folder)
    except DamagedError:
        return True
    return False


def _earlier(folder: Path) -> Manifest | None:
    """Return the manifest of a folder, None if there is none of this tool; if it is damaged, say what works."""
    try:
        return Manifest.read(folder)
    except DamagedError as error:
        hint = "choose another folder with --out, or make the results again with --force"
        raise DamagedError(f"{error}; {hint}") from error


def free_folder(folder: Path, kind: RunKind, settings: Mapping[str, Any]) -> tuple[Path, str]:
    """Return the first of `folder`, `folder-2`, `folder-3`, ... that a run can enter without `force`.

    The text says why it is not `folder`, "" if it is.
    """
    plain = json.loads(as_json(settings))
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(2))
    free = next(path for path in itertools.chain([folder], numbered) if _is_free(path, kind, plain))
    return free, "" if free == folder else f"{_held(folder, kind, plain)}; the output directory is {free}"


def _held(folder: Path, kind: RunKind, settings: Mapping[str, Any]) -> str:
    earlier = Manifest.read(folder) if folder.is_dir() else None
    if earlier is None or earlier.command != kind.command:
        return f"{folder}: holds something else"
    return f"{folder}: holds {kind.noun} with other settings ({_differing(kind, earlier, settings)})"


def _differing(kind: RunKind, earlier: Manifest, settings: Mapping[str, Any]) -> str:
    names = [name[:_LONGEST_NAME] for name in kind.differing(earlier, settings)]  # the earlier ones are of a file
    more = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return ", ".join([*names[:_MOST_NAMES], *more]) or kind.adds


def _is_free(folder: Path, kind: RunKind, settings: Mapping[str, Any]) -> bool:
    if not folder.is_dir():
        return not folder.exists()
    earlier = _earlier(folder)
    if earlier is None:
        return not _files(folder)
    return earlier.command == kind.command and kind.joined(earlier, settings) is not None


def _files(folder: Path) -> set[str]:
    """Return the names in a folder, without the lock and what a killed run has not finished to write."""
    return {path.name for path in folder.iterdir() if path.name != LOCK and not is_part(path.name)}


def _with_room(run: RunFolder, force: bool) -> RunFolder:
    """Return the run with the settings that its folder has from now on."""
    check_holds_no_other(run.path, run.kind.command, force=force and run.kind.planned is not None)
    earlier = _earlier(run.path)
    if earlier is not None:
        return _joined(run, earlier, force)
    _check_overwrites_none(run, _files(run.path))
    return run


def check_holds_no_other(folder: Path, command: str, *, force: bool) -> None:
    """Raise OutputError if a folder holds results of another command or, without `force`, files that are no results."""
    if force and _has_damaged_manifest(folder):
        return  # its files are made again
    earlier, files = _earlier(folder), _files(folder)
    if earlier is not None and earlier.command != command:
        raise OutputError(
            f"{folder}: holds results of `dreamfilters {earlier.command}`; choose another folder with --out"
        )
    if earlier is None and files and not force:
        first = ", ".join(sorted(files)[:_LISTED]) + (", ..." if len(files) > _LISTED else "")
        raise OutputError(f"{folder}: holds other files ({first}); choose another folder with --out")


def _joined(run: RunFolder, earlier: Manifest, force: bool) -> RunFolder:
    """Return the run with the settings of the earlier run and its own, or with its own after removing that run."""
    kind, joined = run.kind, run.kind.joined(earlier, run.settings)
    if joined is not None and earlier.settings == (run.settings if force else joined):
        return replace(run, settings=joined)
    if joined is None and not force:
        raise OutputError(
            f"{run.path}: holds {kind.noun} with other settings ({_differing(kind, earlier, run.settings)}); choose "
            "another folder with --out, or add --force"
        )
    names = kind.files_in(run.path)
    present = {path.name for path in run.path.iterdir()} - {LOCK}
    _check_overwrites_none(run, present - {Path(name).parts[0] for name in names})
    if joined is not None and not force:
        return replace(run, settings=joined)
    run.remove(names)
    return run


def _check_overwrites_none(run: RunFolder, foreign: set[str]) -> None:
    """Raise if the run would overwrite one of these files."""
    overwritten = foreign & set(run.kind.planned(run.settings) if run.kind.planned else ())
    if overwritten:
        raise OutputError(
            f"{run.path / min(overwritten)}: was not written by this tool; move it, or choose another folder with --out"
        )


def settings_digest(values: Any) -> str:
    """Return the SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
