"""Xplique 2.0.2 in its own environment: dreams of some filters of a layer."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import keras
import numpy as np
from protocol import serve, timed_optimizer
from xplique.features_visualizations import Objective, optimize

opened = cache(keras.models.load_model)


def dream(
    model: str, layer: str, units: list[int], low: float, high: float, side: int, steps: int, out: str, transforms: bool
) -> dict[str, Any]:
    """Dream with its defaults, except for the canvas (default: 512) and, in its fastest configuration, transforms."""
    network = opened(model)
    keras.utils.set_random_seed(7)
    stamps: list[float] = []
    began = time.perf_counter()
    images, _ = optimize(
        Objective.channel(network, layer, units),
        timed_optimizer(keras.optimizers.Adam, stamps, 0.05),
        nb_steps=steps,
        values_range=(low, high),
        transformations="standard" if transforms else None,
        custom_shape=(side, side),
    )
    last = np.asarray(images[-1])
    seconds = time.perf_counter() - began
    np.save(out, (last - low) / (high - low))
    return {"seconds": seconds, "stamps": stamps}


if __name__ == "__main__":
    serve({"dream": dream})
