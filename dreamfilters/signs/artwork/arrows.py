"""The white arrows of the blue mandatory signs."""

import numpy as np

from dreamfilters.signs.artwork.shapes import WHITE, Figure, Points, arc, filled, joined, line, mirrored, placed, stroke

PEN = 0.19


def _arrow(spine: Points, *, head: float = 0.36, pen: float = PEN) -> Figure:
    """Return an arrow along a line: a shaft with two swept-back barbs at its end."""
    tip, before = spine[-1], spine[-2]
    ahead = (tip - before) / np.linalg.norm(tip - before)
    aside = np.array([-ahead[1], ahead[0]])
    barbs = np.stack([tip + head * (aside - ahead), tip, tip - head * (aside + ahead)])
    shaft = joined(spine[:-1], (tip - ahead * pen / 4)[None])
    return filled(WHITE, stroke(shaft, pen), stroke(barbs, pen))


def ahead() -> Figure:
    """Return the arrow straight up."""
    return _arrow(line((0, 0.72), (0, -0.58)), head=0.38)


def turn_right() -> Figure:
    """Return the arrow that comes from below and turns right."""
    return _arrow(joined(line((-0.28, 0.66)), arc(0.08, -0.02, 0.36, 180, 270, down=0.3), line((0.5, -0.32))))


def turn_left() -> Figure:
    """Return the arrow that comes from below and turns left."""
    return mirrored(turn_right())


def ahead_or_right() -> Figure:
    """Return the arrow straight up with a branch to the right."""
    branch = joined(line((-0.22, 0.66)), arc(0.12, 0.5, 0.34, 180, 270, down=0.3), line((0.6, 0.2)))
    return _arrow(line((-0.22, 0.72), (-0.22, -0.58)), head=0.3) + _arrow(branch, head=0.28)


def ahead_or_left() -> Figure:
    """Return the arrow straight up with a branch to the left."""
    return mirrored(ahead_or_right())


def keep_right() -> Figure:
    """Return the arrow down to the right."""
    return placed(_arrow(line((0, 0.72), (0, -0.66)), head=0.45, pen=0.21), turn=135)


def keep_left() -> Figure:
    """Return the arrow down to the left."""
    return mirrored(keep_right())


def roundabout() -> Figure:
    """Return three arrows in a counterclockwise circle."""
    one = _arrow(arc(0, 0, 0.57, 293, 192), head=0.21, pen=0.14)
    return tuple(patch for turn in (0, 120, 240) for patch in placed(one, turn=turn))
