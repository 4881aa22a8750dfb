"""The curves of deletion and insertion of each method, as a page draws them in SVG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dreamfilters.attribution.trust.random_heatmap import RANDOM_HEATMAP
from dreamfilters.attribution.trust.registry import TRUST_MEASURES
from dreamfilters.attribution.trust.result import Trust

_WIDTH, _HEIGHT = 200, 110  # of a drawing, in its own units


@dataclass(frozen=True)
class TrustCurves:
    """The curves of one method.

    Attributes:
        method: its name.
        lines: measure -> the points of its curve, as SVG writes them.
        areas: measure -> its name and area as text.
        is_control: whether it is the control of random numbers.
        width, height: of the drawing.
    """

    method: str
    lines: Mapping[str, str]
    areas: Mapping[str, str]
    is_control: bool
    width: int = _WIDTH
    height: int = _HEIGHT


def trust_curves(trust: Trust) -> tuple[TrustCurves, ...]:
    """Return the curves of each method that has some, in the order of the table.

    >>> from dreamfilters.attribution.trust.result import TrustRow, TrustValue
    >>> row = TrustRow("gradient", {"deletion": TrustValue(0.5, 0.6, 1)}, ())
    >>> trust_curves(Trust(1, (row,), {"gradient": {"deletion": (1.0, 0.0)}}))[0].lines
    {'deletion': '0.0,0.0 200.0,110.0'}
    """
    return tuple(
        TrustCurves(
            method=row.method,
            lines={name: _points(name, curve) for name, curve in trust.curves[row.method].items()},
            areas={name: f"{name} {row.values[name].mean:.2f}" for name in trust.curves[row.method]},
            is_control=row.method == RANDOM_HEATMAP.name,
        )
        for row in trust.rows
        if trust.curves.get(row.method)
    )


def _points(measure: str, curve: tuple[float, ...]) -> str:
    """Return the points of a curve, whose values are shares from 0 to 1."""
    known = TRUST_MEASURES[measure].points
    shares = known if len(known) == len(curve) else [place / max(1, len(curve) - 1) for place in range(len(curve))]
    pairs = zip(shares, curve, strict=True)
    return " ".join(f"{round(_WIDTH * share, 1)},{round(_HEIGHT * (1 - value), 1)}" for share, value in pairs)
