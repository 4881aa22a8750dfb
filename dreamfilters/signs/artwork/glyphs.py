"""Digits and letters in the style of DIN 1451, as pen strokes in a box of height 1."""

from collections.abc import Callable

from dreamfilters.signs.artwork.shapes import Color, Figure, Points, arc, filled, halves, joined, line, placed, stroke

# Each function takes half the width of its box and returns the center lines of the strokes; y is -0.5 to 0.5.
Ways = tuple[Points, ...]
END = 0.59  # end of an upright line, so that it is as tall as round strokes including half the pen


def _zero(a: float) -> Ways:
    top = joined(line((-a, 0.02)), arc(0, -0.5 + a, a, 180, 360), line((a, 0.02)))
    return top, -top


def _one(a: float) -> Ways:
    return line((-a, -0.3), (a * 0.55, -0.5)), line((a * 0.55, -END), (a * 0.55, END))


def _two(a: float) -> Ways:
    neck = joined(arc(0, -0.24, a, 188, 392, down=0.26), line((-a * 0.8, 0.5)))
    return neck, line((-a * 1.2, 0.5), (a * 1.15, 0.5))


def _three(a: float) -> Ways:
    top = arc(0, -0.265, a * 0.9, 195, 440, down=0.235)
    bottom = arc(0, 0.225, a, 280, 525, down=0.275)
    return top, bottom, line((-a * 0.25, -0.04), (a * 0.3, -0.04))


def _five(a: float) -> Ways:
    bowl = arc(0, 0.19, a, 222, 515, down=0.31)
    return (joined(line((a * 0.95, -0.5), (-a * 0.72, -0.5)), bowl),)


def _six(a: float) -> Ways:
    return *halves(0, 0.23, a, down=0.27), line((a * 0.35, -END), (-a * 0.86, 0.12))


def _seven(a: float) -> Ways:
    return line((-a * 1.1, -0.5), (a, -0.5)), line((a, -0.47), (-a * 0.35, END))


def _eight(a: float) -> Ways:
    return *halves(0, -0.27, a * 0.88, down=0.23), *halves(0, 0.23, a, down=0.27)


def _s(a: float) -> Ways:
    return (joined(arc(0, -0.255, a, 345, 90, down=0.245), arc(0, 0.245, a, 275, 525, down=0.255)),)


def _t(a: float) -> Ways:
    return line((-a * 1.35, -0.5), (a * 1.35, -0.5)), line((0, -0.5), (0, END))


def _p(a: float) -> Ways:
    bowl = joined(line((-a, -0.5)), arc(a * 0.1, -0.22, a * 0.95, 270, 450, down=0.28), line((-a, 0.06)))
    return line((-a, -END), (-a, END)), bowl


GLYPHS: dict[str, Callable[[float], Ways]] = {
    "0": _zero, "1": _one, "2": _two, "3": _three, "5": _five, "6": _six, "7": _seven, "8": _eight,
    "S": _s, "T": _t, "O": _zero, "P": _p,
}  # fmt: skip


def word(text: str, *, height: float, breadth: float, gap: float, pen: float, color: Color) -> Figure:
    """Return the text centered on the board, every glyph `breadth` wide and `height` high from edge to edge.

    `gap` is the distance between two glyphs and `pen` the width of the line; all are in units of
    the board, where a sign reaches from -1 to 1. A one has two thirds of the breadth.
    """
    inner = height - pen  # the glyphs' boxes bound the center of the pen
    breadths = [breadth * (2 / 3 if letter == "1" else 1) for letter in text]
    x = -(sum(breadths) + gap * (len(text) - 1)) / 2
    figure: Figure = ()
    for letter, wide in zip(text, breadths, strict=True):
        outlines = (stroke(way, pen / inner) for way in GLYPHS[letter]((wide - pen) / 2 / inner))
        figure += placed(filled(color, *outlines), x + wide / 2, scale=inner)
        x += wide + gap
    return figure
