"""A folder held open: its files are written whole or not at all, and no name in it leads elsewhere.

Results may go to a folder that others prepared: below a shared `/tmp`, in an unpacked archive. A name there can be a
link to any file of the user. So a file is written under a temporary name, which is created exclusively, and then
renamed. A name that is a link, a second name of a file, or no file at all is refused. Subfolders are opened relative to
their parent, so that a folder that is replaced by a link in the meantime is not followed either. Where the system has
no names relative to an open folder (Windows), the names are checked in the same way, and used as paths.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from dreamfilters.errors import OutputError

_RELATIVE = {os.open, os.mkdir, os.rename, os.unlink, os.rmdir, os.stat} <= os.supports_dir_fd
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FILE = _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a named pipe does not block
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_MODE = 0o666  # the system subtracts the umask, as for `open`
_JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT: a link to a folder on Windows


def write_error(path: Path, error: OSError) -> OutputError:
    """Return the error for a file or folder that cannot be written."""
    return OutputError(f"{path}: cannot be written ({error.strerror or error}); free space, or choose another folder")


@dataclass(frozen=True)
class OpenFolder:
    """A folder and its descriptor; names are relative to it, with "/" between subfolders, see `opened`.

    Attributes:
        path: the folder, for messages, and for the names where there is no descriptor.
        descriptor: the open folder, None where the system has no names relative to one.
    """

    path: Path
    descriptor: int | None = None

    def write(self, name: str, content: bytes, *, flush: bool = True) -> None:
        """Write a file whole or not at all; a file that has this content already is not touched.

        The temporary name is `.NAME.part`: an existing one is of a killed process, because a folder has one writer.

        Args:
            name: of the file; subfolders are created.
            content: all of it.
            flush: whether to wait until the disk holds it. Otherwise a power failure can leave an empty file.

        Raises:
            OutputError: the name is not that of a plain file, or the file cannot be written; an old file is unchanged.
        """
        try:
            with self._parent(name, create=True) as (folder, last):
                folder._write(last, content, flush)
        except OSError as error:
            raise write_error(self.path / name, error) from error

    def _write(self, name: str, content: bytes, flush: bool) -> None:
        self.check(name)
        if self._holds(name, content):
            return
        part = part_of(name)
        self._discard(part)
        try:
            descriptor = self.open(part, _NEW)
            write_through(descriptor, content, flush=flush)
            os.replace(self._at(part), self._at(name), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        finally:
            with suppress(OSError):
                self._discard(part)

    def check(self, name: str) -> None:
        """Raise OutputError if a name, or a folder before it, is a link, a second name of a file, or no file or folder.

        A name that is free passes.
        """
        try:
            with self._parent(name) as (folder, last):
                what = unusual(folder.status(last))
        except FileNotFoundError:
            return
        except OSError as error:
            raise write_error(self.path / name, error) from error
        if what:
            raise _refusal(self.path / name, what)

    def remove(self, name: str) -> None:
        """Remove a file, an unfinished write of it, and each subfolder that is empty then; links are never followed."""
        first, *rest = self._parts(name)
        if not rest:
            self._discard(part_of(first))
            self._discard(first)
        elif _is_folder(self.status(first)):
            with self.below(first) as folder:
                folder.remove("/".join(rest))
            with suppress(OSError):  # not empty, or gone
                os.rmdir(self._at(first), dir_fd=self.descriptor)

    @contextmanager
    def below(self, name: str, *, create: bool = False) -> Iterator[OpenFolder]:
        """Open a subfolder.

        Raises:
            OutputError: it, or a folder before it, is a link or no folder.
            FileNotFoundError: there is none, and `create` is not given.
        """
        first, *rest = self._parts(name)
        path = self.path / first
        status = self.status(first)
        if status is None and create:
            with suppress(FileExistsError):  # another process has just made it
                os.mkdir(self._at(first), dir_fd=self.descriptor)
            status = self.status(first)
        if status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        if not _is_folder(status):
            raise _refusal(path, unusual(status) or "a file")
        with _held(path, self._at(first), self.descriptor, _FOLDER | _NO_LINK) as folder:
            if not rest:
                yield folder
            else:
                with folder.below("/".join(rest), create=create) as last:
                    yield last

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of the name itself, not of what a link leads to; None if there is no such name."""
        try:
            return os.stat(self._at(name), dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self, name: str, flags: int) -> int:
        """Return a descriptor of a file, and never of what a link leads to; the caller checks what it is."""
        return os.open(self._at(name), flags | _FILE, _MODE, dir_fd=self.descriptor)

    @contextmanager
    def _parent(self, name: str, *, create: bool = False) -> Iterator[tuple[OpenFolder, str]]:
        """Open the folder of a name, and yield it with the last part of the name."""
        *folders, last = self._parts(name)
        with self.below("/".join(folders), create=create) if folders else nullcontext(self) as folder:
            yield folder, last

    def _parts(self, name: str) -> tuple[str, ...]:
        parts = Path(name).parts
        if not parts or ".." in parts or Path(name).anchor or "\0" in name:
            raise OutputError(f"{self.path}: {name!r} is not a name inside this folder")
        return parts

    def _holds(self, name: str, content: bytes) -> bool:
        status = self.status(name)
        if status is None or status.st_size != len(content):
            return False
        with open(self.open(name, os.O_RDONLY), "rb") as file:  # noqa: PTH123 - of a descriptor
            return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.read() == content

    def _discard(self, name: str) -> None:
        """Remove a name that is not a folder; what a link leads to stays."""
        status = self.status(name)
        if status is None:
            return
        if stat.S_ISDIR(status.st_mode):
            raise _refusal(self.path / name, "a folder")
        with suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self.descriptor)

    def _at(self, name: str) -> str:
        return name if self.descriptor is not None else str(self.path / name)


@contextmanager
def opened(path: Path) -> Iterator[OpenFolder]:
    """Open a folder that the user named; it may be a link that the user made.

    Raises:
        OSError: there is no such folder.
    """
    with _held(path, str(path), None, _FOLDER) as folder:
        yield folder


def part_of(name: str) -> str:
    """Return the temporary name of a file while it is written."""
    return f".{name}.part"


def is_part(name: str) -> bool:
    """Return whether a name is that of an unfinished write.

    >>> is_part(part_of("scan.npz")), is_part("scan.npz")
    (True, False)
    """
    return name.startswith(".") and name.endswith(".part")


def write_through(descriptor: int, content: bytes, *, flush: bool = True) -> None:
    """Write a new file and close it; every file of a run is written by this function."""
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if flush:
            os.fsync(descriptor)  # otherwise a power failure could leave the name without the content


def unusual(status: os.stat_result | None) -> str:
    """Return what stands at a name that must not be written, "" for a file with one name, a folder and nothing."""
    if status is None or _is_folder(status):
        return ""
    if not stat.S_ISREG(status.st_mode):
        return next((what for is_kind, what in _KINDS if is_kind(status.st_mode)), "no file")
    return "a second name of a file (a hard link)" if status.st_nlink > 1 else ""


_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a link to a folder"),  # a junction
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def _is_folder(status: os.stat_result | None) -> bool:
    return status is not None and stat.S_ISDIR(status.st_mode) and getattr(status, "st_reparse_tag", 0) != _JUNCTION


def _refusal(path: Path, what: str) -> OutputError:
    return OutputError(f"{path}: is {what}, and nothing is written there; remove it, or choose another folder")


@contextmanager
def _held(path: Path, name: str, parent: int | None, flags: int) -> Iterator[OpenFolder]:
    if not _RELATIVE:
        yield OpenFolder(path)
        return
    descriptor = os.open(name, flags, dir_fd=parent)
    try:
        yield OpenFolder(path, descriptor)
    finally:
        os.close(descriptor)
