"""The page of one layer for one picture: the picture, what it was taken for, the scale, and every unit's map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.maps.overlay import over
from dreamfilters.evidence.maps.unit_maps import MapScale, UnitMaps
from dreamfilters.images import Picture
from dreamfilters.images.colormaps import Palette, palette, share
from dreamfilters.images.decoding import in_channels, with_channels
from dreamfilters.images.panels import (
    BRIGHT,
    DIM,
    Line,
    Panel,
    above,
    beside,
    blank,
    enlarged,
    framed,
    photograph,
    shrunk,
    written,
)  # fmt: skip
from dreamfilters.images.tiles import Axis, bars, tiled
from dreamfilters.networks.predictions import Guess

Ends: TypeAlias = tuple[str, str, str]  # under the scale bar: left, middle, right

_TILE, _LARGEST = 96, 256  # pixels: small maps are enlarged to about the one, large ones shrunk below the other
_SMALL_TILE, _MANY = 64, 256  # pixels of each tile where there are more units than that
_PHOTOGRAPH, _MARGIN, _GAP = 176, 16, 20
_BAR, _TEXT, _NAME = 256, 460, 240  # widths of the scale bar, of the header's text and of a class name
_OVERVIEW_TILE, _OVERVIEW_UNITS = 72, 12


@dataclass(frozen=True)
class MapStyle:
    """How maps are drawn.

    Attributes:
        scale: which values are the darkest and the brightest colour.
        colours: "grey", "magma" or "viridis".
        overlay: lay each map over the picture, every place where it looks.
    """

    scale: MapScale = field(default_factory=MapScale)
    colours: str = "grey"
    overlay: bool = False

    def __post_init__(self) -> None:
        palette(self.colours)


@dataclass(frozen=True, eq=False)
class Subject:
    """Whose maps they are.

    Attributes:
        name: of the picture.
        picture: (h, w, c) in [0, 1] as the network sees it.
        label: what it shows, if that is known.
        guesses: what the network takes it for.
    """

    name: str
    picture: Picture
    label: str = ""
    guesses: tuple[Guess, ...] = ()


def layer_page(subject: Subject, maps: UnitMaps, style: MapStyle) -> Panel:
    """Return the page of one layer, (H, W, 3) uint8: a map for each unit, or a bar where it answers with a number."""
    colours = palette(style.colours)
    body = _bars(maps, style, colours) if maps.are_numbers else _tiles(subject, maps, style, colours)
    header = _header(subject, _layer_lines(maps))
    return framed(above([header, _legend(maps, style, colours), body], gap=_GAP), _MARGIN)


def overview(subject: Subject, layers: Sequence[UnitMaps], style: MapStyle) -> Panel:
    """Return the page of one picture: the first units of each layer, a row a layer."""
    colours = palette(style.colours)
    rows = [beside([_row_name(maps, style.scale), _row(subject, maps, style, colours)], gap=12) for maps in layers]
    header = _header(subject, [Line(f"the first units of {len(layers)} layers", 13)])
    text = written([Line(_scale_text(style.scale, layers="each"), 12)])
    legend = beside([_ramp(_named_ends(style.scale), colours), text], gap=12)
    return framed(above([header, legend, *rows], gap=_GAP), _MARGIN)


def _header(subject: Subject, lines: Sequence[Line]) -> Panel:
    title = [Line(subject.name, 18, BRIGHT), *([Line(f"label: {subject.label}")] if subject.label else [])]
    text = [written([*title, *lines], width=_TEXT), *([_guess_table(subject.guesses)] if subject.guesses else [])]
    return beside([photograph(subject.picture, _PHOTOGRAPH), above(text, gap=8)], gap=_GAP)


def _guess_table(guesses: Sequence[Guess]) -> Panel:
    """Return the classes with a bar for the probability, which stands beside the logit in numbers."""
    rows = [[Line("class", 11, DIM)], [Line("probability", 11, DIM)], [Line("logit", 11, DIM)]]
    marks = [blank(rows[0][0].height, 80)]
    for guess in guesses:
        odds_text = "" if guess.probability is None else f"{100 * guess.probability:.2f} %"
        for column, text in zip(rows, (guess.name, odds_text, f"{guess.logit:.4g}"), strict=True):
            column.append(Line(text, 12))
        mark = blank(column[-1].height, 80)
        mark[4:-3, : round(80 * (guess.probability or 0))] = (110, 160, 220)
        marks.append(mark)
    name, odds, logit = rows
    named = written(name)
    named = written(name, width=_NAME) if named.shape[1] > _NAME else named
    return beside([named, written(odds), above(marks), written(logit)], gap=14)


def _layer_lines(maps: UnitMaps) -> list[Line]:
    info = maps.info
    height, width, count = *maps.values.shape[:2], len(maps.units)
    what = " · ".join([info.name, info.type, *([info.activation] if info.activation != "linear" else [])])
    units = f"{count} units" if count == info.units else f"{count} of {info.units} units"
    field = info.receptive_field
    seen = "the whole picture" if field is None else f"{field.size[0]} × {field.size[1]} pixels"
    size = f"one number each for {seen}" if maps.are_numbers else f"maps of {height} × {width}; a place sees {seen}"
    return [Line(what, 14, BRIGHT), Line(f"{units}, {size}", 12)]


def _legend(maps: UnitMaps, style: MapStyle, colours: Palette) -> Panel:
    """Return the scale bar with what its ends mean, and the colour of NaN where there are any."""
    text = written([Line(_scale_text(style.scale, numbers=maps.are_numbers), 12), *_remarks(maps, style.scale)])
    low, high = (end[0] for end in maps.limits(style.scale))
    ends = _named_ends(style.scale) if style.scale.by == "unit" else _ends(low, high)
    parts = [text] if maps.are_numbers else [_ramp(ends, colours), text]
    if maps.missing.any():
        swatch = blank(12, 24, colours.missing)
        parts += [swatch, written([Line(f"not a number: {int(maps.missing.sum())} places", 12, BRIGHT)])]
    return beside(parts, gap=12)


def _named_ends(scale: MapScale) -> Ends:
    """Return what stands under the bar where it is for maps of unequal ends."""
    return _ends(scale.low, scale.high) if scale.by == "fixed" else ("least", "", "greatest")


def _ends(low: float, high: float) -> Ends:
    return f"{low:.4g}", f"{(low + high) / 2:.4g}", f"{high:.4g}"


def _ramp(ends: Ends, colours: Palette) -> Panel:
    ramp = colours.paint(np.tile(np.arange(_BAR), (12, 1)), 0, _BAR - 1)
    return above([ramp, _ends_of_bar(ends)])


def _ends_of_bar(ends: Ends) -> Panel:
    left, middle, right = (written([Line(end, 12)]) for end in ends)
    free = _BAR - left.shape[1] - middle.shape[1] - right.shape[1]
    before = max(4, (_BAR - middle.shape[1]) // 2 - left.shape[1])
    return beside([left, blank(1, before), middle, blank(1, max(4, free - before)), right])


def _scale_text(scale: MapScale, *, numbers: bool = False, layers: str = "the whole") -> str:
    if numbers:
        return f"bars from 0; the axis is {'fixed' if scale.by == 'fixed' else 'that of the whole layer'}"
    if scale.by == "fixed":
        return "scale: fixed; what lies beyond an end has its colour"
    if scale.by == "layer":
        return f"scale: from the least to the greatest value of {layers} layer for this picture"
    return "scale: each unit's own least to its greatest value, which stand below its map"


def _remarks(maps: UnitMaps, scale: MapScale) -> list[Line]:
    """Say what a look at the maps could miss: how many do not change over the picture, and infinite values."""
    whole = (maps.missing == 0) & (maps.infinite == 0) & (maps.ends[0] == maps.ends[1])
    constant, silent, infinite = int(whole.sum()), int((whole & (maps.ends[0] == 0)).sum()), int(maps.infinite.sum())
    remarks = [f"{infinite} infinite values"] * (infinite > 0)
    if constant and not maps.are_numbers:
        drawn = ", in the darkest colour" if scale.by == "unit" else ""
        remarks.append(f"{constant} constant{drawn}; {silent} of them 0 everywhere")
    return [Line(", ".join(remarks), 12, DIM)] if remarks else []


def _tiles(subject: Subject, maps: UnitMaps, style: MapStyle, colours: Palette) -> Panel:
    side = _SMALL_TILE if len(maps.units) > _MANY else _TILE
    pictures = _painted(subject, maps, style, colours, side)
    return tiled(pictures, _captions(maps, 13, 10))


def _captions(maps: UnitMaps, number: int, numbers: int) -> list[list[Line]]:
    """Return each unit's number and the ends of its map, in letters of these sizes."""
    return [
        [Line(str(unit), number, BRIGHT), Line(_range(least, greatest), numbers, DIM)]
        for unit, least, greatest in zip(maps.units, *maps.ends, strict=True)
    ]


def _painted(subject: Subject, maps: UnitMaps, style: MapStyle, colours: Palette, side: int) -> NDArray[np.uint8]:
    """Return the maps in colours, (units, h, w, 3): small ones `side` pixels long, none longer than `_LARGEST`."""
    low, high = (end[:, None, None] for end in maps.limits(style.scale))
    painted = colours.paint(maps.planes, low, high)
    if style.overlay:
        size = subject.picture.shape[:2]
        below = photograph(_under(subject.picture, colours), min(_LARGEST, max(side, *size)))
        return over(below, painted, share(maps.planes, low, high), size, maps.info.receptive_field)
    longer = max(painted.shape[1:3])
    return shrunk(painted, -(-longer // _LARGEST)) if longer > _LARGEST else enlarged(painted, _factor(longer, side))


def _under(picture: Picture, colours: Palette) -> Picture:
    """Return the picture as it lies under a map: in grey under a coloured one, so that all colours are the map's."""
    is_grey = np.ptp(colours.colours, axis=1).max() == 0
    return picture if is_grey else in_channels(with_channels(picture), 1)


def _factor(longer: int, side: int) -> int:
    return max(1, round(side / longer))


def _bars(maps: UnitMaps, style: MapStyle, colours: Palette) -> Panel:
    values = maps.values[0, 0]
    low, high = (float(end[0]) for end in maps.limits(style.scale))
    if style.scale.by != "fixed":
        low, high = min(0.0, low), max(0.0, high)
    captions = [
        [Line(str(unit), 11, BRIGHT), Line(f"{value:.2g}", 9, DIM)]
        for unit, value in zip(maps.units, values, strict=True)
    ]
    return bars(values.tolist(), captions, Axis(low, high), missing=colours.missing)


def _row_name(maps: UnitMaps, scale: MapScale) -> Panel:
    height, width = maps.values.shape[:2]
    size = f"{maps.info.units} numbers" if maps.are_numbers else f"{maps.info.units} × {height} × {width}"
    lines = [Line(maps.info.name, 13, BRIGHT), Line(maps.info.type, 11), Line(size, 11, DIM)]
    if scale.by == "layer":
        lines.append(Line(_range(*(float(end[0]) for end in maps.limits(scale))), 11, DIM))
    return written(lines, width=150)


def _row(subject: Subject, maps: UnitMaps, style: MapStyle, colours: Palette) -> Panel:
    first = UnitMaps(maps.info, maps.units[:_OVERVIEW_UNITS], maps.values[..., :_OVERVIEW_UNITS], maps.span)
    if maps.are_numbers:
        return _bars(first, style, colours)
    pictures = _painted(subject, first, style, colours, _OVERVIEW_TILE)
    longer = max(pictures.shape[1:3])
    small = shrunk(pictures, -(-longer // (2 * _OVERVIEW_TILE)))
    return tiled(small, _captions(first, 11, 9), columns=_OVERVIEW_UNITS)


def _range(low: float, high: float) -> str:
    """Return the ends of a map in few letters; one number where it is constant.

    >>> _range(0.0, 3.14159), _range(2.0, 2.0)
    ('0 … 3.14', '= 2')
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no number"
    return f"= {low:.3g}" if low == high else f"{low:.3g} … {high:.3g}"
