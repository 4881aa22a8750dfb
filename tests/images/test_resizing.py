"""Resizing: constants stay, extremes hold, fine patterns do not alias."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from dreamfilters.errors import ImageError
from dreamfilters.images import resize
from dreamfilters.images.resizing import RULES, resize_matrix

shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
sizes = st.tuples(st.integers(1, 20), st.integers(1, 20))


@settings(max_examples=50, deadline=None)
@given(shapes.flatmap(lambda shape: arrays("float32", shape, elements=st.floats(-100, 100, width=32))), sizes)
def test_no_channel_leaves_its_own_extremes(image, size):
    resized = resize(image, size)
    assert resized.shape == (*size, image.shape[-1])
    assert (resized.min(axis=(0, 1)) >= image.min(axis=(0, 1))).all()
    assert (resized.max(axis=(0, 1)) <= image.max(axis=(0, 1))).all()


@pytest.mark.parametrize("rule", RULES)
def test_two_matrices_resize_as_the_rule_does(rule):
    image = np.random.default_rng(0).uniform(0.2, 0.8, (6, 7, 2)).astype("float32")
    image[0, 0], image[0, 1] = 0, 1  # extremes, so that overshoot inside is not clipped
    for height, width in ((3, 4), (11, 9), (6, 20)):
        rows, columns = resize_matrix(6, height, rule), resize_matrix(7, width, rule)
        expected = np.clip(np.einsum("oh,hwc,pw->opc", rows, image, columns), 0, 1)
        assert resize(image, (height, width), rule) == pytest.approx(expected, abs=1e-6)


def test_the_same_size_changes_nothing():
    image = np.random.default_rng(0).random((5, 7, 4), np.float32)
    assert resize(image, (5, 7)).tolist() == image.tolist()


def test_channels_do_not_mix():
    image = np.zeros((4, 4, 8), np.float32)
    image[..., 5] = 7.0
    resized = resize(image, (9, 9))
    assert resized[..., 5].tolist() == np.full((9, 9), 7.0).tolist()
    assert not np.delete(resized, 5, axis=-1).any()


def test_a_map_without_channels_stays_one():
    ramp = np.linspace(0, 31, 32)[None].repeat(32, 0)
    resized = resize(ramp, (8, 8))
    assert resized.shape == (8, 8)
    np.testing.assert_allclose(resized[:, 2:6], [[9.5, 13.5, 17.5, 21.5]] * 8, atol=1e-4)  # means of 4; edges bend


def test_a_fine_checkerboard_shrinks_to_gray():
    board = np.indices((64, 64)).sum(0) % 2
    np.testing.assert_allclose(resize(board, (16, 16))[2:-2, 2:-2], 0.5, atol=0.01)


def test_it_is_pillows_bicubic_but_in_floats():
    image = np.random.default_rng(1).integers(60, 190, (12, 10), "uint8")
    pillow = np.asarray(Image.fromarray(image).resize((23, 31), Image.Resampling.BICUBIC))
    inner = (pillow > image.min()) & (pillow < image.max())
    np.testing.assert_allclose(resize(image, (31, 23))[inner], pillow[inner], atol=1.1)  # Pillow rounds twice


def test_nan_spoils_its_surroundings_only():
    image = np.zeros((20, 20))
    image[0, 0] = np.nan
    resized = resize(image, (10, 10))
    assert np.isnan(resized[0, 0])
    assert resized[5:, 5:].tolist() == np.zeros((5, 5)).tolist()


@pytest.mark.parametrize(("shape", "size"), [((2, 2, 3), (0, 2)), ((0, 2, 3), (2, 2)), ((1, 2, 2, 3), (2, 2))])
def test_what_has_no_size_is_refused(shape, size):
    with pytest.raises(ImageError, match=r"resize: shape \(.* cannot be resized"):
        resize(np.zeros(shape), size)


RAMP = np.array([[0.0, 1.0, 2.0, 3.0]], np.float32)


@pytest.mark.parametrize(
    ("rule", "halved"),
    [
        ("area", [0.5, 2.5]),  # the mean of two
        ("nearest", [1.0, 3.0]),  # the right one of the two whose middle is hit between
        ("linear", [0.5, 2.5]),  # half way between two
        ("bilinear", [0.625, 2.375]),  # a triangle four wide, of .125, .375, .375, .125, cut at the edge
    ],
)
def test_each_rule_by_hand(rule, halved):
    expected = halved if rule != "bilinear" else [(0 * 3 + 1 * 3 + 2 * 1) / 7, (1 * 1 + 2 * 3 + 3 * 3) / 7]
    np.testing.assert_allclose(resize(RAMP, (1, 2), rule)[0], expected, atol=1e-6)


def test_linear_looks_at_the_four_nearest_pixels_only():
    """From 8 to 2 each place lies between pixels 1 and 2, or 5 and 6: OpenCV's and TensorFlow's rule by themselves."""
    image = np.arange(8, dtype=np.float32)[None] ** 2
    np.testing.assert_allclose(resize(image, (1, 2), "linear"), [[(1 + 4) / 2, (25 + 36) / 2]])
    np.testing.assert_allclose(resize(RAMP, (1, 8), "linear")[0, :3], [0, 0.25, 0.75])


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_keeps_constants_channels_and_the_same_size(rule):
    image = np.random.default_rng(0).random((5, 7, 2), np.float32)
    np.testing.assert_allclose(resize(image, (5, 7), rule), image, atol=1e-6)
    constant = np.stack([np.full((9, 4), 0.25), np.full((9, 4), 0.75)], axis=-1)
    np.testing.assert_allclose(resize(constant, (3, 8), rule), np.broadcast_to([0.25, 0.75], (3, 8, 2)))
