"""The folder in which JAX keeps the programs that XLA compiled, so that the next command does not compile them again.

Only the command line chooses one, and only where the user has not: in Python, JAX is the user's to set. A program of
the folder is executed, so no other user may write there.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import stat
import sys
from collections.abc import MutableMapping
from pathlib import Path

_FOLDER = "JAX_COMPILATION_CACHE_DIR"
_BYTES = 2**31  # from which the programs that were not used for the longest time are deleted
_SECONDS = 0.1  # programs that took less to compile are not kept


def keep_programs(environment: MutableMapping[str, str]) -> Path | None:
    """Set the variables by which JAX, which is imported later, keeps programs; return the folder, None for none.

    Nothing is set if a variable of JAX names a folder or turns this off, or if the folder cannot be the user's own.
    """
    if _FOLDER in environment or environment.get("JAX_ENABLE_COMPILATION_CACHE", "").lower() in ("0", "false", "off"):
        return None
    try:
        folder = user_cache(environment) / "dreamfilters" / f"jax-{_processor()}"
        is_own = _is_own(folder)
    except (OSError, RuntimeError):  # there is no home, or it cannot be written
        return None
    if not is_own:
        return None
    environment[_FOLDER] = str(folder)
    environment.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(_SECONDS))
    if importlib.util.find_spec("filelock") is not None:  # by which JAX deletes programs
        environment.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(_BYTES))
    return folder


def user_cache(environment: MutableMapping[str, str]) -> Path:
    """Return the folder of this system for files that can be made again."""
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    given = Path(environment.get("XDG_CACHE_HOME", ""))
    return given if given.is_absolute() else home / ".cache"  # as the specification of the variable says


def _processor() -> str:
    """Return a word that differs between processors: machines can share a home, and a program runs on one kind."""
    from numpy._core._multiarray_umath import __cpu_features__  # type: ignore[import-not-found]  # not public

    features = [platform.machine(), *(name for name, found in sorted(__cpu_features__.items()) if found)]
    return hashlib.sha256(" ".join(features).encode()).hexdigest()[:12]


def _is_own(folder: Path) -> bool:
    """Create a folder that only this user can enter; return whether only this user can write into it."""
    for each in (folder.parent, folder):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return False
    return not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
