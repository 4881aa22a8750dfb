"""Row group 3: every filter of the six conv layers and every class of signs, in one fresh process."""

from __future__ import annotations

from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table
from tests.benchmarks.workers import Worker

_SECONDS, _MEGABYTES = 60.0, 2000.0


def measure(setting: Setting) -> Table:
    """Dream all of them with the recipe "standard"."""
    layers = [f"conv{number}" for number in range(1, 7)]
    targets = ["conv1:0-3", "class:0-3"] if setting.quick else [*layers, "class:*"]
    with Worker("dream_worker") as ours:
        done = ours.run(
            "dream", **setting.network, targets=targets, prior=setting.prior, steps=4 if setting.quick else None
        )
    table = Table("3. All units of signs, recipe standard", ["what", "value"])
    table.rows = [
        ["images", done["count"]],
        ["not activated", done["not_activated"]],
        ["activated by a fallback", done["recovered_by"]],
        ["seconds of the call", done["seconds"]],
        ["seconds since the process started, including imports", done["since_start"]],
        ["peak memory, MB", done["peak"]],
    ]
    table.targets = [("seconds", done["since_start"], _SECONDS), ("peak memory, MB", done["peak"], _MEGABYTES)]
    return table
