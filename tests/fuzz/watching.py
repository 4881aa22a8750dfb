"""What a case does beside its command: files that it writes or reads outside, programs it starts, memory it takes."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Events of Python, and which of their arguments are paths that change, each with that of its folder's descriptor.
_CHANGES: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.rename": ((0, 2), (1, 3)), "os.link": ((1, 3),), "os.symlink": ((1, 2),), "os.remove": ((0, 1),),
    "os.mkdir": ((0, 2),), "os.rmdir": ((0, 1),), "os.chmod": ((0, 2),), "os.chown": ((0, 3),),
    "os.truncate": ((0, None),), "shutil.rmtree": ((0, None),),
}  # fmt: skip
_FORBIDDEN = {"os.system", "os.exec", "os.spawn", "os.startfile", "pickle.find_class", "socket.connect", "socket.bind"}
_OPEN = os.open
_STARTED = {"subprocess.Popen", "os.posix_spawn"}


@dataclass
class Watch:
    """Watches one case at a time, by an audit hook of Python and by the process's memory.

    Attributes:
        allowed: folders in which a case may write.
        secret: a file that no case may read or change, unless `reads_any`.
    """

    allowed: tuple[Path, ...]
    secret: Path
    reads_any: bool = False
    _breaches: list[str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Write the secret, and start to listen."""
        self.secret.write_text("one\ntwo\nsecret\n")
        self._content = self.secret.read_bytes()
        sys.addaudithook(self._hear)
        os.open = self._open

    def begin(self) -> None:
        """Begin a case."""
        Path("/proc/self/clear_refs").write_text("5")  # the kernel then measures the largest memory again
        self._breaches = []
        self._children = _memory_of_children()

    def end(self) -> tuple[list[str], int]:
        """Return what the case did that it must not do, and the largest memory of this process or a child in bytes."""
        breaches, self._breaches = self._breaches or [], None
        if self.secret.read_bytes() != self._content:
            breaches.append(f"changed {self.secret}")
            self.secret.write_bytes(self._content)
        children = _memory_of_children()
        return breaches, max(memory("VmHWM"), children if children > self._children else 0)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._breaches is None:
            return
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, int):
                return
            writes = set(mode or "") & set("wax+") or (flags or 0) & _WRITING
            if writes:
                self._check(event, path)
            elif not self.reads_any and os.path.realpath(os.fsdecode(path)) == str(self.secret):
                self._breaches.append(f"read {self.secret}")
        elif event in _CHANGES:
            for path, folder in _CHANGES[event]:
                self._check(event, arguments[path], -1 if folder is None else arguments[folder])
        elif event in _STARTED:
            if os.fsdecode(arguments[0] or "") != sys.executable:
                self._breaches.append(f"started {arguments[0]!r}")
        elif event in _FORBIDDEN:
            self._breaches.append(f"{event} {arguments!r:.200}")

    def _check(self, event: str, path: Any, folder: int = -1) -> None:
        """Note a path outside the folders in which a case may write; the folder of a name is resolved, not its link."""
        assert self._breaches is not None
        if isinstance(path, int):
            return
        below = Path(f"/proc/self/fd/{folder}").readlink() if folder >= 0 else Path.cwd()
        named = below / os.fsdecode(path)
        found = named.resolve() if event == "open" else named.parent.resolve() / named.name
        if not any(found.is_relative_to(root) for root in self.allowed) and str(named) != os.devnull:
            self._breaches.append(f"{event} {named}")

    def _open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """Open as `os.open` does; the event of Python does not give the folder's descriptor."""
        if dir_fd is None or self._breaches is None:
            return _OPEN(path, flags, mode, dir_fd=dir_fd)
        if flags & _WRITING:
            self._check("open", path, dir_fd)
        breaches, self._breaches = self._breaches, None
        try:
            return _OPEN(path, flags, mode, dir_fd=dir_fd)
        finally:
            self._breaches = breaches


def memory(key: str, process: int | str = "self") -> int:
    """Return a number of bytes from a process's status: VmRSS now, VmHWM at most; 0 if the process has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:")), 0)


def _memory_of_children() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
