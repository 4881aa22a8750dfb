"""The folder for temporary files of one viewer: private, locked while its process lives, removed however that ends."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dreamfilters.errors import OutputError

_PREFIX = "dreamfilters-viewer-"
_LOCK = "lock"
_UNLOCKED_AGE = 3600.0  # seconds after which a folder without a lock is stale: its process ended before it made one


class PrivateFolder:
    """A new folder that only this user can read.

    Its removal at the end of the process does not depend on `close`, except where the process is killed. Then the next
    folder that this user creates removes it: the operating system has released its lock.

    Attributes:
        path: the folder. Its name contains the id of the process.

    Raises:
        OutputError: the folder cannot be created.

    Example:
        >>> folder = PrivateFolder()
        >>> folder.path.is_dir(), oct(folder.path.stat().st_mode & 0o777)
        (True, '0o700')
        >>> folder.close()
        >>> folder.path.exists()
        False
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        remove_stale(parent)
        try:
            self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
            self._lock = _locked(self.path)
        except OSError as error:
            raise OutputError(
                f"{parent}: the viewer cannot write temporary files there ({error.strerror or error}); free space, or "
                "set TMPDIR to another folder"
            ) from None
        self._remove = weakref.finalize(self, _remove, self.path, self._lock)

    def close(self) -> None:
        """Remove the folder with its content."""
        self._remove()

    def write(self, name: str, content: bytes) -> Path:
        """Write a new file that only this user can read, completely or not at all, and return its path.

        Raises:
            FileExistsError: there is a file of this name.
            OSError: the file cannot be written.
        """
        path = self.path / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path


def remove_stale(parent: Path) -> None:
    """Remove the folders below `parent` that killed viewers of this user have left; follow no link.

    On Windows nothing is removed.
    """
    if sys.platform == "win32":
        return
    with suppress(OSError):
        for entry in os.scandir(parent):
            if entry.name.startswith(_PREFIX):
                with suppress(OSError), _claimed(entry.path) as claimed:
                    if claimed:
                        shutil.rmtree(entry.path)


def _remove(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        os.close(lock)


if sys.platform == "win32":

    def _locked(folder: Path) -> int:
        """Create the file of the lock."""
        return os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL)

else:
    import fcntl

    def _locked(folder: Path) -> int:
        """Create and lock the file of the lock; it gets its name once it is locked."""
        new = folder / f"{_LOCK}.new"
        lock = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(folder / _LOCK)
        return lock

    @contextmanager
    def _claimed(path: str) -> Iterator[bool]:
        """Lock a stale folder of this user and yield True; yield False for any other."""
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        lock = None
        try:
            status = os.fstat(folder)
            if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) != 0o700:
                yield False
                return
            try:
                lock = os.open(_LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            except FileNotFoundError:
                yield time.time() - status.st_mtime > _UNLOCKED_AGE
                return
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises OSError while its process lives
            yield True
        finally:
            for descriptor in (folder, lock):
                if descriptor is not None:
                    os.close(descriptor)
