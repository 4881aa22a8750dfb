"""The table of a campaign in Markdown: one row for each kind of files."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from tests.fuzz.verdict import FAULT, OPENED, REFUSED, Verdict

HEADINGS = ("files", "tried", "opened", "refused in one line", "faults", "median CPU s", "most CPU s", "most GB")


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the table; times and memory are of one case."""
    kinds = sorted({verdict.kind for verdict in verdicts})
    rows = [_row(kind, [verdict for verdict in verdicts if verdict.kind == kind]) for kind in kinds]
    lines = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1)), *rows, _row("all", verdicts)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(name: str, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    counts = [sum(verdict.result == result for verdict in verdicts) for result in (OPENED, REFUSED, FAULT)]
    seconds = [verdict.computed for verdict in verdicts] or [0.0]
    most = max((verdict.memory for verdict in verdicts), default=0)
    numbers = f"{median(seconds):.3f}", f"{max(seconds):.1f}", f"{most / 1e9:.2f}"
    return (name, f"{len(verdicts):,}", *(f"{count:,}" for count in counts), *numbers)
