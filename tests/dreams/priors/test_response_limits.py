"""What limits the score of an ascent under a learned prior, against the responses computed one by one."""

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.dreams.parameterizations import Canvas
from dreamfilters.dreams.priors.response_limits import response_limits
from dreamfilters.images import resize
from tests.dreams.priors.test_denoised import on, prior

CANVAS = on(16, 16, prior())


@pytest.fixture(scope="module")
def sample():
    """The sample images of the prior as the network sees them."""
    return np.stack([resize(image / np.float32(255), (16, 16)) for image in CANVAS.learned.sample])


def test_of_a_filter_it_is_the_highest_response_to_a_sample_image(network, sample):
    maps = df.activations(network, sample, ["conv2"])["conv2"]
    found = response_limits(network, df.channel("conv2", [3, 0]), CANVAS)
    assert found == pytest.approx(maps.mean(axis=(1, 2)).max(axis=0)[[3, 0]], rel=1e-5)


def test_of_a_class_it_is_a_quantile_over_all_classes(network, sample):
    logits = df.activations(network, sample, [df.LOGITS])[df.LOGITS].astype("float64")
    top = logits.max(axis=1)
    assert response_limits(network, df.logit([1, 2]), CANVAS) == pytest.approx([np.quantile(top, 0.95)] * 2, rel=1e-5)
    others = np.where(logits == top[:, None], -np.inf, logits)
    margins = top - 5 * np.log(np.exp(others / 5).sum(axis=1))
    assert response_limits(network, df.margin([0]), CANVAS) == pytest.approx([np.quantile(margins, 0.95)], rel=1e-4)


def test_of_images_scored_together_and_of_other_priors_there_is_none(network):
    assert np.isinf(response_limits(network, df.diversity("conv2", 3), CANVAS)).all()
    assert np.isinf(response_limits(network, df.channel("conv2", [0]), Canvas(16, 16, df.measure_prior(
        np.random.default_rng(0).random((4, 8, 8, 3)))))).all()  # fmt: skip


def test_a_limited_objective_has_the_same_scores_and_gains_nothing_beyond():
    seen = {"conv": np.array([[[[5.0, 1.0]]], [[[2.0, 1.0]]]], "float32")}
    goal = df.channel("conv", [0, 0]).up_to(np.array([3.0, 3.0]))
    assert np.asarray(goal.score(seen, goal.wanted)) == pytest.approx([5, 2])
    assert np.asarray(goal.raised(seen, goal.wanted)) == pytest.approx([3, 2])
    assert goal[[1]].wanted[1].tolist() == [3.0]
    assert goal.at_maximum().raised is None
    assert np.asarray(goal.at_maximum().score(seen, goal.wanted)) == pytest.approx([5, 2])
    assert (goal.names, len(goal)) == (("conv:0", "conv:0"), 2)
