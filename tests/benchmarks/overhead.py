"""Row group 2: one engine step against the bare forward and backward pass of the same batch."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.score import LAYER
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, ratio, step_times
from tests.benchmarks.workers import Worker

_BOUND = 1.15


def measure(setting: Setting) -> Table:
    """Time the bare pass, the step, and the step with parts left out, in turn."""
    units = list(range(32))
    with Worker("dream_worker") as ours:
        times = ours.run(
            "against_bare",
            **setting.network,
            layer=LAYER,
            units=units,
            prior=setting.prior,
            rounds=3 if setting.quick else 60,
        )["times"]
        loop = ours.run(
            "dream", **setting.network, targets=[f"{LAYER}:0-31"], prior=setting.prior, steps=4 if setting.quick else 64
        )
    times["step in the ascent loop"] = step_times(loop["stamps"])
    bare = times["bare pass"]
    table = Table(
        f"2. Overhead: batch of {len(units)} filters of {LAYER}",
        ["what", "ms, median", "ms, minimum", "ratio to the bare pass"],
    )
    for name, values in times.items():
        table.rows.append([name, median(values) * 1e3, min(values) * 1e3, ratio(values, bare)])
    table.targets = [("one step over the bare pass", ratio(times["step"], bare), _BOUND)]
    return table
