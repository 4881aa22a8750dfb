import numpy as np
import pytest
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.penalties import (
    L1,
    L2,
    BlurDistance,
    BlurEvery,
    ClipContribution,
    ClipNorm,
    Decay,
    Lp,
    SquaredVariation,
    TotalVariation,
)
from dreamfilters.dreams.transforms import gaussian_blur
from dreamfilters.errors import RecipeError


def image(*rows):
    """One image of one channel from its rows."""
    return np.asarray(rows, "float32")[None, :, :, None]


GRAY = image([0.5, 0.5], [0.5, 0.5])
MIXED = image([0.5, 0.75], [0.0, 1.0])  # from gray: 0, .25, .5, .5


def of(penalty, pixels):
    return np.asarray(penalty(backend.tensor(pixels))).tolist()


def test_total_variation_by_hand():
    # down: .5 + .25; right: .25 + 1; over 4 pixels
    assert of(TotalVariation(1.0), MIXED) == pytest.approx([0.5])
    assert of(TotalVariation(3.0), MIXED) == pytest.approx([1.5])
    assert of(TotalVariation(1.0), np.repeat(MIXED, 3, axis=-1)) == pytest.approx([1.5])  # summed over channels
    assert of(TotalVariation(1.0), GRAY) == [0.0]


def test_squared_variation_by_hand():
    # down: .25 + .0625; right: .0625 + 1; over 4 pixels
    assert of(SquaredVariation(1.0), MIXED) == pytest.approx([0.34375])
    assert of(SquaredVariation(2.0), np.repeat(MIXED, 3, axis=-1)) == pytest.approx([2.0625])
    assert of(SquaredVariation(1.0), GRAY) == [0.0]


def test_distances_from_gray_by_hand():
    assert of(L1(1.0), MIXED) == pytest.approx([1.25 / 4])
    assert of(L2(2.0), MIXED) == pytest.approx([2 * (0.0625 + 0.25 + 0.25) / 4])
    assert of(Lp(1.0, power=3.0), MIXED) == pytest.approx([(0.25**3 + 2 * 0.5**3) / 4])
    assert of(Lp(1.0, power=1.0), MIXED) == pytest.approx(of(L1(1.0), MIXED))
    assert of(Lp(1.0), GRAY) == of(L1(1.0), GRAY) == of(L2(1.0), GRAY) == [0.0]


def test_blur_distance_is_the_distance_to_the_blurred_image():
    pixels = np.random.default_rng(0).uniform(0, 1, (2, 8, 8, 3)).astype("float32")
    blurred = np.asarray(gaussian_blur(backend.tensor(pixels), np.full(2, 1.5, "float32")))
    expected = 4 * np.mean((pixels - blurred) ** 2, axis=(1, 2, 3))
    assert of(BlurDistance(4.0, sigma=1.5), pixels) == pytest.approx(expected.tolist(), rel=1e-5)
    assert of(BlurDistance(4.0), np.full((1, 8, 8, 3), 0.3, "float32")) == pytest.approx([0], abs=1e-10)


EVERY = [TotalVariation(0.3), L1(0.3), L2(0.3), Lp(0.3), BlurDistance(0.3)]


def gradient_of(penalty, pixels):
    def total(numbers):
        return ops.sum(penalty(numbers["x"])), ()

    _, gradient = backend.value_and_gradient(total)({"x": backend.tensor(pixels)})
    return np.asarray(gradient["x"])


@pytest.mark.parametrize("penalty", EVERY, ids=lambda p: type(p).__name__)
def test_a_penalty_is_at_least_zero_per_image_and_falls_against_its_gradient(penalty):
    pixels = np.random.default_rng(0).uniform(0.05, 0.95, (3, 6, 7, 3)).astype("float32")
    before = np.array(of(penalty, pixels))
    assert before.shape == (3,)
    assert np.all(before > 0)
    slope = gradient_of(penalty, pixels)
    after = np.array(of(penalty, pixels - 1e-3 * slope / np.abs(slope).max()))
    assert np.all(after < before)
    each = [of(penalty, pixels[row : row + 1])[0] for row in range(3)]
    assert before.tolist() == pytest.approx(each, rel=1e-6)


@pytest.mark.parametrize("weight", [0.0])
def test_a_weight_of_zero_gives_no_penalty(weight):
    for kind in (TotalVariation, L1, L2, Lp, BlurDistance):
        assert of(kind(weight), MIXED) == [0.0]


def test_gradients_by_hand():
    assert gradient_of(L1(1.0), MIXED)[0, ..., 0] == pytest.approx(np.array([[0, 0.25], [-0.25, 0.25]]))
    assert gradient_of(L2(1.0), MIXED)[0, ..., 0] == pytest.approx(np.array([[0, 0.125], [-0.25, 0.25]]))
    # the blurred image is constant: 2 * weight * (x - blurred) / size
    pixels = np.random.default_rng(0).uniform(0, 1, (1, 5, 5, 1)).astype("float32")
    blurred = np.asarray(gaussian_blur(backend.tensor(pixels), np.ones(1, "float32")))
    assert gradient_of(BlurDistance(3.0), pixels) == pytest.approx(2 * 3 * (pixels - blurred) / 25, abs=1e-6)


def edited(edit, pixels, gradient=None, step=0):
    gradient = np.ones_like(pixels) if gradient is None else gradient
    return np.asarray(edit(backend.tensor(pixels), backend.tensor(gradient), backend.tensor(np.int32(step))))


def test_decay_multiplies_by_1_minus_its_rate():
    assert edited(Decay(0.25), MIXED) == pytest.approx(0.75 * MIXED)
    assert np.array_equal(edited(Decay(0.0), MIXED), MIXED)
    assert np.all(edited(Decay(1.0), MIXED) == 0)


def test_blur_every_blurs_at_every_nth_step():
    pixels = np.random.default_rng(0).normal(size=(1, 6, 6, 1)).astype("float32")
    blurred = np.asarray(gaussian_blur(backend.tensor(pixels), np.ones(1, "float32")))
    for step in range(8):
        expected = blurred if step in (3, 7) else pixels  # the 4th and the 8th step
        assert edited(BlurEvery(1.0, every=4), pixels, step=step) == pytest.approx(expected, abs=1e-6)
    assert edited(BlurEvery(1.0, every=1), pixels) == pytest.approx(blurred, abs=1e-6)


def test_clip_norm_sets_the_weakest_pixels_to_gray():
    pixels = np.array([[[3, 4], [0, 1]], [[-2, 0], [0, 0.5]]], "float32")[None]  # norms 5, 1, 2, .5
    assert edited(ClipNorm(50.0), pixels)[0].tolist() == [[[3, 4], [0, 0]], [[-2, 0], [0, 0]]]
    assert edited(ClipNorm(25.0), pixels)[0].tolist() == [[[3, 4], [0, 1]], [[-2, 0], [0, 0]]]
    assert edited(ClipNorm(20.0), pixels).tolist() == pixels.tolist()  # less than one pixel
    assert np.all(edited(ClipNorm(100.0), pixels) == 0)


def test_clip_contribution_sets_the_least_important_pixels_to_gray():
    pixels = np.array([[[3, 4], [0, 1]], [[-2, 0], [0, 0.5]]], "float32")[None]
    gradient = np.array([[[1, -0.75], [9, 0.5]], [[2, 7], [7, -4]]], "float32")[None]
    # |3 - 3| = 0, |.5|, |-4|, |-2|: the strongest pixel contributes nothing
    assert edited(ClipContribution(25.0), pixels, gradient)[0].tolist() == [[[0, 0], [0, 1]], [[-2, 0], [0, 0.5]]]
    assert edited(ClipContribution(50.0), pixels, gradient)[0].tolist() == [[[0, 0], [0, 0]], [[-2, 0], [0, 0.5]]]


def test_each_image_is_clipped_by_its_own_threshold():
    pixels = np.stack([np.arange(1, 5), 100 * np.arange(1, 5)]).reshape(2, 2, 2, 1).astype("float32")
    kept = edited(ClipNorm(50.0), pixels) != 0
    assert kept[0].tolist() == kept[1].tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TotalVariation(-0.1), "weight=-0.1: at least 0"),
        (lambda: L1(float("nan")), "weight=nan"),
        (lambda: L2(-1.0), "weight=-1.0"),
        (lambda: Lp(1.0, power=0.5), "power=0.5: at least 1"),
        (lambda: BlurDistance(1.0, sigma=-1.0), "sigma=-1.0"),
        (lambda: Decay(1.5), "rate=1.5: from 0 to 1"),
        (lambda: BlurEvery(1.0, every=0), "every=0: at least 1"),
        (lambda: ClipNorm(101.0), "percent=101.0: from 0 to 100"),
        (lambda: ClipContribution(-1.0), "percent=-1.0"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(RecipeError, match=message):
        make()
