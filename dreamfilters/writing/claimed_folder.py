"""A lock that gives a folder one writer at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from dreamfilters.errors import OutputError
from dreamfilters.writing.open_folder import OpenFolder, opened, unusual, write_error

if sys.platform == "win32":
    import msvcrt

    _BEYOND = 2**30  # a locked byte cannot be read, so it is one behind the process id

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, _BEYOND, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


LOCK = ".dreamfilters.lock"
_LONGEST = 32  # bytes of a lock, which holds the id of a process
_claimed: ContextVar[tuple[OpenFolder, ...]] = ContextVar("claimed", default=())  # by the runs around this one


@contextmanager
def claimed(path: Path) -> Iterator[OpenFolder]:
    """Create a folder if needed, open it and lock it; a new folder that stays empty is removed at the end.

    The folder may be a link, because the user named it. Inside a folder that is claimed already, as the scan of an
    audit is, it may not, nor may the folders between the two.

    The operating system releases the lock when the process ends, even if it is killed, so no lock is stale.

    Raises:
        OutputError: the folder cannot be created or leads elsewhere, another run has locked it, or its lock is not a
            file of this tool.
    """
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    with ExitStack() as stack:
        stack.callback(_remove_empty, new)
        try:
            folder = stack.enter_context(_opened(path))
            stack.enter_context(_locked(folder))
            before = _claimed.set((*_claimed.get(), folder))
            stack.callback(_claimed.reset, before)
            yield folder
        except OSError as error:
            raise write_error(path, error) from error


@contextmanager
def _opened(path: Path) -> Iterator[OpenFolder]:
    absolute = path.absolute()
    outer = next((held for held in reversed(_claimed.get()) if held.path.absolute() in absolute.parents), None)
    if outer is not None:
        with outer.below(absolute.relative_to(outer.path.absolute()).as_posix(), create=True) as folder:
            yield OpenFolder(path, folder.descriptor)
    else:
        path.mkdir(parents=True, exist_ok=True)
        with opened(path) as folder:
            yield folder


def _remove_empty(folders: list[Path]) -> None:
    with suppress(OSError):  # from the first folder that is not empty
        for folder in folders:
            folder.rmdir()


@contextmanager
def _locked(folder: OpenFolder) -> Iterator[None]:
    descriptor = _lock(folder)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.remove(LOCK)
        os.close(descriptor)


def _lock(folder: OpenFolder) -> int:
    """Return the descriptor of the lock, which holds the id of this process."""
    while True:
        descriptor, made = _open_lock(folder)
        try:
            _try_lock(descriptor)
        except (BlockingIOError, PermissionError):
            owner = _owner(descriptor)
            os.close(descriptor)
            raise OutputError(
                f"{folder.path}: is in use by another run{f' (process {owner})' * bool(owner)}; "
                "wait until it ends, or choose another folder"
            ) from None
        try:
            if _is_lock(folder, descriptor, made):
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, f"{os.getpid()}\n".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner has just ended and removed it


def _open_lock(folder: OpenFolder) -> tuple[int, bool]:
    """Return the descriptor of the lock, and whether it was created now."""
    while True:
        folder.check(LOCK)
        with suppress(FileExistsError, FileNotFoundError):  # another run has just created or removed it
            if folder.status(LOCK) is None:
                return folder.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL), True
            return folder.open(LOCK, os.O_RDWR), False


def _is_lock(folder: OpenFolder, descriptor: int, made: bool) -> bool:
    """Return whether the open file is still the lock; only then may it be overwritten.

    Raises:
        OutputError: it is a file that this tool, or this user, has not made.
    """
    status, named = os.fstat(descriptor), folder.status(LOCK)
    if named is None or not os.path.samestat(status, named):
        return False
    what = unusual(status)
    if not what and not made and hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        what = "a file of another user"
    if not what and status.st_size and not _owner(descriptor):
        what = "no lock of this tool"
    if what:
        raise OutputError(f"{folder.path / LOCK}: is {what}; remove it, or choose another folder")
    return True


def _owner(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    written = os.read(descriptor, _LONGEST + 1).decode("ascii", "replace").strip()
    return written if written.isdigit() and len(written) <= _LONGEST else ""
