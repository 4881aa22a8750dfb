"""Dataclasses as plain values for JSON, and as tables for notebooks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

import numpy as np


def plain(thing: Any) -> Any:
    """Return a value as dicts, lists, strings and numbers; numbers that are not finite become None.

    >>> plain((np.float32(0.5), float("nan")))
    [0.5, None]
    """
    if is_dataclass(thing) and not isinstance(thing, type):
        return {part.name: plain(getattr(thing, part.name)) for part in fields(thing)}
    if isinstance(thing, Mapping):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, np.ndarray | np.generic):
        return plain(thing.tolist())
    if isinstance(thing, Sequence) and not isinstance(thing, str):
        return [plain(part) for part in thing]
    return None if isinstance(thing, float) and not math.isfinite(thing) else thing


def finite(number: float) -> float | None:
    """Return a number as a float, None where it is not finite."""
    return float(number) if math.isfinite(number) else None


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows with equal keys as an HTML table; all text is escaped.

    >>> table("<b>", [{"a": 0.25}])
    '<table><caption>&lt;b&gt;</caption><tr><th>a</th></tr><tr><td>0.25</td></tr></table>'
    """
    heads = "".join(f"<th>{escape(str(key))}</th>" for key in (rows[0] if rows else ()))
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(_text(cell))}</td>" for cell in row.values()) + "</tr>" for row in rows
    )
    return f"<table><caption>{escape(title)}</caption><tr>{heads}</tr>{lines}</table>"


class Tabular:
    """A dataclass that a notebook shows as a table of one row, with the fields of nested values beside its own."""

    def _repr_html_(self) -> str:
        cells: dict[str, Any] = {}
        for name, value in plain(self).items():
            cells.update(value if isinstance(value, dict) else {name: value})
        return table(type(self).__name__, [cells])


def _text(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float | np.floating):
        return f"{cell:.4g}"
    return ", ".join(map(_text, cell)) if isinstance(cell, list | tuple) else str(cell)
