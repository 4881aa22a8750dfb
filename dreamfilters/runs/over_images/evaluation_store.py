"""The files of an evaluation: its logits, tables of images and classes, and the state of an unfinished one.

Reading a stored evaluation does not import TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.errors import DamagedError, ImageError
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.evaluation.separation import ClassSeparation
from dreamfilters.images import ImageFolder
from dreamfilters.images.decoding import path_text
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks.classes.class_head import ClassHead, HeadKind
from dreamfilters.report.tables import csv_bytes
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.json_files import parsed
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind
from dreamfilters.runs.storage.unfinished import read_state, write_state
from dreamfilters.serialization import plain, typed

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.evaluation.evaluation_job import EvaluationState

ARRAYS, IMAGES, CLASSES = "evaluation.npz", "images.csv", "classes.csv"
PAGE, UNFINISHED = "index.html", "unfinished.npz"
KIND = RunKind(
    "evaluate", "an evaluation", written=lambda folder, manifest: [ARRAYS, IMAGES, CLASSES, PAGE, UNFINISHED]
)
_LISTED = {IMAGES: "every image with label and prediction", CLASSES: "the numbers of every class"}


@dataclass(frozen=True, eq=False)
class EvaluationStore:
    """An evaluation in a claimed folder.

    Attributes:
        run: the folder.
        targets: each class as the command `dream` names it, for the commands on the page.
    """

    run: RunFolder
    targets: tuple[str, ...]

    def save_state(self, state: EvaluationState) -> None:
        """Write the state of an unfinished evaluation."""
        done = state.done
        failures = json.dumps(sorted(one for one in state.failures.items() if one[0] < done)).encode()
        arrays = {"done": np.array(done), "logits": state.logits, "failures": np.frombuffer(failures, np.uint8)}
        write_state(self.run, UNFINISHED, arrays)

    def read_state(self, first: EvaluationState) -> EvaluationState:
        """Return the state that an earlier run with equal settings saved, or `first`, the state before any image."""
        try:
            arrays = read_state(self.run, UNFINISHED)
            return first if arrays is None else _state(arrays, first)
        except (ValueError, KeyError):
            return first

    def finish(self, evaluation: Evaluation) -> None:
        """Write the result, and last the manifest, which marks the evaluation as finished."""
        arrays = {name: getattr(evaluation, name) for name in ("indices", "logits", "truth")}
        contents = {ARRAYS: npz_bytes(arrays), **self._shown(evaluation)}
        files = {name: self.run.write(name, content) for name, content in contents.items()}
        results = {
            "size": evaluation.size,
            "classes": evaluation.classes,
            "head": evaluation.head.kind,
            "names": evaluation.names,
            "labels": evaluation.labels,
            "remark": evaluation.remark,
            "separations": plain(evaluation.separations),
        }
        self.run.save_manifest(files, results, evaluation.failures)

    def update(self, evaluation: Evaluation) -> None:
        """Make the tables and the page of a finished evaluation again, which an update of this tool may change."""
        self.run.update(self._shown(evaluation))

    def clear_state(self) -> None:
        """Remove the state of the unfinished evaluation."""
        self.run.remove([UNFINISHED])

    def _shown(self, evaluation: Evaluation) -> dict[str, bytes]:
        """Return the tables and the page by their names."""
        from dreamfilters.report.pages.evaluation.evaluation_page import evaluation_page  # it imports TensorFlow

        files = {**_LISTED, MANIFEST: "settings and results"}
        page = evaluation_page(evaluation, files, spec=str(self.run.model["spec"]), targets=self.targets)
        return {
            IMAGES: csv_bytes(image_rows(evaluation)), CLASSES: csv_bytes(class_rows(evaluation)), PAGE: page,
        }  # fmt: skip


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
    """Return name, counts, recall with its interval, and precision of each class."""
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
        }
        for one in evaluation.per_class
    ]


def _state(arrays: dict[str, NDArray[Any]], first: EvaluationState) -> EvaluationState:
    """Return the state of these arrays, which have to fit to the state before any image."""
    from dreamfilters.evidence.evaluation.evaluation_job import EvaluationState

    done, logits = arrays["done"], arrays["logits"]
    failures = dict(typed(tuple[tuple[int, str], ...], parsed(arrays["failures"].tobytes()), "failures"))
    fits = logits.shape == first.logits.shape and logits.dtype == np.float32 and done.shape == ()
    if not fits or not 0 <= done <= len(logits) or not all(0 <= place < done for place in failures):
        raise ValueError("not a state of these images")
    return EvaluationState(int(done), logits, failures)


def read_evaluation(
    folder: Path | str, *, images: ImageFolder | Sequence[ArrayLike] | NDArray[Any] | None = None
) -> Evaluation:
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
    manifest = KIND.read_finished(folder)
    if ARRAYS not in manifest.files:
        raise DamagedError(f"{folder / MANIFEST}: does not name {ARRAYS}")
    arrays = read_npz(folder, ARRAYS)
    try:
        evaluation = _evaluation(manifest, arrays)
    except (ValueError, KeyError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DamagedError(f"{folder}: is not an evaluation of this tool ({cause})") from error
    if images is None:
        return evaluation
    if len(images) != len(evaluation.names):
        count = len(evaluation.names)
        raise ImageError(f"images: {len(images)}, but {path_text(folder)} is an evaluation of {count}")
    return replace(evaluation, images=images if isinstance(images, ImageFolder) else ImageArrays(images))


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
