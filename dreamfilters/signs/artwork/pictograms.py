"""Pictograms of the warning triangles, in board coordinates (white from -0.56 at the tip to 0.66)."""

import numpy as np

from dreamfilters.signs.artwork.shapes import (
    BLACK,
    GREEN,
    RED,
    YELLOW,
    ColoredPolygon,
    Figure,
    Points,
    arc,
    box,
    circle,
    filled,
    joined,
    limb,
    line,
    mirrored,
    placed,
    stroke,
)
from dreamfilters.signs.artwork.vehicles import bicycle, car


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


def curve_right() -> Figure:
    """Return a band from the bottom that curves to the right."""
    return mirrored(curve_left())


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


def cyclist() -> Figure:
    """Return the bicycle, positioned on the triangle."""
    return placed(bicycle(), 0, 0.32, scale=0.5)


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
