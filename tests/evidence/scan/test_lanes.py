"""The order of summation: how many positions are in a row of lanes."""

from dreamfilters.evidence.scan.lanes import LANES, ROWS, groups


def test_a_row_is_long_but_never_so_long_that_it_leaves_few_rows():
    assert groups(48 * 48, 32) == LANES // 32
    assert groups(64, 1) == 2  # 32 rows
    assert groups(10**6, 1) == LANES
    assert groups(7 * 7, 2 * LANES) == groups(1, 1) == 1
    assert groups(8, 1) == 2  # never a single lane of several rows


def test_a_byte_counts_the_rows():
    assert ROWS < 2**8
