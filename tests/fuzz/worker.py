"""The process that opens cases: reads their names from stdin, prints their verdicts as JSON.

It imports TensorFlow once. A line {"begun": CASE} comes before each verdict, when the files have been written.
"""

from __future__ import annotations

import contextlib
import gc
import io
import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.fuzz import good_files
from tests.fuzz.kinds import ALSO, KINDS, generator
from tests.fuzz.verdict import FAULT, Limits, Verdict, judged
from tests.fuzz.watching import Watch, memory

_FULL = 1_200_000_000  # bytes of a process that is ended and started again, because Keras keeps what it builds
COMMAND = "case.json"  # beside the files of a stored fault


def main() -> None:
    """Open the cases that are named on stdin."""
    place, good, limits = Path(sys.argv[1]), Path(sys.argv[2]), Limits(**json.loads(sys.argv[3]))
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing but replies goes to the campaign
    _prepare(good, sys.argv[4].split(","))
    home, passing = place / "home", place / "tmp"
    for folder in (home, passing):
        folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(passing)
    case = place / "case"
    watch = Watch((case / "out", passing), place / "secret.txt")
    for line in itertools.chain([""], sys.stdin):
        if line:
            verdict = _opened(line.strip(), case, good, watch, limits, replies)
            _print(verdict.as_values(), replies)
        if memory("VmRSS") > _FULL:
            break
        _print({"ready": True}, replies)


def _print(values: dict[str, Any], replies: io.TextIOBase | Any) -> None:
    replies.write(json.dumps(values) + "\n")
    replies.flush()


def _prepare(good: Path, kinds: list[str]) -> None:
    """Import what commands import, and write the good files that are missing."""
    from dreamfilters import cli, images  # noqa: F401
    from dreamfilters.cli.backend_loading import import_backend
    from dreamfilters.runs.by_unit import reproduction  # noqa: F401

    import_backend()
    needed = {name for kind in kinds for name in (KINDS[kind].good, *ALSO.get(KINDS[kind].good, ()))}
    for name in sorted(needed):
        if not (good / name).exists():
            part = good / f"{name}.part{os.getpid()}"
            good_files.WRITERS[name](part)
            with contextlib.suppress(OSError):  # another process was quicker
                part.rename(good / name)


def _opened(name: str, case: Path, good: Path, watch: Watch, limits: Limits, replies: Any) -> Verdict:
    """Write the files of a case and run its command."""
    if case.exists():
        shutil.rmtree(case)
    case.mkdir()
    stored = Path(name)
    if stored.is_dir():  # a fault that was stored
        arguments = json.loads((stored / COMMAND).read_text())["arguments"]
        shutil.copytree(stored, case, dirs_exist_ok=True, symlinks=True, copy_function=_copied)
        kind, name = stored.name.partition("-")[0], stored.name
    else:
        kind, seed, number = name.split("-")
        arguments = KINDS[kind].build(good / KINDS[kind].good, case, generator(kind, int(seed), int(number)))
    (case / COMMAND).write_text(json.dumps({"case": name, "arguments": arguments}))
    (case / "out").mkdir(exist_ok=True)
    _print({"begun": name}, replies)
    os.chdir(case)
    gc.collect(0)
    watch.reads_any = KINDS[kind].reads_any
    with _native_output(case.parent / "native.txt") as native:
        watch.begin()
        began, used = time.monotonic(), _computed()
        code, out, err = _run(arguments)
        seconds, computed = time.monotonic() - began, _computed() - used
        breaches, most = watch.end()
    beside = "" if any(case.glob("images/*.tif")) else native()  # libtiff prints, and Pillow has no way to stop it
    result, line = judged(code, out, err, beside, breaches + _left(case.parent / "tmp"))
    if computed > limits.seconds or seconds > limits.wall_seconds:
        result, line = FAULT, f"took {computed:.1f} s of CPU time and {seconds:.1f} s"
    elif most > limits.memory:
        result, line = FAULT, f"took {most / 1e9:.1f} GB"
    return Verdict(name, result, line, tuple(arguments), round(seconds, 3), round(computed, 3), most)


def _computed() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _copied(source: str, target: str) -> None:
    if Path(source).is_fifo():
        os.mkfifo(target)
    else:
        shutil.copy2(source, target)


def _left(folder: Path) -> list[str]:
    """Return what a case left in the folder for temporary files, and remove it."""
    left = sorted(folder.iterdir())
    for path in left:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return [f"left {path}" for path in left]


def _run(arguments: list[str]) -> tuple[object, str, str]:
    """Return the exit code of a command, or the error that it raised, and what it printed."""
    from dreamfilters import cli
    from dreamfilters.errors import DreamfiltersError

    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    sys.argv = ["dreamfilters", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if arguments[0] in READERS:
                READERS[arguments[0]](*arguments[1:])
            else:
                cli.main()
        except SystemExit as stopped:
            code = stopped.code or 0
        except DreamfiltersError as error:  # of a reader, as the command line prints it
            code = 2 if arguments[0] in READERS else error
            print(f"error: {error}", file=sys.stderr)
        except BaseException as error:
            code = error.with_traceback(None)
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def _native_output(path: Path) -> Iterator[Callable[[], str]]:
    """Catch what C libraries print to stderr."""
    saved = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield lambda: path.read_text("utf-8", "replace")
    finally:
        os.dup2(saved, 2)
        os.close(saved)


# --- readers that commands call; alone they take a hundredth of the time of their commands


def _read_image(path: str, channels: str) -> None:
    from dreamfilters.images.decoding import image_size, read_image, read_shown

    image_size(path)
    read_image(path, channels=int(channels))
    read_shown(path)


def _read_labels(folder: str, table: str) -> None:
    from dreamfilters.images import image_folder

    _ = image_folder(Path(folder), labels=Path(table)).labels


def _read_recipe(path: str) -> None:
    from dreamfilters.dreams.recipe import read_recipe

    read_recipe(path)


def _read_scan(folder: str) -> None:
    from dreamfilters.runs.over_images.scan_run import read_scan

    scan = read_scan(folder)
    repr(scan)
    for layer in scan.facts:
        _ = scan.unit(layer.name, 0).strongest


def _read_audit(folder: str) -> None:
    from dreamfilters.runs.by_unit.audit_run import read_audit

    repr(read_audit(folder))


def _read_record(path: str) -> None:
    from dreamfilters.runs.by_unit.reproduction import job_of

    _ = job_of(Path(path)).settings


def _read_prior(path: str) -> None:
    from dreamfilters.runs.storage.prior_files import read_prior

    _ = read_prior(path).text


READERS: dict[str, Callable[..., None]] = {
    "read-image": _read_image,
    "read-labels": _read_labels,
    "read-recipe": _read_recipe,
    "read-scan": _read_scan,
    "read-audit": _read_audit,
    "read-record": _read_record,
    "read-prior": _read_prior,
}

if __name__ == "__main__":
    main()
