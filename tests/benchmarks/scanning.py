"""Row group: processor time of scans against the bare forward pass of the same layers, and the memory of scans."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.scan_shares import BARE
from tests.benchmarks.setting import Setting
from tests.benchmarks.step_time import network_file
from tests.benchmarks.streaming import ALL, FEWER, images_folder, signs_folder
from tests.benchmarks.tables import Table, ratio
from tests.benchmarks.workers import Worker

_PLANS = {"signs": (1_130, ALL, 5), "MobileNetV2": (120, 360, 4)}  # images to warm up, all images, parts
_LEAST = {"signs": (0.82, 0.9), "MobileNetV2": (0.5, 0.7)}  # bare pass over scan, by NumPy and by the compiled loop
_BATCHES = {"signs": 64, "MobileNetV2": 6}  # the fastest for the bare pass
_GROWTH = 1.05


def measure(setting: Setting) -> Table:
    """Measure the methods in turn in a process for each network, and memory in fresh processes."""
    few = setting.quick
    table = Table(
        "Scan: processor time of all default layers, milliseconds per image",
        ["what", "signs 48 px", "ratio", "MobileNetV2 224 px", "ratio"],
    )
    jobs = {
        "signs": {**setting.network, "folder": str(signs_folder())},
        "MobileNetV2": {
            "model": str(network_file("MobileNetV2", 224)), "low": -1.0, "high": 1.0, "folder": str(images_folder()),
        },
    }  # fmt: skip
    found: dict[str, dict[str, list[float]]] = {}
    for name, job in jobs.items():
        warm, count, parts = (12, 36, 1) if few else _PLANS[name]
        with Worker("stream_worker") as worker:
            batch = 6 if few else _BATCHES[name]
            result = worker.run("shares", **job, count=count, batch=batch, warm=warm, parts=parts)
        found[name] = result["seconds"]
        table.notes.append(
            f"{name}: images {warm} to {count} in {parts} parts, the median of the parts; the loop compiled in "
            f"{result['compiled']:.1f} CPU seconds."
        )
    for what in found["signs"]:
        cells = [(median(each[what]) * 1e3, ratio(each[BARE], each[what])) for each in found.values()]
        table.rows.append([what, *(cell for pair in cells for cell in pair)])
    for name, each in found.items():
        for what, least in zip([what for what in each if what != BARE], _LEAST[name], strict=False):
            share = ratio(each[what], each[BARE])
            table.targets.append(
                (f"{name}: {what} over the bare pass (its inverse at least {least})", share, 1 / least)
            )
    peaks = []
    for count in (64, 128) if few else (FEWER, 12 * FEWER):
        with Worker("stream_worker") as worker:
            peaks.append(worker.run("scanned", **jobs["signs"], count=count)["high"])
        table.rows.append([f"peak memory of {count} images, MB", peaks[-1], None, None, None])
    table.targets.append(("peak memory, 12 times the images", peaks[1] / peaks[0], _GROWTH))
    return table
