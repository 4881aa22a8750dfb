"""The demonstration: a preset of `compare` for the built-in network and its rendered sample images."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np

from dreamfilters.comparison.compare import compare
from dreamfilters.images import contact_sheet, png_bytes
from dreamfilters.networks import load
from dreamfilters.number_format import percent
from dreamfilters.progress import OnProgress
from dreamfilters.report.report import write_files, write_report
from dreamfilters.signs.rendering.scenes import samples

TARGETS = (
    "class:14,13,1,12,17,35,25,40",  # STOP, yield, 30, priority road, no entry, straight ahead, road works, roundabout
    # Of each layer the four filters that separate the samples' classes best and correlate least with one another.
    "conv1:17,23,26,27",
    "conv2:6,16,20,29",
    "conv3:2,13,28,29",
    "conv4:2,5,21,26",
    "conv5:26,60,65,94",
    "conv6:26,61,70,120",
)
SEED = 7


def write_demo(folder: Path | str, *, progress: OnProgress | None = None) -> Path:
    """Write the report of some classes and filters of the built-in network, and return the path of its page.

    Args:
        folder: output directory, created if need be; `contact-sheet.png` shows all dreams.
        progress: called with the share of the whole that is done.

    Raises:
        OutputError: the folder or a file in it cannot be written.
    """
    network = load("signs")
    numbers, images = zip(*samples(), strict=True)
    found = compare(
        network, TARGETS, np.stack(images), seed=SEED, seeds=1,
        labels=[network.classes[number] for number in numbers], progress=progress,
    )  # fmt: skip
    page = write_report(replace(found, facts={**found.facts, **_facts()}), folder)
    captions = [f"{unit.unit.title}\n{unit.headline.figure}" for unit in found.units]
    dreams = [unit.dream.image for unit in found.units]
    sheet = contact_sheet(dreams, captions, columns=8, tile=160, title=found.network)
    write_files({"contact-sheet.png": png_bytes(sheet)}, page.parent)
    return page


def _facts() -> dict[str, str]:
    """Return where the network and its sample images come from."""
    record = json.loads(resources.files("dreamfilters.signs").joinpath("record.json").read_text("utf-8"))
    return {
        "Training": (
            "This project trained the network on the German Traffic Sign Recognition Benchmark; it recognizes "
            f"{percent(record['test_accuracy'], 2)} of the official test images."
        ),
        "Real images": (
            "The images on this page are rendered drawings of the signs, with perspective, light, blur and noise; no "
            "camera took them."
        ),
    }
