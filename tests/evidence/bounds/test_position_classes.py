"""Tests of position classes: positions have one class if their receptive fields overlap padding alike."""

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
    labels = {}
    for step in graph.steps:
        known.linear(step)
        known.finish(step)
        labels[step.name] = position_labels(step, known, axes)
        axes.update(dict.fromkeys(step.outputs, labels[step.name]))
    return labels, known, graph


def test_classes_at_the_border_by_hand():
    image = keras.Input((12, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="a")(image)
    y = layers.MaxPooling2D(2, name="pool")(x)
    z = layers.Conv2D(4, 3, padding="same", name="b")(y)
    w = layers.Conv2D(4, 3, strides=2, name="c")(z)
    labels, _, _ = _axes(keras.Model(image, layers.Flatten(name="flat")(w)))
    assert labels["a"][0] == (0, *(1,) * 10, 2)
    assert labels["a"][1] == (0, *(1,) * 6, 2)
    assert labels["pool"][0] == (0, 1, 1, 1, 1, 2)
    assert labels["b"][0] == (0, 1, 2, 2, 3, 4)  # the edge, its neighbor, two of the interior, and back
    assert labels["b"][1] == (0, 1, 2, 3)
    assert labels["c"][0] == (0, 1)
    assert labels["flat"] == ((0,), (0,))


def test_a_sum_has_the_classes_of_both_branches():
    image = keras.Input((9, 9, 3))
    near = layers.Conv2D(3, 3, padding="same", name="near")(image)
    far = layers.Conv2D(3, 5, padding="same", name="far")(image)
    x = layers.Add(name="sum")([near, far])
    labels, _, _ = _axes(keras.Model(image, layers.Cropping2D(1, name="crop")(x)))
    assert labels["near"][0] == (0, *(1,) * 7, 2)
    assert labels["far"][0] == (0, 1, *(2,) * 5, 3, 4)
    assert labels["sum"][0] == (0, 1, *(2,) * 5, 3, 4)
    assert labels["crop"][0] == (1, *(2,) * 5, 3)


def test_a_step_without_a_rule_has_one_class_per_position():
    image = keras.Input((3, 3, 3))
    labels, _, _ = _axes(keras.Model(image, layers.UpSampling2D(2, name="up")(image)))
    assert labels["up"][0] == tuple(range(6))


def test_positions_of_a_class_have_equal_bounds(branches, normed):
    for model in (branches, normed):
        labels, known, graph = _axes(model)
        for step in graph.steps:
            bounds = known.slots[step.outputs[0]]
            if bounds.high.ndim == 3:
                for position, rows, columns in representatives(labels[step.name]):
                    block = bounds.high[np.ix_(rows, columns)]
                    assert np.allclose(block, bounds.high[position], rtol=1e-12)


def test_representatives_cover_every_position_once_largest_class_first():
    classes = representatives(((0, 1, 1, 1, 2), (0, 1, 1)))
    assert classes[0][0] == (2, 2)
    assert classes[0][1].tolist() == [1, 2, 3]
    assert classes[0][2].tolist() == [1, 2]
    covered = np.zeros((5, 3), int)
    for position, rows, columns in classes:
        assert position[0] in rows
        assert position[1] in columns
        covered[np.ix_(rows, columns)] += 1
    assert np.all(covered == 1)
