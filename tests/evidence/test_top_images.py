"""The ranking is checked on images whose responses are known because the filter just copies them."""

import keras
import numpy as np
import pytest

from dreamfilters.errors import RecipeError, TargetError, UnknownNameError
from dreamfilters.evidence.top_images import response_of, strongest
from dreamfilters.networks import LOGITS, InputForm, Network


@pytest.fixture(scope="module")
def network():
    """Filter 0 copies the gray image, filter 1 is its negative; class 0 gets their sum times 1, class 1 0.5."""
    inputs = keras.Input((2, 3, 1))
    maps = keras.layers.Conv2D(2, 1, name="conv")(inputs)
    outputs = keras.layers.Dense(2, activation="softmax", name="dense")(keras.layers.Flatten()(maps[..., :1]))
    model = keras.Model(inputs, outputs)
    model.get_layer("conv").set_weights([np.array([1, -1], "float32").reshape(1, 1, 1, 2), np.zeros(2)])
    model.get_layer("dense").set_weights([np.repeat([[1, 0.5]], 6, axis=0), np.array([0.0, 3.0])])
    return Network(model, InputForm.from_range(0, 1, size=(2, 3), channels=1), ("all", "half"))


def gray(*rows):
    return np.array(rows, "float32").reshape(-1, 2, 3, 1)


IMAGES = gray(
    [0, 0, 0, 0, 0, 0.6],  # mean .1, maximum .6
    [0.3] * 6,  # mean .3
    [0.2] * 6,
    [0, 0.9, 0, 0, 0, 0],  # mean .15, maximum .9
    [0.3] * 6,
)


@pytest.mark.parametrize("batch", [1, 2, 3, 64])
def test_means_rank_and_the_earlier_of_equals_comes_first(network, batch):
    found = strongest(network, IMAGES, {"conv": [1, 0]}, k=3, batch=batch)["conv"]
    assert [seen.index for seen in found[0]] == [1, 4, 2]
    assert [seen.score for seen in found[0]] == pytest.approx([0.3, 0.3, 0.2])
    assert [seen.index for seen in found[1]] == [0, 3, 2]
    assert [seen.score for seen in found[1]] == pytest.approx([-0.1, -0.15, -0.2])


def test_maxima_rank_otherwise(network):
    first, second = strongest(network, IMAGES, {"conv": [0]}, k=2, reduce="max")["conv"][0]
    assert (first.index, first.place, second.index, second.place) == (3, (0, 1), 0, (1, 2))
    assert first.score == pytest.approx(0.9)
    np.testing.assert_allclose(first.map, [[0, 0.9, 0], [0, 0, 0]])


def test_classes_rank_by_logit(network):
    found = strongest(network, IMAGES, {LOGITS: [0, 1]}, k=1)[LOGITS]
    assert [found[number][0].score for number in (0, 1)] == pytest.approx([1.8, 3.9])  # 6 * .3, 3 + 6 * .15
    assert found[0][0].map.shape == (1, 1)
    assert found[0][0].place == (0, 0)


def test_fewer_images_than_wanted(network):
    assert len(strongest(network, IMAGES[:2], {"conv": [0]}, k=4)["conv"][0]) == 2


def test_what_is_not_a_number_never_counts(network):
    images = IMAGES.copy()
    images[1] = np.nan
    found = strongest(network, images, {"conv": [0]}, k=5, batch=2)["conv"][0]
    assert [seen.index for seen in found] == [4, 2, 3, 0]


def test_images_may_come_one_by_one(network):
    found = strongest(network, (image for image in IMAGES), {"conv": [0]}, k=1, batch=2)["conv"][0]
    assert found[0].index == 1


def test_a_kept_map_does_not_hold_on_to_its_batch(network):
    assert strongest(network, IMAGES, {"conv": [0]}, k=1)["conv"][0][0].map.base is None


def test_response_of_a_map():
    seen = response_of(5, np.array([[1, 2], [7, 2]], "float32"))
    assert (seen.index, seen.score, seen.place) == (5, 3.0, (1, 0))


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"units": {"conv": [2]}}, TargetError, "conv 2: .* has 2 there, 0 to 1"),
        ({"units": {LOGITS: [-1]}}, TargetError, "class -1"),
        ({"units": {"conf": [0]}}, UnknownNameError, "conf"),
        ({"units": {"conv": [0]}, "k": 0}, RecipeError, "k=0"),
        ({"units": {"conv": [0]}, "reduce": "sum"}, RecipeError, "'sum'"),
    ],
)
def test_what_cannot_be_ranked_is_said(network, settings, error, said):
    with pytest.raises(error, match=said):
        strongest(network, IMAGES, **settings)
