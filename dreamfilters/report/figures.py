"""`figure`: dreams, comparisons and scans as Matplotlib figures, to be composed with others or saved as PDF or SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.comparison.result import Comparison, UnitComparison
from dreamfilters.dreams.result import Dream, Dreams
from dreamfilters.errors import DreamfiltersError, OutputError
from dreamfilters.evidence.scan.result import LayerScan, UnitScan
from dreamfilters.images.encoding import as_image, displayed
from dreamfilters.number_format import number

_INCHES = 1.7  # side of an image
_COLUMNS = 6  # of a grid
_UNITS = 10  # of a layer: as many lines as Matplotlib has colors
_LETTERS = 20  # of a line above an image
_SHARES = np.linspace(0, 1, 101)


def figure(
    value: Dream | Dreams | Sequence[Dream] | UnitComparison | Comparison | LayerScan | UnitScan,
    *,
    columns: int | None = None,
    into: Any = None,
) -> Any:
    """Return a result as a `matplotlib.figure.Figure`, as in `figure(dreams).savefig("dreams.pdf")`.

    Dreams become a grid. A comparison becomes a row for each unit: its dream, then the real images that activate it
    most. The scan of a unit or a layer becomes curves of quantiles: the response that a share of the images does not
    exceed, for a layer of the ten units with the largest responses.

    Args:
        value: dreams, a comparison or one of its units, or the scan of a layer or a unit.
        columns: of a grid of dreams; default: up to six.
        into: a `Figure` or `SubFigure` to draw into; default: a new one, which pyplot does not manage.

    Raises:
        DreamfiltersError: Matplotlib is not installed.
        OutputError: a value of another kind, or without images.
    """
    if isinstance(value, UnitScan | LayerScan):
        return _curves(value, into)
    if isinstance(value, Comparison | UnitComparison):
        rows = [_cells(unit) for unit in (value.units if isinstance(value, Comparison) else [value])]
        return _grid([cell for row in rows for cell in row], max(map(len, rows), default=1), into)
    dreams = [value] if isinstance(value, Dream) else list(value) if isinstance(value, list | tuple) else []
    if not dreams or not all(isinstance(dream, Dream) for dream in dreams):
        raise OutputError(
            f"a {type(value).__name__}: has no figure; give dreams, a comparison, or the scan of a layer or a unit"
        )
    return _grid([(dream.shown, dream.caption) for dream in dreams], columns or min(len(dreams), _COLUMNS), into)


def _cells(unit: UnitComparison) -> list[tuple[ArrayLike, str]]:
    """Return the images of one unit, each with its response."""
    dream = (displayed(unit.view.image), f"{unit.unit.title or unit.name}\ndream: {number(unit.view.response)}")
    return [dream, *((displayed(view.image), f"{view.label}\n{number(view.response)}") for view in unit.real)]


def _grid(cells: Sequence[tuple[ArrayLike, str]], columns: int, into: Any) -> Any:
    rows = -(-len(cells) // columns)
    drawn = _new((_INCHES * columns, (_INCHES + 0.45) * rows)) if into is None else into
    axes = drawn.subplots(rows, columns, squeeze=False).ravel()
    for place in axes:
        place.set_axis_off()
    for place, (image, title) in zip(axes, cells, strict=False):
        place.imshow(as_image(image), interpolation="nearest", cmap="gray", vmin=0, vmax=255)
        place.set_title("\n".join(map(_plain, title.split("\n"))), fontsize=8)
    return drawn


def _curves(scan: UnitScan | LayerScan, into: Any) -> Any:
    """Return the axes of response against share of images, a line for each unit."""
    drawn = _new((5.0, 3.2)) if into is None else into
    axes = drawn.subplots()
    for name, histogram in _histograms(scan):
        axes.plot(100 * _SHARES, [histogram.quantile(share) for share in _SHARES], label=_plain(name))
    axes.set_xlabel("share of the images in percent")
    axes.set_ylabel("maximum of the map is at most")
    axes.legend(fontsize=7, ncols=2)
    return drawn


def _histograms(scan: UnitScan | LayerScan) -> list[tuple[str, Any]]:
    if isinstance(scan, UnitScan):
        return [(f"{scan.layer.name}:{scan.number}", scan.histogram["max"])]
    strongest = np.argsort(-np.nan_to_num(scan.maximum, nan=-np.inf), kind="stable")[:_UNITS]
    return [(f"{scan.title}:{unit}", scan.by_max.histogram(int(unit))) for unit in strongest]


def _plain(line: str) -> str:
    """Return a line no longer than fits above an image, in which Matplotlib finds no formula."""
    short = line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…"
    return short.replace("$", r"\$")


def _new(size: tuple[float, float]) -> Any:
    """Return an empty figure; importing pyplot lets a notebook show it."""
    try:
        import matplotlib.pyplot  # noqa: F401
        from matplotlib.figure import Figure
    except ImportError:
        raise DreamfiltersError("figure: needs Matplotlib, which is not installed; pip install matplotlib") from None
    return Figure(figsize=size, layout="constrained")
