"""Row group 10: class dreams of networks that others trained, shown to the others, with two controls that must fail.

The first control is the same network with random weights: dreams that others recognize would show the recipe, not the
network. The second one permutes the classes of the network's last layer: the dreams have to follow the permutation.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np

from tests.benchmarks.setting import Setting
from tests.benchmarks.tables import Table, written

CLASSES, SEED = 43, 8


def measure(setting: Setting) -> Table:
    """Dream all classes of each network with `natural`; a row is printed as soon as it is measured."""
    from dreamfilters.dreams.recipe import read_recipe
    from tests.benchmarks.external_networks import FOLDER, external_networks

    table = Table(
        "10. Class dreams of networks that others trained, `natural`: shares that are predicted as their class",
        ["network", "own", "other networks", "made again", "random weights", "permuted", "before permuting", "CPU s"],
    )
    networks = external_networks()
    if not networks:
        table.notes = [f"not measured: no networks in {FOLDER.name} next to the checkout"]
        return table
    recipe = read_recipe("natural", settings=["steps=2"] if setting.quick else [])
    permutation = np.random.default_rng(0).permutation(CLASSES)
    chosen = [one for one in networks if one[0] in setting.networks] or networks
    for source in chosen[:1] if setting.quick else chosen:
        table.rows.append(_row(source, networks, recipe, permutation))
        print(*map(written, table.rows[-1]), sep=" | ", flush=True)
    table.notes = [f"Seed {SEED}; chance is {1 / CLASSES:.3f}. Random weights and permuted classes are controls."]
    return table


def _row(source: tuple[str, Any, bool], networks: Sequence[Any], recipe: Any, permutation: np.ndarray) -> list[object]:
    from dreamfilters.dreams.engine import dream
    from tests.benchmarks.external_networks import outputs_of, predicted_classes

    name, network, as_text = source
    others = [other for other in networks if other[0] != name]
    classes = np.argsort(outputs_of(as_text))  # of each output

    def recognized(images: np.ndarray, truth: np.ndarray) -> float:
        return float(np.mean([predicted_classes(judge, images, text) == truth for _, judge, text in others]))

    dreamed = partial(dream, goal="class:*", recipe=recipe, seed=SEED)
    began = time.process_time()
    dreams = dreamed(network)
    seconds = time.process_time() - began
    random = np.stack([one.image for one in dreamed(replace(network, model=with_random_weights(network.model)))])
    moved = np.stack(
        [one.image for one in dreamed(replace(network, model=with_permuted_classes(network.model, permutation)))]
    )
    return [
        name,
        sum(one.prediction is not None and one.prediction.is_predicted for one in dreams),
        recognized(np.stack([one.image for one in dreams]), classes),
        sum(bool(one.attempts) for one in dreams),
        recognized(random, classes),
        recognized(moved, classes[permutation]),
        recognized(moved, classes),
        seconds,
    ]


def with_random_weights(model: keras.Model) -> keras.Model:
    """Return the model with newly initialized weights."""
    keras.utils.set_random_seed(0)
    return keras.models.clone_model(model)


def with_permuted_classes(model: keras.Model, permutation: np.ndarray) -> keras.Model:
    """Return the model whose output i is the output `permutation[i]` of the given one."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    last = next(layer for layer in reversed(copy.layers) if layer.weights)
    last.set_weights([values[..., permutation] for values in last.get_weights()])
    return copy
