"""What happened during a training: units that stop or begin to respond, layers that stand still, jumps of the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.attribution.ablation.paired_statistics import mcnemar
from dreamfilters.number_format import percent
from dreamfilters.training.history import Look, Training, moment
from dreamfilters.verdicts.verdict import KINDS

EventKind: TypeAlias = Literal["died", "born", "frozen", "moves again", "loss rose", "not finite", "accuracy fell"]

_NAMED = 8  # units of an event in its sentence
_RISE = 1.5  # times the lowest loss so far
_LEAST_RISE = 0.05  # of the first loss: a rise from .001 to .002 means nothing
_SIGNIFICANCE = 0.001  # of McNemar's test on the same images; a training has many looks


@dataclass(frozen=True)
class TrainingEvent:
    """Something that a look shows and the look before does not.

    Attributes:
        look: the position of the look.
        epoch: finished epochs at this look.
        kind: 'died', 'born', 'frozen', 'moves again', 'loss rose', 'not finite' or 'accuracy fell'.
        layer: of the units or weights, '' for the network.
        units: the units that it is about.
        sentence: one line.
    """

    look: int
    epoch: float
    kind: EventKind
    layer: str
    units: tuple[int, ...]
    sentence: str


def training_events(training: Training) -> tuple[TrainingEvent, ...]:
    """Return the events of a training in the order of its looks.

    A unit dies where images activated it at the look before and none does now, and is born in the opposite case. A
    layer is frozen where no weight of it changes while others do. The loss rose where it exceeds the lowest one so far
    by half, and the accuracy fell where McNemar's exact test on the same images has p < .001.
    """
    found: list[TrainingEvent] = []
    for position in range(1, len(training.looks)):
        found += events_of(training, position)
    return tuple(found)


def events_of(training: Training, position: int) -> Iterator[TrainingEvent]:
    """Yield the events that the look at a position shows."""
    yield from _network_events(training, position)
    yield from _weight_events(training, position)
    yield from _unit_events(training, position)


def _unit_events(training: Training, position: int) -> Iterator[TrainingEvent]:
    before, now = training.looks[position - 1], training.looks[position]
    when, count = moment(before, now), len(training.names)
    for layer, units in training.slices.items():
        was, does = before.responding[units], now.responding[units]
        died, born = np.flatnonzero(was & ~does), np.flatnonzero(~was & does)
        if died.size:
            proved = (now.verdicts[units][died] == KINDS.index("dead")).sum()
            more = f"; dead, proved: {'all' if proved == died.size > 1 else proved}" if proved else ""
            more = "; dead, proved" if proved == died.size == 1 else more
            text = f"{_units(layer, died)} stopped responding {when}: none of {count} images activates"
            text = f"{text} {'it' if died.size == 1 else 'them'}{more}"
            yield TrainingEvent(position, now.epoch, "died", layer, tuple(died.tolist()), text)
        if born.size:
            text = f"{_units(layer, born)} began to respond {when}"
            yield TrainingEvent(position, now.epoch, "born", layer, tuple(born.tolist()), text)


def _weight_events(training: Training, position: int) -> Iterator[TrainingEvent]:
    now, before = training.looks[position], training.looks[position - 1]
    still = now.changes == 0
    if now.step == before.step:  # of the monitor; each checkpoint has a step of its own
        return
    if not np.any(now.changes > 0):
        if still.any() and (position == 1 or np.any(before.changes > 0)):
            text = f"no weight changed {moment(before, now)}"
            yield TrainingEvent(position, now.epoch, "frozen", "", (), text)
        return
    was_still = before.changes == 0 if np.any(before.changes > 0) else np.zeros_like(still)
    when = moment(before, now)
    for number, layer in enumerate(training.weighted):
        if still[number] and not was_still[number]:
            text = f"{layer}: its weights did not change {when}, those of other layers did"
            yield TrainingEvent(position, now.epoch, "frozen", layer, (), text)
        elif was_still[number] and now.changes[number] > 0:
            text = f"{layer}: its weights changed again {when}"
            yield TrainingEvent(position, now.epoch, "moves again", layer, (), text)


def _network_events(training: Training, position: int) -> Iterator[TrainingEvent]:
    now, before = training.looks[position], training.looks[position - 1]
    when = moment(before, now)
    losses = [look.logs["loss"] for look in training.looks[: position + 1] if "loss" in look.logs]
    if "loss" in now.logs and not math.isfinite(now.logs["loss"]):
        if math.isfinite(before.logs.get("loss", 0.0)):
            yield TrainingEvent(position, now.epoch, "not finite", "", (), f"the loss became {losses[-1]:g} {when}")
    elif "loss" in now.logs and _rose(losses) and not _rose(losses[:-1]):
        text = (
            f"the training loss rose {when}, from {min(losses[:-1]):.3g} to {losses[-1]:.3g}: compare the labels, the "
            "data and the learning rate with those before"
        )
        yield TrainingEvent(position, now.epoch, "loss rose", "", (), text)
    known = training.truth >= 0
    lost, gained = _flips(before, now, training.truth, known)
    if lost > gained and float(mcnemar(lost, gained)) < _SIGNIFICANCE:
        shares = " to ".join(percent(training.accuracy(look)) for look in (before, now))
        text = f"the accuracy on {int(known.sum())} images fell {when}, from {shares}"
        yield TrainingEvent(position, now.epoch, "accuracy fell", "", (), text)


def _rose(losses: list[float]) -> bool:
    """Return whether the last loss exceeds the lowest of those before by half."""
    earlier = [loss for loss in losses[:-1] if math.isfinite(loss)]
    if not earlier:
        return False
    lowest = min(earlier)
    return losses[-1] > _RISE * lowest and losses[-1] - lowest > _LEAST_RISE * abs(earlier[0])


def _flips(before: Look, now: Look, truth: NDArray[np.int32], known: NDArray[np.bool_]) -> tuple[int, int]:
    was, is_now = (look.predicted[known] == truth[known] for look in (before, now))
    return int((was & ~is_now).sum()), int((~was & is_now).sum())


def _units(layer: str, units: NDArray[np.intp]) -> str:
    if units.size == 1:
        return f"{layer}:{units[0]}"
    named = ", ".join(map(str, units[:_NAMED].tolist())) + (", ..." if units.size > _NAMED else "")
    return f"{units.size} units of {layer} ({named})"
