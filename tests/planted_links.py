"""Which paths a command writes, seen by an audit hook, and links planted at them.

The commands come from the command line's own registry: one that is neither in `WRITES` nor in `READS` is an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import os
import re
import shutil
import sys
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import typer
from keras import layers

from dreamfilters import cli
from dreamfilters.images import png_bytes

FORM = ("--range", "0", "1", "--quiet")
QUICK = ("--recipe", "fast", "--set", "steps=1")
OUT = "out"
# The words of each command that writes files; all of them lie below the folder `out`.
WRITES: dict[str, tuple[str, ...]] = {
    "dream": ("net.keras", "conv:0", "--frames", "2", "--start", "images/a/0.png", *QUICK, *FORM, "--out", OUT),
    "again": ("dreamed/conv-0-{conv}.png", "--out", OUT),
    "maps": ("net.keras", "images", "--arrays", *FORM, "--out", OUT),
    "attribute": ("net.keras", "conv:0", "images", "--arrays", *FORM, "--out", OUT),
    "scan": ("net.keras", "images", *FORM, "--out", OUT),
    "evaluate": ("net.keras", "images", *FORM, "--out", OUT),
    "embed": ("net.keras", "images", *FORM, "--out", OUT),
    "neighbors": ("net.keras", "images", "images/a/0.png", *FORM, "--out", OUT),
    "audit": ("net.keras", "images", *FORM, "--out", OUT),
    "ablate": ("net.keras", "conv:0", "images", "--witness", "mean", *FORM, "--out", OUT),
    "circuit": ("net.keras", "classes:0", "images", *QUICK, "--out", OUT, "--range", "0", "1"),
    "weights": ("net.keras", "--out", OUT, "--range", "0", "1"),
    "unit": ("net.keras", "conv:0", "images", "--count", "2", *QUICK, *FORM, "--out", OUT),
    "facets": ("net.keras", "conv:0", "many", "--count", "2", *QUICK, *FORM, "--out", OUT),
    "fool": ("net.keras", "class:1", "images", "--steps", "1", *FORM, "--out", OUT),
    "invert": ("net.keras", "images/a", "--steps", "1", *FORM, "--out", OUT),
    "texture": ("net.keras", "images/a", "--steps", "1", "--frames", "1", *FORM, "--out", OUT),
    "style": ("net.keras", "images/a", "images/b/0.png", "--steps", "1", "--frames", "1", *FORM, "--out", OUT),
    "segment": ("net.keras", "images", *FORM, "--out", OUT),
    "compare": ("net.keras", "conv:0", "images", "--seeds", "1", *QUICK, *FORM, "--out", OUT),
    "atlas": ("net.keras", "images", "--layers", "conv", "--seeds", "1", *QUICK, *FORM, "--out", OUT),
    "film": ("checkpoints", "--images", "images", "--units", "conv:0", *FORM, "--out", OUT),
    "diff": ("net.keras", "net.keras", "many", *FORM, "--out", OUT),
    "summaries": ("dreamed", "--out", OUT),
    "demo": ("--out", OUT, "--quiet"),
    "samples": (OUT,),
    "gtsrb": (OUT, "--quiet"),
    "prior": ("many", "--out", "out/prior.npz", "--size", "8", "--steps", "1", "--force", "--quiet"),
    "inputs": ("out/net.keras", "images", "--save", "--force", "--quiet"),
    "calibrate": ("out/net.keras", "images", "--save", "--force", "--quiet"),
    "convert": ("net.keras", "out/copy.keras", "--force"),
    "convert to JSON": ("net.keras", "out/copy.json", "--force"),
}
READS: dict[str, tuple[str, ...]] = {
    "layers": ("net.keras", "--range", "0", "1"),
    "recipes": ("fast",),
    "measures": (),
    "serve": ("net.keras", "images", "--range", "0", "1", "--get", "/api/state"),
}
# What the folder `out` holds before the command, where it must exist.
BEFORE = {"inputs": ("net.keras",), "calibrate": ("net.keras",), "convert": (), "convert to JSON": (), "prior": ()}
_RECORDS = ("manifest.json", "gtsrb.json")  # by which a later run recognizes a folder
_LOCK = ".dreamfilters.lock"
_PRIVATE = re.compile(r"\.dreamfilters-\w+")  # a folder with a random name that only this user can enter


def registered() -> set[str]:
    """Return the names of all commands."""
    group: Any = typer.main.get_command(cli.app)
    return set(group.commands)


def run(workspace: Path, words: tuple[str, ...]) -> tuple[int, str]:
    """Run a command in the workspace; return its exit code and what it prints to stderr."""
    err = io.StringIO()
    argv = ["dreamfilters", *words]
    with (
        contextlib.chdir(workspace), contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())),
        contextlib.redirect_stderr(err), mock.patch.object(sys, "argv", argv), _small(workspace),
    ):  # fmt: skip
        try:
            cli.main()
            code = 0
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return code, err.getvalue()


def words_of(workspace: Path, case: str) -> tuple[str, ...]:
    """Return the words of a command in this workspace."""
    name, words = case.split()[0], {**WRITES, **READS}[case]
    found = next(workspace.glob("dreamed/conv-0-*.png"), None)
    digits = found.stem.removeprefix("conv-0-") if found else ""
    return (name, *(word.replace("{conv}", digits) for word in words))


def make_workspace(folder: Path) -> Path:
    """Make a folder with `net.keras`, images of two classes, a dream and an archive to download; return it."""
    keras.utils.set_random_seed(0)
    stack = [
        layers.Input((8, 8, 3)), layers.Conv2D(2, 3, activation="relu", name="conv"), layers.Flatten(),
        layers.Dense(2, activation="softmax", name="classes"),
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        keras.Sequential(stack, name="net").save(folder / "net.keras")
    for number in range(2):
        (folder / "checkpoints").mkdir(exist_ok=True)
        shutil.copy(folder / "net.keras", folder / "checkpoints" / f"{number}.keras")
    rng = np.random.default_rng(0)
    for label, number in itertools.product("ab", range(2)):
        path = folder / "images" / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(rng.uniform(0, 1, (8, 8, 3))))
    (folder / "many").mkdir()
    for number in range(100):  # as many as a prior needs
        (folder / f"many/{number}.png").write_bytes(png_bytes(rng.uniform(0, 1, (8, 8, 3))))
    (folder / "online").mkdir()
    for name, members in _archives().items():
        with zipfile.ZipFile(folder / "online" / name, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, content)
    code, err = run(folder, ("dream", "net.keras", "conv:0", *QUICK, *FORM, "--out", "dreamed"))
    assert code == 0, err
    return folder


@dataclass
class Trace:
    """What a command wrote.

    Attributes:
        code: its exit code.
        finished: the files below `out` at its end.
        written: every path below `out` that was opened to be written, renamed to, or was there at the end.
        folders: every folder below `out` that was made.
        records: the first content of each record by which a later run recognizes a folder.
        outside: paths outside `out` and of the system's temporary folder.
    """

    code: int = 0
    finished: dict[str, bytes] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    records: dict[str, bytes] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)

    @property
    def public(self) -> set[str]:
        """The names that others can know before the command writes them: those outside private folders."""
        return {name for name in self.written if not any(map(_PRIVATE.fullmatch, Path(name).parts))}

    @property
    def temporary(self) -> list[str]:
        """Those that are not there at the end, without the locks."""
        return sorted(self.public - self.finished.keys() - self.locks)

    @property
    def locks(self) -> set[str]:
        """The locks."""
        return {name for name in self.written if Path(name).name == _LOCK}

    @property
    def places(self) -> list[str]:
        """All folders but private ones."""
        return sorted(name for name in self.folders if not _PRIVATE.search(name))


def traced(workspace: Path, case: str) -> Trace:
    """Run a command into a new folder `out` and return what it wrote."""
    out = prepared(workspace, case)
    trace = Trace()
    before = listed(workspace)
    with _watching(workspace, out, trace):
        trace.code, err = run(workspace, words_of(workspace, case))
    assert trace.code in (0, 1), f"{case}: {err}"
    trace.finished = contents(out)
    trace.written |= trace.finished.keys()
    trace.outside |= {name for name in listed(workspace) - before if Path(name).parts[0] != OUT}
    return trace


def prepared(workspace: Path, case: str) -> Path:
    """Remove the folder `out`, and make it with what it must hold before the command."""
    out = workspace / OUT
    shutil.rmtree(out, ignore_errors=True)
    if case in BEFORE:
        out.mkdir()
        for name in BEFORE[case]:
            shutil.copy(workspace / name, out)
    return out


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of each file below a folder that is no link, the target of each link."""
    found = sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return {
        path.relative_to(folder).as_posix(): bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in found
    }


def listed(folder: Path) -> set[str]:
    """Return the path of everything below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@dataclass
class Plants:
    """Links in a folder of results, and the files outside that they lead to."""

    out: Path
    victims: Path
    _number: Iterator[int] = field(default_factory=itertools.count)

    def plant(self, name: str, kind: str) -> None:
        """Replace a name by a link to a victim: "symlink", "hard link", or "folder" for a link to a folder."""
        path, victim = self.out / name, self.victims / str(next(self._number))
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "folder":
            victim.mkdir(parents=True)
            if path.exists():
                shutil.copytree(path, victim, dirs_exist_ok=True)
                shutil.rmtree(path)
            path.symlink_to(victim)
            return
        victim.parent.mkdir(exist_ok=True)
        victim.write_bytes(b"123456\n" if path.name == _LOCK else b"victim")
        path.unlink(missing_ok=True)
        path.symlink_to(victim) if kind == "symlink" else path.hardlink_to(victim)

    def is_planted(self, name: str) -> bool:
        """Return whether a name still is a link."""
        path = self.out / name
        return path.is_symlink() or (path.is_file() and path.stat().st_nlink > 1)


def one_of_each_pattern(names: list[str]) -> list[str]:
    """Return one name of each pattern: numbers and hashes in names are equal."""
    return list({re.sub(r"[0-9a-f]{10}|\d+", "#", name): name for name in reversed(names)}.values())


# ---------------------------------------------------------------------------------------------------------------------
# The audit hook


_open = os.open
_relative = threading.local()
_watcher: Callable[[str, tuple[Any, ...]], None] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watcher is not None:
        _watcher(event, arguments)


@contextlib.contextmanager
def _watching(workspace: Path, out: Path, trace: Trace) -> Iterator[None]:
    """Record into the trace what this process opens to write, renames, links and makes."""
    global _watcher
    if not hasattr(_watching, "added"):
        sys.addaudithook(_hook)  # it cannot be removed
        _watching.added = True  # type: ignore[attr-defined]

    def absolute(path: Any, descriptor: int) -> Path | None:
        if isinstance(path, int):
            return None
        folder = Path(f"/proc/self/fd/{descriptor}").readlink() if descriptor >= 0 else workspace
        return Path(os.path.normpath(os.path.join(folder, os.fsdecode(path))))  # noqa: PTH118

    def note(path: Path | None, names: set[str]) -> None:
        if path is not None and out in path.parents:
            names.add(path.relative_to(out).as_posix())
        elif path is not None and workspace in path.parents:
            trace.outside.add(path.relative_to(workspace).as_posix())

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            note(absolute(arguments[0], getattr(_relative, "descriptor", -1)), trace.written)
        elif event == "os.mkdir":
            path = absolute(arguments[0], arguments[2])
            if path is not None and _PRIVATE.fullmatch(path.name):
                assert arguments[1] == 0o700, f"{path} is made with mode {arguments[1]:o}"
            if path != out:
                note(path, trace.folders)
        elif event in ("os.rename", "os.link", "os.symlink"):
            source, target = absolute(arguments[0], arguments[2]), absolute(arguments[1], arguments[-1])
            note(target, trace.written)
            if target is not None and target.name in _RECORDS and source is not None and out in target.parents:
                trace.records.setdefault(target.relative_to(out).as_posix(), source.read_bytes())

    def opening(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        _relative.descriptor = -1 if dir_fd is None else dir_fd
        try:
            return _open(path, flags, mode, dir_fd=dir_fd)
        finally:
            _relative.descriptor = -1

    _watcher = watch
    try:
        with mock.patch.object(os, "open", opening):
            yield
    finally:
        _watcher = None


# ---------------------------------------------------------------------------------------------------------------------
# Small versions of what is large


@contextlib.contextmanager
def _small(workspace: Path) -> Iterator[None]:
    """Make the demonstration, the samples and the archive small, serve the archive, and save each state."""
    from dreamfilters.report import demo
    from dreamfilters.runs.over_images.embedding_run import StoredEmbeddingJob
    from dreamfilters.runs.over_images.neighbor_run import StoredNeighborJob
    from dreamfilters.runs.over_images.resumable_run import ResumableJob
    from dreamfilters.signs.gtsrb import archive
    from dreamfilters.signs.rendering import scenes

    image = np.full((48, 48, 3), 0.5, np.float32)
    server = _server(workspace / "online")
    md5 = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in (workspace / "online").glob("*.zip")}
    files = archive.ArchiveFiles(*((name, md5.get(name, "")) for name in ("training.zip", "test.zip", "labels.zip")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with (
            mock.patch.object(demo, "TARGETS", ("conv1:17",)),
            mock.patch.object(demo, "samples", return_value=((14, image), (13, image))),
            mock.patch.object(demo, "compare", _compared_once),
            mock.patch.object(scenes, "samples", return_value=((0, image), (0, image))),
            mock.patch.object(ResumableJob.__init__, "__defaults__", ("", 0.0)),
            mock.patch.object(StoredEmbeddingJob.__init__, "__defaults__", ("cosine", 0, None, "", 0.0)),
            mock.patch.object(StoredNeighborJob.__init__, "__defaults__", (9, "cosine", "", 0.0)),
            mock.patch.dict(archive.fetch.__kwdefaults__, base=f"http://127.0.0.1:{server.server_port}/", files=files),
        ):
            yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_compared: list[Any] = []


def _compared_once(*arguments: Any, **settings: Any) -> Any:
    """Return the comparison of the demonstration, by a quick recipe; it is the same on every call."""
    from dreamfilters.comparison.compare import compare

    if not _compared:
        _compared.append(compare(*arguments, **{**settings, "recipe": "fast", "top": 1}))
    return _compared[0]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def _server(folder: Path) -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))


def _archives() -> dict[str, dict[str, bytes]]:
    """Return the members of the archive's files: an image of each class."""
    image, classes = b"P6\n2 1\n255\n" + bytes(6), range(43)
    table = "Filename;ClassId\n" + "".join(f"{number:05}.ppm;{number}\n" for number in classes)
    return {
        "training.zip": {f"GTSRB/Training/{number:05}/00003_00017.ppm": image for number in classes},
        "test.zip": {f"GTSRB/Final_Test/Images/{number:05}.ppm": image for number in classes},
        "labels.zip": {"GT-final_test.csv": table.encode()},
    }
