"""Two networks side by side: nothing differs from itself, a permuted copy matches, and planted changes are found."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.comparison.diff.network_diff import diff
from dreamfilters.errors import ImageError
from dreamfilters.networks import InputForm, Network
from tests.conftest import seeded

CLASSES = ("red", "green", "blue")


def stack(names=("conv1", "conv2"), *, filters=6):
    return keras.Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.Conv2D(filters, 3, activation="relu", name=names[0]),
            layers.Conv2D(filters, 3, activation="relu", name=names[1]),
            layers.GlobalAveragePooling2D(name="average"),
            layers.Dense(3, activation="softmax", name="classes"),
        ]
    )


def network(model, name):
    return Network(model, InputForm.from_range(0, 1, size=(12, 12)), CLASSES, name=name)


@pytest.fixture(scope="module")
def model():
    model = seeded(stack())
    for name in ("conv1", "conv2"):  # so that every unit responds
        kernel, bias = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([kernel, bias + 0.3])
    return model


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).random((32, 12, 12, 3)).astype("float32")


@pytest.fixture(scope="module")
def labels(model, images):
    return [CLASSES[number] for number in model.predict(images, verbose=0).argmax(axis=1)]


def copied(model, **changes):
    """Return a copy, with the weights of some layers replaced by a function of them."""
    copy = stack()
    copy.set_weights(model.get_weights())
    for name, change in changes.items():
        layer = copy.get_layer(name)
        layer.set_weights(change(*layer.get_weights()))
    return copy


def test_nothing_differs_from_itself(model, images, labels):
    found = diff(network(model, "a"), network(model, "a"), images, labels=labels)
    assert found.is_same
    assert [pair.by for pair in found.layers] == ["name"] * 3
    assert all(pair.cka == 1 for pair in found.layers)
    assert all(one.change == 0 for one in found.weights)
    assert [pair.unchanged for pair in found.layers] == [6, 6, 3]
    assert found.flips == ()
    assert found.right == (32, 0, 0, 0)
    assert found.describe() == "a and a: nothing differs"


def test_every_unit_of_a_permuted_copy_is_matched(model, images):
    order = np.array([3, 0, 5, 1, 4, 2])  # filter i of the copy is filter order[i]
    permuted = copied(
        model,
        conv1=lambda kernel, bias: [kernel[..., order], bias[order]],
        conv2=lambda kernel, bias: [kernel[:, :, order], bias],
    )
    found = diff(network(model, "a"), network(permuted, "b"), images)
    pair = found.layer("conv1")
    assert len(pair.units) == 6
    assert all(order[one.other] == one.unit for one in pair.units)
    assert min(one.correlation for one in pair.units) > 0.999
    assert pair.cka == pytest.approx(1, abs=1e-6)
    assert not found.is_same
    assert found.layer("conv2").moved == 0
    assert found.layer("conv2").unchanged == 6
    assert found.flips == ()  # it computes the same


def test_planted_changes_are_named(model, images, labels):
    def silenced(kernel, bias):
        bias = bias.copy()
        bias[2] = -100
        return [kernel, bias]

    def rerouted(kernel, bias):
        kernel = kernel.copy()
        kernel[:, [0, 1]] = kernel[:, [1, 0]]
        return [kernel, bias]

    changed = copied(model, conv1=silenced, classes=rerouted)
    found = diff(network(model, "a"), network(changed, "b"), images, labels=labels)
    pair = found.layer("conv1")
    assert (pair.lost, pair.new, pair.silent) == ((2,), (), (0, 1))
    assert pair.unchanged == 5
    moved = {one.layer: one.change for one in found.weights}
    assert moved["conv2"] == 0
    assert moved["conv1"] > 0
    before, after = (one.predict(images, verbose=0) for one in (model, changed))
    flipped = np.flatnonzero(before.argmax(axis=1) != after.argmax(axis=1))
    assert sorted(flip.index for flip in found.flips) == flipped.tolist()
    for flip in found.flips:
        assert (flip.label, flip.predicted, flip.change) == (labels[flip.index],) * 2 + ("lost",)
        assert flip.probability == pytest.approx(before[flip.index].max(), abs=1e-5)
        assert flip.other_probability == pytest.approx(after[flip.index].max(), abs=1e-5)
    assert found.right == (32 - len(flipped), len(flipped), 0, 0)


def test_layers_of_other_names_correspond_by_their_responses(model, images):
    renamed = stack(("first", "second"))
    renamed.set_weights(model.get_weights())
    found = diff(network(model, "a"), network(renamed, "b"), images)
    assert [(pair.name, pair.other, pair.by) for pair in found.layers] == [
        ("conv1", "first", "responses"), ("conv2", "second", "responses"), ("classes", "classes", "name"),
    ]  # fmt: skip
    assert all(pair.unchanged == len(pair.units) for pair in found.layers)


def test_without_images_the_weights_are_compared(model):
    changed = copied(model, conv2=lambda kernel, bias: [2 * kernel, 2 * bias])
    found = diff(network(model, "a"), network(changed, "b"))
    assert {one.layer: one.change for one in found.weights} == {"conv1": 0, "conv2": 1, "classes": 0}
    assert found.describe() == "a and b: the weights of 1 of 3 layers differ"


def test_too_few_images_are_one_line(model, images):
    with pytest.raises(ImageError, match="7 images: give at least 8; half of them decide which units match"):
        diff(network(model, "a"), network(model, "b"), images[:7])
