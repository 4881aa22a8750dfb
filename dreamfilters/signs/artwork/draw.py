"""Clean drawings of the 43 signs: a plate and its content."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from dreamfilters.errors import TargetError
from dreamfilters.signs.artwork import pictograms, plates
from dreamfilters.signs.artwork.glyphs import word
from dreamfilters.signs.artwork.shapes import BLACK, GRAY, RED, WHITE, Color, Figure, mirrored, painted, placed
from dreamfilters.signs.classes import GERMAN

OVERSAMPLING = 4


def _limit(text: str) -> Figure:
    """Return the number of a speed limit: two wide digits or three narrow ones."""
    if len(text) == 2:
        return word(text, height=0.85, breadth=0.475, gap=0.08, pen=0.12, color=BLACK)
    return word(text, height=0.82, breadth=0.36, gap=0.07, pen=0.105, color=BLACK)


def _two_cars(left: Color, right: Color, *, scale: float) -> Figure:
    apart = 1.15 * scale
    cars = (placed(painted(pictograms.car(), ink), x, 0.02, scale=scale) for ink, x in ((left, -apart), (right, apart)))
    return tuple(patch for car in cars for patch in car)


def _truck_and_car(left: Color, right: Color, *, scale: float) -> Figure:
    truck, car = painted(pictograms.truck_from_behind(), left), painted(pictograms.car(), right)
    apart = 1.1 * scale
    return placed(truck, -apart, 0, scale=0.95 * scale) + placed(car, apart, 0.42 * scale, scale=0.95 * scale)


# Class -> plate and content, in painting order.
SIGNS: tuple[tuple[Figure, ...], ...] = (
    (plates.PROHIBITION, _limit("20")),
    (plates.PROHIBITION, _limit("30")),
    (plates.PROHIBITION, _limit("50")),
    (plates.PROHIBITION, _limit("60")),
    (plates.PROHIBITION, _limit("70")),
    (plates.PROHIBITION, _limit("80")),
    (plates.END, word("80", height=0.93, breadth=0.51, gap=0.08, pen=0.14, color=GRAY), plates.slashes()),
    (plates.PROHIBITION, _limit("100")),
    (plates.PROHIBITION, _limit("120")),
    (plates.PROHIBITION, _two_cars(RED, BLACK, scale=0.265)),
    (plates.PROHIBITION, _truck_and_car(RED, BLACK, scale=0.26)),
    (plates.WARNING, pictograms.crossroads()),
    (plates.PRIORITY,),
    (plates.YIELD,),
    (plates.STOP, word("STOP", height=0.7, breadth=0.315, gap=0.06, pen=0.105, color=WHITE)),
    (plates.PROHIBITION,),
    (plates.PROHIBITION, placed(pictograms.truck(), scale=0.56)),
    (plates.NO_ENTRY,),
    (plates.WARNING, pictograms.caution()),
    (plates.WARNING, pictograms.curve_left()),
    (plates.WARNING, mirrored(pictograms.curve_left())),
    (plates.WARNING, pictograms.double_curve()),
    (plates.WARNING, pictograms.bumps()),
    (plates.WARNING, pictograms.skid()),
    (plates.WARNING, pictograms.narrowing()),
    (plates.WARNING, pictograms.roadworker()),
    (plates.WARNING, pictograms.lights()),
    (plates.WARNING, pictograms.pedestrian()),
    (plates.WARNING, pictograms.children()),
    (plates.WARNING, placed(pictograms.bicycle(), 0, 0.32, scale=0.5)),
    (plates.WARNING, pictograms.snowflake()),
    (plates.WARNING, pictograms.deer()),
    (plates.END, plates.slashes()),
    (plates.ORDER, pictograms.turn_right()),
    (plates.ORDER, mirrored(pictograms.turn_right())),
    (plates.ORDER, pictograms.ahead()),
    (plates.ORDER, pictograms.ahead_or_right()),
    (plates.ORDER, mirrored(pictograms.ahead_or_right())),
    (plates.ORDER, pictograms.keep_right()),
    (plates.ORDER, mirrored(pictograms.keep_right())),
    (plates.ORDER, pictograms.roundabout()),
    (plates.END, _two_cars(GRAY, GRAY, scale=0.31), plates.slashes()),
    (plates.END, _truck_and_car(GRAY, GRAY, scale=0.31), plates.slashes()),
)


def draw(number: int, size: int = 192) -> npt.NDArray[np.float32]:
    """Return a clean drawing of a class's sign: (size, size, 4) float32 in [0, 1], red, green, blue and opacity.

    Outside the sign the opacity is 0. A number outside 0 to 42 raises `TargetError`.

    >>> draw(14).shape
    (192, 192, 4)
    """
    if number not in range(len(SIGNS)):
        raise TargetError(f"{number}: signs has no such class; its classes are 0 ({GERMAN[0]}) to 42 ({GERMAN[42]})")
    wide = size * OVERSAMPLING
    board = Image.new("RGBA", (wide, wide))
    pen = ImageDraw.Draw(board)
    for patch in (patch for part in SIGNS[number] for patch in part):
        pixels = (patch.points + 1) / 2 * wide - 0.5  # an integer is the center of a pixel
        pen.polygon([(x, y) for x, y in np.round(pixels)], fill=patch.color)  # Pillow would cut fractions off
    small = board.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(np.asarray(small) / 255, np.float32)
