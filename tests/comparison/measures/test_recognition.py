"""Judges of dreams whose predictions are known: plain colors, and networks that distinguish the colors."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.compare import compare
from dreamfilters.comparison.judges import Judgments, describe, judges_of
from dreamfilters.comparison.measures.dream_prediction import DREAM_PREDICTION
from dreamfilters.comparison.measures.recognition import RECOGNITION
from dreamfilters.comparison.reference_set import reference_set
from dreamfilters.comparison.result import means_of, summary_lines
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ModelError, TargetError, UnknownNameError
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.networks import LOGITS, InputForm, Network

UNITS = tuple(
    ComparedUnit(f"class:{name}", LOGITS, number, "mean", name) for number, name in enumerate(("red", "green", "blue"))
)
SHOWN = (0, 1, 1)  # the color of each dream: that of blue is green


def dream_of(color):
    image = np.full((16, 16, 3), 0.2, "float32")
    image[..., color] = 0.5
    return Dream("", image, 0, 0, 0, 1, 0.0, 0, Recipe(), activated=True)


DREAMS = {unit.name: (dream_of(color), dream_of(2)) for unit, color in zip(UNITS, SHOWN, strict=True)}


@pytest.fixture
def batch_with(real):
    """A function from judges to the batch of all classes, each with a dream of `SHOWN`."""

    def batch(*networks, references=real):
        judges = judges_of(references.network, networks, [unit.number for unit in UNITS])
        return Batch(references, UNITS, DREAMS, judgments=Judgments(judges, UNITS, DREAMS))

    return batch


def recognized(batch):
    return list(RECOGNITION.compute(batch))


@pytest.fixture(scope="module")
def reordered(colors):
    """A function from an order of the classes to the network whose outputs have it."""

    def made(order, *, bias=(0, 0, 0), **more):
        model = keras.models.clone_model(colors.model)
        kernel, _ = colors.model.layers[-1].get_weights()
        model.set_weights(colors.model.get_weights())
        model.layers[-1].set_weights([kernel[:, list(order)], np.array(bias, "float32")])
        names = tuple(colors.classes[number].upper() for number in order)
        return Network(model, colors.form, **{"classes": names, "name": "reordered", **more})

    return made


def test_the_network_itself_predicts_as_for_its_own_dreams(colors, batch_with):
    batch = batch_with(colors)
    for found, own in zip(recognized(batch), DREAM_PREDICTION.compute(batch), strict=True):
        (judge,) = found.judges
        assert (judge.recognized, judge.predicted) == (own.is_predicted, own.predictions[0].name)
        assert judge.probability == pytest.approx(own.own.probability, abs=1e-6)


def test_shares_are_those_counted_by_hand(colors, batch_with):
    """The logits of a plain image are ten times its colors; the real images are all predicted correctly."""
    red, green, blue = recognized(batch_with(colors))
    assert [one.share for one in (red, green, blue)] == [1, 1, 0]
    assert [one.real for one in (red, green, blue)] == [1, 1, 1]
    assert [one.other for one in (red, green, blue)] == [0, 0.5, 0]  # the dream of blue is predicted as green
    odds = np.exp([2.0, 5.0, 2.0]) / np.exp([2.0, 5.0, 2.0]).sum()
    assert (green.probability, blue.probability) == pytest.approx((odds[1], odds[2]), abs=1e-5)
    assert (blue.judges[0].predicted, blue.by, blue.images, blue.count) == ("green", (), 8, 8)


def test_another_order_of_classes_and_names_gives_the_same_shares(colors, reordered, batch_with):
    ours, theirs = recognized(batch_with(colors)), recognized(batch_with(reordered((2, 0, 1))))
    for one, other in zip(ours, theirs, strict=True):
        assert (one.share, one.real, one.other) == (other.share, other.real, other.other)
        assert one.probability == pytest.approx(other.probability, abs=1e-6)


def test_a_wrong_order_of_numbered_classes_shows_in_the_real_images(colors, reordered, batch_with):
    judge = reordered((0, 2, 1), classes=("0", "1", "2"))
    red, green, blue = recognized(batch_with(judge))
    assert [one.real for one in (red, green, blue)] == [1, 0, 0]
    assert [one.share for one in (red, green, blue)] == [1, 0, 1]
    assert describe(colors, judge).endswith("3 classes matched by number")
    assert describe(colors, reordered((0, 1, 2))).endswith("3 classes matched by name")


def test_a_judge_that_always_predicts_one_class_fails_the_controls(reordered, batch_with):
    batch = batch_with(reordered((0, 1, 2), bias=(0, 100, 0)))
    found = recognized(batch)
    assert [(one.share, one.real, one.other) for one in found] == [(0, 0, 0), (1, 1, 1), (0, 0, 0)]
    caption = RECOGNITION.captioned(found[1])
    assert (caption.figure, caption.detail) == (
        "1 of 1", "by reordered; real images 100 %; dreams of other classes 100 %",
    )  # fmt: skip
    assert RECOGNITION.captioned(found[0]).fails


def test_several_judges_are_averaged_and_each_is_named(colors, reordered, batch_with):
    found = recognized(batch_with(colors, reordered((0, 1, 2), bias=(0, 100, 0), name="colors")))
    assert found[0].by == ("colors",)
    assert [judge.judge for judge in found[0].judges] == ["colors", "colors (2)"]
    assert [one.share for one in found] == [0.5, 1, 0]
    assert RECOGNITION.row(found[2])["recognized_other"] == 0
    means = means_of({"recognition": RECOGNITION.summary.numbers(one)} for one in found)
    assert summary_lines(means) == (
        "Recognized by other networks: a class is predicted for 50 % of its dreams, 66.7 % of its real images, 25 % of "
        "the dreams of other classes (colors 66.7 %, 100 %, 16.7 %; colors (2) 33.3 %, 33.3 %, 33.3 %).",
    )
    assert summary_lines({"recognition": {"forged": 1.0}, "none": {}})[0].startswith("Recognized")


def test_a_judge_sees_images_in_its_own_input_form(colors, batch_with):
    """Another size, range and order of channels: the probability is that of the model for an array made by hand."""
    rng = np.random.default_rng(5)
    model = keras.Sequential(
        [keras.layers.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    )
    model.layers[-1].set_weights([rng.normal(0, 0.1, (192, 3)), rng.normal(0, 1, 3)])
    judge = Network(model, InputForm.from_range(-1, 1, size=(8, 8), order="BGR"), colors.classes, name="other")
    for unit, color, found in zip(UNITS, SHOWN, recognized(batch_with(judge)), strict=True):
        by_hand = np.full((1, 8, 8, 3), -0.6, "float32")  # 0.2 in [-1, 1]
        by_hand[..., 2 - color] = 0
        odds = model.predict_on_batch(by_hand)[0]
        assert found.probability == pytest.approx(odds[unit.number], abs=1e-5)
        assert found.judges[0].predicted == colors.classes[odds.argmax()]


def test_without_labels_there_is_no_share_of_real_images(colors, images_of, batch_with):
    references = reference_set(colors, source_of(images_of()[0]), [LOGITS], top=1, seed=0)
    found = recognized(batch_with(colors, references=references))
    assert [(one.share, one.real, one.images) for one in found] == [(1, None, 0), (1, None, 0), (0, None, 0)]
    assert "real" not in RECOGNITION.captioned(found[0]).detail
    assert len(RECOGNITION.figure(found[0]).parts) == 2


def test_a_single_dream_has_no_share_of_other_dreams(colors, real):
    judges = judges_of(colors, [colors], [1])
    batch = Batch(real, UNITS[1:2], DREAMS, judgments=Judgments(judges, UNITS[1:2], DREAMS))
    assert [(one.share, one.other) for one in recognized(batch)] == [(1, None)]


def test_networks_that_cannot_judge_are_refused_before_anything_is_computed(colors):
    def asked(judge, target="class:green"):
        compare(colors, target, np.zeros((0, 16, 16, 3)), judges=[judge])

    animals = replace(colors, classes=("cat", "dog", "cow"), name="animals")
    with pytest.raises(UnknownNameError, match="animals: has no class of colors: 3 classes such as cat, dog, cow, aga"):
        asked(animals)
    with pytest.raises(UnknownNameError, match="class green: animals has no such class"):
        asked(replace(animals, classes=("red", "dog", "cow")))
    with pytest.raises(UnknownNameError, match="few: has no class of colors: 2 classes such as 0, 1, against 3 such"):
        asked(replace(colors, classes=("0", "1"), name="few"))
    line = keras.Sequential([keras.layers.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
    with pytest.raises(ModelError, match="judge line: predicts no classes; give a network of the classes of colors"):
        asked(Network(line, colors.form, ("0",), name="line"))
    with pytest.raises(TargetError, match="judge colors: judges are shown dreams of classes"):
        asked(colors, "conv:0")
    with pytest.raises(ModelError, match=r"network='x\.keras': give a keras.Model"):
        compare(colors, "class:green", np.zeros((0, 16, 16, 3)), judges="x.keras")
