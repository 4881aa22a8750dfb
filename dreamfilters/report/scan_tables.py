"""Tables of a scan: a row for each layer to print, a row for each unit as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.score_statistics import By, ScoreStatistics
from dreamfilters.report.csv_tables import guarded

QUANTILES = (0.05, 0.5, 0.95)

_STATISTICS = ("maximum", "minimum", "mean", "std", "zeros", "silent", "counted", "nonfinite")
_BY: tuple[By, ...] = ("max", "mean")
_SCORE_COLUMNS = (
    "score_mean", "score_std", "q05", "q50", "q95", "quantile_error", "selectivity", "correlation",
    "strongest", "strongest_score", "strongest_row", "strongest_column", "weakest", "weakest_score",
)  # fmt: skip


def layer_rows(scan: Scan) -> list[dict[str, Any]]:
    """Return a row for each layer: number of units, always silent ones, share of zeros, and the strongest unit."""
    rows = []
    for name, layer in scan.layers.items():
        some = layer.counted > 0
        best = int(np.nanargmax(layer.maximum)) if some.any() else None
        rows.append(
            {
                "layer": name,
                "units": layer.units,
                "silent": int(layer.always_silent.sum()),
                "nonfinite": int((layer.nonfinite > 0).sum()),
                "zeros": float(layer.zeros[some].mean()) if some.any() else None,
                "strongest": best,
                "maximum": None if best is None else float(layer.maximum[best]),
                "image": None if best is None else scan.names[layer.by_max.strongest.index[0, best]],
            }
        )
    return rows


def units_csv(scan: Scan) -> bytes:
    """Return one line for each unit; numbers read back to the same float, texts are `guarded`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["layer", "unit", *_STATISTICS, *(f"{by}_{name}" for by in _BY for name in _SCORE_COLUMNS)])
    for name, layer in scan.layers.items():
        columns = [getattr(layer, statistic) for statistic in _STATISTICS]
        scores = [list(_score_rows(layer.by(by), scan)) for by in _BY]
        for unit in range(layer.units):
            numbers = [column[unit] for column in columns]
            cells = [*numbers, *scores[0][unit], *scores[1][unit]]
            writer.writerow([guarded(name), unit, *map(_cell, cells)])
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
            *(histogram.quantile(share) for share in QUANTILES),
            histogram.error,
            scores.selectivity[unit],
            scores.correlation[unit],
            *_of(scan, first, best.score[0, unit], best.row[0, unit], best.column[0, unit]),
            *_of(scan, last, least.score[0, unit]),
        ]


def _of(scan: Scan, index: int, *numbers: Any) -> list[Any]:
    return [scan.names[index], *numbers] if index >= 0 else [""] * (1 + len(numbers))


def _cell(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else repr(float(value)) if isinstance(value, float) else str(value)
    return guarded(value) if isinstance(value, str) else str(value)
