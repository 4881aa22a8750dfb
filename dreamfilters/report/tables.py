"""Tables as CSV in which a spreadsheet interprets no text as a formula, values as JSON, and the units of a scan."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.score_statistics import By, ScoreStatistics
from dreamfilters.serialization import plain

_QUANTILES = (0.05, 0.5, 0.95)
_STATISTICS = ("maximum", "minimum", "mean", "std", "zeros", "silent", "counted", "nonfinite")
_BY: tuple[By, ...] = ("max", "mean")
_SCORE_COLUMNS = (
    "score_mean", "score_std", "q05", "q50", "q95", "quantile_error", "selectivity", "correlation",
    "strongest", "strongest_score", "strongest_row", "strongest_column", "weakest", "weakest_score",
)  # fmt: skip


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


def json_bytes(values: Any) -> bytes:
    """Return values as one line of JSON; numbers that are not finite become null."""
    return (json.dumps(plain(values), allow_nan=False, separators=(",", ":")) + "\n").encode()


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


def units_csv(scan: Scan) -> bytes:
    """Return one line for each unit; numbers read back to the same float, texts are `guarded`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["layer", "unit", *_STATISTICS, *(f"{by}_{name}" for by in _BY for name in _SCORE_COLUMNS)])
    for layer in scan.layers.values():
        columns = [getattr(layer, statistic) for statistic in _STATISTICS]
        scores = [list(_score_rows(layer.by(by), scan)) for by in _BY]
        for unit in range(layer.units):
            numbers = [column[unit] for column in columns]
            cells = [*numbers, *scores[0][unit], *scores[1][unit]]
            writer.writerow([guarded(layer.title), unit, *map(_exact_cell, cells)])
    return text.getvalue().encode("utf-8", "surrogatepass")


def _score_rows(scores: ScoreStatistics, scan: Scan) -> Iterator[list[Any]]:
    """Yield the cells of each unit in the order of `_SCORE_COLUMNS`."""
    best, least = scores.strongest, scores.weakest
    for unit in range(len(scores.mean)):
        histogram = scores.histogram(unit)
        first, last = best.index[0, unit], least.index[0, unit]
        yield [
            scores.mean[unit],
            scores.std[unit],
            *(histogram.quantile(share) for share in _QUANTILES),
            histogram.error,
            scores.selectivity[unit],
            scores.correlation[unit],
            *_of(scan, first, best.score[0, unit], best.row[0, unit], best.column[0, unit]),
            *_of(scan, last, least.score[0, unit]),
        ]


def _of(scan: Scan, index: int, *numbers: Any) -> list[Any]:
    return [scan.names[index], *numbers] if index >= 0 else [""] * (1 + len(numbers))


def _exact_cell(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else repr(float(value)) if isinstance(value, float) else str(value)
    return guarded(value) if isinstance(value, str) else str(value)
