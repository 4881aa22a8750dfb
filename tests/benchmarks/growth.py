"""Row group 5: what more units cost: seconds a unit should stay, and memory too."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.pace import LAYERS, SIDE, network_file
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, step_times
from tests.benchmarks.workers import Worker

COUNTS = (16, 64, 256)
_DEARER, _LARGER = 1.25, 1.25


def measure(setting: Setting) -> Table:
    """Dream 16, 64 and 256 filters of one layer, each number in a fresh process."""
    steps, counts = (2, (2, 4)) if setting.quick else (16, COUNTS)
    layer = LAYERS["MobileNetV2"]
    job = {"model": str(network_file("MobileNetV2")), "low": -1.0, "high": 1.0, "steps": steps}
    table = Table(
        f"5. Growth: filters of MobileNetV2 {layer}, {SIDE} px, {steps} steps",
        ["filters", "seconds", "seconds a filter", "ms a filter and step", "batch", "peak memory, MB", "not activated"],
    )
    for count in counts:
        with Worker("ours") as ours:
            done = ours.ask("dream", **job, targets=[f"{layer}:0-{count - 1}"])
        step = median(step_times(done["stamps"])) / done["batch"]
        table.rows.append(
            [count, done["seconds"], done["seconds"] / count, step * 1e3, done["batch"], done["peak"], done["asleep"]]
        )
    (_, _, first, *_), *_, (_, _, last, _, _, most, _) = table.rows
    least = table.rows[-2][5]
    table.targets = [
        (f"seconds a filter, {counts[-1]} over {counts[0]}", float(last) / float(first), _DEARER),  # type: ignore[arg-type]
        (f"peak memory, {counts[-1]} over {counts[-2]}", float(most) / float(least), _LARGER),  # type: ignore[arg-type]
    ]
    return table
