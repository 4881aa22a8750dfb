"""Cars, trucks and the bicycle of the signs, in black and white, each on its own board."""

from dreamfilters.signs.artwork.shapes import (
    BLACK,
    WHITE,
    Figure,
    box,
    circle,
    filled,
    halves,
    limb,
    line,
    rounded,
    stroke,
)


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
