"""The page of a layer on an image: the image, its predicted classes, the color scale, and every unit's map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dreamfilters.evidence.maps.map_style import MapScale, MapStyle
from dreamfilters.evidence.maps.map_tiles import map_tiles
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.images import ImageArray
from dreamfilters.images.colormaps import Colormap, colormap
from dreamfilters.images.panels import (
    BRIGHT,
    DIM,
    Panel,
    TextLine,
    blank,
    framed,
    image_panel,
    shrunk,
    side_by_side,
    stacked,
    text_panel,
)  # fmt: skip
from dreamfilters.images.tiles import Axis, bars, tiled
from dreamfilters.networks.classes.predictions import Prediction
from dreamfilters.number_format import percent

ScaleLabels: TypeAlias = tuple[str, str, str]  # under the scale bar: left, middle, right

_TILE = 96  # pixels of a tile
_SMALL_TILE, _MANY_UNITS = 64, 256  # pixels of a tile in layers of more units than that
_IMAGE, _MARGIN, _GAP = 176, 16, 20
_BAR, _TEXT, _NAME = 256, 460, 240  # widths of the scale bar, of the header's text and of a class name
_OVERVIEW_TILE, _OVERVIEW_UNITS = 72, 12


@dataclass(frozen=True, eq=False)
class PageImage:
    """The image of a page.

    Attributes:
        name: its name.
        image: (h, w, c) in [0, 1] at the network's input size.
        label: its label, "" for none.
        predictions: its most probable classes.
    """

    name: str
    image: ImageArray
    label: str = ""
    predictions: tuple[Prediction, ...] = ()


def layer_page(given: PageImage, maps: UnitMaps, style: MapStyle) -> Panel:
    """Return the page of a layer, (H, W, 3) uint8: a map for each unit, or a bar for each unit of a vector."""
    colors = colormap(style.colormap)
    body = _bars(maps, style, colors) if maps.is_vector else _tiles(given, maps, style)
    head = header(given, _layer_lines(maps))
    return framed(stacked([head, _legend(maps, style, colors), body], gap=_GAP), _MARGIN)


def overview(given: PageImage, layers: Sequence[UnitMaps], style: MapStyle) -> Panel:
    """Return the overview of an image: the first units of each layer, one row per layer."""
    colors = colormap(style.colormap)
    rows = [side_by_side([_row_name(maps, style.scale), _row(given, maps, style, colors)], gap=12) for maps in layers]
    head = header(given, [TextLine(f"the first units of {len(layers)} layers", 13)])
    text = text_panel([TextLine(_scale_text(style.scale, each_layer=True), 12)])
    legend = side_by_side([_scale_bar(_general_labels(style.scale), colors), text], gap=12)
    return framed(stacked([head, legend, *rows], gap=_GAP), _MARGIN)


def header(given: PageImage, lines: Sequence[TextLine]) -> Panel:
    """Return the head of a page: the image, its name and label, lines of text, and its most probable classes."""
    title = [TextLine(given.name, 18, BRIGHT), *([TextLine(f"label: {given.label}")] if given.label else [])]
    text = [text_panel([*title, *lines], width=_TEXT)]
    if given.predictions:
        text.append(_prediction_table(given.predictions))
    return side_by_side([image_panel(given.image, _IMAGE), stacked(text, gap=8)], gap=_GAP)


def _prediction_table(predictions: Sequence[Prediction]) -> Panel:
    """Return a table of classes: name, probability in percent and as a bar, logit; of values for a regression.

    For a map of classes, the bar is the share of the image where the class is predicted.
    """
    shares = [prediction.probability if prediction.share is None else prediction.share for prediction in predictions]
    is_regression, is_map = predictions[0].probability is None, predictions[0].share is not None
    marks = [blank(TextLine("", 11).height, 80)]
    for share in shares:
        mark = blank(TextLine("", 12).height, 80)
        mark[4:-3, : round(80 * (share or 0))] = (110, 160, 220)
        marks.append(mark)
    parts = [_column("output" if is_regression else "class", [each.name for each in predictions])]
    if parts[0].shape[1] > _NAME:
        parts = [_column("class", [each.name for each in predictions], width=_NAME)]
    if not is_regression:
        percents = ["" if share is None else percent(share, 2) for share in shares]
        parts += [_column("share of the image" if is_map else "probability", percents), stacked(marks)]
    parts.append(_column("value" if is_regression else "logit", [f"{each.logit:.4g}" for each in predictions]))
    return side_by_side(parts, gap=14)


def _column(heading: str, texts: Sequence[str], width: int | None = None) -> Panel:
    lines = [TextLine(heading, 11, DIM), *(TextLine(text, 12) for text in texts)]
    return text_panel(lines) if width is None else text_panel(lines, width=width)


def _layer_lines(maps: UnitMaps) -> list[TextLine]:
    info, count = maps.info, len(maps.units)
    name = " · ".join([info.name, info.type, *([info.activation] if info.activation != "linear" else [])])
    units = f"{count} units" if count == info.units else f"{count} of {info.units} units"
    return [TextLine(name, 14, BRIGHT), TextLine(f"{units}, {_extent(maps)}", 12)]


def _extent(maps: UnitMaps) -> str:
    """Return the size of each unit's map and its receptive field in words."""
    height, width = maps.values.shape[:2]
    if maps.info.kind == "tokens":
        others = maps.other_tokens.shape[1]
        beside_grid = f", {others} other token{'s' * (others > 1)} at the right" * (others > 0)
        grid = f" on a grid of {maps.grid.rows} × {maps.grid.columns}" if maps.grid else ""
        return f"{height} tokens{grid}{beside_grid}"
    field = maps.info.receptive_field
    seen = "the whole image" if field is None else f"{field.size[0]} × {field.size[1]} pixels"
    shape = "one value each" if maps.is_vector else f"maps of {height} × {width}"
    return f"{shape}, receptive field: {seen}"


def _legend(maps: UnitMaps, style: MapStyle, colors: Colormap) -> Panel:
    """Return the scale bar with its labels, and the color of NaN if there are any."""
    text = text_panel([TextLine(_scale_text(style.scale, vector=maps.is_vector), 12), *_remarks(maps, style.scale)])
    low, high = (end[0] for end in maps.limits(style.scale))
    labels = _general_labels(style.scale) if style.scale.by == "unit" else _scale_labels(low, high)
    parts = [text] if maps.is_vector else [_scale_bar(labels, colors), text]
    if maps.nan_counts.any():
        swatch = blank(12, 24, colors.missing)
        parts += [swatch, text_panel([TextLine(f"NaN at {int(maps.nan_counts.sum())} positions", 12, BRIGHT)])]
    return side_by_side(parts, gap=12)


def _general_labels(scale: MapScale) -> ScaleLabels:
    """Return the labels of a bar for maps whose ranges differ."""
    return _scale_labels(scale.low, scale.high) if scale.by == "fixed" else ("min", "", "max")


def _scale_labels(low: float, high: float) -> ScaleLabels:
    return f"{low:.4g}", f"{(low + high) / 2:.4g}", f"{high:.4g}"


def _scale_bar(labels: ScaleLabels, colors: Colormap) -> Panel:
    ramp = colors.paint(np.tile(np.arange(_BAR), (12, 1)), 0, _BAR - 1)
    left, middle, right = (text_panel([TextLine(label, 12)]) for label in labels)
    free = _BAR - left.shape[1] - middle.shape[1] - right.shape[1]
    before = max(4, (_BAR - middle.shape[1]) // 2 - left.shape[1])
    row = side_by_side([left, blank(1, before), middle, blank(1, max(4, free - before)), right])
    return stacked([ramp, row])


def _scale_text(scale: MapScale, *, vector: bool = False, each_layer: bool = False) -> str:
    if vector:
        return f"bars from 0; {'fixed axis' if scale.by == 'fixed' else 'one axis for the whole layer'}"
    if scale.by == "fixed":
        return "scale: fixed; values beyond an end have the color of the end"
    if scale.by == "layer":
        return f"scale: the range of {'each' if each_layer else 'the whole'} layer on this image"
    return "scale: the range of each unit, given below its map"


def _remarks(maps: UnitMaps, scale: MapScale) -> list[TextLine]:
    """Return lines on what the maps do not show: constant maps and infinite values."""
    flat = (maps.nan_counts == 0) & (maps.infinite_counts == 0) & (maps.ranges[0] == maps.ranges[1])
    constant, zero = int(flat.sum()), int((flat & (maps.ranges[0] == 0)).sum())
    infinite = int(maps.infinite_counts.sum())
    remarks = [f"{infinite} infinite values"] * (infinite > 0)
    if constant and not maps.is_vector:
        drawn = ", in the darkest color" if scale.by == "unit" else ""
        remarks.append(f"{constant} constant{drawn}; {zero} of them 0 everywhere")
    return [TextLine(", ".join(remarks), 12, DIM)] if remarks else []


def _tiles(given: PageImage, maps: UnitMaps, style: MapStyle) -> Panel:
    side = _SMALL_TILE if len(maps.units) > _MANY_UNITS else _TILE
    return tiled(map_tiles(maps, given.image, style, side), _captions(maps, 13, 10))


def _captions(maps: UnitMaps, number: int, values: int) -> list[list[TextLine]]:
    """Return each unit's number and the range of its map, in these font sizes."""
    return [
        [TextLine(str(unit), number, BRIGHT), TextLine(_range(least, greatest), values, DIM)]
        for unit, least, greatest in zip(maps.units, *maps.ranges, strict=True)
    ]


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
    size = f"{maps.info.units} values" if maps.is_vector else f"{maps.info.units} × {height} × {width}"
    if maps.info.kind == "tokens":
        size = f"{maps.info.units} × {height} tokens"
    lines = [TextLine(maps.info.name, 13, BRIGHT), TextLine(maps.info.type, 11), TextLine(size, 11, DIM)]
    if scale.by == "layer":
        lines.append(TextLine(_range(*(float(end[0]) for end in maps.limits(scale))), 11, DIM))
    return text_panel(lines, width=150)


def _row(given: PageImage, maps: UnitMaps, style: MapStyle, colors: Colormap) -> Panel:
    first = UnitMaps(maps.info, maps.units[:_OVERVIEW_UNITS], maps.values[..., :_OVERVIEW_UNITS], maps.span)
    if maps.is_vector:
        return _bars(first, style, colors)
    images = map_tiles(first, given.image, style, _OVERVIEW_TILE)
    longer = max(images.shape[1:3])
    small = shrunk(images, -(-longer // (2 * _OVERVIEW_TILE)))
    return tiled(small, _captions(first, 11, 9), columns=_OVERVIEW_UNITS)


def _range(low: float, high: float) -> str:
    """Return the range of a map as short text; one number if it is constant.

    >>> _range(0.0, 3.14159), _range(2.0, 2.0)
    ('0 … 3.14', '= 2')
    """
    if not (np.isfinite(low) and np.isfinite(high)):
        return "not finite"
    return f"= {low:.3g}" if low == high else f"{low:.3g} … {high:.3g}"
