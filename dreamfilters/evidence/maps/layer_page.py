"""The page of one layer for one image: the image, what it was taken for, the scale, and every unit's map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.maps.overlay import overlay_maps
from dreamfilters.evidence.maps.unit_maps import MapScale, UnitMaps
from dreamfilters.images import ImageArray
from dreamfilters.images.colormaps import Colormap, colormap, share
from dreamfilters.images.decoding import in_channels, with_channels
from dreamfilters.images.panels import (
    BRIGHT,
    DIM,
    Panel,
    TextLine,
    above,
    beside,
    blank,
    enlarged,
    framed,
    image_panel,
    shrunk,
    written,
)  # fmt: skip
from dreamfilters.images.tiles import Axis, bars, tiled
from dreamfilters.networks.classes.predictions import Prediction

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
        scale: which values are the darkest and the brightest color.
        colors: "gray", "magma" or "viridis".
        overlay: lay each map over the image, every place where it looks.
    """

    scale: MapScale = field(default_factory=MapScale)
    colors: str = "gray"
    overlay: bool = False

    def __post_init__(self) -> None:
        colormap(self.colors)


@dataclass(frozen=True, eq=False)
class PageImage:
    """Whose maps they are.

    Attributes:
        name: of the image.
        image: (h, w, c) in [0, 1] as the network sees it.
        label: what it shows, if that is known.
        guesses: what the network takes it for.
    """

    name: str
    image: ImageArray
    label: str = ""
    guesses: tuple[Prediction, ...] = ()


def layer_page(subject: PageImage, maps: UnitMaps, style: MapStyle) -> Panel:
    """Return the page of one layer, (H, W, 3) uint8: a map for each unit, or a bar where it answers with a number."""
    colors = colormap(style.colors)
    body = _bars(maps, style, colors) if maps.are_numbers else _tiles(subject, maps, style, colors)
    header = _header(subject, _layer_lines(maps))
    return framed(above([header, _legend(maps, style, colors), body], gap=_GAP), _MARGIN)


def overview(subject: PageImage, layers: Sequence[UnitMaps], style: MapStyle) -> Panel:
    """Return the page of one image: the first units of each layer, a row a layer."""
    colors = colormap(style.colors)
    rows = [beside([_row_name(maps, style.scale), _row(subject, maps, style, colors)], gap=12) for maps in layers]
    header = _header(subject, [TextLine(f"the first units of {len(layers)} layers", 13)])
    text = written([TextLine(_scale_text(style.scale, layers="each"), 12)])
    legend = beside([_ramp(_named_ends(style.scale), colors), text], gap=12)
    return framed(above([header, legend, *rows], gap=_GAP), _MARGIN)


def _header(subject: PageImage, lines: Sequence[TextLine]) -> Panel:
    title = [TextLine(subject.name, 18, BRIGHT), *([TextLine(f"label: {subject.label}")] if subject.label else [])]
    text = [written([*title, *lines], width=_TEXT), *([_guess_table(subject.guesses)] if subject.guesses else [])]
    return beside([image_panel(subject.image, _PHOTOGRAPH), above(text, gap=8)], gap=_GAP)


def _guess_table(guesses: Sequence[Prediction]) -> Panel:
    """Return the classes with a bar for the probability, which stands beside the logit in numbers."""
    rows = [[TextLine("class", 11, DIM)], [TextLine("probability", 11, DIM)], [TextLine("logit", 11, DIM)]]
    marks = [blank(rows[0][0].height, 80)]
    for guess in guesses:
        odds_text = "" if guess.probability is None else f"{100 * guess.probability:.2f} %"
        for column, text in zip(rows, (guess.name, odds_text, f"{guess.logit:.4g}"), strict=True):
            column.append(TextLine(text, 12))
        mark = blank(column[-1].height, 80)
        mark[4:-3, : round(80 * (guess.probability or 0))] = (110, 160, 220)
        marks.append(mark)
    name, odds, logit = rows
    named = written(name)
    named = written(name, width=_NAME) if named.shape[1] > _NAME else named
    return beside([named, written(odds), above(marks), written(logit)], gap=14)


def _layer_lines(maps: UnitMaps) -> list[TextLine]:
    info = maps.info
    height, width, count = *maps.values.shape[:2], len(maps.units)
    what = " · ".join([info.name, info.type, *([info.activation] if info.activation != "linear" else [])])
    units = f"{count} units" if count == info.units else f"{count} of {info.units} units"
    field = info.receptive_field
    seen = "the whole image" if field is None else f"{field.size[0]} × {field.size[1]} pixels"
    size = f"one number each for {seen}" if maps.are_numbers else f"maps of {height} × {width}; a place sees {seen}"
    return [TextLine(what, 14, BRIGHT), TextLine(f"{units}, {size}", 12)]


def _legend(maps: UnitMaps, style: MapStyle, colors: Colormap) -> Panel:
    """Return the scale bar with what its ends mean, and the color of NaN where there are any."""
    text = written([TextLine(_scale_text(style.scale, numbers=maps.are_numbers), 12), *_remarks(maps, style.scale)])
    low, high = (end[0] for end in maps.limits(style.scale))
    ends = _named_ends(style.scale) if style.scale.by == "unit" else _ends(low, high)
    parts = [text] if maps.are_numbers else [_ramp(ends, colors), text]
    if maps.missing.any():
        swatch = blank(12, 24, colors.missing)
        parts += [swatch, written([TextLine(f"not a number: {int(maps.missing.sum())} places", 12, BRIGHT)])]
    return beside(parts, gap=12)


def _named_ends(scale: MapScale) -> Ends:
    """Return what stands under the bar where it is for maps of unequal ends."""
    return _ends(scale.low, scale.high) if scale.by == "fixed" else ("least", "", "greatest")


def _ends(low: float, high: float) -> Ends:
    return f"{low:.4g}", f"{(low + high) / 2:.4g}", f"{high:.4g}"


def _ramp(ends: Ends, colors: Colormap) -> Panel:
    ramp = colors.paint(np.tile(np.arange(_BAR), (12, 1)), 0, _BAR - 1)
    return above([ramp, _ends_of_bar(ends)])


def _ends_of_bar(ends: Ends) -> Panel:
    left, middle, right = (written([TextLine(end, 12)]) for end in ends)
    free = _BAR - left.shape[1] - middle.shape[1] - right.shape[1]
    before = max(4, (_BAR - middle.shape[1]) // 2 - left.shape[1])
    return beside([left, blank(1, before), middle, blank(1, max(4, free - before)), right])


def _scale_text(scale: MapScale, *, numbers: bool = False, layers: str = "the whole") -> str:
    if numbers:
        return f"bars from 0; the axis is {'fixed' if scale.by == 'fixed' else 'that of the whole layer'}"
    if scale.by == "fixed":
        return "scale: fixed; what lies beyond an end has its color"
    if scale.by == "layer":
        return f"scale: from the least to the greatest value of {layers} layer for this image"
    return "scale: each unit's own least to its greatest value, which stand below its map"


def _remarks(maps: UnitMaps, scale: MapScale) -> list[TextLine]:
    """Say what a look at the maps could miss: how many do not change over the image, and infinite values."""
    whole = (maps.missing == 0) & (maps.infinite == 0) & (maps.ends[0] == maps.ends[1])
    constant, silent, infinite = int(whole.sum()), int((whole & (maps.ends[0] == 0)).sum()), int(maps.infinite.sum())
    remarks = [f"{infinite} infinite values"] * (infinite > 0)
    if constant and not maps.are_numbers:
        drawn = ", in the darkest color" if scale.by == "unit" else ""
        remarks.append(f"{constant} constant{drawn}; {silent} of them 0 everywhere")
    return [TextLine(", ".join(remarks), 12, DIM)] if remarks else []


def _tiles(subject: PageImage, maps: UnitMaps, style: MapStyle, colors: Colormap) -> Panel:
    side = _SMALL_TILE if len(maps.units) > _MANY else _TILE
    images = _painted(subject, maps, style, colors, side)
    return tiled(images, _captions(maps, 13, 10))


def _captions(maps: UnitMaps, number: int, numbers: int) -> list[list[TextLine]]:
    """Return each unit's number and the ends of its map, in letters of these sizes."""
    return [
        [TextLine(str(unit), number, BRIGHT), TextLine(_range(least, greatest), numbers, DIM)]
        for unit, least, greatest in zip(maps.units, *maps.ends, strict=True)
    ]


def _painted(subject: PageImage, maps: UnitMaps, style: MapStyle, colors: Colormap, side: int) -> NDArray[np.uint8]:
    """Return the maps in colors, (units, h, w, 3): small ones `side` pixels long, none longer than `_LARGEST`."""
    low, high = (end[:, None, None] for end in maps.limits(style.scale))
    painted = colors.paint(maps.planes, low, high)
    if style.overlay:
        size = subject.image.shape[:2]
        below = image_panel(_under(subject.image, colors), min(_LARGEST, max(side, *size)))
        return overlay_maps(below, painted, share(maps.planes, low, high), size, maps.info.receptive_field)
    longer = max(painted.shape[1:3])
    return shrunk(painted, -(-longer // _LARGEST)) if longer > _LARGEST else enlarged(painted, _factor(longer, side))


def _under(image: ImageArray, colors: Colormap) -> ImageArray:
    """Return the image as it lies under a map: in gray under a colored one, so that all colors are the map's."""
    is_gray = np.ptp(colors.colors, axis=1).max() == 0
    return image if is_gray else in_channels(with_channels(image), 1)


def _factor(longer: int, side: int) -> int:
    return max(1, round(side / longer))


def _bars(maps: UnitMaps, style: MapStyle, colors: Colormap) -> Panel:
    values = maps.values[0, 0]
    low, high = (float(end[0]) for end in maps.limits(style.scale))
    if style.scale.by != "fixed":
        low, high = min(0.0, low), max(0.0, high)
    captions = [
        [TextLine(str(unit), 11, BRIGHT), TextLine(f"{value:.2g}", 9, DIM)]
        for unit, value in zip(maps.units, values, strict=True)
    ]
    return bars(values.tolist(), captions, Axis(low, high), missing=colors.missing)


def _row_name(maps: UnitMaps, scale: MapScale) -> Panel:
    height, width = maps.values.shape[:2]
    size = f"{maps.info.units} numbers" if maps.are_numbers else f"{maps.info.units} × {height} × {width}"
    lines = [TextLine(maps.info.name, 13, BRIGHT), TextLine(maps.info.type, 11), TextLine(size, 11, DIM)]
    if scale.by == "layer":
        lines.append(TextLine(_range(*(float(end[0]) for end in maps.limits(scale))), 11, DIM))
    return written(lines, width=150)


def _row(subject: PageImage, maps: UnitMaps, style: MapStyle, colors: Colormap) -> Panel:
    first = UnitMaps(maps.info, maps.units[:_OVERVIEW_UNITS], maps.values[..., :_OVERVIEW_UNITS], maps.span)
    if maps.are_numbers:
        return _bars(first, style, colors)
    images = _painted(subject, first, style, colors, _OVERVIEW_TILE)
    longer = max(images.shape[1:3])
    small = shrunk(images, -(-longer // (2 * _OVERVIEW_TILE)))
    return tiled(small, _captions(first, 11, 9), columns=_OVERVIEW_UNITS)


def _range(low: float, high: float) -> str:
    """Return the ends of a map in few letters; one number where it is constant.

    >>> _range(0.0, 3.14159), _range(2.0, 2.0)
    ('0 … 3.14', '= 2')
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        return "no number"
    return f"= {low:.3g}" if low == high else f"{low:.3g} … {high:.3g}"
