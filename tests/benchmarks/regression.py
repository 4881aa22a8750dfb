"""Fail if a scan or a step became much slower than the bare pass: python -m tests.benchmarks.regression.

Only ratios of processor time are judged, of methods that take turns in this process. The bounds are generous: half
again what was measured, or more, and less than three times that.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import dreamfilters as df
from dreamfilters.networks import Network
from tests.benchmarks.dream_worker import bare_pass, compiled_step
from tests.benchmarks.scan_shares import BARE, scan_shares
from tests.benchmarks.tables import Table, ratio

_ROUNDS, _UNITS, _IMAGES, _WARM = 9, 16, 1_024, 256
# (scan over the bare forward pass, step over the bare forward and backward pass)
BOUNDS = {"signs": (2.6, 1.8), "small": (3.0, 3.0)}


def main() -> None:
    """Print the table; exit with 1 if a ratio exceeds its bound."""
    table = Table("Regression: processor time over that of the bare pass", ["what", "ratio", "bound"])
    for name, (network, layer) in {"signs": (df.load("signs"), "conv6"), "small": (small_network(), "act3")}.items():
        found = f"{name}: scan", scan_ratio(network), f"{name}: step of {layer}", step_ratio(network, layer)
        for (what, value), bound in zip((found[:2], found[2:]), BOUNDS[name], strict=True):
            table.rows.append([what, value, bound])
            table.targets.append((str(what), float(value), bound))
    print(table)
    sys.exit(any(value > bound for _, value, bound in table.targets))


def small_network() -> Network:
    """Return a network of three convolutions, each with its own layers of batch normalization and ReLU."""
    keras.utils.set_random_seed(7)
    layers = [keras.layers.Input((64, 64, 3))]
    for number, filters in enumerate((16, 32, 64), 1):
        layers += [
            keras.layers.Conv2D(filters, 3, strides=1 + (number > 1), padding="same", name=f"conv{number}"),
            keras.layers.BatchNormalization(name=f"norm{number}"),
            keras.layers.ReLU(name=f"act{number}"),
        ]
    model = keras.Sequential([*layers, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])
    return df.load(model, form={"range": [0.0, 1.0]})


def scan_ratio(network: Network) -> float:
    """Return the processor time of a scan over that of the bare forward pass of its layers: the median of parts."""
    height, width = (side or 0 for side in network.form.size)
    images = np.random.default_rng(7).random((_IMAGES, height, width, 3), dtype=np.float32)
    seconds = scan_shares(network, images, batch=64, warm=_WARM, parts=_ROUNDS - 3, measured=(BARE, "scan by NumPy"))
    return ratio(seconds["scan by NumPy"], seconds[BARE])


def step_ratio(network: Network, layer: str) -> float:
    """Return the processor time of one step of `standard` over that of the bare forward and backward pass."""
    units = list(range(_UNITS))
    runs = {
        "bare": bare_pass(network, layer, units),
        "step": compiled_step(network, df.channel(layer, units), df.read_recipe("standard")),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(_ROUNDS + 1):
        for name, run in runs.items():
            spent = processor_seconds(lambda run=run: [run() for _ in range(4)])
            if number:  # the first ones compile
                seconds[name].append(spent)
    return median(seconds["step"]) / median(seconds["bare"])


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the processor time of all threads of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
