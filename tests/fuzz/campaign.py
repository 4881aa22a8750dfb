"""A campaign: cases are shared out among worker processes; one that hangs, grows or dies is a fault."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.kinds import KINDS
from tests.fuzz.verdict import FAULT, Limits, Verdict
from tests.fuzz.watching import memory

PROGRAM = (sys.executable, "-m", "tests.fuzz.worker")
_START = 900.0  # seconds in which a worker has to be ready; the first one makes the good files
_one_at_a_time = threading.Lock()  # two workers would make the same good files
_ENDED = "the process ended"
_LOOK = 0.2  # seconds between two looks at a worker's memory
_SETTINGS = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True)
class Campaign:
    """Cases, and where they are run.

    Attributes:
        cases: names KIND-SEED-NUMBER, or folders of stored faults.
        folder: good files, faults and what the workers need; FAULT/case.json holds the command of a stored fault.
        jobs: number of worker processes.
        limits: of one case.
        minutes: of wall time, after which no case is begun; None for no end.
    """

    cases: Sequence[str]
    folder: Path
    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    minutes: float | None = None

    def run(self, on_verdict: Callable[[Verdict], None] = lambda _: None) -> list[Verdict]:
        """Return the verdicts on all cases, in the order of their ends."""
        (self.folder / "good").mkdir(parents=True, exist_ok=True)
        verdicts: list[Verdict] = []
        waiting, lock = iter(self._in_time()), threading.Lock()

        def next_case() -> str | None:
            with lock:
                return next(waiting, None)

        def serve(number: int) -> None:
            worker = _Worker(self, number)
            try:
                while (case := next_case()) is not None:
                    verdict = worker.verdict(case)
                    with lock:
                        verdicts.append(verdict)
                        on_verdict(verdict)
            finally:
                worker.end()

        with ThreadPoolExecutor(self.jobs) as threads:
            list(threads.map(serve, range(self.jobs)))  # raises what a thread raised
        return verdicts

    def _in_time(self) -> Iterator[str]:
        end = None if self.minutes is None else time.monotonic() + 60 * self.minutes
        for case in self.cases:
            if end is not None and time.monotonic() > end:
                return
            yield case


def cases_of(kinds: Sequence[str], seed: int, count: int) -> list[str]:
    """Return the names of `count` cases, shared out among the kinds.

    >>> cases_of(["image", "record"], seed=7, count=5)
    ['image-7-0', 'image-7-1', 'image-7-2', 'image-7-3', 'record-7-0']
    """
    turn = [kind for kind in kinds for _ in range(KINDS[kind].share)]
    numbers = dict.fromkeys(kinds, 0)
    names = []
    for at in range(count):
        kind = turn[at % len(turn)]
        names.append(f"{kind}-{seed}-{numbers[kind]}")
        numbers[kind] += 1
    return names


class _Worker:
    """One worker process, which is started again after it ended."""

    def __init__(self, campaign: Campaign, number: int) -> None:
        self.campaign, self.place = campaign, campaign.folder / f"worker-{number}"
        self.process: subprocess.Popen[bytes] | None = None
        self.kinds = ",".join(dict.fromkeys(Path(case).name.partition("-")[0] for case in campaign.cases))

    def verdict(self, case: str) -> Verdict:
        """Return the verdict on a case; its files are kept if it is a fault."""
        if self.process is None:
            with _one_at_a_time:
                self._start()
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{case}\n".encode())
        self.process.stdin.flush()
        began, seconds, most = time.monotonic(), self.campaign.limits.wall_seconds, 0
        verdict, cause = None, "the fuzzer could not make the files"
        while True:
            reply = self._reply(_LOOK)
            if reply is None and self.process.poll() is None:
                most = max(most, self._memory())
                if time.monotonic() - began > seconds + 2:
                    cause = f"took more than {seconds:.0f} s"
                elif most > 2 * self.campaign.limits.memory:
                    cause = f"took more than {most / 1e9:.1f} GB"
                else:
                    continue
            if reply is not None and "begun" in reply:
                began, cause = time.monotonic(), _ENDED
                continue
            if reply is not None and "case" in reply:
                verdict = Verdict(**{**reply, "arguments": tuple(reply["arguments"])})
                continue
            if reply is not None:  # ready for the next one
                break
            code = self.end()
            if verdict is None:
                cause = f"the process ended with {code}" if cause == _ENDED else cause
                verdict = Verdict(Path(case).name, FAULT, cause, (), time.monotonic() - began, memory=most)
            break
        assert verdict is not None
        if verdict.result == FAULT:
            self._store(case, verdict)
        if verdict.memory > self.campaign.limits.memory:
            self.end()  # its memory must not count for the next case
        return verdict

    def end(self) -> int | None:
        """End the process and all that it started; return its exit code, or minus the signal's number."""
        process, self.process = self.process, None
        if process is None:
            return None
        code = process.poll()
        if code is None and process.stdin is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return process.returncode if code is None else code

    def _start(self) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        root = Path(__file__).parents[2]
        limits = json.dumps(asdict(self.campaign.limits))
        path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
        with (self.place / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [*PROGRAM, self.place, self.campaign.folder / "good", limits, self.kinds],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=root, start_new_session=True,
                env={**os.environ, **_SETTINGS, "HOME": str(self.place / "home"), "PYTHONPATH": path},
            )  # fmt: skip
        reply = self._reply(_START)
        if reply is None:
            code = self.end()
            raise RuntimeError(f"the worker did not start ({code}): {(self.place / 'log.txt').read_text()[-2000:]}")

    def _reply(self, seconds: float) -> dict[str, Any] | None:
        """Return the next line of the process, None if none comes in this time or the process has ended."""
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                return None
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(self.process.stdout.fileno(), 1)
            if not byte:
                self.process.wait()
                return None
            line += byte
        found: dict[str, Any] = json.loads(line)
        return found

    def _memory(self) -> int:
        assert self.process is not None
        return max(memory("VmRSS", process) for process in _with_children(self.process.pid))

    def _store(self, case: str, verdict: Verdict) -> None:
        if Path(case).is_dir():  # it is stored already
            return
        kept = self.campaign.folder / "faults" / case
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(exist_ok=True)
        with suppress(OSError):
            (self.place / "case").rename(kept)
            (kept / "fault.txt").write_text(f"{verdict.line}\n")


def _with_children(process: int) -> list[int]:
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return [process]
    return [process, *(child for each in text.split() for child in _with_children(int(each)))]
