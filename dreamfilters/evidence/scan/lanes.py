"""The order in which the values of a map are added, the same for NumPy and for the compiled loop.

The positions of a map (h, w, units) are taken row by row. So many of them that they hold about `LANES` values are a row
of lanes: a lane is a unit at every `groups`-th position. Each lane is added down the rows, at most `ROWS` at a time,
then the sums of these blocks; positions that fill no row are added to the first lanes. At last the lanes of a unit are
added in halves. All in float32: few terms are added one after the other, so that sums round little. No sum depends on
the other images of a batch.
"""

LANES = 640  # values of a row: long enough for NumPy's calls; six arrays of them fit into a first-level cache of 32 KB
ROWS = 128  # less than 256, so that a byte counts them
_FEWEST = 32  # rows: with fewer, adding the lanes would take longer than adding the rows


def groups(positions: int, units: int) -> int:
    """Return the number of positions in a row of lanes.

    >>> groups(48 * 48, 32), groups(7 * 7, 1280), groups(1, 10)
    (20, 1, 1)
    """
    least = 2 if units == 1 < positions else 1  # NumPy adds a single lane in pairs, and not down the rows
    return max(least, min(LANES // units, positions // _FEWEST))
