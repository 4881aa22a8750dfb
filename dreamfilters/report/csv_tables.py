"""CSV tables in which a spreadsheet interprets no text as a formula."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any


def csv_bytes(rows: Sequence[Mapping[str, Any]]) -> bytes:
    r"""Return rows of equal keys as CSV: texts `guarded`, numbers to nine digits, missing ones empty.

    >>> csv_bytes([{"unit": "=1+1", "score": 0.5}, {"unit": "conv:1", "score": float("nan")}])
    b"unit,score\n'=1+1,0.5\nconv:1,\n"
    """
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]) if rows else ["target"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return file.getvalue().encode("utf-8", "replace")


def guarded(text: str) -> str:
    """Return the text, with an apostrophe before it if a spreadsheet would interpret it as a formula.

    >>> guarded("=1+1"), guarded("conv1")
    ("'=1+1", 'conv1')
    """
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.9g}" if math.isfinite(value) else ""
    if isinstance(value, str):
        return guarded(value)
    return "" if value is None else value
