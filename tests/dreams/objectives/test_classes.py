"""Objectives of classes on hand-filled maps of classes, and dreams of them."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from dreamfilters import backend
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.classes import logit, margin
from dreamfilters.dreams.objectives.targets import parse
from dreamfilters.dreams.parameterizations import Pixels
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError
from dreamfilters.networks import LOGITS, load

STILL = Recipe(Pixels(), steps=16, transforms=())
LOGIT_MAPS = np.float32([[[[1, 5], [2, 5]], [[3, 5], [4, 9]]]])  # (1, 2, 2, 2): class 0 is 1 to 4, class 1 is 5 and 9


def score(goal):
    return float(np.asarray(goal.score({LOGITS: backend.tensor(LOGIT_MAPS)}, goal.wanted))[0])


def test_the_logit_over_the_whole_map_at_a_position_and_over_a_mask():
    assert score(logit([0])) == 2.5
    assert score(logit([1], at=(1, 1))) == 9
    assert score(logit([0], mask=[[0, 1], [0, 0.5]])) == pytest.approx((2 + 0.5 * 4) / 1.5)
    left_half = np.zeros((8, 8))
    left_half[:, :4] = 1
    assert score(logit([0], mask=left_half)) == 2  # the mean of 1 and 3
    assert score(logit([0], mask=[[1]])) == 2.5


def test_the_margin_of_two_classes_is_the_difference_of_their_logits():
    assert score(margin([0])) == pytest.approx((1 - 5 + 2 - 5 + 3 - 5 + 4 - 9) / 4, rel=1e-6)
    assert score(margin([1], at=(1, 0))) == pytest.approx(2, rel=1e-6)
    assert score(margin([1], mask=[[0, 0], [1, 1]])) == pytest.approx((2 + 5) / 2, rel=1e-6)


def test_names_say_the_place():
    assert logit([1, 2], at=(3, 4)).names == ("class:1@3,4", "class:2@3,4")
    assert logit([1], mask=np.ones((2, 2))).names == ("class:1 over a mask",)
    assert logit([1], at=(3, 4)).classes == ((1, 3, 4),)


BOTH = {"at": (0, 0), "mask": np.ones((2, 2))}


@pytest.mark.parametrize("place", [{"at": (-1, 0)}, {"mask": np.zeros((2, 2))}, {"mask": np.ones(4)}, BOTH])
def test_an_impossible_place_is_refused(place):
    with pytest.raises(TargetError, match=r"position -1|mask \(|at and mask"):
        logit([0], **place)


@pytest.fixture(scope="module")
def segmenting():
    """Three classes for each pixel of an 8x8 image, whose logits are 20 times its red, green and blue."""

    def identity(*_, **__):
        return 20 * np.eye(3)[None, None]

    last = layers.Conv2D(
        3, 1, activation="softmax", kernel_initializer=lambda *_, **__: np.eye(3)[None, None], name="seg"
    )
    return load(keras.Sequential([layers.Input((8, 8, 3)), last], name="net"), classes=("road", "sky", "a@3"))


def test_classes_of_a_map_are_targets(segmenting):
    assert parse(segmenting, "class:*").names == ("class:road", "class:sky", 'class:"a@3"')
    assert parse(segmenting, "class:sky@3,4").names == ("class:sky@3,4",)
    assert parse(segmenting, "class:0-1@3,4", class_score="margin").names == ("class:road@3,4", "class:sky@3,4")
    assert parse(segmenting, 'class:"a@3"').names == parse(segmenting, "class:a@3").names == ('class:"a@3"',)
    with pytest.raises(TargetError, match="class:1@8,0: the map of classes has 8 rows and 8 columns on this canvas"):
        dream(segmenting, "class:sky@8,0")
    with pytest.raises(TargetError, match="class:1@8: give class:1@ROW,COLUMN"):
        dream(segmenting, "class:sky@8")


@pytest.mark.parametrize("recipe", [STILL, replace(STILL, class_score="margin")])
def test_a_dream_of_a_map_of_classes_shows_the_class(segmenting, recipe):
    whole, pixel = dream(segmenting, ["class:sky", "class:sky@3,4"], recipe)
    red, green, blue = whole.image.mean(axis=(0, 1))
    assert green > max(red, blue)
    assert whole.prediction.own.share > 0.5
    assert whole.prediction.text.startswith("predicted: sky, ")
    assert whole.prediction.text.endswith(" % of the image")
    assert pixel.image[3, 4, 1] > max(pixel.image[3, 4, 0], pixel.image[3, 4, 2])
    assert (pixel.prediction.is_predicted, pixel.prediction.own.share) == (True, None)


def test_a_mask_decides_where_a_class_is_dreamed(segmenting):
    left = np.zeros((4, 4))
    left[:, :2] = 1
    (found,) = dream(segmenting, margin([1], mask=left), STILL)
    assert found.image[:, :4, 1].mean() > found.image[:, 4:, 1].mean()


def test_a_vector_of_classes_has_no_places(network):
    with pytest.raises(TargetError, match="class:0@0,0: it has no positions, omit them"):
        dream(network, "class:STOP@0,0")
    with pytest.raises(TargetError, match="class:0@0,0: it has no positions, omit them"):
        dream(network, logit([0], mask=np.ones((2, 2))))
