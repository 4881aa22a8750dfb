"""The measures of a unit in words: a figure, what it is in numbers, and one line on what it means."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dreamfilters.comparison.measures.class_transfer import ClassTransfer
from dreamfilters.comparison.measures.response_rank import ResponseRank
from dreamfilters.comparison.result import UnitComparison
from dreamfilters.networks import LOGITS
from dreamfilters.report.number_format import grouped, number, percent, times

_NONE = "–"
_FEW = 0.05  # of the similarity: below, a dream is as far off as unrelated images are


@dataclass(frozen=True)
class Caption:
    """One line of the report.

    Attributes:
        name: of the measure.
        figure: what came out.
        detail: the numbers behind it.
        meaning: what it says, in one line.
        bad: whether the dream fails by it.
    """

    name: str
    figure: str
    detail: str
    meaning: str
    bad: bool = False


@dataclass(frozen=True)
class Headline:
    """What came out for a unit: a figure, the words that go with it, and what is to be flagged."""

    figure: str
    words: str
    flags: tuple[str, ...]


def headline_of(unit: UnitComparison) -> Headline:
    """Return the ratio of the dream to the strongest real image, and whether it loses to one."""
    standing, dream = unit.response_rank, unit.dream
    flags = [f"answers all {grouped(standing.count)} real images alike"] if unit.is_silent else []
    if not dream.activated:
        flags.append(dream.note or "not activated: its score never rose")
    if unit.loses:
        flags.append("loses to a real image")
    elif unit.loses_moved:
        flags.append("loses to a real image under small motions")
    if dream.activated and dream.recovered_by:
        flags.append(f"recovered_by: {dream.recovered_by}")
    if standing.ratio is None:
        alone = standing.response > 0
        words = "and no real image excites it" if alone else "neither the dream nor a real image excites it"
        return Headline(number(standing.response), words, tuple(flags))
    return Headline(times(standing.ratio), "the strongest real image", tuple(flags))


def captions_of(unit: UnitComparison) -> tuple[Caption, ...]:
    """Return every measure that was taken, and why one was not."""
    taken = [
        *_responses(unit),
        _seeds(unit),
        _maps(unit),
        _path(unit),
        _duel(unit),
        _plausibility(unit),
        _transfer(unit),
    ]
    return tuple(measure for measure in taken if measure is not None)


def _responses(unit: UnitComparison) -> list[Caption]:
    by = "a class’s value before the softmax" if unit.subject.is_class else f"the {_BY[unit.subject.by]} of the map"
    plain = _standing(
        "Response", unit.response_rank, f"Dream over strongest real image, by {by}; in brackets the share of images "
        "that answer no more than the dream.",
    )  # fmt: skip
    moved = unit.moved_response_rank
    if moved is None:
        return [plain]
    meaning = (
        f"The same while dream and {unit.moved} images are turned, scaled and shifted a little: what survives a camera."
    )
    return [plain, _standing("Response, moved", moved, meaning, share=False)]


_BY = {"mean": "mean", "max": "maximum"}


def _standing(name: str, standing: ResponseRank, meaning: str, *, share: bool = True) -> Caption:
    figure = _NONE if standing.ratio is None else times(standing.ratio)
    known = share and math.isfinite(standing.percentile)
    among = f" ({percent(standing.percentile / 100)} of {grouped(standing.count)})" if known else ""
    detail = f"{number(standing.response)} against {number(standing.largest)}{among}"
    return Caption(name, figure, detail, meaning, standing.loses)


def _seeds(unit: UnitComparison) -> Caption:
    meaning = "How much the dream depends on chance: std of the responses; distance 0 where the layer sees the same."
    spread = unit.spread
    if spread is None:
        return _missing(unit, "spread", "Seeds", meaning)
    if spread.std is None:
        return Caption("Seeds", _NONE, "one seed only", meaning)
    detail = f"{number(spread.least)} to {number(spread.greatest)} over {spread.count} seeds"
    apart = "" if spread.distance is None else f"; distance {number(spread.distance)}"
    return Caption("Seeds", f"± {number(spread.std)}", detail + apart, meaning)


def _maps(unit: UnitComparison) -> Caption | None:
    likeness = unit.real[0].likeness if unit.real else None
    if likeness is None:
        return None
    meaning = (
        "Structural similarity of the dream’s map and the strongest image’s: 1 where they answer in the same places."
    )
    ssim, cosine = (_NONE if value is None else number(value) for value in (likeness.ssim, likeness.cosine))
    return Caption("Maps", ssim, f"cosine {cosine}", meaning)


def _path(unit: UnitComparison) -> Caption:
    meaning = "1: the dream is treated as images of this kind are; 0: as unrelated ones (Geirhos et al. 2024)."
    if unit.path is None:
        return _missing(unit, "path", "Path", meaning)
    step = unit.path_step
    if step is None or step.similarity is None:
        return Caption("Path", _NONE, "references are as far apart as unrelated images", meaning)
    where = "at the classes" if step.layer == LOGITS else f"in {step.layer}"
    detail = f"{where}, the deepest layer in which references are alike"
    return Caption("Path", number(step.similarity), detail, meaning, step.similarity < _FEW)


def _duel(unit: UnitComparison) -> Caption:
    meaning = "How often the dreams alone tell a strong image from a weak one, beside real references; chance is 50 %."
    duel = unit.duel
    if duel is None:
        return _missing(unit, "duel", "Duel", meaning)
    natural = "" if duel.natural is None else f"real images {percent(duel.natural.accuracy)}; "
    pairs = f"{natural}{duel.dreams.pairs} pairs"
    return Caption("Duel", percent(duel.dreams.accuracy), pairs, meaning, duel.dreams.accuracy < 0.5)


def _plausibility(unit: UnitComparison) -> Caption:
    meaning = "Real images no farther from the others than the dream is: near 50 % like any other, 100 % like none."
    found = unit.plausibility
    if found is None:
        return _missing(unit, "plausibility", "Plausibility", meaning)
    ratio = "" if found.ratio is None else f", {times(found.ratio)} the usual"
    detail = f"distance {number(found.distance)}{ratio}, in {found.layer}"
    return Caption("Plausibility", percent(found.percentile / 100), detail, meaning)


def _transfer(unit: UnitComparison) -> Caption | None:
    found = unit.transfer
    if found is None:
        return _missing(unit, "transfer", "Transfer", "") if "transfer" in unit.missing else None
    if isinstance(found, ClassTransfer):
        meaning = "How sure the other network is of the dream’s class: what only fools one network does not carry over."
        rank = "its first guess" if found.rank == 1 else f"its guess {found.rank}; taken for {found.taken_for}"
        return Caption("Transfer", percent(found.probability), rank, meaning, found.rank != 1)
    meaning = "The most like unit of the other network, and the share of real images it answers no more than the dream."
    kin = found.kin
    like = _NONE if kin.correlation is None else number(kin.correlation)
    detail = f"{kin.layer}:{kin.unit}, correlation {like}"
    return Caption("Transfer", percent(found.response_rank.percentile / 100), detail, meaning)


def _missing(unit: UnitComparison, key: str, name: str, meaning: str) -> Caption:
    return Caption(name, _NONE, unit.missing.get(key, ""), meaning)
