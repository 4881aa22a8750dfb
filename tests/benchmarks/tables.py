"""The printed table of a row group with its targets, and arithmetic on timings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median


@dataclass
class Table:
    """The table of a row group.

    Attributes:
        title: what is measured, and on what.
        columns: column names; the first names the row.
        rows: cells; numbers are printed with three significant digits.
        targets: (name, value, bound); met if value <= bound.
        notes: lines below the table.
    """

    title: str
    columns: Sequence[str]
    rows: list[Sequence[object]] = field(default_factory=list)
    targets: list[tuple[str, float, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        cells = [[written(cell) for cell in row] for row in [self.columns, *self.rows]]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "| "
            + " | ".join(
                _aligned(cell, width, first=not k) for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            + " |"
            for row in cells
        ]
        dashes = ["-" * width + ("-" if not k else ":") for k, width in enumerate(widths)]
        rule = "|" + "|".join(f"-{dash}" for dash in dashes) + "|"
        judged = [
            f"target: {what}: {written(value)}, at most {written(bound)}: {'met' if value <= bound else 'NOT MET'}"
            for what, value, bound in self.targets
        ]
        return "\n".join([f"## {self.title}", "", lines[0], rule, *lines[1:], "", *judged, *self.notes])


def _aligned(cell: str, width: int, *, first: bool) -> str:
    return cell.ljust(width) if first else cell.rjust(width)


def written(cell: object) -> str:
    """Return a number with three significant digits and no exponent, None as a dash, anything else unchanged.

    >>> written(0.01234), written(1234.5), written(None)
    ('0.0123', '1234', '-')
    """
    if cell is None:
        return "-"
    if not isinstance(cell, float):
        return str(cell)
    if cell == 0 or abs(cell) >= 100:
        return f"{cell:.0f}"
    if abs(cell) < 5e-7:
        return "< 0.000001"
    text = f"{cell:.3g}"
    return f"{cell:.6f}".rstrip("0") if "e" in text else text


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of ours over the median of theirs."""
    return median(ours) / median(theirs)


def step_times(stamps: Sequence[float]) -> list[float]:
    """Return the duration of each step from the times at which steps ended, without the first, which compiles."""
    return [after - before for before, after in pairwise(stamps)]


def loop_seconds(stamps: Sequence[float]) -> float:
    """Return the duration of the loop without compilation: the first step counts as the average of the others."""
    return (stamps[-1] - stamps[0]) * len(stamps) / (len(stamps) - 1)
