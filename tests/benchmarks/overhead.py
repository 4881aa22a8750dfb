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
    with Worker("ours") as ours:
        times = ours.ask(
            "against_bare",
            **setting.network,
            layer=LAYER,
            units=units,
            prior=setting.prior,
            rounds=3 if setting.quick else 60,
        )["times"]
        loop = ours.ask(
            "dream", **setting.network, targets=[f"{LAYER}:0-31"], prior=setting.prior, steps=4 if setting.quick else 64
        )
    times["step inside the engine's loop"] = step_times(loop["stamps"])
    bare = times["bare pass"]
    table = Table(
        f"2. Overhead: batch of {len(units)} filters of {LAYER}",
        ["what", "ms, median", "ms, least", "of the bare pass"],
    )
    for name, own in times.items():
        table.rows.append([name, median(own) * 1e3, min(own) * 1e3, ratio(own, bare)])
    table.targets = [("one step over the bare pass", ratio(times["step"], bare), _BOUND)]
    return table
