"""A process that scans and dreams with one executor, and measures the CPU time of itself and of its workers."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamfilters.dreams.recipe import read_recipe
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.evidence.scan.sources import source_of
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


def paces(
    model: str, low: float, high: float, folder: str, count: int, targets: str, kind: str, workers: int
) -> dict[str, Any]:
    """Return the seconds and CPU seconds of a scan and of dreams, each after a smaller one, and those of the start."""
    network = opened(model, low, high, "")
    began = time.perf_counter()
    with _executor(kind, workers) as executor:
        _scan(network, folder, _WARM, executor)
        start = time.perf_counter() - began
        scan = _timed(lambda: _scan(network, folder, count, executor), executor)
        _dream(network, targets, 1, executor)
        dreams = _timed(lambda: _dream(network, targets, 3, executor), executor)
    return {"start": start, "scan": scan, "dreams": dreams}


def _executor(kind: str, workers: int) -> AbstractContextManager[Executor]:
    if kind == "local":
        return nullcontext(LOCAL)
    return ProcessExecutor(workers) if kind == "processes" else ClusterExecutor("local", workers)


def _scan(network: Network, folder: str, count: int, executor: Executor) -> int:
    job = ScanJob(
        network, source_of(selected(network, folder, count)), default_layers(network), batch=32, executor=executor
    )
    state = job.start()
    for _ in job.advance(state):
        pass
    return count


def _dream(network: Network, targets: str, steps: int, executor: Executor) -> int:
    recipe = replace(read_recipe("standard"), steps=64 * steps)
    settings = DreamSettings((targets,), recipe, 0, None, None, 0, 1)
    return len(list(dreams_of(network, settings, executor, batch=8))) * recipe.steps


def _timed(work: Any, executor: Executor) -> dict[str, float]:
    """Return the wall and CPU seconds of each image or step of a dream."""
    began, used = time.perf_counter(), _cpu(executor)
    count = work()
    return {"wall": (time.perf_counter() - began) / count, "cpu": (_cpu(executor) - used) / count}


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
    serve({"paces": paces})
