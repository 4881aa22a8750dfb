"""Row group 5: scaling with the number of units; seconds per unit and memory should stay constant."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.setting import Setting
from tests.benchmarks.step_time import LAYERS, SIDE, network_file
from tests.benchmarks.tables import Table, step_times
from tests.benchmarks.workers import Worker

COUNTS = (16, 64, 256)
_MOST_SECONDS, _MOST_MEMORY = 1.25, 1.25  # ratios


def measure(setting: Setting) -> Table:
    """Dream 16, 64 and 256 filters of one layer, each number in a fresh process."""
    steps, counts = (2, (2, 4)) if setting.quick else (16, COUNTS)
    layer = LAYERS["MobileNetV2"]
    job = {"model": str(network_file("MobileNetV2")), "low": -1.0, "high": 1.0, "steps": steps}
    table = Table(
        f"5. Scaling: filters of MobileNetV2 {layer}, {SIDE} px, {steps} steps",
        [
            "filters",
            "seconds",
            "seconds per filter",
            "ms per filter and step",
            "batch",
            "peak memory, MB",
            "not activated",
        ],
    )
    for count in counts:
        with Worker("dream_worker") as ours:
            done = ours.run("dream", **job, targets=[f"{layer}:0-{count - 1}"])
        step = median(step_times(done["stamps"])) / done["batch"]
        table.rows.append(
            [
                count,
                done["seconds"],
                done["seconds"] / count,
                step * 1e3,
                done["batch"],
                done["peak"],
                done["not_activated"],
            ]
        )
    (_, _, first, *_), *_, (_, _, last, _, _, most, _) = table.rows
    least = table.rows[-2][5]
    table.targets = [
        (f"seconds per filter, {counts[-1]} over {counts[0]}", float(last) / float(first), _MOST_SECONDS),  # type: ignore[arg-type]
        (f"peak memory, {counts[-1]} over {counts[-2]}", float(most) / float(least), _MOST_MEMORY),  # type: ignore[arg-type]
    ]
    return table
