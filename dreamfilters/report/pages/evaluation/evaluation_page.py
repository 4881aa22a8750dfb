"""The page of an evaluation: which images a network gets wrong, how sure it is, and which units are behind it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from dreamfilters.dreams.objectives.units import quoted
from dreamfilters.evidence.evaluation.result import ClassResult, Evaluation
from dreamfilters.evidence.evaluation.separation import ClassSeparation, MarginLoss, UnitContrast
from dreamfilters.number_format import grouped, percent
from dreamfilters.report.html_frame import rendered, script_json, shown_uri
from dreamfilters.report.pages.evaluation.confusion_table import anchor_of, confusion_table
from dreamfilters.report.pages.evaluation.reliability_chart import reliability_chart

if TYPE_CHECKING:
    from dreamfilters.report.pages.evaluation.margin_images import MarginImages

_OF_CELL, _IN_CELLS = 12, 360  # images of a cell of the matrix, and of all cells: they are inside the page
_SHOWN = 24  # most confident mistakes, and least confident hits
_OF_PAIR = 10  # images of a confused pair in one direction


@dataclass(frozen=True)
class Thumbnail:
    """An image with its name, its label, its predicted class, and the probability of that as text, or ''."""

    source: str
    name: str
    label: str
    predicted: str
    probability: str


@dataclass(frozen=True)
class Group:
    """Images of one cell of the matrix: how many there are, and those that are shown."""

    anchor: str
    label: str
    predicted: str
    count: int
    shown: tuple[Thumbnail, ...]


@dataclass(frozen=True)
class ClassRow:
    """A class in the table of classes; `confused` is the class that its images are most often predicted as, instead."""

    result: ClassResult
    confused: str
    confused_count: int


@dataclass(frozen=True)
class UnitTable:
    """Units in a table under a title, and what they have in common."""

    title: str
    detail: str
    units: tuple[UnitContrast, ...]


@dataclass(frozen=True)
class Loss:
    """Why images of `label` are predicted as `predicted`."""

    label: str
    predicted: str
    values: MarginLoss


@dataclass(frozen=True)
class PairPart:
    """A confused pair: its classes, its images in both directions, its units, and the commands that show more.

    `dream` is the source of the margin's dream, '' for none; `heatmaps` are those of mistakes.
    """

    anchor: str
    first: str
    second: str
    groups: tuple[Group, ...]
    dream: str
    heatmaps: tuple[Thumbnail, ...]
    separation: ClassSeparation | None
    tables: tuple[UnitTable, ...]
    losses: tuple[Loss, ...]
    commands: Mapping[str, str]


def evaluation_page(
    evaluation: Evaluation,
    files: Mapping[str, str],
    *,
    spec: str,
    options: Sequence[str] = (),
    targets: Sequence[str],
    images: Sequence[MarginImages | None] = (),
) -> bytes:
    """Return the page of an evaluation.

    Args:
        evaluation: the evaluation; its images are shown if they are known.
        files: name -> what it holds, of the files beside the page.
        spec: the model as commands name it.
        options: words of the command line that open the same network.
        targets: each class as the command `dream` names it.
        images: of each pair in `separations`; () for none.
    """
    groups = _groups(evaluation)
    linked = frozenset((one.label, one.predicted) for one in evaluation.misclassified[: len(groups)])
    table, found = confusion_table(evaluation, linked), evaluation.reliability
    page = rendered(
        "evaluation/evaluation.html",
        ("evaluation/evaluation.css",),
        ("evaluation/evaluation.js",),
        evaluation=evaluation,
        table=table,
        orders=script_json({name: list(order) for name, order in table.orders.items()}),
        groups=groups,
        classes=_class_rows(evaluation),
        mistakes=_thumbnails(evaluation, evaluation.mistakes[:_SHOWN].tolist()),
        hits=_thumbnails(evaluation, evaluation.hits[:_SHOWN].tolist()),
        reliability=found,
        chart=None if found is None else reliability_chart(found),
        pairs=[
            _pair(evaluation, one, (spec or "MODEL", *options), targets, of_pair)
            for one, of_pair in zip_longest(evaluation.separations, images)
        ],
        facts=_facts(evaluation),
        files=files,
        shown_cells=len(groups),
    )
    return page.encode("utf-8", "replace")


def _groups(evaluation: Evaluation) -> tuple[Group, ...]:
    """Return the images of the cells of the matrix, the most frequent mistakes first, as many as the page holds."""
    found, left = [], _IN_CELLS
    for one in evaluation.misclassified:
        rows = one.rows[: min(_OF_CELL, left)]
        if not rows:
            break
        left -= len(rows)
        found.append(_group(evaluation, one.label, one.predicted, len(one.rows), rows))
    return tuple(found)


def _group(evaluation: Evaluation, label: int, predicted: int, count: int, rows: Sequence[int]) -> Group:
    names = evaluation.classes[label], evaluation.class_name(predicted)
    return Group(anchor_of(label, predicted), *names, count, _thumbnails(evaluation, rows))


def _thumbnails(evaluation: Evaluation, rows: Sequence[int]) -> tuple[Thumbnail, ...]:
    """Return the images of rows; one that is not known or cannot be read any more has no pixels."""
    found = []
    for row in rows:
        image = evaluation.images.tried(int(evaluation.indices[row])) if evaluation.images is not None else ""
        source = "" if isinstance(image, str) else shown_uri(image, small=True)
        predicted, confidence = int(evaluation.predicted[row]), float(evaluation.confidence[row])
        share, label = percent(confidence) if predicted >= 0 else "", evaluation.classes[evaluation.truth[row]]
        found.append(Thumbnail(source, evaluation.name_of(row), label, evaluation.class_name(predicted), share))
    return tuple(found)


def _class_rows(evaluation: Evaluation) -> tuple[ClassRow, ...]:
    most: dict[int, tuple[str, int]] = {}
    for one in evaluation.misclassified:  # the most frequent first
        most.setdefault(one.label, (evaluation.class_name(one.predicted), len(one.rows)))
    used = (one for one in evaluation.per_class if one.images or one.predicted)
    return tuple(ClassRow(one, *most.get(one.number, ("", 0))) for one in used)


def _pair(
    evaluation: Evaluation,
    one: ClassSeparation,
    model: Sequence[str],
    targets: Sequence[str],
    images: MarginImages | None,
) -> PairPart:
    first, second = evaluation.classes[one.first], evaluation.classes[one.second]
    both = {(one.first, one.second), (one.second, one.first)}
    groups = tuple(
        _group(evaluation, each.label, each.predicted, len(each.rows), each.rows[:_OF_PAIR])
        for each in evaluation.misclassified
        if (each.label, each.predicted) in both
    )
    tables = (
        UnitTable(
            "Separate the classes",
            f"The units of {one.layer} whose responses tell the classes apart best.",
            one.separating,
        ),
        UnitTable(
            "Carry the margin",
            f"The units that move the logit of {first} over that of {second} most, from the images of one class to "
            "those of the other.",
            one.carrying,
        ),
        UnitTable(
            "Respond to both",
            "The units with the largest responses to both classes among those that do not tell them apart (AUC 0.4 to "
            "0.6).",
            one.shared,
        ),
    )
    losses = tuple(
        Loss(evaluation.classes[each.label], evaluation.classes[each.predicted], each) for each in one.losses
    )
    return PairPart(
        anchor=f"pair-{one.first}-{one.second}",
        first=first,
        second=second,
        groups=groups,
        dream="" if images is None else shown_uri(images.dream),
        heatmaps=()
        if images is None
        else tuple(
            Thumbnail(shown_uri(each.heatmap), each.name, each.label, each.predicted, "") for each in images.mistakes
        ),
        separation=one,
        tables=tuple(table for table in tables if table.units),
        losses=losses,
        commands=_commands(one, model, targets),
    )


def _commands(one: ClassSeparation, model: Sequence[str], targets: Sequence[str]) -> dict[str, str]:
    """Return what each command shows, and the command."""
    units = [f"{quoted(one.layer)}:{unit.unit}" for unit in one.separating[:4]]
    margin = f"{targets[one.first]} - {targets[one.second]}"
    dream, attribute = (["dreamfilters", command, *model] for command in ("dream", "attribute"))
    return {
        "the dream of the margin: what distinguishes the first class from the second, for the network": shlex.join(
            [*dream, margin]
        ),
        "the dreams of the separating units": shlex.join([*dream, *units]),
        "the pixels of an image, or of a folder IMAGES, that the margin depends on": shlex.join(
            [*attribute, targets[one.first], "IMAGES", "--against", targets[one.second]]
        ),
    }


def _facts(evaluation: Evaluation) -> dict[str, str]:
    """Return how the page was made: label -> text."""
    height, width = evaluation.size
    facts = {"Images": f"{grouped(evaluation.count)} labeled images at {height} × {width} pixels."}
    if evaluation.left_out:
        facts["Left out"] = f"{grouped(evaluation.left_out)} images without a label that means a class."
    if evaluation.remark:
        facts["Labels"] = f"{evaluation.remark[:1].upper()}{evaluation.remark[1:]}."
    if evaluation.has_several:
        facts["Correct"] = (
            "The network predicts several classes for an image, each with a probability above a half. An image is "
            "correct if the class of its label is among them. A prediction of another class counts against the "
            "precision of that class, although it may be right: a label names only one class."
        )
    elif evaluation.head.kind == "binary":
        facts["Correct"] = "One sigmoid decides between two classes: the second one above a half."
    facts["Intervals"] = (
        "95 % confidence intervals by Wilson’s method. They treat the images as independent; several images of one "
        "object make them too narrow."
    )
    return facts
