"""`write_summaries`: a result as an event file of TensorBoard. A kind of result is one function, see `SUMMARIES`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from dreamfilters.attribution.ablation.result import Ablation
from dreamfilters.comparison.diff.result import NetworkDiff
from dreamfilters.comparison.result import Comparison
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import OutputError
from dreamfilters.evidence.embedding.neighbor_result import NearestNeighbors
from dreamfilters.evidence.embedding.result import Embedding
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.training.history import Training
from dreamfilters.training.store import history_events
from dreamfilters.training.summaries import kinds
from dreamfilters.training.summaries.summary import Summaries, event_content, write_new
from dreamfilters.verdicts.result import Audit

Result: TypeAlias = (
    Dream | Sequence[Dream] | Scan | Audit | Evaluation | Comparison | Ablation | NetworkDiff | Embedding
    | NearestNeighbors | Training
)  # fmt: skip


def write_summaries(result: Result, folder: Path | str, *, step: int | None = None) -> Path:
    """Write a result as an event file, which TensorBoard shows, into a folder, and return its path.

    Each call writes a new file. Results of several networks, such as of each epoch, become curves by their `step`.

    Args:
        result: dreams, or what `scan`, `audit`, `evaluate`, `compare`, `ablate`, `diff`, `embed`, `neighbors`,
            `read_training` and `TrainingMonitor.training` return.
        folder: that `tensorboard --logdir` is given; it may hold event files.
        step: of the result, by default 0. The looks of a training have their own steps.

    Raises:
        OutputError: TensorBoard shows nothing of such a result, a step is given for a training, or the folder cannot
            be written.

    Example:
        >>> write_summaries(dreams, "logs").name
        'events.out.tfevents.0000000000'
    """
    if isinstance(result, Training):
        if step is not None:
            raise OutputError(f"step={step}: the looks of a training have their own steps; leave out step")
        return write_new(Path(folder), history_events(result, time.time()))
    return write_new(Path(folder), event_content(summaries_of(result), step or 0, time.time()))


def summaries_of(result: Any) -> Summaries:
    """Return what TensorBoard shows of a result.

    Raises:
        OutputError: it is of no kind that has summaries.
    """
    if isinstance(result, list | tuple) and result and all(isinstance(one, Dream) for one in result):
        return kinds.of_dreams(result)
    for kind, made in SUMMARIES.items():
        if isinstance(result, kind):
            return made(result)
    raise OutputError(f"a {type(result).__name__}: has no summaries; give dreams, a training, or what {_NAMED} returns")


SUMMARIES: Mapping[type, Callable[[Any], Summaries]] = {
    Dream: lambda dream: kinds.of_dreams([dream]),
    Scan: kinds.of_scan,
    Audit: kinds.of_audit,
    Evaluation: kinds.of_evaluation,
    Comparison: lambda comparison: kinds.of_units(comparison.units),
    Ablation: kinds.of_ablation,
    NetworkDiff: kinds.of_diff,
    Embedding: kinds.of_embedding,
    NearestNeighbors: kinds.of_neighbors,
}
_NAMED = "`scan`, `audit`, `evaluate`, `compare`, `ablate`, `diff`, `embed` or `neighbors`"
