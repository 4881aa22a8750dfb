"""Panels: positions, lossless pixels and reproducible bytes."""

import io

import numpy as np
import pytest
from PIL import Image

from dreamfilters.images.panels import (
    BACKGROUND,
    TextLine,
    blank,
    enlarged,
    framed,
    image_panel,
    png_of,
    shrunk,
    side_by_side,
    stacked,
    text_panel,
)

RED, BLUE = (200, 0, 0), (0, 0, 200)


def test_panels_stand_above_each_other_flush_left():
    page = stacked([blank(2, 3, RED), blank(1, 5, BLUE)], gap=4)
    assert page.shape == (7, 5, 3)
    assert (page[:2, :3] == RED).all()
    assert (page[6] == BLUE).all()
    assert (page[:2, 3:] == BACKGROUND).all()
    assert (page[2:6] == BACKGROUND).all()


def test_panels_stand_beside_each_other_flush_at_the_top():
    page = side_by_side([blank(2, 3, RED), blank(1, 5, BLUE)])
    assert page.shape == (2, 8, 3)
    assert (page[0, 3:] == BLUE).all()
    assert (page[1, 3:] == BACKGROUND).all()


def test_a_frame_adds_its_margin_on_every_side():
    page = framed(blank(2, 3, RED), 5)
    assert page.shape == (12, 13, 3)
    assert (page[5:7, 5:8] == RED).all()
    assert (page == RED).all(axis=-1).sum() == 6


def test_text_is_as_wide_as_it_needs_or_cut():
    line = TextLine("Vorfahrt achten", 14)
    free, cut = text_panel([line, TextLine("a", 10)]), text_panel([line], width=40)
    assert free.shape[0] == line.height + TextLine("a", 10).height
    assert cut.shape[1] == 40
    assert (free[:, -1] == BACKGROUND).all()
    assert (free != BACKGROUND[0]).any()


def test_a_small_image_is_enlarged_by_a_whole_factor_and_a_large_one_fitted():
    small = image_panel(np.array([[0.0, 1.0, 0.5]]), 11)
    assert small.shape == (3, 9, 3)
    assert small[0, ::3, 0].tolist() == [0, 255, 128]
    assert image_panel(np.zeros((100, 50, 3)), 40).shape == (40, 20, 3)


def test_shrinking_undoes_enlarging_and_takes_means():
    pixels = np.random.default_rng(1).integers(0, 256, (2, 5, 3, 3)).astype(np.uint8)
    assert (shrunk(enlarged(pixels, 4), 4) == pixels).all()
    assert shrunk(np.uint8([[[10] * 3, [20] * 3, [7] * 3]]), 2)[0, :, 0].tolist() == [15, 7]


@pytest.mark.parametrize("panel", [blank(3, 4, RED), framed(blank(1, 1, BLUE), 2)[:, ::2]])
def test_a_png_holds_every_pixel_and_is_the_same_each_time(panel):
    content = png_of(panel)
    assert (np.asarray(Image.open(io.BytesIO(content))) == panel).all()
    assert png_of(panel.copy()) == content
