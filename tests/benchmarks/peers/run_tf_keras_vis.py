"""tf-keras-vis 0.8.7 in its own environment: dreams of some filters of a layer, and heatmaps of a class."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import keras
import numpy as np
from protocol import serve, timed_optimizer
from tf_keras_vis.activation_maximization import ActivationMaximization
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.scorecam import Scorecam
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
    cpu_stamps: list[float] = []
    began, cpu_began = time.perf_counter(), time.process_time()
    visualize = ActivationMaximization(network, model_modifier=ExtractIntermediateLayer(layer), clone=False)
    images = visualize(
        CategoricalScore(units),
        seed_input=start,
        input_range=(low, high),
        steps=steps,
        optimizer=timed_optimizer(keras.optimizers.RMSprop, stamps, cpu_stamps, 1.0, 0.999),
    )
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    np.save(out, (np.asarray(images) - low) / (high - low))
    return {"seconds": seconds, "stamps": stamps, "cpu": cpu, "cpu_stamps": cpu_stamps}


_LAYER = "conv6"  # of class activation maps
_MAPS = {"grad-cam": Gradcam, "grad-cam++": GradcamPlusPlus, "layer-cam": Layercam, "score-cam": Scorecam}


@cache
def with_logits(model: str) -> Any:
    """Return the network without its softmax."""
    network = keras.models.load_model(model)
    network.layers[-1].activation = keras.activations.linear
    return network


@cache
def explainer(model: str, method: str) -> Any:
    """Return a method, which is made once."""
    return _MAPS.get(method, Saliency)(with_logits(model), clone=False)


def explain(model: str, method: str, number: int, images: str, count: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Time the heatmaps of a class for the first `count` of the images in a file; seconds of the whole call."""
    made, stack = explainer(model, method), np.load(images)[:count]
    more = {"penultimate_layer": _LAYER, **settings} if method in _MAPS else settings
    began = time.perf_counter()
    heatmaps = np.asarray(made(CategoricalScore([number] * count), stack, **more))
    return {"seconds": time.perf_counter() - began, "shape": list(heatmaps.shape)}


if __name__ == "__main__":
    serve({"dream": dream, "explain": explain})
