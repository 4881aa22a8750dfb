"""Values as HTML for notebooks: text is escaped, images are inside, nothing is fetched and nothing runs.

A part of a page is a `Markup`. Everything else is data, which `Markup.format` escapes. Colors are those of the
notebook, so that one stylesheet suits light and dark themes.
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
import webbrowser
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike
from PIL import Image

from dreamfilters.images import png_bytes, resize
from dreamfilters.images.encoding import displayed
from dreamfilters.serialization import plain

SIDE = 112  # pixels, the width of a tile
_SHARP = 1.5  # pixels of a file for one of the page, for screens of high resolution
_PIXELS_SHOWN = 16  # images of at most this size are enlarged without interpolation, to show their pixels

_STYLE = Markup("""<style>
.dreamfilters { font: 13px/1.45 system-ui, sans-serif; max-width: 100%; overflow-wrap: anywhere; text-align: left }
.dreamfilters p { margin: 0 0 .5em }
.dreamfilters .title { font-size: 15px; font-weight: 600 }
.dreamfilters .soft { opacity: .75 }
.dreamfilters .warning { border-left: 3px solid #d08700; padding-left: .6em }
.dreamfilters .tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: .3em 0 .8em }
.dreamfilters figure { margin: 0; max-width: 100% }
.dreamfilters img { display: block; max-width: 100%; height: auto; margin: 0; border-radius: 3px }
.dreamfilters img.pixels { image-rendering: pixelated }
.dreamfilters figcaption { font-size: 12px; line-height: 1.35; margin-top: 3px }
.dreamfilters figcaption span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.dreamfilters figcaption span + span { opacity: .75 }
.dreamfilters .bar { display: flex; align-items: center; height: 18px; max-width: 560px }
.dreamfilters .bar span { flex: 0 0 140px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.dreamfilters .bar i { height: 12px }
.dreamfilters .legend i { display: inline-block; width: 10px; height: 10px; margin: 0 5px 0 0 }
.dreamfilters .legend { word-spacing: 2px }
.dreamfilters .scroll { overflow: auto; max-width: 100%; max-height: 24em; margin: .3em 0 .8em }
.dreamfilters table { border-collapse: collapse; margin: 0; font-size: 12px; font-variant-numeric: tabular-nums }
.dreamfilters caption { text-align: left; font-weight: 600; padding: 2px 0; white-space: nowrap }
.dreamfilters .scroll th, .dreamfilters .scroll td { text-align: left; vertical-align: top; padding: 2px 14px 2px 0;
  max-width: 30em; white-space: pre-line; overflow-wrap: break-word }
.dreamfilters .scroll .number { text-align: right }
.dreamfilters th { opacity: .75; font-weight: 500; border-bottom: 1px solid rgb(128 128 128 / .4) }
</style>""")


def frame(*parts: str) -> str:
    """Return parts in one block that is no wider than its cell. A part that is no `Markup` is a line of text.

    >>> frame("<b>").endswith('<p>&lt;b&gt;</p></div>')
    True
    """
    return str(Markup('<div class="dreamfilters">{}{}</div>').format(_STYLE, _joined(map(_block, parts))))


def heading(text: str, detail: str = "") -> Markup:
    """Return a title, with a line of details below it."""
    below = Markup('<p class="soft">{}</p>').format(detail) if detail else ""
    return Markup('<p class="title">{}</p>{}').format(text, below)


def warning(text: str) -> Markup:
    """Return a line that is marked as a warning, nothing for no text."""
    return Markup('<p class="warning">{}</p>').format(text) if text else Markup()


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Return rows with equal keys as a table that scrolls within its cell.

    >>> str(table("<b>", [{"a_b": "c"}]))
    '<div class="scroll"><table><caption>&lt;b&gt;</caption><tr><th>a b</th></tr><tr><td>c</td></tr></table></div>'
    """
    first = rows[0] if rows else {}
    kinds = {key: Markup(' class="number"') if _is_number(cell) else "" for key, cell in first.items()}
    heads = _joined(Markup("<th{}>{}</th>").format(kinds[key], str(key).replace("_", " ")) for key in first)
    cells = [
        [Markup("<td{}>{}</td>").format(kinds.get(key, ""), _text(cell)) for key, cell in row.items()] for row in rows
    ]
    lines = _joined(Markup("<tr>{}</tr>").format(_joined(row)) for row in cells)
    caption = Markup("<caption>{}</caption>").format(title) if title else ""
    return Markup('<div class="scroll"><table>{}<tr>{}</tr>{}</table></div>').format(caption, heads, lines)


def tiles(images: Sequence[tuple[ArrayLike, Sequence[str]]], *, side: int = SIDE) -> Markup:
    """Return images with lines of text below them, in as many columns as fit the cell.

    Args:
        images: each an image (h, w) or (h, w, c) in [0, 1], and its lines.
        side: width of a tile in pixels.
    """
    return Markup('<div class="tiles">{}</div>').format(_joined(_tile(image, lines, side) for image, lines in images))


def share_bars(rows: Mapping[str, Mapping[Any, int]], colors: Mapping[Any, tuple[int, int, int]]) -> Markup:
    """Return a bar for each row, divided by the counts of its kinds, and a legend of the kinds that occur.

    Args:
        rows: name -> kind -> count.
        colors: kind -> color, (red, green, blue) up to 255.
    """
    used = [kind for kind in colors if any(row.get(kind) for row in rows.values())]
    part = Markup('<i style="flex: {} 0 2px; background: rgb{}" title="{} {}"></i>')
    bars = _joined(
        Markup('<div class="bar"><span>{}</span>{}</div>').format(
            name, _joined(part.format(row[kind], colors[kind], row[kind], kind) for kind in used if row.get(kind))
        )
        for name, row in rows.items()
    )
    legend = _joined(Markup('<i style="background: rgb{}"></i>{} ').format(colors[kind], kind) for kind in used)
    return Markup('<div class="scroll">{}</div><p class="legend">{}</p>').format(bars, legend)


def image_uri(image: ArrayLike, side: int | None = None) -> str:
    """Return an image (h, w, c) of any number of channels as a data URI, its longer side at most `side` pixels."""
    flat = displayed(np.asarray(image, np.float32))
    longer = max(flat.shape[:2])
    if side is not None and longer > side:
        flat = resize(flat, (max(1, flat.shape[0] * side // longer), max(1, flat.shape[1] * side // longer)))
    return f"data:image/png;base64,{base64.b64encode(png_bytes(flat)).decode('ascii')}"


def show_value(value: Any) -> None:
    """Show a dream, dreams, an image (h, w, c) in [0, 1] or any other result.

    A notebook shows it below the cell. Elsewhere an image opens in the system's image viewer, and a result without one
    in the browser.
    """
    if not any(hasattr(value, name) for name in ("_repr_html_", "_repr_png_")):
        value = _Picture(png_bytes(displayed(np.asarray(value, np.float32))))
    if in_notebook():
        sys.modules["IPython"].display.display(value)
    elif hasattr(value, "_repr_png_"):
        Image.open(io.BytesIO(value._repr_png_())).show()
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8", delete=False) as file:
            file.write(f'<!doctype html><meta charset="utf-8">{value._repr_html_()}')
        webbrowser.open(f"file://{file.name}")


class Tabular:
    """A dataclass that a notebook shows as a table of one row, with the fields of nested values beside its own."""

    def _repr_html_(self) -> str:
        cells: dict[str, Any] = {}
        for name, value in plain(self).items():
            cells.update(value if isinstance(value, dict) else {name: value})
        return frame(table(type(self).__name__, [cells]))


class _Picture:
    """An image as a notebook shows it."""

    def __init__(self, png: bytes) -> None:
        self._png = png

    def _repr_png_(self) -> bytes:
        return self._png

    def __repr__(self) -> str:
        return f"image of {len(self._png)} bytes"


def in_notebook() -> bool:
    """Return whether this runs in a kernel; IPython in a terminal has none and shows no images."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _tile(image: ArrayLike, lines: Sequence[str], side: int) -> Markup:
    height, width = displayed(np.asarray(image, np.float32)).shape[:2]
    kind = Markup(' class="pixels"') if max(height, width) <= _PIXELS_SHOWN else ""
    drawn = Markup('<img src="{}" alt="{}" width="{}" height="{}"{}>').format(
        image_uri(image, round(_SHARP * side)), " ".join(lines), side, max(1, round(side * height / width)), kind
    )
    below = _joined(Markup('<span title="{}">{}</span>').format(line, line) for line in lines)
    return Markup('<figure style="width: {}px">{}<figcaption>{}</figcaption></figure>').format(side, drawn, below)


def _block(part: str) -> Markup:
    return part if isinstance(part, Markup) else Markup("<p>{}</p>").format(part)


def _joined(parts: Any) -> Markup:
    return Markup("").join(parts)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float | np.number) and not isinstance(cell, bool)


def _text(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float | np.floating):
        return f"{cell:.4g}"
    return ", ".join(map(_text, cell)) if isinstance(cell, list | tuple) else str(cell)
