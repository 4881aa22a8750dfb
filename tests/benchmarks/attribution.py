"""Row group 11: occlusion and RISE against as many bare forward passes in the same batches."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.setting import Setting
from tests.benchmarks.step_time import network_file
from tests.benchmarks.tables import Table, ratio
from tests.benchmarks.workers import Worker

_SHARE = 0.9  # of the throughput of the bare pass


def measure(setting: Setting) -> Table:
    """Time one image in turn on the traffic-sign network and on MobileNetV2."""
    few = setting.quick
    mobile = {"model": str(network_file("MobileNetV2", 224)), "low": -1.0, "high": 1.0, "target": "out_relu:3"}
    jobs = {
        "signs": {**setting.network, "target": "class:14", "masks": 64 if few else 1024},
        "MobileNetV2": {**mobile, "masks": 16 if few else 256},
    }
    table = Table(
        "11. Attribution of one image: milliseconds for a forward pass",
        ["what", "signs 48 px", "MobileNetV2 224 px"],
    )
    times = {}
    for name, job in jobs.items():
        with Worker("attribution_worker") as worker:
            times[name] = worker.run("paces", **job, rounds=1 if few else 9 if name == "signs" else 3)["times"]
    for what in times["signs"]:
        table.rows.append([what, *(median(values[what]) * 1e3 for values in times.values())])
    for name, values in times.items():
        for method in ("occlusion", "rise"):
            against_bare = ratio(values[method], values[f"bare pass, as many as {method}"])
            table.targets.append((f"{name}: {method} over the bare pass", against_bare, 1 / _SHARE))
    table.notes = ["Bare pass: the compiled score of a batch that is in memory, of the same size and number."]
    return table
