"""Pictograms of the signs: vehicles, the arrows of the blue mandatory signs, the contents of the warning triangles."""

import numpy as np

from dreamfilters.signs.artwork.shapes import (
    BLACK,
    GREEN,
    RED,
    WHITE,
    YELLOW,
    ColoredPolygon,
    Figure,
    Points,
    arc,
    box,
    circle,
    filled,
    halves,
    joined,
    limb,
    line,
    placed,
    rounded,
    stroke,
)

# ---------------------------------------------------------------------------------------------------------------------
# Vehicles, each on its own board


def car() -> Figure:
    """Return a car from behind: from -1 to 1 across and -0.8 to 0.8 down."""
    cabin = rounded(line((-0.62, -0.78), (0.62, -0.78), (0.86, 0.02), (-0.86, 0.02)), 0.1)
    window = rounded(line((-0.52, -0.64), (0.52, -0.64), (0.68, -0.1), (-0.68, -0.1)), 0.05)
    body = rounded(box(-1, -0.1, 1, 0.46), 0.12)
    wheels = (rounded(box(x - 0.15, 0.3, x + 0.15, 0.8), 0.06) for x in (-0.68, 0.68))
    return filled(BLACK, cabin) + filled(WHITE, window) + filled(BLACK, body, *wheels)


def truck_from_behind() -> Figure:
    """Return a truck from behind: from -1 to 1 across and -1.25 to 1.25 down."""
    load = rounded(box(-1, -1.25, 1, 0.72), 0.06)
    frame = box(-0.86, 0.68, 0.86, 0.92)
    wheels = (rounded(box(x - 0.2, 0.72, x + 0.2, 1.25), 0.06) for x in (-0.62, 0.62))
    return filled(BLACK, load, frame, *wheels)


def truck() -> Figure:
    """Return a truck from its left side, from -1 to 1 across and -0.5 to 0.5 down."""
    load = box(-0.38, -0.5, 1, 0.2)
    cab = rounded(line((-0.9, -0.2), (-0.48, -0.2), (-0.48, 0.36), (-1, 0.36), (-1, 0.1)), 0.04)
    window = line((-0.85, -0.11), (-0.68, -0.11), (-0.68, 0.08), (-0.92, 0.08))
    frame = box(-0.52, 0.25, 0.98, 0.36)
    arches = (circle(x, 0.36, 0.195) for x in (-0.72, 0.56))
    wheels = (circle(x, 0.36, 0.155) for x in (-0.72, 0.56))
    hubs = (circle(x, 0.36, 0.06) for x in (-0.72, 0.56))
    return (
        filled(BLACK, load, cab, frame) + filled(WHITE, window, *arches) + filled(BLACK, *wheels) + filled(WHITE, *hubs)
    )


def bicycle() -> Figure:
    """Return a bicycle facing left, from -1 to 1 across and -0.5 to 0.6 down."""
    pen = 0.08
    wheels = (stroke(half, pen) for x in (-0.62, 0.62) for half in halves(x, 0.22, 0.34))
    pedals, seat, neck = (0.02, 0.24), (0.2, -0.26), (-0.4, -0.26)
    frame = (
        *limb(pen, (0.24, -0.38), seat, pedals, (-0.37, -0.16), seat),
        *limb(pen, pedals, (0.62, 0.22), seat),
        *limb(pen, (-0.62, 0.22), neck, (-0.46, -0.44), (-0.28, -0.47)),
        stroke(line((0.06, -0.4), (0.38, -0.4)), 0.1),
        circle(*pedals, 0.09),
    )
    return filled(BLACK, *wheels, *frame)


# ---------------------------------------------------------------------------------------------------------------------
# Arrows


def _arrow(spine: Points, *, head: float = 0.36, pen: float = 0.19) -> Figure:
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


def ahead_or_right() -> Figure:
    """Return the arrow straight up with a branch to the right."""
    branch = joined(line((-0.22, 0.66)), arc(0.12, 0.5, 0.34, 180, 270, down=0.3), line((0.6, 0.2)))
    return _arrow(line((-0.22, 0.72), (-0.22, -0.58)), head=0.3) + _arrow(branch, head=0.28)


def keep_right() -> Figure:
    """Return the arrow down to the right."""
    return placed(_arrow(line((0, 0.72), (0, -0.66)), head=0.45, pen=0.21), turn=135)


def roundabout() -> Figure:
    """Return three arrows in a counterclockwise circle."""
    one = _arrow(arc(0, 0, 0.57, 293, 192), head=0.21, pen=0.14)
    return tuple(patch for turn in (0, 120, 240) for patch in placed(one, turn=turn))


# ---------------------------------------------------------------------------------------------------------------------
# Warnings, in board coordinates: the white of the triangle reaches from -0.56 at the tip to 0.66


def crossroads() -> Figure:
    """Return a wide road crossing a thin one: right of way at the next intersection."""
    shaft = line((-0.13, 0.58), (-0.13, 0.14), (-0.17, 0.1), (-0.17, 0.0), (0, -0.23))
    half = joined(shaft, line((0, 0.48)))
    return filled(BLACK, half, half * (-1, 1), box(-0.36, 0.22, 0.36, 0.32))


def caution() -> Figure:
    """Return the exclamation mark."""
    drop = joined(arc(0, -0.19, 0.105, 180, 360), line((0.055, 0.34), (-0.055, 0.34)))
    return filled(BLACK, drop, circle(0, 0.51, 0.095))


def curve_left() -> Figure:
    """Return a band from the bottom that curves to the left."""
    outer = joined(line((0.27, 0.56)), arc(-0.03, 0.32, 0.3, 0, -90), line((-0.2, 0.02), (-0.33, 0.1)))
    inner = joined(line((-0.2, 0.19)), arc(-0.03, 0.33, 0.14, 270, 360), line((0.11, 0.56), (0.19, 0.49)))
    return filled(BLACK, joined(outer, inner))


def double_curve() -> Figure:
    """Return a band that curves left, then right, upwards."""
    band = line(
        (0.26, 0.57), (0.26, 0.13), (0.2, 0.07), (-0.07, 0.11), (-0.07, -0.1), (-0.15, -0.23), (-0.23, -0.1),
        (-0.23, 0.24), (-0.17, 0.31), (0.1, 0.26), (0.1, 0.57), (0.18, 0.5),
    )  # fmt: skip
    return filled(BLACK, band)


def bumps() -> Figure:
    """Return two humps on a flat road."""
    x = np.linspace(-0.45, 0.45, 60)
    humps = 0.47 - 0.16 * np.maximum(np.cos((np.abs(x) - 0.2) * np.pi / 0.4), 0) ** 0.8
    top = np.stack([x, np.where(np.abs(x) > 0.4, 0.47, humps)], axis=1)
    return filled(BLACK, joined(top, line((0.47, 0.55), (-0.47, 0.55))))


def skid() -> Figure:
    """Return a leaning car and its winding tracks."""
    down = np.linspace(0, 1, 30)
    sway = np.stack([0.15 * np.sin(down * 5.4) + 0.02, 0.38 + 0.22 * down], axis=1)
    tracks = (stroke(sway + np.array((x, 0)), 0.05) for x in (-0.22, 0.2))
    return placed(car(), -0.02, 0.11, scale=0.3, turn=12) + filled(BLACK, *tracks)


def narrowing() -> Figure:
    """Return a straight left curb and a right one that narrows the road."""
    left = box(-0.18, -0.13, -0.07, 0.57)
    right = stroke(line((0.1, -0.13), (0.1, 0.1), (0.22, 0.28), (0.22, 0.57)), 0.11)
    return filled(BLACK, left, right)


def lights() -> Figure:
    """Return the three lamps of a traffic light."""
    lamps = ((RED, -0.13), (YELLOW, 0.18), (GREEN, 0.49))
    return tuple(ColoredPolygon(circle(0, y, 0.135), color) for color, y in lamps)


def snowflake() -> Figure:
    """Return a snowflake with six branched arms."""
    arm = (line((0, 0), (0, -0.33)), line((-0.105, -0.295), (0, -0.19), (0.105, -0.295)))
    strokes = filled(BLACK, *(stroke(spine, 0.07) for spine in arm))
    return tuple(patch for turn in range(0, 360, 60) for patch in placed(strokes, 0, 0.26, turn=turn))


def pedestrian() -> Figure:
    """Return a pedestrian walking left."""
    torso = line((-0.13, -0.1), (0.05, -0.1), (0.07, 0.02), (0.05, 0.18), (-0.09, 0.18))
    limbs = (
        *limb(0.07, (-0.1, -0.07), (-0.2, 0.05), (-0.24, 0.14)),
        *limb(0.07, (0.04, -0.07), (0.15, 0.04), (0.15, 0.14)),
        *limb(0.085, (-0.06, 0.25), (-0.1, 0.37), (-0.19, 0.6)),  # below a white belt
        *limb(0.085, (0.02, 0.25), (0.1, 0.37), (0.2, 0.59)),
    )
    return filled(BLACK, circle(-0.06, -0.23, 0.08), torso, *limbs)


def _child(bend: float) -> tuple[Points, ...]:
    """Return a child running left, its head around (0, -0.4) and its feet at 0.42."""
    torso = line((-0.1, -0.28), (0.1, -0.28), (0.12, 0.08), (-0.06, 0.08))
    return (
        circle(-0.03, -0.42, 0.1),
        torso,
        *limb(0.075, (-0.06, -0.24), (-0.2, -0.14), (-0.3, -0.06 - bend)),
        *limb(0.075, (0.07, -0.24), (0.2, -0.12), (0.3, -0.04)),
        *limb(0.1, (-0.01, 0.06), (-0.03, 0.22), (-0.11, 0.42)),
        *limb(0.1, (0.06, 0.06), (0.2, 0.2), (0.34, 0.24)),
    )


def children() -> Figure:
    """Return two children running left, the smaller one in front."""
    tall = placed(filled(BLACK, *_child(0.0)), 0.13, 0.23, scale=0.8)
    small = placed(filled(BLACK, *_child(0.06)), -0.25, 0.32, scale=0.58)
    return tall + small


def roadworker() -> Figure:
    """Return a worker with a shovel and a heap on the right."""
    torso = line((-0.04, -0.03), (-0.15, -0.07), (-0.29, 0.06), (-0.34, 0.2), (-0.18, 0.3), (-0.12, 0.12))
    parts = (
        circle(0.0, -0.15, 0.08),
        torso,
        *limb(0.06, (-0.08, 0.01), (-0.01, 0.14), (-0.09, 0.25)),
        *limb(0.085, (-0.28, 0.22), (-0.33, 0.4), (-0.4, 0.58)),
        *limb(0.085, (-0.2, 0.25), (-0.13, 0.4), (-0.17, 0.58)),
        stroke(line((-0.28, 0.07), (0.2, 0.48)), 0.04),
        line((0.03, 0.61), (0.25, 0.32), (0.36, 0.32), (0.58, 0.61)),
    )
    return filled(BLACK, *parts)


def deer() -> Figure:
    """Return a leaping deer, facing left."""
    body = line(
        (-0.19, 0.0), (-0.1, -0.07), (-0.02, -0.06), (-0.02, 0.04), (0.03, 0.13), (0.17, 0.19), (0.31, 0.26),
        (0.35, 0.33), (0.31, 0.4), (0.18, 0.34), (0.05, 0.31), (-0.06, 0.28), (-0.11, 0.2), (-0.09, 0.05),
        (-0.17, 0.05),
    )  # fmt: skip
    legs = (
        *limb(0.05, (-0.06, 0.24), (-0.18, 0.27), (-0.26, 0.2)),
        *limb(0.05, (-0.04, 0.27), (-0.18, 0.33), (-0.25, 0.3)),
        *limb(0.055, (0.3, 0.35), (0.32, 0.46), (0.42, 0.58)),
        *limb(0.05, (0.27, 0.36), (0.26, 0.46), (0.35, 0.58)),
    )
    antlers = (
        *limb(0.035, (-0.07, -0.06), (-0.06, -0.15), (-0.1, -0.21)),
        *limb(0.035, (-0.03, -0.05), (0.03, -0.13), (0.02, -0.22)),
    )
    return filled(BLACK, body, *legs, *antlers)
