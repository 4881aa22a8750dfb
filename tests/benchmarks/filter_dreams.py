"""Row group 11: dreams of filters of networks that others trained, beside the real images that activate them most."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, written

if TYPE_CHECKING:
    from dreamfilters.comparison.result import UnitComparison

FILTERS, IMAGES, SEED = 8, 250, 8  # filters of a layer, evenly spread
DEPTHS = (0.25, 0.6, 1.0)  # of the convolutions: an early, a middle and the last one
_HIGH = 0.25  # cycles per pixel, half of the highest frequency


def measure(setting: Setting) -> Table:
    """Compare filters of three layers of each network; a row is printed as soon as it is measured."""
    from tests.benchmarks.external_networks import FOLDER, networks_with_images

    table = Table(
        "11. Dreams of filters, `standard`: against the strongest of the real images",
        [
            "network",
            "layer",
            "activated",
            "ratio",
            "above 1",
            "2AFC by dreams",
            "by images",
            "high",
            "of images",
            "CPU s",
        ],
    )
    found = networks_with_images(IMAGES)
    if not found:
        table.notes = [f"not measured: no networks in {FOLDER.name} next to the checkout"]
        return table
    chosen = [one for one in found if one[0] in setting.networks] or found
    for name, network, images in chosen[:1] if setting.quick else chosen:
        for layer in layers_of(network)[: 1 if setting.quick else None]:
            table.rows.append(_row(name, network, layer, images, ["steps=2"] if setting.quick else []))
            print(*map(written, table.rows[-1]), sep=" | ", flush=True)
    table.notes = [
        f"{FILTERS} filters of an early, a middle and the last convolution, {IMAGES} images, seed {SEED}. Ratio: the",
        "dream's response over that of the strongest image, the median. 2AFC: the share of pairs of a strong and a",
        "weak image that similarity to the dreams, or to other images, tells apart; chance is .5. High: the share of",
        f"the power above {_HIGH} cycles per pixel.",
    ]
    return table


def layers_of(network: Any) -> list[str]:
    """Return the names of an early, a middle and the last convolution."""
    found = [layer for layer in network.layers if layer.type.endswith("Conv2D") and layer.dreamable]
    return list(dict.fromkeys(found[round(depth * (len(found) - 1))].name for depth in DEPTHS))


def _row(name: str, network: Any, layer: str, images: NDArray[np.float32], settings: Sequence[str]) -> list[object]:
    from dreamfilters.comparison.compare import compare
    from dreamfilters.dreams.recipe import read_recipe

    units = network.layer(layer).units
    filters = sorted({round(place) for place in np.linspace(0, units - 1, min(FILTERS, units))})
    began = time.process_time()
    targets = [f"{layer}:{number}" for number in filters]
    found = compare(network, targets, images, recipe=read_recipe("standard", settings=settings), seed=SEED, seeds=1)
    seconds = time.process_time() - began
    ratios = [unit.response_rank.ratio for unit in found.units if unit.response_rank.ratio is not None]
    return [
        name,
        layer,
        np.mean([unit.dream.activated for unit in found.units]),
        np.median(ratios) if ratios else float("nan"),
        np.mean([ratio > 1 for ratio in ratios]) if ratios else float("nan"),
        _mean_2afc(found.units, "dreams"),
        _mean_2afc(found.units, "natural"),
        high_frequency_share(np.stack([unit.dream.image for unit in found.units])),
        high_frequency_share(images),
        seconds,
    ]


def _mean_2afc(units: Sequence[UnitComparison], which: str) -> float:
    scores = [getattr(unit.measures["two_afc"], which) for unit in units if "two_afc" in unit.measures]
    found = [score.accuracy for score in scores if score is not None]
    return float(np.mean(found)) if found else float("nan")


def high_frequency_share(images: NDArray[np.float32]) -> float:
    """Return the share of the power of images (n, h, w, c), without their means, above a quarter cycle per pixel.

    >>> stripes = np.tile(np.float32([0, 1])[None, None, :, None], (1, 8, 4, 1))
    >>> high_frequency_share(stripes), high_frequency_share(np.repeat(stripes, 4, axis=2))
    (1.0, 0.146...)
    """
    centered = images - images.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(centered, axes=(1, 2))) ** 2
    down, across = (np.fft.fftfreq(side) for side in images.shape[1:3])
    is_high = np.hypot(down[:, None], across[None]) > _HIGH
    return float(power[:, is_high].sum() / power.sum())
