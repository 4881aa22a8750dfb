"""The memory, processor time and files that a process may use which parses a file, relative to the size of the file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.claimed_bytes import allowance

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]


def stored_bytes(path: Path) -> int:
    """Return the size of a file, or of the files of a SavedModel folder that are read."""
    if not path.is_dir():
        return path.stat().st_size
    files = [path / "saved_model.pb", path / "keras_metadata.pb", *(path / "variables").glob("variables.*")]
    return sum(file.stat().st_size for file in files if file.is_file())


def processor_seconds(size: int) -> int:
    """Return the processor time for a file of this many bytes."""
    return limits.PARSER_SECONDS + size // limits.PARSED_PER_SECOND


def wall_seconds(size: int) -> int:
    """Return how long to wait altogether for the replies on a file of this many bytes."""
    return limits.WALL_PER_PROCESSOR * processor_seconds(size)


def memory(size: int) -> int:
    """Return the bytes of memory for a file of this many bytes."""
    return limits.PARSER_MEMORY + 2 * size


def limit_process(path: Path) -> None:
    """Set the limits of this process for a file; it cannot raise them again.

    Only the weights of a compressed archive are written anywhere, into a temporary file.
    """
    if resource is None:
        return
    size = stored_bytes(path)
    _set("RLIMIT_AS", memory(size))
    _set("RLIMIT_CPU", processor_seconds(size), spare=1)  # the first limit has a signal of its own
    _set("RLIMIT_FSIZE", allowance(size) if _is_archive(path) else 0)
    _set("RLIMIT_NOFILE", limits.PARSER_FILES)
    _set("RLIMIT_NPROC", 0)
    _set("RLIMIT_CORE", 0)


def _set(name: str, value: int, spare: int = 0) -> None:
    """Set a limit; the system may lack it, or have a lower one."""
    with suppress(AttributeError, ValueError, OSError):
        kind = getattr(resource, name)
        most = resource.getrlimit(kind)[1]
        soft, hard = (limit if most == resource.RLIM_INFINITY else min(limit, most) for limit in (value, value + spare))
        resource.setrlimit(kind, (soft, hard))


def _is_archive(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(2) == b"PK"
