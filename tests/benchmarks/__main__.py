"""Compare dreamfilters with its peers and with the bare pass: python -m tests.benchmarks [--only NAME,...] [--quick].

The peers are installed into .benchmarks/ at the first run. Nothing here is a test: numbers are read by people.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
from importlib import metadata
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests.benchmarks.setting import BUILT_IN, Setting

GROUPS = {
    "score": "time to the score of the strongest peer",
    "overhead": "one step against the bare pass",
    "whole": "every filter and class of signs",
    "pace": "MobileNetV2 and VGG16 against peers and the bare pass",
    "growth": "16, 64 and 256 filters",
    "streaming": "maps and scans against the bare pass and extractors, memory, opening a stored scan",
    "quality": "class dreams shown to strangers' networks",
    "viewing": "the viewer in a browser, against one request for each unit",
}

_BUSY = 0.7  # processes running on average over the last minute


def main() -> None:
    """Print one table for each row group."""
    words = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").partition("\n")[0])
    words.add_argument("--only", metavar="NAME,...", default=",".join(GROUPS), help=f"of {', '.join(GROUPS)}")
    words.add_argument("--quick", action="store_true", help="a few steps and filters, to see that everything runs")
    words.add_argument(
        "--signs", metavar="FILE", type=Path, default=BUILT_IN, help="another traffic-sign network of this shape"
    )
    words.add_argument("--prior", metavar="FILE", default="", help="its colors and spectrum")
    said = words.parse_args()
    chosen = said.only.split(",")
    unknown = [name for name in chosen if name not in GROUPS]
    if unknown:
        words.error(f"--only {unknown[0]}: one of {', '.join(GROUPS)}")
    if not said.signs.is_file():
        words.error(f"--signs {said.signs}: no such file")
    setting = Setting(said.signs.resolve(), said.prior and str(Path(said.prior).resolve()), said.quick)
    print(machine(), flush=True)
    if os.getloadavg()[0] > _BUSY:
        print("The machine is busy: ratios of rows that are timed in turn still mean something, seconds do not.")
    for name in chosen:
        print(f"\n{importlib.import_module(f'tests.benchmarks.{name}').measure(setting)}", flush=True)


def machine() -> str:
    """Return what the numbers hang on, in one line."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("dreamfilters", "keras", "numpy"))
    load = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return f"{platform.machine()}, {load}; Python {platform.python_version()}, {versions}"


if __name__ == "__main__":
    main()
