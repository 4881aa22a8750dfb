"""The files of an evaluation: its logits, tables of images and classes, and the state of an unfinished one.

Reading a stored evaluation does not import TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.evaluation.separation import ClassSeparation
from dreamfilters.networks.classes.class_head import ClassHead, HeadKind
from dreamfilters.report.tables import csv_bytes
from dreamfilters.runs.over_images.run_format import GivenImages, RunFormat, read_result, shown_images
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.unfinished import UNFINISHED, UnfinishedState
from dreamfilters.serialization import plain, typed

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.evaluation.evaluation_job import EvaluationState
    from dreamfilters.report.pages.evaluation.margin_images import MarginImages

    MakeImages = Callable[[Evaluation], Sequence[MarginImages | None]]

ARRAYS, IMAGES, CLASSES, PAGE = "evaluation.npz", "images.csv", "classes.csv", "index.html"
KIND = RunKind(
    "evaluate", "an evaluation", written=lambda folder, manifest: [ARRAYS, IMAGES, CLASSES, PAGE, UNFINISHED]
)
_LISTED = {IMAGES: "every image with label and prediction", CLASSES: "the numbers of every class"}


def evaluation_format(
    targets: tuple[str, ...], images: MakeImages | None = None, options: Sequence[str] = ()
) -> RunFormat[EvaluationState, Evaluation]:
    """Return the files of an evaluation.

    Args:
        targets: the classes as the command `dream` names them, for the page.
        options: words of the command line that open the same network, for the commands of the page.
        images: makes those of the confused pairs, for the page; None without the network.
    """
    return RunFormat(
        kind=KIND,
        arrays_file=ARRAYS,
        arrays=lambda evaluation: {name: getattr(evaluation, name) for name in ("indices", "logits", "truth")},
        shown=lambda run, evaluation: _shown(run, evaluation, targets, images, options),
        results=_results,
        read=lambda folder, images: replace(read_evaluation(folder), images=images),
        packed=_packed,
        unpacked=_unpacked,
    )


def _results(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "size": evaluation.size,
        "classes": evaluation.classes,
        "head": evaluation.head.kind,
        "names": evaluation.names,
        "labels": evaluation.labels,
        "remark": evaluation.remark,
        "separations": plain(evaluation.separations),
    }


def _shown(
    run: RunFolder, evaluation: Evaluation, targets: tuple[str, ...], images: MakeImages | None, options: Sequence[str]
) -> dict[str, bytes]:
    """Return the tables and the page by their names."""
    from dreamfilters.report.pages.evaluation.evaluation_page import evaluation_page  # it imports TensorFlow

    files = {**_LISTED, MANIFEST: "settings and results"}
    page = evaluation_page(
        evaluation,
        files,
        spec=str(run.model["spec"]),
        options=options,
        targets=targets,
        images=() if images is None else images(evaluation),
    )
    return {IMAGES: csv_bytes(image_rows(evaluation)), CLASSES: csv_bytes(class_rows(evaluation)), PAGE: page}


def image_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return image, label, predicted class and probabilities of each image that was read."""
    columns = (evaluation.indices, evaluation.truth, evaluation.predicted)
    probabilities = (evaluation.confidence, evaluation.label_probability)
    return [
        {
            "image": evaluation.names[index],
            "label": evaluation.classes[label],
            "predicted": evaluation.class_name(predicted) if predicted >= 0 else "",
            "probability": confidence,
            "label_probability": own,
            "right": int(label == predicted),
        }
        for index, label, predicted, confidence, own in zip(
            *(column.tolist() for column in (*columns, *probabilities)), strict=True
        )
    ]


def class_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return name, counts, recall with its interval, precision and F1 of each class."""
    return [
        {
            "class": one.name,
            "images": one.images,
            "right": one.right,
            "predicted": one.predicted,
            "recall": one.recall,
            "recall_low": one.interval[0],
            "recall_high": one.interval[1],
            "precision": one.precision,
            "f1": one.f1,
        }
        for one in evaluation.per_class
    ]


def _packed(state: EvaluationState) -> UnfinishedState:
    known = {place: reason for place, reason in state.failures.items() if place < state.done}
    return UnfinishedState(state.done, known, {"logits": state.logits})


def _unpacked(stored: UnfinishedState, first: EvaluationState) -> EvaluationState:
    """Return the state that is stored, which has to fit to the state before any image."""
    from dreamfilters.evidence.evaluation.evaluation_job import EvaluationState

    logits = stored.arrays["logits"]
    fits = logits.shape == first.logits.shape and logits.dtype == np.float32
    if not fits or not all(0 <= place < stored.done for place in stored.failures):
        raise ValueError("not a state of these images")
    return EvaluationState(stored.done, logits, dict(stored.failures))


def read_evaluation(folder: Path | str, *, images: GivenImages | None = None) -> Evaluation:
    """Return a stored evaluation, without importing TensorFlow.

    Args:
        folder: of the evaluation.
        images: the images that were evaluated, which a notebook then shows.

    Raises:
        ImageError: their number is another one than that of the evaluation.
        OutputError: the folder holds no finished evaluation.
        DamagedError: its files are damaged, or are not those of an evaluation.

    Example:
        >>> read_evaluation("outputs/evaluation").count
        172
    """
    folder = Path(folder)
    evaluation = read_result(folder, KIND, ARRAYS, _evaluation)
    if images is None:
        return evaluation
    return replace(evaluation, images=shown_images(folder, KIND, images, len(evaluation.names)))


def _evaluation(manifest: Manifest, arrays: Mapping[str, NDArray[Any]]) -> Evaluation:
    """Return the evaluation of a manifest and its arrays; a ValueError or KeyError says what does not fit."""
    settings, results = manifest.settings, typed(Mapping[str, Any], manifest.results, "results")
    names, labels, classes = (typed(tuple[str, ...], results[key], key) for key in ("names", "labels", "classes"))
    indices, truth, logits = (arrays[key] for key in ("indices", "truth", "logits"))
    separations = typed(tuple[ClassSeparation, ...], results["separations"], "separations")
    for key, numbers, most in (("indices", indices, len(names)), ("truth", truth, len(classes))):
        in_range = numbers.dtype == np.intp and numbers.min(initial=0) >= 0 and numbers.max(initial=-1) < most
        if numbers.shape != (len(logits),) or not in_range:
            raise ValueError(f"{key} are not those of {len(logits)} of {len(names)} images of {len(classes)} classes")
    if logits.dtype != np.float32 or logits.shape != (len(indices), len(classes)) or not len(indices):
        raise ValueError(f"logits are {logits.dtype} {logits.shape}, not those of {len(classes)} classes")
    if len(labels) != len(names) or len(classes) < 2 or len(indices) + len(manifest.failures) > len(names):
        raise ValueError(f"{len(names)} images have {len(labels)} labels and {len(classes)} classes")
    numbers_of = {number for one in separations for number in (one.first, one.second)}
    if not numbers_of <= set(range(len(classes))) or not _losses_fit(separations):
        raise ValueError(f"a separation is not one of {len(classes)} classes")
    return Evaluation(
        network=typed(str, manifest.model["name"], "model.name"),
        fingerprint=typed(str, settings["weights"], "weights"),
        form=typed(Mapping[str, Any], settings["input"], "input"),
        size=typed(tuple[int, int], results["size"], "size"),
        names=names,
        labels=labels,
        classes=classes,
        head=ClassHead(_head(results["head"])),
        indices=indices,
        truth=truth,
        logits=logits,
        failures=manifest.failures,
        remark=typed(str, results["remark"], "remark"),
        separations=separations,
    )


def _losses_fit(separations: Sequence[ClassSeparation]) -> bool:
    return all({loss.label, loss.predicted} == {one.first, one.second} for one in separations for loss in one.losses)


def _head(value: Any) -> HeadKind:
    kind: HeadKind = typed(HeadKind, value, "head")
    if kind == "regression":
        raise ValueError(f"head={kind!r}: has no classes; known: {', '.join(get_args(HeadKind))}")
    return kind
