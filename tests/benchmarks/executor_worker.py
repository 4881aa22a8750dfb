"""A process that scans and dreams with one executor, and measures the CPU time of itself and of its workers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dreamfilters.dreams.recipe import read_recipe
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.evidence.scan.sources import FolderSource
from dreamfilters.executors.cluster import ClusterExecutor
from dreamfilters.executors.executor import LOCAL, Executor
from dreamfilters.executors.processes import ProcessExecutor
from dreamfilters.networks import Network
from dreamfilters.runs.by_unit.dream_task import DreamSettings, dreams_of
from tests.benchmarks.peers.protocol import serve
from tests.benchmarks.setting import opened
from tests.benchmarks.stream_worker import selected
from tests.executors.clusters import workers_of_ray

_WARM = 128  # images, after which all workers have compiled their programs
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Work:
    """A network, an executor and the source of the images to scan, which are opened before the time is taken."""

    network: Network
    executor: Executor
    images: FolderSource

    def scan(self, count: int) -> int:
        """Scan so many of the images; return their number."""
        few = replace(
            self.images.folder, paths=self.images.folder.paths[:count], labels=self.images.folder.labels[:count]
        )
        layers = default_layers(self.network)
        job = ScanJob(self.network, FolderSource(few), layers, executor=self.executor)
        state = job.start()
        for _ in job.advance(state):
            pass
        return count

    def dream(self, targets: str, steps: int) -> int:
        """Dream the targets; return the number of steps of all dreams."""
        settings = DreamSettings((targets,), replace(read_recipe("standard"), steps=steps), 0, None, None, 0, 1)
        return len(list(dreams_of(self.network, settings, self.executor, batch=8))) * steps


class Arrangement:
    """The work of this process, with the executor that is asked for first."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def start(
        self,
        model: str,
        low: float,
        high: float,
        folder: str,
        count: int,
        targets: str,
        kind: str,
        workers: int,
        address: str,
    ) -> dict[str, Any]:
        """Start the executor; return the seconds until a small scan is done. A small dream is made, too."""
        network = opened(model, low, high, "")
        images = FolderSource(selected(network, folder, count))
        began = time.perf_counter()
        self.work = Work(network, self._stack.enter_context(_executor(kind, workers, address)), images)
        self.work.scan(_WARM)
        seconds = time.perf_counter() - began
        self.work.dream(targets, 16)
        return {"start": seconds}

    def paces(self, targets: str, steps: int) -> dict[str, Any]:
        """Return the seconds and CPU seconds of each image of a scan and of each step of dreams."""
        work, count = self.work, len(self.work.images.names)
        return {
            "scan": _timed(lambda: work.scan(count), work.executor),
            "dreams": _timed(lambda: work.dream(targets, steps), work.executor),
        }


def _executor(kind: str, workers: int, address: str) -> AbstractContextManager[Executor]:
    if kind == "local":
        return nullcontext(LOCAL)
    return ProcessExecutor(workers) if kind == "processes" else ClusterExecutor(address, workers)


def _timed(work: Callable[[], int], executor: Executor) -> dict[str, float]:
    """Return the wall and CPU seconds of each image or step of a dream, and the seconds of all."""
    began, used = time.perf_counter(), _cpu(executor)
    count = work()
    seconds = time.perf_counter() - began
    return {"wall": seconds / count, "cpu": (_cpu(executor) - used) / count, "seconds": seconds}


def _cpu(executor: Executor) -> float:
    """Return the CPU seconds of this process and of the workers."""
    workers: tuple[int, ...] = ()
    if isinstance(executor, ProcessExecutor):
        workers = executor.processes
    elif isinstance(executor, ClusterExecutor):
        workers = tuple(workers_of_ray())
    return time.process_time() + sum(map(_cpu_of, workers))


def _cpu_of(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS  # user and system


if __name__ == "__main__":
    with ExitStack() as stack:
        arrangement = Arrangement(stack)
        serve({"start": arrangement.start, "paces": arrangement.paces})
