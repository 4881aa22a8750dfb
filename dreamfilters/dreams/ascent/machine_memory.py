"""The memory that this process can still take: of the machine, or of the container (control group) it runs in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Names of the limit and of the usage of a control group, in versions 2 and 1.
_FILES = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))


def available_bytes(root: Path = Path("/")) -> int | None:
    """Return how many bytes are free, the least of the machine and of every control group above the process.

    None if the system does not say. `root` is the folder with `proc` and `sys`.
    """
    free = [*_machine(root), *(known for group in _groups(root) if (known := _free(group)) is not None)]
    return max(0, min(free)) if free else None


def _machine(root: Path) -> Iterator[int]:
    for name, value in _fields(root / "proc/meminfo"):
        if name == "MemAvailable:":
            yield value * 1024
            return
    if root == Path("/") and {"SC_PHYS_PAGES", "SC_PAGE_SIZE"} <= getattr(os, "sysconf_names", {}).keys():
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2  # macOS does not tell what is free


def _groups(root: Path) -> Iterator[Path]:
    """Yield the folders of the process's control groups for memory, and those above them."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            top = root / "sys/fs/cgroup" / controllers
            own = top / path.lstrip("/")
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(top))


def _free(group: Path) -> int | None:
    """Return the limit of a control group minus its usage without file caches; None for no limit."""
    for limit, usage in _FILES:
        most, used = _text(group / limit).strip(), _text(group / usage).strip()
        if most.isdecimal() and used.isdecimal():
            cached = sum(value for name, value in _fields(group / "memory.stat") if name == "inactive_file")
            return int(most) - int(used) + cached
    return None


def _fields(path: Path) -> Iterator[tuple[str, int]]:
    for line in _text(path).splitlines():
        name, value, *_ = (*line.split(), "", "")
        if value.isdecimal():
            yield name, int(value)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""
