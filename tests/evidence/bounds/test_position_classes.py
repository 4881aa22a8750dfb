"""Places are alike exactly when they see the same."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from dreamfilters.evidence.bounds.interval_arithmetic import start_propagation
from dreamfilters.evidence.bounds.position_classes import input_labels, position_labels, representatives
from dreamfilters.networks.graph import flatten


def _axes(model):
    graph = flatten(model)
    shape = graph.input_shape
    known = start_propagation(graph, np.zeros(shape), np.ones(shape))
    axes = {0: input_labels(shape)}
    told = {}
    for step in graph.steps:
        known.linear(step)
        known.finish(step)
        told[step.name] = position_labels(step, known, axes)
        axes.update(dict.fromkeys(step.outputs, told[step.name]))
    return told, known, graph


def test_borders_grow_inward_by_hand():
    image = keras.Input((12, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="a")(image)
    y = layers.MaxPooling2D(2, name="pool")(x)
    z = layers.Conv2D(4, 3, padding="same", name="b")(y)
    w = layers.Conv2D(4, 3, strides=2, name="c")(z)
    told, _, _ = _axes(keras.Model(image, layers.Flatten(name="flat")(w)))
    assert told["a"][0] == (0, *(1,) * 10, 2)
    assert told["a"][1] == (0, *(1,) * 6, 2)
    assert told["pool"][0] == (0, 1, 1, 1, 1, 2)
    assert told["b"][0] == (0, 1, 2, 2, 3, 4)  # the edge, one that sees the edge, the interior twice, and back
    assert told["b"][1] == (0, 1, 2, 3)
    assert told["c"][0] == (0, 1)
    assert told["flat"] == ((0,), (0,))


def test_two_branches_are_told_apart_by_both():
    image = keras.Input((9, 9, 3))
    near = layers.Conv2D(3, 3, padding="same", name="near")(image)
    far = layers.Conv2D(3, 5, padding="same", name="far")(image)
    x = layers.Add(name="sum")([near, far])
    told, _, _ = _axes(keras.Model(image, layers.Cropping2D(1, name="crop")(x)))
    assert told["near"][0] == (0, *(1,) * 7, 2)
    assert told["far"][0] == (0, 1, *(2,) * 5, 3, 4)
    assert told["sum"][0] == (0, 1, *(2,) * 5, 3, 4)
    assert told["crop"][0] == (1, *(2,) * 5, 3)


def test_what_has_no_rule_keeps_its_places_apart():
    image = keras.Input((3, 3, 3))
    told, _, _ = _axes(keras.Model(image, layers.UpSampling2D(2, name="up")(image)))
    assert told["up"][0] == tuple(range(6))


def test_alike_places_have_equal_bounds(branches, normed):
    for model in (branches, normed):
        told, known, graph = _axes(model)
        for step in graph.steps:
            bounds = known.slots[step.outputs[0]]
            if bounds.high.ndim == 3:
                for place, rows, columns in representatives(told[step.name]):
                    block = bounds.high[np.ix_(rows, columns)]
                    assert np.allclose(block, bounds.high[place], rtol=1e-12)


def test_representatives_cover_every_place_once_the_most_common_first():
    kinds = representatives(((0, 1, 1, 1, 2), (0, 1, 1)))
    assert kinds[0][0] == (2, 2)
    assert kinds[0][1].tolist() == [1, 2, 3]
    assert kinds[0][2].tolist() == [1, 2]
    seen = np.zeros((5, 3), int)
    for place, rows, columns in kinds:
        assert place[0] in rows
        assert place[1] in columns
        seen[np.ix_(rows, columns)] += 1
    assert np.all(seen == 1)
