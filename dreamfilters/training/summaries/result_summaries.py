"""`write_summaries`: a result as an event file of TensorBoard. A kind of result is one function, see `SUMMARIES`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.comparison.result import Comparison
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import OutputError
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.images import heat
from dreamfilters.training.summaries.event_files import event_file
from dreamfilters.verdicts.result import Audit
from dreamfilters.writing.claimed_folder import claimed

_FILE = "events.out.tfevents."  # TensorBoard reads the files whose names contain it, in the order of their names
_CELL = 4  # pixels of a cell of a confusion matrix


@dataclass(frozen=True)
class Summaries:
    """What TensorBoard shows of a result, by tag; the part of a tag before the slash is its section.

    Attributes:
        scalars: numbers.
        images: (h, w, c) in [0, 1].
        histograms: numbers whose distribution is shown.
    """

    scalars: Mapping[str, float] = field(default_factory=dict)
    images: Mapping[str, ArrayLike] = field(default_factory=dict)
    histograms: Mapping[str, ArrayLike] = field(default_factory=dict)


def write_summaries(
    result: Dream | Sequence[Dream] | Scan | Audit | Evaluation | Comparison, folder: Path | str, *, step: int = 0
) -> Path:
    """Write a result as an event file, which TensorBoard shows, into a folder, and return its path.

    Each call writes a new file. Results of several networks, such as of each epoch, become curves by their `step`.

    Args:
        result: dreams, a scan, an audit, an evaluation or a comparison.
        folder: that `tensorboard --logdir` is given; it may hold event files.
        step: of the result.

    Raises:
        OutputError: TensorBoard shows nothing of such a result, or the folder cannot be written.

    Example:
        >>> write_summaries(dreams, "logs").name
        'events.out.tfevents.0000000000'
    """
    return write_new(Path(folder), event_content(summaries_of(result), step, time.time()))


def event_content(found: Summaries, step: int, seconds: float) -> bytes:
    """Return the event file of summaries, without numbers that are not finite."""
    scalars = {tag: value for tag, value in found.scalars.items() if math.isfinite(value)}
    return event_file(step, seconds, scalars=scalars, images=found.images, histograms=found.histograms)


def write_new(folder: Path, content: bytes) -> Path:
    """Write an event file behind those in a folder and return its path, or that of one that has these bytes.

    Raises:
        OutputError: the folder cannot be written, or an event file in it is a link.
    """
    with claimed(folder) as opened:
        numbers = {name.removeprefix(_FILE): name for name in sorted(path.name for path in folder.iterdir())}
        found = {int(number): name for number, name in numbers.items() if _FILE + number == name and number.isdecimal()}
        for name in found.values():
            opened.check(name)
            path = folder / name
            if path.stat().st_size == len(content) and path.read_bytes() == content:
                return path
        name = f"{_FILE}{max(found, default=-1) + 1:010}"
        opened.write(name, content)
    return folder / name


def summaries_of(result: Any) -> Summaries:
    """Return what TensorBoard shows of a result.

    Raises:
        OutputError: it is of no kind that has summaries.
    """
    value = [result] if isinstance(result, Dream) else result
    for fits, made in SUMMARIES:
        if fits(value):
            return made(value)
    raise OutputError(
        f"a {type(result).__name__}: has no summaries; give dreams, a scan, an audit, an evaluation or a comparison. "
        "TrainingMonitor(..., tensorboard=True) writes those of a training"
    )


def _of_dreams(dreams: Sequence[Dream]) -> Summaries:
    return Summaries(
        {
            **{f"score/{dream.name}": float(dream.score) for dream in dreams},
            **{f"robust score/{dream.name}": float(dream.robust) for dream in dreams},
        },
        {f"dreams/{dream.name}": dream.shown for dream in dreams},
        {"scores": [dream.score for dream in dreams]},
    )


def _of_scan(scan: Scan) -> Summaries:
    scalars = {"scan/images": float(scan.readable)}
    if scan.accuracy is not None:
        scalars["scan/accuracy"] = scan.accuracy.value
    images: dict[str, ArrayLike] = {}
    histograms: dict[str, ArrayLike] = {}
    for layer in scan.layers.values():
        name = layer.title
        scalars[f"{name}/always silent"] = float(layer.always_silent.sum())
        histograms |= {f"mean response/{name}": layer.mean, f"maximum response/{name}": layer.maximum}
        finite = np.nan_to_num(layer.maximum, nan=-np.inf)
        unit = int(np.argmax(finite))
        index = int(layer.by_max.strongest.index[0, unit])
        if scan.images is not None and np.isfinite(finite[unit]) and index >= 0:
            shown = scan.images.tried(index)
            if not isinstance(shown, str) and shown.shape[-1] <= 4:
                images[f"strongest image/{name}:{unit}"] = shown
    return Summaries(scalars, images, histograms)


def _of_audit(audit: Audit) -> Summaries:
    """Return the counts of the verdicts, under the tags that `TrainingMonitor` uses."""
    counts = {f"{layer.name}/{kind}": float(count) for layer in audit.layers for kind, count in layer.counts.items()}
    return Summaries({"audit/images": float(audit.images), **counts})


def _of_evaluation(evaluation: Evaluation) -> Summaries:
    top = evaluation.top_share
    matrix = evaluation.matrix
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return Summaries(
        {
            "evaluation/images": float(evaluation.count),
            "evaluation/accuracy": evaluation.share,
            **({} if top is None else {"evaluation/accuracy of the first five": top}),
            "evaluation/mean F1": evaluation.macro_f1,
            **{f"recall/{one.name}": one.recall for one in evaluation.per_class if one.recall is not None},
        },
        {"evaluation/confusion matrix": heat(np.kron(shares, np.ones((_CELL, _CELL))), low=0, high=1)},
        {"evaluation/confidence": evaluation.confidence},
    )


class DreamedUnit(Protocol):
    """A unit of a comparison."""

    @property
    def name(self) -> str:
        """The target."""

    @property
    def row(self) -> Mapping[str, Any]:
        """Its numbers."""

    @property
    def dream(self) -> Dream:
        """The compared dream."""


def of_units(units: Sequence[DreamedUnit]) -> Summaries:
    """Return what TensorBoard shows of the units of a comparison."""
    of_dreams = _of_dreams([unit.dream for unit in units])
    rows = {f"{key}/{unit.name}": value for unit in units for key, value in unit.row.items()}
    numbers = {tag: float(value) for tag, value in rows.items() if isinstance(value, int | float)}
    return Summaries({**of_dreams.scalars, **numbers}, of_dreams.images, of_dreams.histograms)


def _are_dreams(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, Dream) for one in value)


SUMMARIES: Sequence[tuple[Callable[[Any], bool], Callable[[Any], Summaries]]] = (
    (_are_dreams, _of_dreams),
    (lambda value: isinstance(value, Scan), _of_scan),
    (lambda value: isinstance(value, Audit), _of_audit),
    (lambda value: isinstance(value, Evaluation), _of_evaluation),
    (lambda value: isinstance(value, Comparison), lambda comparison: of_units(comparison.units)),
)
