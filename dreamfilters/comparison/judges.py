"""Judges: other networks of the same classes, which are shown the dreams of classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.comparison.measures.class_transfer import (
    check_matched,
    in_channels_of,
    is_numbered,
    matched_classes,
)
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.dreams.ascent.prediction import DreamPrediction, dream_prediction, predicted_classes
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ModelError, TargetError
from dreamfilters.evidence.activations import Floats, stream
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of


@dataclass(frozen=True, eq=False)
class Judge:
    """A network that is shown dreams of another one.

    Attributes:
        network: the judge.
        label: its name, with a number where several judges have it.
        classes: number of a class of the other network -> its number here.
    """

    network: Network
    label: str
    classes: Mapping[int, int]

    def logits(self, images: Iterable[Floats]) -> Iterator[Floats]:
        """Yield the logits (..., classes) of each image (h, w, c), in this network's input form, batch by batch."""
        shown = (in_channels_of(self.network, [image])[0] for image in images)
        for batch in stream(self.network, shown, [LOGITS]):
            yield from batch[LOGITS]

    def recognized(self, images: Iterable[Floats], number: int) -> float:
        """Return the share of images for which it predicts a class of the other network."""
        own = self.classes[number]
        return float(np.mean([predicted_classes(self.network, row)[own] for row in self.logits(images)]))


@dataclass(frozen=True, eq=False)
class JudgedDreams:
    """What one judge predicts for the dreams of all classes.

    Attributes:
        judge: the judge.
        numbers: (n,) the class of each dream, a number of the network that it was made for.
        predictions: (n,) what is predicted, for the dream's class in the judge.
        predicted: (n, classes of the judge) whether each class is predicted.
    """

    judge: Judge
    numbers: tuple[int, ...]
    predictions: tuple[DreamPrediction, ...]
    predicted: NDArray[np.bool_]

    def of(self, number: int) -> DreamPrediction:
        """Return what is predicted for the dream of a class."""
        return self.predictions[self.numbers.index(number)]

    def among_others(self, number: int) -> float | None:
        """Return the share of the dreams of other classes that are predicted as this one; None without other dreams."""
        own = self.judge.classes[number]
        others = [row for row, other in enumerate(self.numbers) if self.judge.classes[other] != own]
        return float(self.predicted[others, own].mean()) if others else None


@dataclass(frozen=True, eq=False)
class Judgments:
    """Judges and the dreams of classes that they are shown, on the first access of `by_judge`.

    Attributes:
        judges: the judges.
        units: the classes, each once.
        dreams: target -> its dreams; the first is judged.
    """

    judges: tuple[Judge, ...]
    units: tuple[ComparedUnit, ...]
    dreams: Mapping[str, Sequence[Dream]]

    @cached_property
    def by_judge(self) -> tuple[JudgedDreams, ...]:
        """What each judge predicts; a dream is read when it is shown, so that few are in memory."""
        return tuple(map(self._shown, self.judges))

    def __getstate__(self) -> dict[str, Any]:
        """Return what the judges predict instead of the dreams, for another process of this program."""
        return {**vars(self), "by_judge": self.by_judge, "dreams": {}}

    def _shown(self, judge: Judge) -> JudgedDreams:
        numbers = tuple(unit.number for unit in self.units)
        shown = (self.dreams[unit.name][0].image for unit in self.units)
        predictions, predicted = [], []
        for number, row in zip(numbers, judge.logits(shown), strict=True):
            predictions.append(dream_prediction(judge.network, row, judge.classes[number]))
            predicted.append(predicted_classes(judge.network, row))
        return JudgedDreams(judge, numbers, tuple(predictions), np.stack(predicted))


def judges_from(given: AnyNetwork | Sequence[AnyNetwork]) -> tuple[Network, ...]:
    """Return the networks that are given: one, several in a list, or none in an empty one."""
    return tuple(map(network_of, given if isinstance(given, list | tuple) else [given]))


def judges_of(network: Network, given: Sequence[Network], numbers: Sequence[int]) -> tuple[Judge, ...]:
    """Return the judges of dreams of these classes of a network.

    Raises:
        TargetError: there are judges and no class.
        ModelError: a judge has no classes.
        UnknownNameError: it has other classes, or lacks one of them.
        InputFormError: its number of channels does not fit.

    Example:
        >>> judges_of(network, [load("signs")], [14])[0].classes[14]
        14
    """
    if given and not numbers:
        raise TargetError(
            f"judge {given[0].name}: judges are shown dreams of classes, and no target is one; add class:*"
        )
    names = Counter[str]()
    return tuple(_judge(network, one, numbers, names) for one in given)


def describe(network: Network, judge: Network) -> str:
    """Return a judge in one line: its name, input form, classes, and how they were matched."""
    how = "number" if is_numbered(network) or is_numbered(judge) else "name"
    return f"{judge.name}: {judge.form.describe()}, {len(judge.classes)} classes matched by {how}"


def _judge(network: Network, judge: Network, numbers: Sequence[int], names: Counter[str]) -> Judge:
    if judge.head.kind == "regression":
        raise ModelError(f"judge {judge.name}: predicts no classes; give a network of the classes of {network.name}")
    in_channels_of(judge, [np.zeros((1, 1, network.form.channels), np.float32)])
    classes = _classes(network, judge)
    for number in numbers:
        check_matched(classes, number, network, judge)
    names[judge.name] += 1
    count = names[judge.name]
    return Judge(judge, f"{judge.name} ({count})" if count > 1 else judge.name, classes)


def _classes(network: Network, judge: Network) -> dict[int, int]:
    """Return which class of the judge each class is: as `matched_classes`, and by number if only one network has names.

    The share of real images that the judge recognizes shows whether the numbers mean the same classes.
    """
    if len(network.classes) == len(judge.classes) and (is_numbered(network) or is_numbered(judge)):
        return {number: number for number in range(len(network.classes))}
    return matched_classes(network, judge)
