import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters.errors import ImageError, ModelError
from dreamfilters.networks import InputForm, Network
from dreamfilters.networks.preprocessing.search.ranking import candidates, rank_forms
from dreamfilters.progress import Progress

COLORS = np.array(
    [(r, 0.3 + 0.2 * (n % 2), b) for n, (r, b) in enumerate(itertools.product((0.2, 0.5, 0.8), (0.1, 0.4, 0.6, 0.9)))]
)  # twelve
AS_TEXT = sorted(range(12), key=str)


def knower(form, order=range(12)):
    """A network that knows the twelve colors in one input form: the nearest of them in what it is given."""
    seen = np.asarray(form.to_input(COLORS[list(order)][:, None, None].astype("float32")))[:, 0, 0]
    sharp = 200 / form.scale**2
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), layers.GlobalAveragePooling2D(), layers.Dense(12, activation="softmax")], name="knower"
    )
    model.layers[-1].set_weights([sharp * 2 * seen.T, -sharp * np.square(seen).sum(axis=1)])
    return Network(model, InputForm.from_range(0, 1, size=(4, 4)), tuple(map(str, range(12))), name="knower")


@pytest.fixture(scope="module")
def images():
    """Five of each color with some noise, 6x6, and their labels."""
    labels = np.repeat(np.arange(12), 5)
    noise = np.random.default_rng(0).normal(0, 0.02, (60, 6, 6, 3))
    return (COLORS[labels][:, None, None] + noise).clip(0, 1).astype("float32"), tuple(map(str, labels))


@pytest.mark.parametrize(
    ("form", "order", "called"),
    [
        (InputForm.from_range(0, 1, size=(4, 4)), range(12), "numeric"),
        (InputForm.from_range(0, 255, size=(4, 4), order="BGR"), range(12), "numeric"),
        (InputForm.from_range(0, 255, size=(4, 4)), AS_TEXT, "string-sorted"),
        (InputForm((4, 4), scale=255.0, mean=(103.939, 116.779, 123.68), order="BGR"), AS_TEXT, "string-sorted"),
    ],
)
def test_the_form_a_network_was_made_for_is_found(images, form, order, called):
    trials = rank_forms(knower(form, order), *images)
    assert (trials.best.form, trials.best.order.name, trials.best.accuracy) == (form, called, 1.0)
    assert (trials.fits, trials.classes) == (True, 12)
    assert [trial.accuracy for trial in trials.ranked] == sorted(
        (trial.accuracy for trial in trials.ranked), reverse=True
    )


def test_what_cannot_be_told_apart_is_a_near_tie():
    """One image of each of two classes, both recognized whatever is done to them."""
    images = COLORS[[0, 11]][:, None, None] * np.ones((2, 4, 4, 3))
    trials = rank_forms(knower(InputForm.from_range(0, 1, size=(4, 4))), images, ("0", "11"))
    assert trials.rivals
    assert f"more: not significantly worse than {trials.best.describe()} on these 2 images" in trials.describe_rivals()


def test_images_are_spread_over_each_class(images):
    trials = rank_forms(knower(InputForm.from_range(0, 1, size=(4, 4))), *images, per_class=2)
    assert len(trials.best.right) == 24


def test_progress_is_told(images):
    told = []
    rank_forms(knower(InputForm.from_range(0, 1, size=(4, 4))), *images, per_class=1, progress=told.append)
    assert told[0] == Progress(1, 12, "decoding")
    assert all(each.done <= each.total for each in told)
    assert {"4x4 BGR, 0 to 255", "nearest"} <= {each.note for each in told}


@pytest.mark.parametrize(
    ("form", "orders", "count"),
    [
        (InputForm(), {"RGB", "BGR"}, 14),
        (InputForm(channels=1, order="gray"), {"gray", "equalized"}, 10),
        (InputForm(channels=2, order="channels"), {"channels"}, 5),
        (InputForm(channels=1, order="gray", scale=7.0), {"gray", "equalized"}, 11),
    ],
)
def test_candidates(form, orders, count):
    found = candidates(form)
    assert found[0] == form
    assert ({each.order for each in found}, len(found), len(set(found))) == (orders, count, count)


def test_what_cannot_be_ranked_is_refused(network, images, nested):
    good = knower(InputForm.from_range(0, 1, size=(4, 4)))
    with pytest.raises(ImageError, match="59 labels for 60 images"):
        rank_forms(good, images[0], images[1][1:])
    with pytest.raises(ImageError, match="no image has a label"):
        rank_forms(good, images[0], [""] * 60)
    with pytest.raises(ImageError, match="per_class=0: at least 1"):
        rank_forms(good, *images, per_class=0)
    image = keras.Input((4, 4, 3))
    one = keras.Model(image, layers.Dense(1)(layers.Flatten()(image)), name="one")
    with pytest.raises(ModelError, match=r"one: its output \(1,\) is not one number for each of several classes"):
        rank_forms(Network(one, good.form, ("0",), name="one"), *images)
    field = keras.Model(image, ops.relu(image), name="field")
    with pytest.raises(ModelError, match=r"field: its output \(4, 4, 3\)"):
        rank_forms(Network(field, good.form, name="field"), *images)
