"""The units behind confused classes, against weights times activations, and the bookkeeping of the samples."""

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters.attribution import class_separation
from dreamfilters.attribution.class_separation import compared_layer, evaluate
from dreamfilters.errors import RecipeError, UnknownNameError
from dreamfilters.evidence.activations import activations
from tests.batch_independence import any_batch_size


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).uniform(0, 1, (60, 16, 16, 3)).astype("float32")


@pytest.fixture(scope="module")
def labels(network, images):
    """The classes that the network predicts, every third one exchanged."""
    predicted = network.model.predict(images, verbose=0).argmax(axis=1)
    counts = np.bincount(predicted, minlength=3)
    assert (counts > 0).sum() >= 2, counts
    others = np.argsort(-counts)[:2]
    wrong = np.where(predicted == others[0], others[1], others[0])
    return np.where(np.arange(60) % 3 == 0, wrong, predicted)


@pytest.fixture(scope="module")
def found(network, images, labels):
    return evaluate(network, images, labels)


def test_margins_are_weights_times_activations(network, images, labels, found):
    kernel, bias = network.model.get_layer("classes").get_weights()
    maps = activations(network, images, ["conv2"])["conv2"]
    one = found.separations[0]
    assert (one.layer, one.units) == ("conv2", 8)
    weights = (kernel[:, one.first] - kernel[:, one.second]).reshape(maps.shape[1:])
    contributions = np.einsum("nhwc,hwc->nc", maps, weights)
    margin = found.logits[:, one.first] - found.logits[:, one.second]
    assert contributions.sum(axis=1) + bias[one.first] - bias[one.second] == pytest.approx(margin, abs=1e-4)
    first, second = found.truth == one.first, found.truth == one.second
    for unit in (*one.separating, *one.carrying):
        assert unit.margin_first == pytest.approx(contributions[first, unit.unit].mean(), abs=1e-4)
        assert unit.margin_second == pytest.approx(contributions[second, unit.unit].mean(), abs=1e-4)
        assert unit.mean_first == pytest.approx(maps[first, ..., unit.unit].mean(), abs=1e-5)
    differences = contributions[first].mean(axis=0) - contributions[second].mean(axis=0)
    assert [unit.unit for unit in one.carrying] == np.argsort(-differences)[:6].tolist()


def test_the_losses_of_all_units_are_that_of_the_margin(network, images, labels, monkeypatch):
    """Only a linear layer follows the units, so that their contributions and the bias are the margin."""
    whole = class_separation.separation
    monkeypatch.setattr(class_separation, "separation", lambda *given, **how: whole(*given, most=8, **how))
    losses = evaluate(network, images, labels, pairs=1).separations[0].losses
    assert losses
    for loss in losses:
        assert loss.margin_on_hits > 0 > loss.margin_on_mistakes
        falls = sum(unit.on_hits - unit.on_mistakes for unit in loss.units)
        assert falls == pytest.approx(loss.margin_on_hits - loss.margin_on_mistakes, abs=1e-4)


def test_the_pairs_are_the_most_confused_ones(network, images, labels, found):
    assert [(one.first, one.second) for one in found.separations] == [(one.first, one.second) for one in found.pairs]
    fewer = evaluate(network, images, labels, pairs=1)
    assert fewer.separations == found.separations[:1]
    assert evaluate(network, images, labels, pairs=0).separations == ()
    with pytest.raises(RecipeError, match="pairs=-1"):
        evaluate(network, images, labels, pairs=-1)


@any_batch_size
def test_the_batch_does_not_change_the_units(network, images, labels, found):
    assert evaluate(network, images, labels, batch=7).separations == found.separations


def test_a_sample_is_spread_and_holds_the_mistakes(network, images, labels, monkeypatch):
    monkeypatch.setattr(class_separation, "MOST_IMAGES", 5)
    one = evaluate(network, images, labels, pairs=1).separations[0]
    assert one.images_first <= 5
    assert one.images_second <= 5
    assert sum(loss.mistakes for loss in one.losses) > 0


def test_another_layer_is_compared(network, images, labels):
    found = evaluate(network, images, labels, layer="conv1", pairs=1).separations[0]
    assert (found.layer, found.units) == ("conv1", 8)
    assert found.losses


def test_a_layer_that_is_bypassed_has_contributions(network_of, branches, images):
    network = network_of(branches)
    predicted = network.model.predict(images, verbose=0).argmax(axis=1)
    labels = np.where(np.arange(60) % 2 == 0, (predicted + 1) % 3, predicted)
    found = evaluate(network, images, labels, layer="wide", pairs=1).separations[0]
    assert found.remark == ""
    assert found.carrying


def test_the_output_layer_has_responses_only(network, images, labels):
    found = evaluate(network, images, labels, layer="classes", pairs=1).separations[0]
    assert "is the output layer" in found.remark
    assert found.separating[0].mean_first > 0
    assert (found.separating[0].margin_first, found.carrying, found.losses) == (None, (), ())


def test_which_layer_is_compared(network, network_of):
    assert compared_layer(network, None) == "conv2"
    assert compared_layer(network, "conv1") == "conv1"
    with pytest.raises(UnknownNameError, match="conv9"):
        compared_layer(network, "conv9")
    alone = keras.Sequential([layers.Input((2, 2, 3)), layers.Flatten(name="flat"), layers.Dense(2, name="classes")])
    assert compared_layer(network_of(alone), None) == ""


def test_a_network_of_one_layer_has_no_units_to_compare(network_of):
    model = keras.Sequential([layers.Input((2, 2, 3)), layers.Flatten(name="flat"), layers.Dense(2, name="classes")])
    images = np.random.default_rng(0).uniform(0, 1, (8, 2, 2, 3))
    found = evaluate(network_of(model), images, [0, 1] * 4)
    assert (found.count, found.separations) == (8, ())


def test_progress_counts_the_labeled_images(network, images):
    seen = []
    labels = ["STOP", "", "20", "20"]
    evaluate(network, images[:4], labels, pairs=0, batch=2, progress=lambda now: seen.append((now.done, now.total)))
    assert seen == [(2, 3), (3, 3)]
