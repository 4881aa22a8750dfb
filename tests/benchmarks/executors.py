"""Row group: scans and dreams in worker processes and on a cluster, against those in one process."""

from __future__ import annotations

import os
from contextlib import ExitStack
from importlib.util import find_spec
from statistics import median
from typing import Any
from unittest.mock import patch

from tests.benchmarks.setting import Setting
from tests.benchmarks.streaming import signs_folder
from tests.benchmarks.tables import Table
from tests.benchmarks.workers import Worker
from tests.executors.clusters import nodes

_CPU, _EFFICIENCY = 1.15, 0.85
_WORK = ("scan", "dreams")
_ROUNDS = 4  # each row scans for two minutes or more in all
_ARRANGEMENTS = [("local", 1), ("processes", 1), ("processes", 2), ("cluster", 1), ("cluster", 2)]


def measure(setting: Setting) -> Table:
    """Scan and dream with each executor in a process of its own, in turn.

    TensorFlow has one thread: with more, one worker would already use all cores, and a second one could add nothing.
    """
    few = setting.quick
    table = Table(
        "Workers: signs at 48 px, one TensorFlow thread each",
        ["where", "start, s", "scan, ms an image", "CPU", "dream, ms a step", "CPU"],
    )
    has_ray = find_spec("ray") is not None
    chosen = [(kind, workers) for kind, workers in _ARRANGEMENTS if kind != "cluster" or has_ray]
    targets = "conv4:0-15" if few else "conv4"
    job = {**setting.network, "folder": str(signs_folder()), "count": 256 if few else 25_000, "targets": targets}
    rounds: dict[tuple[str, int], list[dict[str, Any]]] = {each: [] for each in chosen}
    starts, loads = {}, []
    with patch.dict(os.environ, {"TF_NUM_INTRAOP_THREADS": "1"}), ExitStack() as stack:
        # one cluster for both rows: its own processes compute a little all the time
        address = stack.enter_context(nodes(3)).address if has_ray else ""
        processes = {each: stack.enter_context(Worker("executor_worker")) for each in chosen}
        for (kind, workers), process in processes.items():
            starts[kind, workers] = process.run("start", **job, address=address, kind=kind, workers=workers)["start"]
        for _ in range(1 if few else _ROUNDS):
            for each, process in processes.items():
                rounds[each].append(process.run("paces", targets=targets, steps=64 if few else 128))
            loads.append(os.getloadavg()[0])
    found = {
        each: {(work, unit): [one[work][unit] for one in measured] for work in _WORK for unit in ("wall", "cpu")}
        for each, measured in rounds.items()
    }
    for kind, workers in chosen:
        cells = [1e3 * median(found[kind, workers][work, unit]) for work in _WORK for unit in ("wall", "cpu")]
        name = kind if kind == "local" else f"{kind}, {workers}"
        table.rows.append([name, starts[kind, workers], *cells])
    for kind in ("processes", "cluster"):
        if (kind, 2) not in found:
            continue
        one, two, here = found[kind, 1], found[kind, 2], found["local", 1]
        for work in _WORK:
            cpu = _typical(two[work, "cpu"], here[work, "cpu"])
            table.targets.append((f"{kind}: CPU of {work} over one process", cpu, _CPU))
            twice = 2 * _typical(two[work, "wall"], one[work, "wall"])
            table.targets.append((f"{kind}: {work}, twice the time of two workers over one", twice, 1 / _EFFICIENCY))
    least = min(sum(one["scan"]["seconds"] for one in measured) for measured in rounds.values())
    table.notes = [
        "'start' is the time until a scan of 128 images is done. A target of 1.18 is an efficiency of .85.",
        f"Medians of {len(loads)} rounds, in which the rows take turns; each scans for {least:.0f} seconds or more. "
        f"Load average after a round: {min(loads):.1f} to {max(loads):.1f}.",
    ]
    return table


def _typical(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of each round: the machine is not equally fast in all rounds."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))
