import itertools
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers, ops

from dreamfilters.errors import ImageError, ModelError, UnknownNameError
from dreamfilters.networks import InputForm, Network, load
from dreamfilters.networks.preprocessing.form_origin import GIVEN, FormOrigin
from dreamfilters.networks.preprocessing.search.class_order import ClassOrder
from dreamfilters.networks.preprocessing.search.ranking import best_of, candidates, rank_forms
from dreamfilters.networks.preprocessing.search.result import FormRanking
from dreamfilters.networks.preprocessing.search.trial import Trial
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
    names = tuple(map(str, range(12)))
    return Network(
        model, InputForm.from_range(0, 1, size=(4, 4)), names, name="knower", origin=FormOrigin("assumed", "assumed")
    )


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
    others = [trial.accuracy for trial in trials.ranked[1:]]
    assert others == sorted(others, reverse=True)


def test_equal_forms_are_a_near_tie():
    """One image of each of two classes, both recognized whatever is done to them."""
    images = COLORS[[0, 11]][:, None, None] * np.ones((2, 4, 4, 3))
    trials = rank_forms(knower(InputForm.from_range(0, 1, size=(4, 4))), images, ("0", "11"))
    assert trials.rivals
    assert f"more: not significantly worse than {trials.best.describe()} on these 2 images" in trials.describe_rivals()


def test_a_form_that_is_given_has_only_class_orders_as_rivals():
    """The two colors are recognized in any form."""
    images = COLORS[[0, 11]][:, None, None] * np.ones((2, 4, 4, 3))
    given = replace(knower(InputForm.from_range(0, 1, size=(4, 4))), origin=GIVEN)
    trials = rank_forms(given, images, ("0", "11"))
    assert trials.best.form == given.form
    assert {rival.form for rival in trials.rivals} == {given.form}


ORDER = ClassOrder("as named", ("0", "1"), np.array([0, 1]))
RGB, BGR = (InputForm.from_range(0, 255, size=(4, 4), order=order) for order in ("RGB", "BGR"))
CAFFE = InputForm((4, 4), scale=255.0, mean=(103.9, 116.8, 123.7), order="BGR")
WIDE = InputForm.from_range(-1, 1, size=(4, 4))


def trial_of(form, right, loss=0.5):
    """A trial of 20 images, with so many right ones."""
    return Trial(form, ORDER, np.arange(20) < right, np.full(20, loss) + np.linspace(0, 5, 20))


def ranking_of(*trials, known=None):
    best = best_of(trials, known)
    return FormRanking((best, *(trial for trial in trials if trial is not best)), 2, (), known)


def test_rgb_wins_a_tie_with_bgr():
    found = ranking_of(trial_of(BGR, 20), trial_of(RGB, 19), trial_of(WIDE, 2))
    assert (found.best.form, found.rivals) == (RGB, ())
    assert ranking_of(trial_of(BGR, 20), trial_of(RGB, 10)).best.form == BGR
    plain = replace(CAFFE, order="RGB", mean=CAFFE.mean[::-1])
    assert ranking_of(trial_of(CAFFE, 20), trial_of(plain, 20)).best.form == plain


def test_rgb_in_another_range_does_not_win_a_tie_with_bgr():
    found = ranking_of(trial_of(BGR, 20), trial_of(WIDE, 19))
    assert (found.best.form, [rival.form for rival in found.rivals]) == (BGR, [WIDE])


def test_a_known_form_wins_ties_only():
    tie = trial_of(BGR, 20), trial_of(WIDE, 20), trial_of(RGB, 19)
    assert (ranking_of(*tie, known=RGB).best.form, ranking_of(*tie, known=RGB).rivals) == (RGB, ())
    assert ranking_of(trial_of(BGR, 20), trial_of(RGB, 10), known=RGB).best.form == BGR


def test_a_large_range_does_not_win_by_confidence_alone():
    """All predictions are right in both forms; the loss of 0..255 is lower in every image, by less than 0.1."""
    assumed = InputForm.from_range(0, 1, size=(4, 4))
    large, small = (
        Trial(form, ORDER, np.full(20, True), np.full(20, loss)) for form, loss in ((RGB, 0.0), (assumed, 0.09))
    )
    assert not large.beats(small)
    assert best_of([large, small], None, assumed) is small
    unsure = replace(small, losses=np.full(20, 0.7))
    assert large.beats(unsure)
    assert best_of([large, unsure], None, assumed) is large


def test_what_the_first_layers_imply_is_known(images):
    """It comes before a form that is given."""
    known = knower(InputForm.from_range(0, 1, size=(4, 4)))
    scaled = keras.Sequential([keras.Input((4, 4, 3)), layers.Rescaling(1 / 255), *known.model.layers], name="scaled")
    network = Network(scaled, InputForm.from_range(0, 1, size=(4, 4), order="BGR"), known.classes)
    found = rank_forms(network, *images)
    assert (found.known, found.best.form, found.best.accuracy) == (RGB, RGB, 1.0)


def test_an_unusual_order_of_the_classes_is_found(images):
    """The outputs are named 0 to 11, and the folders by words whose sequence is not that of the outputs."""
    order = np.random.default_rng(1).permutation(12)
    words = tuple(f"color {letter}" for letter in "abcdefghijkl")
    labels = [words[int(label)] for label in images[1]]
    found = rank_forms(knower(InputForm.from_range(0, 255, size=(4, 4)), order), images[0], labels)
    assert (found.best.form, found.best.accuracy) == (RGB, 1.0)
    assert (found.best.order.name, found.fits, found.rivals) == ("by predictions", True, ())
    assert found.best.order.classes == tuple(words[number] for number in order)


@pytest.mark.parametrize("seed", range(3))
def test_random_weights_fit_in_no_form_and_order(images, seed):
    """The images of a color are nearly the same, so a random network gives each of the twelve some output.

    About 1 - (11 / 12)^12 = 65 % of the colors have an output of their own in the best order: that is chance here.
    """
    untrained = knower(InputForm.from_range(0, 1, size=(4, 4)))
    untrained.model.layers[-1].set_weights([np.random.default_rng(seed).normal(0, 1, (3, 12)), np.zeros(12)])
    assert not rank_forms(untrained, *images).fits


def test_a_weak_network_may_keep_its_form(images):
    """Half of the images of each class have another label, each another one, as if the network confused them."""
    labels = [int(label) for label in images[1]]
    mixed = [str((label + 1 + index // 2 % 11) % 12) if index % 2 else str(label) for index, label in enumerate(labels)]
    network = knower(InputForm.from_range(0, 1, size=(4, 4)))
    found = rank_forms(network, images[0], mixed)
    assert not found.fits
    (line,) = (line for line in found.remarks if line.startswith("no input form fits"))
    assert line.endswith(
        "None is significantly better than the form in use, which can stay if the network is only that good"
    )
    wrong = replace(network, form=InputForm.from_range(-9, 1, size=(4, 4)))
    (line,) = (line for line in rank_forms(wrong, images[0], mixed).remarks if line.startswith("no input form fits"))
    assert line.endswith("is significantly better than the form in use")


def test_images_are_spread_over_each_class(images):
    trials = rank_forms(knower(InputForm.from_range(0, 1, size=(4, 4))), *images, per_class=2)
    assert len(trials.best.right) == 24


def test_progress_is_reported(images):
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


def test_invalid_images_and_labels_are_refused(network, images, nested):
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


def test_a_trial_is_saved_with_the_names_of_its_classes_unless_they_are_their_numbers():
    form, positions = InputForm.from_range(0, 255, size=(4, 4)), np.zeros(2, int)
    named, numbered = (ClassOrder("as named", names, positions) for names in (("cat", "dog"), ("0", "1")))
    text = 'size = [4, 4]\norder = "RGB"\nrange = [0.0, 255.0]\n'
    right, losses = np.ones(2, bool), np.zeros(2)
    assert Trial(form, numbered, right, losses).as_toml() == text
    assert Trial(form, named, right, losses).as_toml({"scale": 2.0}) == (
        f'{text}classes = ["cat", "dog"]\ninputs."scale" = 2.0\n'
    )


def paired(images):
    """A network that knows the twelve colors in the mean of two images, and the same one for those at zeros."""
    known = knower(InputForm.from_range(0, 1, size=(4, 4)))
    left, right = keras.Input((4, 4, 3), name="left"), keras.Input((4, 4, 3), name="right")
    return keras.Model([left, right], known.model(layers.Average()([left, right])), name="pair")


def test_inputs_at_zeros_are_named_and_the_same_image_fits(images):
    found = rank_forms(load(paired(images), input="left"), *images)
    zeros = "right held at zeros in all trials, which the network may not know: --input right=FILE sets it, and "
    assert zeros in found.remarks[0]
    same = rank_forms(load(paired(images), inputs={"right": "image"}), *images)
    assert (same.best.form, same.best.accuracy) == (InputForm.from_range(0, 1, size=(4, 4)), 1.0)
    assert not any("zeros" in remark for remark in same.remarks)
    with pytest.raises(UnknownNameError, match=r"class cat: pair has no such class .* --input right=image gives"):
        rank_forms(load(paired(images), input="left"), images[0], ["cat", "dog"] * 30)


def test_an_order_found_from_the_predictions_is_named(images):
    labels = [f"color {'abcdefghijkl'[int(label)]}" for label in images[1]]
    order = np.random.default_rng(1).permutation(12)
    found = rank_forms(knower(InputForm.from_range(0, 255, size=(4, 4)), order), images[0], labels)
    words = ", ".join(f"color {'abcdefghijkl'[number]}" for number in order[:5])
    assert f"the order of the classes is found from the predictions: {words} and 7 more" in found.remarks
