"""Row group 6: images a second of maps and scans against the bare pass, the memory they take, and opening a scan."""

from __future__ import annotations

import zipfile
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from tests.benchmarks.environments import FOLDER
from tests.benchmarks.pace import network_file
from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, ratio
from tests.benchmarks.workers import Worker

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ALL, FEWER, IMAGES = 12_630, 1_000, 250
_SHARE, _SECONDS, _GROWTH = 0.9, 1.0, 1.05
_BATCHES = {"signs": 64, "MobileNetV2": 6}  # with which the bare pass is fastest


def measure(setting: Setting) -> Table:
    """Stream images in turn; each number of the memory is from a fresh process."""
    few = setting.quick
    table = Table(
        "6. Streaming: all layers of a network on images",
        ["what", "signs 48 px, ms an image", "MobileNetV2 224 px, ms an image"],
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
        with Worker("streams") as worker:
            answer = worker.ask("paces", **job, batch=_BATCHES[name], rounds=1 if few else 3)
        times[name] = answer["times"]
    for what in times["signs"]:
        table.rows.append([what, *(median(own[what]) * 1e3 for own in times.values())])
    for name, own in times.items():
        for what, bare in _AGAINST.items():
            table.targets.append((f"{name}: {what} over {bare}", ratio(own[what], own[bare]), 1 / _SHARE))
        for slow in [what for what in own if what.startswith(("keras", "as keract"))]:
            table.targets.append((f"{name}: maps over {slow}", ratio(own["maps, images in memory"], own[slow]), 1.0))
    _add_memory_and_opening(table, jobs["signs"], few=few)
    table.notes = [
        "Bare pass: the compiled forward pass of the same layers, its maps thrown away. 'By Pillow' decodes to eight",
        "bits and then computes; 'read ahead' takes images as dreamfilters reads them (floats, failures named).",
        "keract 4.5.2 does not open models of Keras 3 (it asks for '_is_compiled'), so what it does is written out:",
        "a model of the layers' outputs, made and called anew for each batch.",
    ]
    return table


_AGAINST = {
    "maps, images in memory": "bare pass, images in memory",
    "scan, images in memory": "bare pass, images in memory",
    "maps, files": "bare pass, files read ahead",
    "scan, files": "bare pass, files read ahead",
}


def _add_memory_and_opening(table: Table, job: dict[str, object], *, few: bool) -> None:
    peaks = []
    for count in (64, 128) if few else (FEWER, 12 * FEWER):
        with Worker("streams") as worker:
            answer = worker.ask("scanned", **{**job, "count": count})
            peaks.append(answer["high"] or answer["peak"])
        table.rows.append([f"peak memory of a scan of {count} images, MB", peaks[-1], None])
    table.targets.append(("peak memory, 12 times the images", peaks[1] / peaks[0], _GROWTH))
    with Worker("streams") as worker:
        seconds = worker.ask("stored", **job, out=str(FOLDER / "scan"))["seconds"]
    table.rows.append(["a fresh process opens a stored scan, seconds", median(seconds), None])
    table.targets.append(("seconds to open a stored scan", median(seconds), _SECONDS))


def signs_folder() -> Path:
    """Return a folder of traffic signs: the benchmark's official test set where it lies near, else rendered ones."""
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
    """Return a folder of images, or of smooth noise of their size."""
    near, folder = SHARED / "images", FOLDER / "images"
    if near.exists():
        return near
    if not folder.exists():
        folder.mkdir(parents=True)
        chance = np.random.default_rng(7)
        for number in range(50):
            coarse = Image.fromarray(chance.integers(0, 256, (12, 16, 3), np.uint8))
            coarse.resize((341, 256), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg")
    return folder
