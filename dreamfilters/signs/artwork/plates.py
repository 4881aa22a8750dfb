"""Plates: nested outlines, outermost first."""

from collections.abc import Callable

import numpy as np

from dreamfilters.signs.artwork.shapes import (
    BLACK,
    BLUE,
    RED,
    WHITE,
    YELLOW,
    Color,
    ColoredPolygon,
    Figure,
    Points,
    box,
    circle,
    filled,
    line,
    rounded,
    stroke,
)

EDGE = 0.97  # extent of a plate from the center of the board


def _nested(outline: Callable[[float], Points], *layers: tuple[float, Color]) -> Figure:
    """Return one polygon per layer: the outline inset by a depth, in a color."""
    return tuple(ColoredPolygon(outline(depth), color) for depth, color in layers)


def _disc(depth: float) -> Points:
    return circle(0, 0, EDGE - depth)


def _regular(corners: int, inradius: float, first: float, round_off: float) -> Points:
    """Return a regular polygon with round corners, clockwise; `first` is the angle of one corner in degrees."""
    angles = np.radians(first + 360 / corners * np.arange(corners))
    radius = inradius / np.cos(np.pi / corners)
    return rounded(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), round_off)


def _octagon(depth: float) -> Points:
    return _regular(8, EDGE - depth, 22.5, 0.03)


def _diamond(depth: float) -> Points:
    return _regular(4, (EDGE - depth) / np.sqrt(2), 0, 0.05)


TRIANGLE_INRADIUS, TRIANGLE_CENTER = 0.612, 0.25  # reaches the EDGE on both sides, as far up as down


def _triangle(depth: float) -> Points:
    """Return the triangle of a warning, with concentric round corners where possible."""
    triangle = _regular(3, TRIANGLE_INRADIUS - depth, 270, max(0.11 - depth, 0.035))
    return np.asarray(triangle + np.array((0, TRIANGLE_CENTER)))


PROHIBITION = _nested(_disc, (0, WHITE), (0.025, RED), (0.25, WHITE))
ORDER = _nested(_disc, (0, WHITE), (0.04, BLUE))
END = _nested(_disc, (0, WHITE), (0.025, BLACK), (0.06, WHITE))
NO_ENTRY = _nested(_disc, (0, WHITE), (0.03, RED)) + filled(WHITE, box(-0.83, -0.165, 0.83, 0.165))
WARNING = _nested(_triangle, (0, WHITE), (0.025, RED), (0.205, WHITE))
YIELD = tuple(ColoredPolygon(patch.points * (1, -1), patch.color) for patch in WARNING)
STOP = _nested(_octagon, (0, WHITE), (0.06, RED))
PRIORITY = _nested(_diamond, (0, BLACK), (0.03, WHITE), (0.37, BLACK), (0.39, YELLOW))


def slashes() -> Figure:
    """Return the five diagonal lines of signs that end a restriction."""
    reach, offsets = EDGE - 0.04, np.linspace(-0.17, 0.17, 5)
    slant = np.array([(1, -1), (1, 1)]) / np.sqrt(2)  # rows: along the lines and across them
    halves = np.sqrt(reach**2 - offsets**2)  # the lines end on the black edge
    spines = [line((-half, offset), (half, offset)) @ slant for half, offset in zip(halves, offsets, strict=True)]
    return filled(BLACK, *(stroke(spine, 0.045) for spine in spines))
