"""The drawings: colors at known positions of each sign."""

import numpy as np
import pytest

from dreamfilters.errors import TargetError
from dreamfilters.signs.artwork.draw import SIGNS, draw
from dreamfilters.signs.artwork.glyphs import word
from dreamfilters.signs.artwork.shapes import (
    BLACK,
    BLUE,
    GRAY,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    Color,
    line,
    rounded,
    stroke,
)

WARNINGS = (11, *range(18, 32))
ROUND = (*range(11), 15, 16, 17, *range(32, 43))
SIZE = 160


def seen(number: int, x: float, y: float) -> tuple[int, ...]:
    """The color at a position of the board, from -1 to 1, x right and y down."""
    column, row = (int((value + 1) / 2 * SIZE) for value in (x, y))
    return tuple(int(value) for value in np.round(draw(number, SIZE)[row, column, :3] * 255))


def ink(number: int, size: int = SIZE) -> np.ndarray:
    """The drawing with its colors multiplied by its opacity."""
    image = draw(number, size)
    return np.concatenate([image[..., :3] * image[..., 3:], image[..., 3:]], axis=-1)


def dark(number: int) -> np.ndarray:
    return draw(number, SIZE)[..., :3].max(-1) < 0.2


def share(number: int, color: Color) -> float:
    """The share of the sign with the color."""
    image = draw(number, SIZE)
    near = np.abs(image[..., :3] * 255 - color).max(-1) < 3
    return float((near & (image[..., 3] == 1)).sum() / (image[..., 3] == 1).sum())


def test_there_is_a_drawing_of_every_class():
    assert len(SIGNS) == 43


@pytest.mark.parametrize("number", range(43))
def test_a_sign_is_opaque_on_a_clear_ground(number):
    image = draw(number, SIZE)
    assert image.shape == (SIZE, SIZE, 4)
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert image.max() <= 1
    assert [image[y, x, 3] for y in (0, -1) for x in (0, -1)] == [0, 0, 0, 0]
    assert image[SIZE // 2, SIZE // 2, 3] == 1


@pytest.mark.parametrize("number", ROUND)
def test_a_round_sign_covers_the_area_of_its_disc(number):
    assert draw(number, SIZE)[..., 3].mean() == pytest.approx(np.pi * 0.97**2 / 4, rel=0.01)


def test_no_two_drawings_are_alike():
    drawings = np.stack([draw(number, 48) for number in range(43)])
    for number, drawing in enumerate(drawings):
        others = np.delete(drawings, number, axis=0)
        assert np.abs(others - drawing).mean(axis=(1, 2, 3)).min() > 0.004


def test_no_entry_is_a_white_bar_on_red():
    assert seen(17, 0, 0) == seen(17, -0.7, 0) == seen(17, 0.7, 0) == WHITE
    assert seen(17, 0, -0.5) == seen(17, 0, 0.5) == seen(17, 0.9, 0) == RED


def test_the_ban_of_vehicles_is_a_red_ring_round_white():
    assert seen(15, 0, 0) == seen(15, 0.6, 0) == WHITE
    assert [seen(15, x, 0) for x in (-0.85, 0.85)] == [RED, RED]


def test_priority_is_yellow_in_white_on_its_corner():
    assert seen(12, 0, 0) == YELLOW
    assert seen(12, 0.75, 0) == seen(12, 0, -0.75) == WHITE
    assert draw(12, SIZE)[SIZE // 5, SIZE // 5, 3] == 0  # outside the diamond, though inside a disc


@pytest.mark.parametrize("number", WARNINGS)
def test_a_warning_has_a_red_rim_and_its_base_at_the_bottom(number):
    assert seen(number, 0, 0.77) == seen(number, -0.42, 0) == seen(number, 0.42, 0) == RED
    assert seen(number, -0.55, 0.62) == WHITE
    opacity = draw(number, SIZE)[..., 3]
    assert opacity[SIZE * 9 // 10].sum() > 0.85 * SIZE > 0.3 * SIZE > opacity[SIZE // 5].sum()


def test_yield_points_down():
    opacity = draw(13, SIZE)[..., 3]
    assert opacity[SIZE // 10].sum() > 0.85 * SIZE > 0.3 * SIZE > opacity[SIZE * 4 // 5].sum()
    assert seen(13, 0, -0.2) == WHITE


def test_stop_is_a_red_octagon_with_white_letters():
    opacity = draw(14, SIZE)[..., 3]
    octagon = 2 * (np.sqrt(2) - 1) * 0.97**2  # of a square board of side 2
    assert opacity.mean() == pytest.approx(octagon, rel=0.01)
    assert seen(14, 0, 0.7) == RED
    assert 0.1 < share(14, WHITE) < 0.35


@pytest.mark.parametrize(("left", "right"), [(19, 20), (34, 33), (37, 36), (39, 38)])
def test_pairs_are_mirror_images(left, right):
    apart = np.abs(ink(left)[:, ::-1] - ink(right))
    assert apart.max() <= 0.25  # one of four subpixels, where a corner was rounded in the other direction
    assert apart.mean() < 0.001
    assert np.abs(ink(left) - ink(right)).mean() > 0.02


def test_the_traffic_light_is_red_over_yellow_over_green():
    assert [seen(26, 0, y) for y in (-0.13, 0.18, 0.49)] == [RED, YELLOW, GREEN]


def test_the_passing_vehicle_is_red_and_the_passed_one_black():
    for number in (9, 10):
        colors = draw(number, SIZE)[..., :3] * 255
        left, right = colors[:, SIZE // 5 : SIZE // 2], colors[:, SIZE // 2 : SIZE * 4 // 5]
        assert (np.abs(left - BLACK).max(-1) < 3).sum() == 0
        assert (np.abs(right - BLACK).max(-1) < 3).sum() > 100


@pytest.mark.parametrize("number", [6, 32, 41, 42])
def test_an_end_sign_is_struck_out_from_lower_left_to_upper_right(number):
    assert max(seen(number, 0.55, -0.55)) < 80 > max(seen(number, -0.55, 0.55))
    assert seen(number, 0.55, 0.55) == seen(number, -0.55, -0.55) == WHITE
    assert share(number, RED) == 0
    assert (share(number, GRAY) > 0.03) == (number != 32)


@pytest.mark.parametrize("number", range(33, 41))
def test_a_mandatory_sign_is_white_on_blue(number):
    assert share(number, BLUE) > 0.5
    assert share(number, BLACK) == share(number, RED) == 0
    assert 0.1 < share(number, WHITE) < 0.4


def test_a_curve_bends_to_the_side_of_its_name():
    foot, top = dark(19)[SIZE * 7 // 10], dark(19)[SIZE * 11 // 20]
    assert foot.nonzero()[0].mean() > SIZE / 2 > top.nonzero()[0].mean()


def test_a_drawing_is_deterministic_and_scales():
    np.testing.assert_array_equal(draw(28, 64), draw(28, 64))
    halved = ink(14, 64).reshape(32, 2, 32, 2, 4).mean(axis=(1, 3))
    assert np.abs(halved - ink(14, 32)).mean() < 0.04


@pytest.mark.parametrize("number", [-1, 43])
def test_an_unknown_class_is_refused_by_its_number(number):
    with pytest.raises(TargetError, match=f"^{number}: signs has no such class; its classes are 0 "):
        draw(number)


def test_a_stroke_of_a_straight_line_is_a_rectangle():
    assert stroke(line((0, 0), (2, 0)), 1).tolist() == [[0, 0.5], [2, 0.5], [2, -0.5], [0, -0.5]]


def test_a_stroke_around_a_right_angle_has_a_mitered_corner():
    corners = stroke(line((0, 0), (2, 0), (2, 2)), 1)
    np.testing.assert_allclose(corners, [[0, 0.5], [1.5, 0.5], [1.5, 2], [2.5, 2], [2.5, -0.5], [0, -0.5]], atol=1e-12)


def test_rounding_a_square_cuts_its_corners_off():
    square = rounded(line((-1, -1), (1, -1), (1, 1), (-1, 1)), 0.5)
    assert np.abs(square).max() == pytest.approx(1)
    assert np.hypot(*square.T).max() == pytest.approx(0.5 + np.sqrt(0.5))  # the arc's center and its radius


def test_a_word_has_the_requested_width_and_height():
    points = np.concatenate([patch.points for patch in word("00", height=1, breadth=0.5, gap=0.2, pen=0.1, color=RED)])
    np.testing.assert_allclose([points.min(0), points.max(0)], [(-0.6, -0.5), (0.6, 0.5)], atol=1e-3)
