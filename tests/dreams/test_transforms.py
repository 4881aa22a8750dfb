import math

import numpy as np
import pytest
from keras import ops

from dreamfilters import backend
from dreamfilters.dreams.transforms import (
    AffineTransform,
    Blur,
    Color,
    Crop,
    Flip,
    Jitter,
    Motion,
    Noise,
    Pad,
    Rotate,
    Scale,
    Shear,
    Shift,
    Trim,
    Views,
    apply,
    gaussian_blur,
    views_of,
    weakened,
)
from dreamfilters.errors import RecipeError
from tests.batch_independence import any_batch_size

SEEDS = np.array([3, 14, 15, 92], "uint64")

EVERY = [
    Jitter(3),
    Rotate(10.0),
    Scale(0.2),
    Shear(0.2),
    Shift(2.5),
    Pad(2),
    Trim(2),
    Views(2),
    Crop(views=2),
    Noise(normal=0.1, uniform=0.1),
    Blur(2.0),
    Flip(),
    Color(0.2, 0.3, 0.4),
]
NOTHING = [
    Jitter(0),
    Rotate(0.0),
    Scale(0.0),
    Shear(0.0),
    Shift(0.0),
    Pad(0),
    Trim(0),
    Views(1),
    Crop(smallest=1.0, largest=1.0),
    Noise(),
    Blur(0.0),
    Flip(0.0),
    Color(),
]
RANDOM = [transform for transform in EVERY if not isinstance(transform, (Pad, Trim, Views))]


def name(value):
    return type(value).__name__


@pytest.fixture
def images(scene):
    """Four smooth images of 14x18."""
    y, x = np.mgrid[0:14, 0:18].astype("float32")
    each = [0.5 + 0.4 * np.sin(0.2 * x * (1 + k / 4) + 0.25 * y) for k in range(4)]
    return backend.tensor(np.stack([np.stack([one, 0.8 * one, one**2], axis=-1) for one in each]).astype("float32"))


def shown(transform, images, seeds=SEEDS):
    return np.asarray(transform(images, backend.tensor(seeds)))


@pytest.mark.parametrize("transform", NOTHING, ids=name)
def test_strength_zero_is_the_identity(transform, images):
    assert shown(transform, images) == pytest.approx(np.asarray(images), abs=1e-5)
    assert np.asarray(apply([transform], images, SEEDS)) == pytest.approx(np.asarray(images), abs=1e-5)


def test_all_transforms_at_strength_zero_are_the_identity(images):
    assert np.asarray(apply(NOTHING, images, SEEDS)) == pytest.approx(np.asarray(images), abs=1e-5)


@pytest.mark.parametrize("transform", RANDOM, ids=name)
def test_each_image_has_its_own_draw(transform, images):
    same = backend.tensor(np.repeat(np.asarray(images)[:1], 16, axis=0))
    seeds = np.arange(16, dtype="uint64")
    result = shown(transform, same, seeds)
    distinct = {row.tobytes() for row in result}
    assert len(distinct) >= (2 if isinstance(transform, Flip) else 10)


@any_batch_size
@pytest.mark.parametrize("transform", EVERY, ids=name)
def test_the_same_seed_gives_the_same_alone_and_in_a_batch(transform, images):
    together = shown(transform, images)
    assert shown(transform, images).tobytes() == together.tobytes()
    views = views_of([transform])
    for row in range(4):
        alone = shown(transform, images[row : row + 1], SEEDS[row : row + 1])
        assert alone.tobytes() == together[row * views : (row + 1) * views].tobytes()


@pytest.mark.parametrize("transform", RANDOM, ids=name)
def test_another_seed_gives_another_result(transform, images):
    assert shown(transform, images, SEEDS + np.uint64(1)).tobytes() != shown(transform, images).tobytes()


def test_affine_transforms_are_recognized():
    assert [type(t).__name__ for t in EVERY if isinstance(t, AffineTransform)] == ["Rotate", "Scale", "Shear", "Shift"]


def test_merged_transforms_equal_successive_ones(images):
    motions = (Rotate(8.0), Scale(0.1), Shift(1.5))
    merged = np.asarray(apply(motions, images, SEEDS))
    each = images
    for number, motion in enumerate(motions):
        each = motion(each, backend.fold(SEEDS, number))
    inner = np.s_[:, 4:-4, 4:-4]  # away from the mirrored edges, which differ where an image leaves and comes back
    assert merged[inner] == pytest.approx(np.asarray(each)[inner], abs=0.03)
    assert np.abs(merged[inner] - np.asarray(images)[inner]).max() > 0.1
    # the other order is another motion
    assert np.abs(np.asarray(apply(motions[::-1], images, SEEDS))[inner] - merged[inner]).max() > 0.03


def test_a_transform_between_affine_ones_prevents_merging(images):
    both = np.asarray(apply((Shift(2.0), Jitter(0), Shift(2.0)), images, SEEDS))
    once = Shift(2.0)(images, backend.fold(SEEDS, 0))
    assert both == pytest.approx(np.asarray(Shift(2.0)(once, backend.fold(SEEDS, 2))), abs=1e-6)


def test_a_rotation_turns_about_the_center():
    """The matrix of the largest draw."""
    matrices = np.asarray(Rotate(20.0).matrix(np.arange(2000, dtype="uint64"), 9, 9)).astype("float64")
    turn = matrices[:, :2, :2]
    assert turn @ np.swapaxes(turn, 1, 2) == pytest.approx(np.broadcast_to(np.eye(2), turn.shape), abs=1e-6)
    angles = np.degrees(np.arctan2(turn[:, 1, 0], turn[:, 0, 0]))
    assert angles.min() == pytest.approx(-20, abs=0.1)
    assert angles.max() == pytest.approx(20, abs=0.1)
    assert np.mean(angles) == pytest.approx(0, abs=1)
    assert np.all(matrices[:, :2, 2] == 0)


def test_the_center_is_fixed():
    image = np.zeros((1, 9, 9, 1), "float32")
    image[0, 4, 4] = 1
    for motion in (Rotate(45.0), Scale(0.5)):
        moved = shown(motion, backend.tensor(image), SEEDS[:1])
        assert moved[0, 4, 4, 0] == pytest.approx(1)


def test_scales_go_from_the_inverse_to_the_factor():
    factors = np.asarray(Scale(0.25).matrix(np.arange(2000, dtype="uint64"), 9, 9))[:, 0, 0]
    assert factors.min() == pytest.approx(1 / 1.25, abs=2e-3)
    assert factors.max() == pytest.approx(1.25, abs=2e-3)
    assert np.median(factors) == pytest.approx(1, abs=0.02)  # as often larger as smaller


def test_a_shear_shifts_each_row_by_its_distance_from_the_middle():
    ramp = np.tile(np.arange(20, dtype="float32")[None, None, :, None], (1, 9, 1, 1))
    slant = float(np.asarray(Shear(0.5).matrix(SEEDS[:1], 9, 20))[0, 0, 1])
    sheared = shown(Shear(0.5), backend.tensor(ramp), SEEDS[:1])
    for row in range(9):
        assert sheared[0, row, 5:-5, 0] == pytest.approx(np.arange(5, 15) + slant * (row - 4), abs=1e-4)
    drawn = np.array(Shear(0.5).matrix(np.arange(2000, dtype="uint64"), 9, 20))
    assert np.abs(drawn[:, 0, 1]).max() == pytest.approx(0.5, abs=2e-3)
    drawn[:, 0, 1] = 0
    assert np.array_equal(drawn, np.broadcast_to(np.eye(3), drawn.shape))


@pytest.mark.parametrize("side", [28, 30, 48, 224])
def test_a_share_of_the_side_is_that_many_pixels(side):
    seeds = np.arange(50, dtype="uint64")
    share, pixels = (np.asarray(shift.matrix(seeds, side, side)) for shift in (Shift(share=0.125), Shift(0.125 * side)))
    assert share.tobytes() == pixels.tobytes()  # 6 pixels of 48


def test_a_share_is_of_each_side_and_adds_to_the_pixels():
    by = np.asarray(Shift(1.0, share=0.25).matrix(np.arange(2000, dtype="uint64"), 12, 20))[:, :2, 2]
    assert np.abs(by).max(axis=0) == pytest.approx([1 + 5, 1 + 3], abs=0.02)


@pytest.mark.parametrize("transform", EVERY, ids=name)
def test_a_motion_is_weakened_to_nothing_and_other_transforms_stay(transform, images):
    assert weakened([transform], 1.0) == (transform,)
    (none,) = weakened([transform], 0.0)
    if isinstance(transform, Motion):
        assert weakened(weakened([transform], 0.5), 0.0) == (none,)
        assert views_of([none]) == views_of([transform])
        again = np.repeat(np.asarray(images), views_of([transform]), axis=0)
        assert shown(none, images) == pytest.approx(again, abs=1e-5)
    else:
        assert none == transform


def test_weaker_motions_have_half_the_strength():
    motions = (Rotate(15.0), Scale(0.2), Shift(2.0, share=0.125), Jitter(5), Crop(views=6), Noise(0.1))
    assert weakened(motions, 0.5) == (
        Rotate(7.5),
        Scale(0.1),
        Shift(1.0, share=0.0625),
        Jitter(2),
        Crop(views=6, smallest=0.6, largest=0.65),
        Noise(0.1),
    )


def test_a_shift_moves_by_fractions_of_a_pixel():
    ramp = np.tile(np.arange(12, dtype="float32")[None, None, :, None], (1, 12, 1, 1))
    moved = shown(Shift(2.0), backend.tensor(ramp), SEEDS[:1])
    by = np.asarray(Shift(2.0).matrix(SEEDS[:1], 12, 12))[0, :2, 2]
    assert moved[0, 5, 3:-3, 0] == pytest.approx(np.arange(3, 9) + by[0], abs=1e-4)
    drawn = np.asarray(Shift(2.0).matrix(np.arange(2000, dtype="uint64"), 12, 12))[:, :2, 2]
    assert np.abs(drawn).max() == pytest.approx(2, abs=0.01)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.1


def test_jitter_rolls_by_whole_pixels_in_both_directions():
    image = np.arange(35, dtype="float32").reshape(1, 5, 7, 1)
    seeds = np.arange(200, dtype="uint64")
    result = shown(Jitter(1), backend.tensor(np.repeat(image, 200, axis=0)), seeds)
    shifts = {(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
    possible = {np.roll(image[0], shift, (0, 1)).tobytes(): shift for shift in shifts}
    assert {possible[row.tobytes()] for row in result} == shifts


def test_trim_removes_the_padding_of_pad(images):
    framed = shown(Pad(3, value=0.25), images)
    assert framed.shape == (4, 20, 24, 3)
    assert np.all(framed[:, :3] == 0.25)
    assert np.all(framed[:, :, -3:] == 0.25)
    assert np.array_equal(shown(Trim(3), backend.tensor(framed)), np.asarray(images))


def test_trimming_everything_is_refused(images):
    with pytest.raises(RecipeError, match="pixels=7: at most 6 for an image of 14x18"):
        Trim(7)(images, SEEDS)


def test_views_repeat_each_image_and_are_transformed_separately(images):
    copies = shown(Views(3), images)
    assert np.array_equal(copies, np.repeat(np.asarray(images), 3, axis=0))
    looks = np.asarray(apply((Views(3), Jitter(5)), images, SEEDS))
    assert looks.shape == (12, 14, 18, 3)
    assert len({row.tobytes() for row in looks}) > 9
    # the first image's looks stand together: each is a roll of it
    assert all(np.sort(row.ravel()) == pytest.approx(np.sort(np.asarray(images)[0].ravel())) for row in looks[:3])


def test_the_number_of_views_multiplies():
    assert views_of(()) == 1
    assert views_of((Rotate(1.0), Views(3), Crop(views=2), Noise())) == 6


@any_batch_size
def test_views_of_an_image_are_the_same_alone_and_in_a_batch(images):
    chain = (Views(2), Rotate(9.0), Crop(views=3), Noise(normal=0.1))
    together = np.asarray(apply(chain, images, SEEDS))
    alone = np.asarray(apply(chain, images[2:3], SEEDS[2:3]))
    assert together[12:18].tobytes() == alone.tobytes()


def test_a_crop_of_half_the_side_enlarges_the_middle_twice():
    """Without spread the crop is the middle: on a ramp, output column x reads column center + (x - center) / 2."""
    ramp = np.tile(np.arange(16, dtype="float32")[None, None, :, None], (1, 16, 1, 1))
    seen = shown(Crop(smallest=0.5, largest=0.5, spread=0.0), backend.tensor(ramp), SEEDS[:1])
    assert seen.shape == (1, 16, 16, 1)
    assert seen[0, 8, :, 0] == pytest.approx(7.5 + (np.arange(16) - 7.5) / 2, abs=1e-4)


def test_crops_stay_inside_the_image():
    y, x = np.mgrid[0:20, 0:30].astype("float32")
    places = np.repeat(np.stack([y, x], axis=-1)[None], 50, axis=0)
    seen = shown(Crop(smallest=0.2, largest=0.6, spread=2.0), backend.tensor(places), np.arange(50, dtype="uint64"))
    height = seen[:, -1, 0, 0] - seen[:, 0, 0, 0]
    width = seen[:, 0, -1, 1] - seen[:, 0, 0, 1]
    # the centers of the outermost pixels lie half a pixel inside the edge, and are read there if the part begins at it
    assert np.all((height >= 0.2 * 19 - 0.5) & (height <= 0.6 * 19 + 0.1))
    assert height / 19 == pytest.approx(width / 29, abs=0.04)  # as wide as high, in shares of the side
    assert seen[..., 0].min() >= 0
    assert seen[..., 1].max() <= 29.001
    # a spread of twice the side is clipped to the edges of the image
    assert np.mean(seen[:, 0, 0, 0] < 0.2) > 0.2


def test_noise_has_its_std_and_its_range():
    gray = backend.tensor(np.full((4, 50, 50, 3), 0.5, "float32"))
    normal = shown(Noise(normal=0.2), gray) - 0.5
    assert normal.std() == pytest.approx(0.2, rel=0.02)
    assert normal.mean() == pytest.approx(0, abs=0.005)
    even = shown(Noise(uniform=0.2), gray) - 0.5
    assert np.abs(even).max() <= 0.2
    assert even.std() == pytest.approx(0.2 / math.sqrt(3), rel=0.02)
    both = shown(Noise(normal=0.2, uniform=0.2), gray) - 0.5
    assert both == pytest.approx(normal + even, abs=1e-6)


def test_a_blur_spreads_a_dot_as_a_gaussian_and_keeps_its_sum():
    dot = np.zeros((1, 21, 21, 1), "float32")
    dot[0, 10, 10] = 1
    blurred = np.asarray(gaussian_blur(backend.tensor(dot), np.array([1.5], "float32")))[0, ..., 0]
    assert blurred.sum() == pytest.approx(1, abs=1e-3)
    offset = np.arange(-10, 11)
    weight = np.exp(-(offset**2) / (2 * 1.5**2))
    assert blurred == pytest.approx(np.outer(weight, weight) / weight.sum() ** 2, abs=1e-5)


def test_a_blur_leaves_a_flat_image_flat():
    flat = backend.tensor(np.full((2, 9, 7, 3), 0.3, "float32"))
    assert np.asarray(gaussian_blur(flat, np.array([0.5, 30.0], "float32"))) == pytest.approx(
        np.full((2, 9, 7, 3), 0.3), abs=1e-6
    )


def test_a_tiny_blur_is_the_identity(images):
    assert np.asarray(gaussian_blur(images, np.full(4, 0.01, "float32"))) == pytest.approx(np.asarray(images), abs=1e-6)


def test_a_flip_mirrors_left_and_right(images):
    assert np.array_equal(shown(Flip(1.0), images), np.asarray(images)[:, :, ::-1])
    some = shown(
        Flip(0.25), backend.tensor(np.repeat(np.asarray(images)[:1], 400, axis=0)), np.arange(400, dtype="uint64")
    )
    mirrored = np.mean([np.array_equal(row, np.asarray(images)[0, :, ::-1]) for row in some])
    assert mirrored == pytest.approx(0.25, abs=0.07)


def test_color_by_hand(images):
    draws = np.asarray(backend.uniform(SEEDS, (3, 1, 1, 1), -1.0, 1.0))

    def factor(draw, by):
        return 1 + draw * by if draw >= 0 else 1 + draw * by / (1 + by)

    result = shown(Color(brightness=0.2, contrast=0.5, saturation=0.8), images)
    for row, image in enumerate(np.asarray(images)):
        brightness, contrast, saturation = draws[row, :, 0, 0, 0]
        gray = image.mean(axis=-1, keepdims=True)
        image = gray + (image - gray) * factor(saturation, 0.8)
        image = image.mean() + (image - image.mean()) * factor(contrast, 0.5)
        assert result[row] == pytest.approx(image + 0.2 * brightness, abs=1e-5)


def test_a_gray_network_has_no_saturation():
    gray = backend.tensor(np.linspace(0, 1, 64, dtype="float32").reshape(1, 8, 8, 1))
    assert shown(Color(saturation=0.9), gray, SEEDS[:1]) == pytest.approx(np.asarray(gray), abs=1e-6)


def test_every_transform_passes_the_gradient(images):
    for transform in EVERY:

        def total(numbers, transform=transform):
            return ops.sum(ops.square(apply([transform], numbers["x"], SEEDS))), ()

        _, gradient = backend.value_and_gradient(total)({"x": images})
        assert np.all(np.isfinite(gradient["x"]))
        assert np.abs(gradient["x"]).max() > 0.1, transform


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Jitter(-1), "pixels=-1: at least 0"),
        (lambda: Rotate(180.0), "degrees=180.0"),
        (lambda: Rotate(-1.0), "degrees=-1.0"),
        (lambda: Scale(-0.1), "by=-0.1"),
        (lambda: Shear(-0.1), "by=-0.1"),
        (lambda: Shift(float("nan")), "pixels=nan"),
        (lambda: Shift(share=1.5), "share=1.5: from 0 to 1"),
        (lambda: Pad(-1), "pixels=-1"),
        (lambda: Pad(1, value=2.0), "value=2.0"),
        (lambda: Trim(-1), "pixels=-1"),
        (lambda: Views(0), "views=0: at least 1"),
        (lambda: Crop(views=0), "views=0"),
        (lambda: Crop(smallest=0.0), "smallest=0.0"),
        (lambda: Crop(smallest=0.5, largest=0.4), "smallest=0.5, largest=0.4"),
        (lambda: Crop(spread=-1.0), "spread=-1.0"),
        (lambda: Noise(normal=-0.1), "normal=-0.1"),
        (lambda: Blur(-1.0), "sigma=-1.0"),
        (lambda: Flip(1.5), "probability=1.5"),
        (lambda: Color(contrast=-1.0), "contrast=-1.0"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(RecipeError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
