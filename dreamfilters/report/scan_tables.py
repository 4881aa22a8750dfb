"""A scan as tables: one row a layer for people, one row a unit for other programs."""

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
_JUDGED = (
    "score_mean", "score_deviation", "q05", "q50", "q95", "quantile_error", "selectivity", "correlation",
    "strongest", "strongest_score", "strongest_row", "strongest_column", "weakest", "weakest_score",
)  # fmt: skip


def layer_rows(scan: Scan) -> list[dict[str, Any]]:
    """Return what each layer comes to: its units, how many are silent in all images, and its strongest one."""
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
    """Return one line a unit, the numbers as short as reads back to the same float, texts `guarded`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["layer", "unit", *_STATISTICS, *(f"{by}_{name}" for by in _BY for name in _JUDGED)])
    for name, layer in scan.layers.items():
        columns = [getattr(layer, statistic) for statistic in _STATISTICS]
        judged = [list(_judged_rows(layer.by(by), scan)) for by in _BY]
        for unit in range(layer.units):
            numbers = [column[unit] for column in columns]
            cells = [*numbers, *judged[0][unit], *judged[1][unit]]
            writer.writerow([guarded(name), unit, *map(_cell, cells)])
    return text.getvalue().encode("utf-8", "surrogatepass")


def _judged_rows(judged: ScoreStatistics, scan: Scan) -> Iterator[list[Any]]:
    """Yield the cells of each unit, named as `_JUDGED`."""
    best, least = judged.strongest, judged.weakest
    for unit in range(len(judged.mean)):
        histogram = judged.histogram(unit)
        first, last = best.index[0, unit], least.index[0, unit]
        yield [
            judged.mean[unit],
            judged.std[unit],
            *(histogram.quantile(share) for share in QUANTILES),
            histogram.error,
            judged.selectivity[unit],
            judged.correlation[unit],
            *_of(scan, first, best.score[0, unit], best.row[0, unit], best.column[0, unit]),
            *_of(scan, last, least.score[0, unit]),
        ]


def _of(scan: Scan, index: int, *numbers: Any) -> list[Any]:
    return [scan.names[index], *numbers] if index >= 0 else [""] * (1 + len(numbers))


def _cell(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return "" if math.isnan(value) else repr(float(value)) if isinstance(value, float) else str(value)
    return guarded(value) if isinstance(value, str) else str(value)
