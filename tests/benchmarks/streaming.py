"""Row group 6: throughput of maps and scans against the bare pass, and the time to open a stored scan."""

from __future__ import annotations

import zipfile
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from tests.benchmarks.environments import FOLDER
from tests.benchmarks.setting import Setting
from tests.benchmarks.step_time import network_file
from tests.benchmarks.tables import Table, ratio
from tests.benchmarks.workers import Worker

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ALL, FEWER, IMAGES = 12_630, 1_000, 250
_SHARE, _SECONDS = 0.9, 1.0
_BATCHES = {"signs": 64, "MobileNetV2": 6}  # the fastest for the bare pass


def measure(setting: Setting) -> Table:
    """Time each method in turn; a fresh process opens the scan."""
    few = setting.quick
    table = Table(
        "6. Streaming: all layers of a network on images",
        ["what", "signs 48 px, ms per image", "MobileNetV2 224 px, ms per image"],
    )
    jobs = {
        "signs": {**setting.network, "folder": str(signs_folder()), "count": 128 if few else ALL},
        "MobileNetV2": {
            "model": str(network_file("MobileNetV2", 224)), "low": -1.0, "high": 1.0,
            "folder": str(images_folder()), "count": 12 if few else IMAGES,
        },
    }  # fmt: skip
    times = {}
    for name, job in jobs.items():
        with Worker("stream_worker") as worker:
            result = worker.run("paces", **job, batch=_BATCHES[name], rounds=1 if few else 3)
        times[name] = result["times"]
    for what in times["signs"]:
        table.rows.append([what, *(median(values[what]) * 1e3 for values in times.values())])
    for name, values in times.items():
        for what, bare in _AGAINST.items():
            table.targets.append((f"{name}: {what} over {bare}", ratio(values[what], values[bare]), 1 / _SHARE))
        for slow in [what for what in values if what.startswith(("keras", "as keract"))]:
            table.targets.append(
                (f"{name}: maps over {slow}", ratio(values["maps, images in memory"], values[slow]), 1.0)
            )
    _add_opening(table, jobs["signs"])
    table.notes = [
        "Bare pass: the compiled forward pass of the same layers, without its maps. 'By Pillow' decodes to eight",
        "bits and then computes; 'read ahead' reads images as dreamfilters does (float32, failures listed).",
        "keract 4.5.2 does not open models of Keras 3 (it reads '_is_compiled'), so its method is reimplemented:",
        "a model of the layers' outputs, created again for each batch.",
    ]
    return table


_AGAINST = {
    "maps, images in memory": "bare pass, images in memory",
    "scan, images in memory": "bare pass, images in memory",
    "maps, files": "bare pass, files read ahead",
    "scan, files": "bare pass, files read ahead",
}


def _add_opening(table: Table, job: dict[str, object]) -> None:
    with Worker("stream_worker") as worker:
        seconds = worker.run("stored", **job, out=str(FOLDER / "scan"))["seconds"]
    table.rows.append(["a fresh process opens a stored scan, seconds", median(seconds), None])
    table.targets.append(("seconds to open a stored scan", median(seconds), _SECONDS))


def signs_folder() -> Path:
    """Return a folder of traffic signs: GTSRB's test set if it is available, else rendered signs."""
    archive, folder = SHARED / "gtsrb" / "test_32.zip", FOLDER / "signs"
    if folder.exists():
        return folder
    if archive.exists():
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
        return folder
    from dreamfilters.signs.rendering.scenes import write_samples

    write_samples(folder)
    return folder


def images_folder() -> Path:
    """Return a folder of images if there is one, else of smooth noise."""
    available, folder = SHARED / "images", FOLDER / "images"
    if available.exists():
        return available
    if not folder.exists():
        folder.mkdir(parents=True)
        chance = np.random.default_rng(7)
        for number in range(50):
            coarse = Image.fromarray(chance.integers(0, 256, (12, 16, 3), np.uint8))
            coarse.resize((341, 256), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")
    return folder
