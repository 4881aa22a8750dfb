"""The images of a film: its frames, the strip of its dreams, and the verdicts of every unit over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dreamfilters.images import contact_sheet
from dreamfilters.images.encoding import displayed
from dreamfilters.images.panels import (
    BRIGHT,
    DIM,
    Panel,
    TextLine,
    blank,
    framed,
    image_panel,
    side_by_side,
    stacked,
    text_panel,
)
from dreamfilters.training.history import Look, Training
from dreamfilters.verdicts.verdict import COLORS, KINDS

_TILE = 112  # pixels of a dream in the strip
_LABEL = 150  # pixels of a target beside the strip
_MOST_IN_STRIP = 12
_WIDE, _HIGH = 640, 420  # pixels that the verdicts of a layer take at most, if they fit
_LONGEST = 16  # pixels of a square


def frames(training: Training, looks: Sequence[Look]) -> list[NDArray[np.float32]]:
    """Return a contact sheet of the dreams at each look, all of one size."""
    found = []
    for look in looks:
        captions = [f"{target}\n{score:.3g}" for target, score in zip(training.targets, look.scores, strict=True)]
        numbers = [look.name, *(f"{key} {value:.3g}" for key, value in list(look.logs.items())[:2])]
        images = [displayed(image / np.float32(255)) for image in look.dreams]
        found.append(contact_sheet(images, captions, title=", ".join(numbers)))
    height, width = (max(frame.shape[axis] for frame in found) for axis in (0, 1))
    return [_on_ground(frame, height, width) for frame in found]


def _on_ground(frame: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    ground = np.broadcast_to(frame[0, 0], (height, width, 3)).copy()
    ground[: frame.shape[0], : frame.shape[1]] = frame
    return ground


def strip(training: Training) -> Panel:
    """Return a row for each target, with its dream at no more than twelve looks."""
    chosen = [training.looks[place] for place in spread(len(training.looks), _MOST_IN_STRIP)]
    heads = [blank(1, _LABEL), *(_cell(look.name) for look in chosen)]
    rows = [side_by_side(heads, gap=8)]
    for number, target in enumerate(training.targets):
        images = [image_panel(displayed(look.dreams[number] / np.float32(255)), _TILE) for look in chosen]
        label = text_panel([TextLine(target, 13, BRIGHT)], width=_LABEL)
        cells = [
            stacked([image, _cell(f"{look.scores[number]:.3g}")]) for image, look in zip(images, chosen, strict=True)
        ]
        rows.append(side_by_side([label, *cells], gap=8))
    return framed(stacked(rows, gap=12), 20)


def _cell(text: str) -> Panel:
    return text_panel([TextLine(text, 12, DIM)], width=_TILE)


def spread(count: int, most: int) -> list[int]:
    """Return at most `most` evenly spaced places of `count`, with the first and the last one.

    >>> spread(5, 12), spread(9, 3)
    ([0, 1, 2, 3, 4], [0, 4, 8])
    """
    return sorted({round(place * (count - 1) / max(1, min(most, count) - 1)) for place in range(min(most, count))})


def verdict_image(training: Training, layer: str) -> Panel:
    """Return the verdicts on a layer's units over time: a row for each unit, a column for each look.

    Rows are in the order in which units stop responding for good, so that deaths form an edge; units that always
    respond come first.
    """
    units = training.slices[layer]
    kinds = np.stack([look.verdicts[units] for look in training.looks], axis=1)  # (units, looks)
    colors = np.array([COLORS[kind] for kind in KINDS], np.uint8)
    image = colors[kinds[unit_order(training, layer)]]
    rows, columns = image.shape[:2]
    across, down = max(1, min(_LONGEST, _WIDE // columns)), max(1, min(_LONGEST, _HIGH // rows))
    return image.repeat(down, axis=0).repeat(across, axis=1)


def unit_order(training: Training, layer: str) -> NDArray[np.intp]:
    """Return the units of a layer: those that respond at the last look first, then those that stopped last."""
    units = training.slices[layer]
    responding = np.stack([look.responding[units] for look in training.looks], axis=1)
    places = np.arange(1, responding.shape[1] + 1)
    last = (responding * places).max(axis=1)
    return np.lexsort((np.arange(len(last)), -responding.sum(axis=1), -last))


def verdict_panel(training: Training) -> Panel:
    """Return the images of `verdict_image` of all layers, below one another with their names."""
    parts: list[Panel] = []
    for layer in training.layers:
        title = f"{layer.name}: {layer.units} units (rows) at {len(training.looks)} looks (columns)"
        parts.append(stacked([text_panel([TextLine(title, 13, BRIGHT)]), verdict_image(training, layer.name)], gap=4))
    legend = [
        side_by_side([blank(14, 14, COLORS[kind]), text_panel([TextLine(kind, 12, DIM)])], gap=6) for kind in KINDS
    ]
    return framed(stacked([side_by_side(legend, gap=18), *parts], gap=16), 20)
