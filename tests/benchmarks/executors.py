"""Row group: scans and dreams in worker processes and on a cluster, against those in one process."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

from tests.benchmarks.setting import Setting
from tests.benchmarks.streaming import signs_folder
from tests.benchmarks.tables import Table
from tests.benchmarks.workers import Worker

_CPU, _EFFICIENCY = 1.15, 0.85
_ARRANGEMENTS = [("local", 1), ("processes", 1), ("processes", 2), ("cluster", 1), ("cluster", 2)]


def measure(setting: Setting) -> Table:
    """Scan and dream with each executor in a process of its own.

    TensorFlow has one thread: with more, one worker would already use all cores, and a second one could add nothing.
    """
    few = setting.quick
    table = Table(
        "Workers: signs at 48 px, one TensorFlow thread each",
        ["where", "start, s", "scan, ms an image", "CPU", "dream, ms a step", "CPU"],
    )
    found: dict[tuple[str, int], dict[str, Any]] = {}
    loads = []
    for kind, workers in _ARRANGEMENTS:
        if kind == "cluster" and find_spec("ray") is None:
            continue
        with patch.dict(os.environ, {"TF_NUM_INTRAOP_THREADS": "1"}), Worker("executor_worker") as worker:
            result = worker.run(
                "paces", **setting.network, folder=str(signs_folder()), count=256 if few else 25_260,
                targets="conv4:0-15" if few else "conv4", kind=kind, workers=workers,
            )  # fmt: skip
        loads.append(os.getloadavg()[0])
        found[kind, workers] = result
        cells = [1e3 * result[work][unit] for work in ("scan", "dreams") for unit in ("wall", "cpu")]
        table.rows.append([kind if kind == "local" else f"{kind}, {workers}", result["start"], *cells])
    for kind in ("processes", "cluster"):
        if (kind, 2) not in found:
            continue
        one, two, here = found[kind, 1], found[kind, 2], found["local", 1]
        for work in ("scan", "dreams"):
            cpu = two[work]["cpu"] / here[work]["cpu"]
            table.targets.append((f"{kind}: CPU of {work} over one process", cpu, _CPU))
            twice = 2 * two[work]["wall"] / one[work]["wall"]
            table.targets.append((f"{kind}: {work}, twice the time of two workers over one", twice, 1 / _EFFICIENCY))
    table.notes = [
        "'start' is the time until a scan of 128 images is done. A target of 1.18 is an efficiency of .85.",
        f"Load average during the rows: {min(loads):.1f} to {max(loads):.1f}.",
    ]
    return table
