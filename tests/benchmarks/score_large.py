"""Row group: the time to the score of the strongest peer on a network of ImageNet's size, `--networks FILE:LAYER`."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.score import compared
from tests.benchmarks.setting import Setting
from tests.benchmarks.step_time import SIDE, network_file
from tests.benchmarks.tables import Table

_LAYER, _COUNT = "block_6_expand_relu", 4


def measure(setting: Setting) -> Table:
    """Dream filters of the given network, whose inputs are RGB in [0, 1], or of a MobileNetV2 with random weights."""
    if not setting.networks:
        return compared(setting, network_file("MobileNetV2"), _LAYER, SIDE, list(range(_COUNT)), rounds=1, most=32)
    file, _, layer = setting.networks[0].rpartition(":")
    return compared(setting, Path(file), layer, SIDE, list(range(_COUNT)), rounds=1, most=32)
