"""Compare dreamfilters with its peers and with the bare pass: python -m tests.benchmarks [--only NAME,...] [--quick].

The peers are installed into .benchmarks/ at the first run. The numbers are printed and stored, not asserted.
"""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tests.benchmarks import results
from tests.benchmarks.environments import FOLDER
from tests.benchmarks.setting import BUILT_IN, Setting

GROUPS = {
    "score": "time to the score of the strongest peer",
    "score_large": "the same on a network of ImageNet's size (--networks FILE:LAYER)",
    "overhead": "one step against the bare pass",
    "step_ratio": "one step against the bare pass of Keras on four ImageNet networks",
    "all_units": "every filter and class of signs",
    "step_time": "MobileNetV2 and VGG16 against peers and the bare pass",
    "scaling": "16, 64 and 256 filters",
    "streaming": "maps and scans against the bare pass and extractors, memory, opening a stored scan",
    "scanning": "processor time and memory of scans against the bare pass, with and without the compiled loop",
    "quality": "class dreams classified by independently trained networks",
    "viewer": "the viewer in a browser, against one request per unit",
    "viewer_heatmap": "a heatmap in the viewer, from click to painted, beside the same in Python",
    "viewer_webcam": "frames of the webcam on the page of a unit, each with forward map and backward pass",
    "training": "epochs with TrainingMonitor against those without it",
    "executors": "worker processes and a cluster against one process (ten minutes)",
    "attribution": "heatmaps against peers; occlusion and RISE against as many forward passes",
    "captum_agreement": "heatmaps against those of Captum on the same weights",
    "class_dreams": "class dreams of networks that others trained, with controls (half an hour)",
    "filter_dreams": "dreams of filters of networks that others trained, against real images (half an hour)",
    "learned_prior": "class dreams with a learned prior, with controls (an hour; --prior takes a learned prior)",
    "accelerator": "every channel of a network as large as GoogLeNet on an accelerator (--quick: a dry run on a CPU)",
    "applications": "every network of keras.applications: dreams, maps and a scan (hours; --networks chooses)",
}

# Names for several row groups.
SETS = {
    "attribution": ("attribution", "captum_agreement"),
    "dreams": ("score", "all_units", "quality", "class_dreams", "filter_dreams", "learned_prior"),
    "modern": ("step_time", "scaling", "streaming", "applications"),
}

LONG = ("class_dreams", "filter_dreams", "learned_prior", "accelerator", "applications")
USUAL = [name for name in GROUPS if name not in LONG]

_BUSY = 0.7  # load average of the last minute


def _sets() -> str:
    return "; ".join(f"{name}: {', '.join(groups)}" for name, groups in SETS.items())


def main() -> None:
    """Print one table for each row group, store them, and print one table of all that are stored."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--only", metavar="NAME,...", default=",".join(USUAL), help=f"default: {', '.join(USUAL)}; {_sets()}"
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        type=Path,
        default=FOLDER / "results.json",
        help="where results are stored, beside those of other row groups; default: %(default)s",
    )
    parser.add_argument("--quick", action="store_true", help="a few steps and filters, to check that everything runs")
    parser.add_argument(
        "--signs", metavar="FILE", type=Path, default=BUILT_IN, help="another traffic-sign network with the same layers"
    )
    parser.add_argument("--prior", metavar="FILE", default="", help="prior with the colors and spectrum of its images")
    parser.add_argument(
        "--networks",
        metavar="NAME,...",
        default="",
        help="networks of keras.applications, class_dreams, filter_dreams or learned_prior; default: all",
    )
    options = parser.parse_args()
    chosen = list(dict.fromkeys(each for name in options.only.split(",") for each in SETS.get(name, (name,))))
    unknown = [name for name in chosen if name not in GROUPS]
    if unknown:
        parser.error(f"--only {unknown[0]}: one of {', '.join(dict.fromkeys((*GROUPS, *SETS)))}")
    if not options.signs.is_file():
        parser.error(f"--signs {options.signs}: no such file")
    prior = options.prior and str(Path(options.prior).resolve())
    networks = tuple(filter(None, options.networks.split(",")))
    setting = Setting(options.signs.resolve(), prior, options.quick, networks)
    print(results.described(results.machine(), results.versions()), flush=True)
    if os.getloadavg()[0] > _BUSY:
        print("The machine is busy: ratios of rows timed in turn are still valid, seconds are not.")
    for name in chosen:
        before = results.machine()
        table = importlib.import_module(f"tests.benchmarks.{name}").measure(setting)
        results.store(options.json, name, table, before, quick=options.quick)
        print(f"\n{table}", flush=True)
    print(f"\n{results.summary(results.read(options.json))}\n\nall results: {options.json}")


if __name__ == "__main__":
    main()
