"""tf-keras-vis 0.8.7 in its own environment: dreams of some filters of a layer."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import keras
import numpy as np
from protocol import serve, timed_optimizer
from tf_keras_vis.activation_maximization import ActivationMaximization
from tf_keras_vis.utils.model_modifiers import ExtractIntermediateLayer
from tf_keras_vis.utils.scores import CategoricalScore

opened = cache(keras.models.load_model)


def dream(
    model: str, layer: str, units: list[int], low: float, high: float, side: int, steps: int, out: str
) -> dict[str, Any]:
    """Dream with its defaults, except for the input range and the start images, which several units need."""
    network = opened(model)
    start = np.random.default_rng(7).uniform(low, high, (len(units), side, side, 3)).astype("float32")
    stamps: list[float] = []
    began = time.perf_counter()
    visualize = ActivationMaximization(network, model_modifier=ExtractIntermediateLayer(layer), clone=False)
    images = visualize(
        CategoricalScore(units),
        seed_input=start,
        input_range=(low, high),
        steps=steps,
        optimizer=timed_optimizer(keras.optimizers.RMSprop, stamps, 1.0, 0.999),
    )
    seconds = time.perf_counter() - began
    np.save(out, (np.asarray(images) - low) / (high - low))
    return {"seconds": seconds, "stamps": stamps}


if __name__ == "__main__":
    serve({"dream": dream})
