"""Tests of the score of an objective as a function of images."""

import numpy as np
import pytest

from dreamfilters.attribution.scorer import Scorer
from dreamfilters.dreams.objectives.classes import logit
from dreamfilters.dreams.objectives.units import channel
from dreamfilters.errors import TargetError
from dreamfilters.evidence.activations import activations


@pytest.fixture
def images(scene):
    return np.stack([scene(seed=seed) for seed in range(5)])


def test_the_score_of_a_channel_is_the_mean_of_its_map(network, images):
    maps = activations(network, images, ["conv2"])["conv2"][..., 3]
    np.testing.assert_allclose(Scorer(network, channel("conv2", 3)).scores(images), maps.mean(axis=(1, 2)), rtol=1e-5)


def test_the_gradient_equals_a_central_difference(network, images):
    scorer, step = Scorer(network, logit(1) - logit(0)), 1e-4
    _, gradients = scorer.gradients(images)
    direction = np.random.default_rng(0).normal(size=images.shape[1:]).astype("float32")
    difference = (scorer.scores(images + step * direction) - scorer.scores(images - step * direction)) / (2 * step)
    np.testing.assert_allclose((gradients * direction).sum(axis=(1, 2, 3)), difference, rtol=0.02, atol=0.02)


def test_images_have_the_same_bytes_alone_and_in_batches(network, images, monkeypatch):
    scorer = Scorer(network, channel("conv2", 3))
    together = scorer.gradients(images)
    alone = [scorer.gradients(images[row : row + 1]) for row in range(len(images))]
    monkeypatch.setattr(Scorer, "batch_size", 2)
    for parts in (alone, [scorer.gradients(images)]):
        for number, whole in enumerate(together):
            np.testing.assert_array_equal(np.concatenate([part[number] for part in parts]), whole)


def test_several_targets_are_refused(network):
    with pytest.raises(TargetError, match=r"conv2:1, conv2:2: 2 targets; an attribution explains one"):
        Scorer(network, channel("conv2", [1, 2]))
