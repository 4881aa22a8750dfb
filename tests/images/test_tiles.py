"""Grids of tiles and rows of bars: each element is at the position of its number."""

import numpy as np
import pytest

from dreamfilters.images.panels import BACKGROUND, TextLine
from dreamfilters.images.tiles import Axis, bars, tiled

MISSING = (40, 120, 255)


def shade(count, height, width):
    """Tiles of which number i has the gray 100 + i."""
    return (100 + np.arange(count, dtype=np.uint8))[:, None, None, None] * np.ones((1, height, width, 3), np.uint8)


@pytest.mark.parametrize("count", [1, 5, 6])
def test_each_tile_stands_in_its_row_and_column(count):
    page = tiled(shade(count, 30, 40), [[TextLine(str(number), 10)] for number in range(count)], columns=3, gap=6)
    down, across = 30 + TextLine("0", 10).height + 6, 46
    for number in range(count):
        row, column = divmod(number, 3)
        assert (page[row * down : row * down + 30, column * across : column * across + 40] == 100 + number).all()
    assert page.shape[1] == min(count, 3) * across - 6
    assert (page[-3:, -1] == BACKGROUND).all()
    if count == 5:  # the sixth place is empty
        assert (page[down : down + 30, 2 * across :] == BACKGROUND).all()


def test_a_cell_is_as_wide_as_its_caption():
    page = tiled(shade(2, 10, 10), [[TextLine("0.000123 … 4.56e+12", 10)]] * 2, columns=2)
    columns = np.flatnonzero((page[5] != BACKGROUND[0]).any(axis=-1))
    assert len(columns) == 20
    assert columns[10] - columns[0] > 80


def test_bars_reach_from_zero_to_their_value():
    axis = Axis(-1.0, 3.0, height=80, width=20)
    page = bars([3.0, 1.0, -1.0, 0.0, 9.0, np.nan], [[TextLine(str(i), 8)] for i in range(6)], axis, missing=MISSING)
    left = page.shape[1] - 6 * 20
    blue = (page == (110, 160, 220)).all(axis=-1)
    heights = [int(blue[:80, left + number * 20 + 10].sum()) for number in range(6)]
    assert heights == [60, 20, 20, 0, 60, 0]  # 20 pixels for 1; what is above the axis ends with it
    assert (page[:80, left + 5 * 20 + 10] == MISSING).all()
    assert blue[60:80, left + 2 * 20 + 10].sum() == 20  # downwards from zero


def test_thirty_bars_make_a_row():
    page = bars([1.0] * 31, [[TextLine("0", 8)]] * 31, Axis(0.0, 1.0), missing=MISSING)
    assert page.shape[0] == 2 * (80 + TextLine("0", 8).height + 10)


def test_numbers_that_are_all_equal_have_an_axis():
    page = bars([0.0, 0.0], [[TextLine("0", 8)]] * 2, Axis(0.0, 0.0), missing=MISSING)
    assert not (page == (110, 160, 220)).all(axis=-1).any()
