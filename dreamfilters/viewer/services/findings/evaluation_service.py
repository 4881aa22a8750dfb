"""The mistakes of the network: the confusion matrix, the images of its cells, and units that separate two classes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dreamfilters.errors import UnknownNameError
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.evaluation.separation import ClassSeparation
from dreamfilters.report.pages.evaluation.confusion_table import ConfusionTable, confusion_table
from dreamfilters.report.pages.evaluation.reliability_chart import reliability_chart
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import CLASS_LAYER, Values
from dreamfilters.viewer.services.catalog import Catalog

_SHOWN = 24  # most confident mistakes, and least confident hits
_OF_CELL = 120  # images of a cell
_PAIRS = 12  # most confused pairs that are listed


@dataclass(frozen=True, eq=False)
class EvaluatedImages:
    """An evaluation and the id of each image that it was given."""

    evaluation: Evaluation
    image_ids: tuple[str, ...]

    @cached_property
    def confidences(self) -> dict[str, float]:
        """Image id -> the probability of its predicted class, of images that have one."""
        found = self.evaluation
        pairs = zip(found.indices.tolist(), found.confidence.tolist(), strict=True)
        return {self.image_ids[index]: confidence for index, confidence in pairs if np.isfinite(confidence)}

    def image(self, row: int) -> Values:
        """Return the image of a row as JSON values: id, name, numbers of its label and predicted class, confidence."""
        found = self.evaluation
        return {
            "image": self.image_ids[int(found.indices[row])],
            "name": found.name_of(row),
            "label": int(found.truth[row]),
            "predicted": int(found.predicted[row]),
            "confidence": plain(float(found.confidence[row])),
        }

    def cell(self, label: int, predicted: int) -> list[int]:
        """Return the rows of a cell of the matrix: the most confident mistakes first, or the least confident hits."""
        found = self.evaluation
        order = found.hits if label == predicted else found.mistakes
        return [int(row) for row in order if found.truth[row] == label and found.predicted[row] == predicted]


@dataclass(eq=False)
class EvaluationService:
    """The last evaluation of the network on the labeled images.

    Attributes:
        evaluated: the evaluation with its images, None if there is none.
    """

    catalog: Catalog
    evaluated: EvaluatedImages | None = None
    _separations: dict[tuple[int, int], ClassSeparation] = field(default_factory=dict, init=False)

    def set(self, evaluation: Evaluation | None) -> None:
        """Replace the evaluation; None drops it."""
        request = self.catalog.scan_request
        known = evaluation is not None and request is not None
        self.evaluated = EvaluatedImages(evaluation, request.image_ids) if known else None  # type: ignore[arg-type,union-attr]
        self._separations = {(one.first, one.second): one for one in evaluation.separations} if evaluation else {}

    def confidence(self, image: str) -> float | None:
        """Return the probability of the class that is predicted for an image, None before the evaluation."""
        return None if self.evaluated is None else self.evaluated.confidences.get(image)

    async def summary(self) -> Values:
        """Return the evaluation: the confusion matrix, the classes, the mistakes and the calibration.

        Without an evaluation it has only `ready` and the `obstacle` to one, null if the network can be evaluated.
        """
        await self.catalog.network()
        await self.catalog.images_listed.wait()
        if self.evaluated is None:
            obstacle = self.catalog.label_obstacle()
            return {"ready": False, "obstacle": None if obstacle is None else str(obstacle)}
        return await asyncio.to_thread(_summary, self.evaluated)

    async def cell(self, label: int, predicted: int) -> Values:
        """Return the images of one label that are predicted as a class, -1 for no class.

        Raises:
            UnknownNameError: there is no evaluation, or no such class.
        """
        evaluated = self._evaluated(label, max(predicted, 0))
        rows = evaluated.cell(label, predicted)
        return {"count": len(rows), "images": [evaluated.image(row) for row in rows[:_OF_CELL]]}

    async def separation(self, first: int, second: int) -> Values:
        """Return the units that separate the images of two classes, or do not; see `ClassSeparation`.

        Raises:
            UnknownNameError: there is no evaluation, no such class, or the worker was restarted since.
            ModelError, ImageError: the network has no layer before its logits, or a class has no images.
        """
        self._evaluated(first, second)
        if first == second:
            raise UnknownNameError(f"class {first}: choose two classes")
        pair = (min(first, second), max(first, second))
        found = self._separations.get(pair)
        if found is None:
            found = await self.catalog.worker.request("separate", priority=2, first=pair[0], second=pair[1])
            self._separations[pair] = found
        description = await self.catalog.network()
        layer = next((key for key, info in description.layers.items() if info.name == found.layer), None)
        targets = [description.target(CLASS_LAYER, number) for number in pair]
        command = self.catalog.snippets.command("dream", [" - ".join(targets)], size=description.chosen_size)
        return {**plain(found), "layer": layer, "units": found.units, "command": command}

    def _evaluated(self, *classes: int) -> EvaluatedImages:
        if self.evaluated is None:
            raise UnknownNameError("there is no evaluation yet; start one")
        for number in classes:
            if not 0 <= number < len(self.evaluated.evaluation.classes):
                count = len(self.evaluated.evaluation.classes)
                raise UnknownNameError(f"class {number}: the network has {count} classes, 0 to {count - 1}")
        return self.evaluated


def _summary(evaluated: EvaluatedImages) -> Values:
    found = evaluated.evaluation
    calibration = found.reliability
    values: Values = plain(
        {
            "ready": True,
            "obstacle": None,
            "text": found.describe(),
            "count": found.count,
            "share": found.share,
            "interval": found.interval,
            "table": _table(confusion_table(found, frozenset())),
            "classes": [
                {"number": one.number, "images": one.images, "right": one.right, "predicted": one.predicted,
                 "recall": one.recall, "precision": one.precision}
                for one in found.per_class if one.images or one.predicted
            ],
            "pairs": found.pairs[:_PAIRS],
            "mistakes": _images(evaluated, found.mistakes[:_SHOWN].tolist()),
            "hits": _images(evaluated, found.hits[:_SHOWN].tolist()),
            "calibration": None if calibration is None else {
                "error": calibration.error, "confidence": calibration.confidence, "accuracy": calibration.accuracy,
                "chart": reliability_chart(calibration),
            },
        }
    )  # fmt: skip
    return values


def _images(evaluated: EvaluatedImages, rows: Sequence[int]) -> list[Values]:
    return [evaluated.image(row) for row in rows]


def _table(table: ConfusionTable) -> Values:
    """Return the matrix: for each row its label, and the number of images and the color level of each cell."""
    return {
        "labels": [row.label for row in table.rows],
        "counts": [[cell.count for cell in row.cells] for row in table.rows],
        "levels": [[cell.level for cell in row.cells] for row in table.rows],
        "orders": table.orders,
        "more": table.more,
        "has_none": table.has_none,
    }
