"""What a learned prior hides, of a network whose responses are known: each of its filters passes on one color."""

from dataclasses import replace

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.comparison.prior_checking import RAW_STEPS, checks_of
from dreamfilters.errors import RecipeError
from tests.dreams.priors.test_denoised import prior

QUICK = df.read_recipe("learned", settings=["steps=2", "transforms.views.views=1"])
RAW = df.Recipe(df.Fourier(), transforms=(), steps=2)
pytestmark = [pytest.mark.slow, pytest.mark.thorough]  # the tutorial on a planted cue runs in every test

INSIDE = 14 * 14  # positions of `conv`, whose response is the mean of a channel without the outermost pixels


@pytest.fixture(scope="module")
def learned():
    return prior(16)


@pytest.fixture(scope="module")
def made(colors, learned):
    """Dreams of filters 0 and 1; that of filter 0 is replaced by a red square on black."""
    first, second = df.dream(colors, "conv:0,1", QUICK, prior=learned)
    image = np.zeros((16, 16, 3), "float32")
    image[4:8, 4:8, 0] = 1
    return replace(first, image=image, score=16 / INSIDE), second


@pytest.fixture(scope="module")
def checks(colors, made, learned):
    return df.check_prior(colors, made, learned, seeds=3, raw=RAW)


def test_beside_the_dream_stand_the_raw_dream_raw_steps_and_other_seeds(colors, made, learned, checks):
    check = checks[0]
    assert [one.name for one in check.images] == ["dream", "raw dream", f"{RAW_STEPS} raw steps", "seed 1", "seed 2"]
    np.testing.assert_array_equal(check.dream.image, made[0].image)
    raw, seed = (
        df.dream(colors, "conv:0", RAW)[0],
        df.dream(colors, "conv:0", QUICK, seed=2, prior=learned)[0],
    )
    np.testing.assert_array_equal(check.images[1].image, raw.image)
    np.testing.assert_allclose(check.images[4].image, seed.image, atol=1e-6)
    stepped = check.images[2]
    assert stepped.score > check.dream.score  # raw steps raise the red
    assert np.abs(stepped.image[5:7, 5:7, 0] - 1).max() < 0.01  # and begin with the dream


def test_covering_costs_what_is_covered(checks):
    """The window on the square leaves the mean color, 16 / 256, of 16 of its pixels; a corner adds it to 9 others."""
    part = checks[0].covered
    assert part.box == (4, 4, 8, 8)
    assert part.drop == pytest.approx(16 * (1 - 1 / 16) / INSIDE, rel=1e-4)
    assert part.elsewhere == pytest.approx(-9 / 16 / INSIDE, rel=1e-4)
    assert part.heatmap.shape == (16, 16)
    assert np.unravel_index(part.heatmap.argmax(), (16, 16)) in [(y, x) for y in range(4, 8) for x in range(4, 8)]
    assert checks[0].covered_text == (
        "covering rows 4 to 7, columns 4 to 7 costs 0.0765 of the score 0.0816; apart from it at most −0.00287"
    )


def test_scores_stand_among_those_of_the_real_images_of_the_prior(learned, checks):
    check = checks[0]
    real = learned.sample[:, 1:-1, 1:-1, 0].mean(axis=(1, 2)) / 255
    assert check.count == 40
    assert check.real == pytest.approx(np.quantile(real, (0.05, 0.5, 0.95)).tolist(), rel=1e-4)
    for one in check.images:
        assert one.share == pytest.approx(np.mean(real <= one.score))
    assert check.real_text.startswith("40 real images of the prior: score 0.4")
    assert check.appearance.label == "appearance from 200 images (own), unit from the network"


def test_a_check_is_the_same_alone(colors, made, learned, checks):
    (alone,) = df.check_prior(colors, made[1], learned, seeds=3, raw=RAW)
    assert alone.lines == checks[1].lines
    np.testing.assert_array_equal(alone.sheet, checks[1].sheet)
    assert checks._repr_html_().count("<img") == 2 * 6
    assert alone.appearance.text in alone._repr_html_()


def test_scores_of_real_images_for_a_class_are_those_of_their_own_best_class(colors, made, learned):
    dream = replace(made[0], name="class:green")
    (check,) = checks_of(colors, [[dream]], learned, raw=RAW)
    means = learned.sample[:, 1:-1, 1:-1].mean(axis=(1, 2)) / 255
    logits = np.sort(10 * means, axis=1)
    margins = logits[:, 2] - 5 * np.log(np.exp(logits[:, :2] / 5).sum(axis=1))
    assert check.real == pytest.approx(np.quantile(margins, (0.05, 0.5, 0.95)).tolist(), abs=1e-3)
    assert "each for its own best class" in check.real_text


def test_errors_are_one_line(colors, made, learned):
    with pytest.raises(RecipeError, match="seeds=0: at least 1, usually 3"):
        df.check_prior(colors, made, learned, seeds=0)
    with pytest.raises(RecipeError, match="2 dreams of 1 targets; give one dream of each target"):
        df.check_prior(colors, [made[0], made[0]], learned)
    with pytest.raises(RecipeError, match="dream conv:0: was not made with a learned prior"):
        df.check_prior(colors, replace(made[0], appearance=None), learned, seeds=1, raw=RAW)
    assert df.check_prior(colors, [], learned) == ()
