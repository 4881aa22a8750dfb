"""Filled polygons, from which every sign is drawn, on a board from -1 to 1, x right and y down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Points: TypeAlias = npt.NDArray[np.float64]  # (n, 2), x right and y down
Color: TypeAlias = tuple[int, int, int]

# The traffic colors of the RAL register that German signs are made in, as they look in daylight.
WHITE: Color = (244, 244, 241)
BLACK: Color = (24, 24, 26)
GRAY: Color = (92, 94, 96)
RED: Color = (197, 22, 30)
BLUE: Color = (10, 82, 164)
YELLOW: Color = (250, 190, 8)
GREEN: Color = (0, 134, 98)

ROUND = 72  # corners of a full circle; at 768 pixels an edge misses the circle by less than half a pixel


@dataclass(frozen=True, eq=False)
class ColoredPolygon:
    """A polygon filled with one color."""

    points: Points
    color: Color


Figure: TypeAlias = tuple[ColoredPolygon, ...]  # in painting order


def line(*points: Sequence[float]) -> Points:
    """Return corners as an array: (n, 2)."""
    return np.asarray(points, float)


def joined(*pieces: Points) -> Points:
    """Return the concatenation of the pieces."""
    return np.concatenate(pieces)


def arc(x: float, y: float, across: float, start: float, stop: float, *, down: float | None = None) -> Points:
    """Return an arc around (x, y) with the half axes `across` and `down`, from one angle in degrees to another.

    Angles run clockwise from the right, as y points down: 270 is the top.
    """
    count = max(2, round(abs(stop - start) / 360 * ROUND) + 1)
    angles = np.radians(np.linspace(start, stop, count))
    return np.stack([x + across * np.cos(angles), y + (across if down is None else down) * np.sin(angles)], axis=1)


def circle(x: float, y: float, radius: float) -> Points:
    """Return the outline of a disc."""
    return arc(x, y, radius, 0, 360)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Return the outline of an upright rectangle."""
    return line((left, top), (right, top), (right, bottom), (left, bottom))


def stroke(points: Points, width: float) -> Points:
    """Return the outline of a line of the given width, with mitered corners and square ends."""
    steps = np.diff(points, axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    normals = np.stack([-steps[:, 1], steps[:, 0]], axis=1)
    before, after = np.concatenate([normals[:1], normals]), np.concatenate([normals, normals[-1:]])
    along = 1 + np.sum(before * after, axis=1, keepdims=True)
    miter = (before + after) / np.maximum(along, 0.2)  # 0.2: a needle's tip stays within three widths
    return np.concatenate([points + miter * width / 2, (points - miter * width / 2)[::-1]])


def halves(x: float, y: float, across: float, *, down: float | None = None) -> tuple[Points, Points]:
    """Return an ellipse as two slightly overlapping lines; the outline of a closed line would intersect itself."""
    return arc(x, y, across, -2, 182, down=down), arc(x, y, across, 178, 362, down=down)


def rounded(corners: Points, radius: float) -> Points:
    """Return a convex polygon, given clockwise on screen, with corners rounded to the radius."""
    pieces = []
    for before, corner, after in zip(np.roll(corners, 1, 0), corners, np.roll(corners, -1, 0), strict=True):
        back, ahead = before - corner, after - corner
        back, ahead = back / np.linalg.norm(back), ahead / np.linalg.norm(ahead)
        half = np.arccos(np.clip(back @ ahead, -1, 1)) / 2
        middle = (back + ahead) / np.linalg.norm(back + ahead)
        center = corner + middle * radius / np.sin(half)
        outward = np.degrees(np.arctan2(-middle[1], -middle[0]))
        sweep = 90 - np.degrees(half)
        pieces.append(arc(center[0], center[1], radius, outward - sweep, outward + sweep))
    return np.concatenate(pieces)


def filled(color: Color, *outlines: Points) -> Figure:
    """Return one polygon of the color per outline."""
    return tuple(ColoredPolygon(outline, color) for outline in outlines)


def limb(width: float, *points: Sequence[float]) -> tuple[Points, ...]:
    """Return the outlines of a line with round joints and ends: an arm, a leg, an antler."""
    spine = line(*points)
    return (stroke(spine, width), *(circle(x, y, width / 2) for x, y in spine))


def placed(
    figure: Iterable[ColoredPolygon], x: float = 0, y: float = 0, *, scale: float = 1, turn: float = 0
) -> Figure:
    """Return the figure rotated clockwise by `turn` degrees about the origin, scaled, then moved to (x, y)."""
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    matrix = scale * np.array([[cosine, sine], [-sine, cosine]])
    return tuple(replace(patch, points=patch.points @ matrix + (x, y)) for patch in figure)


def mirrored(figure: Iterable[ColoredPolygon]) -> Figure:
    """Return the figure mirrored left to right."""
    return tuple(replace(patch, points=patch.points * (-1.0, 1.0)) for patch in figure)


def painted(figure: Iterable[ColoredPolygon], color: Color) -> Figure:
    """Return the figure with its black polygons in another color."""
    return tuple(replace(patch, color=color) if patch.color == BLACK else patch for patch in figure)
