"""Values that the viewer's two processes share: descriptions, requests, replies and events, without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import DreamfiltersError
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.images import ImageFolder
from dreamfilters.images.resizing import Rule
from dreamfilters.networks.classes.accuracy import Accuracy
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.verdicts.verdict import ScanEvidence, Verdict
from dreamfilters.viewer.technique_request import TechniqueRequest

Values: TypeAlias = dict[str, Any]
ImageArray: TypeAlias = NDArray[np.float32]
Box: TypeAlias = tuple[float, float, float, float]

CLASS_LAYER = "C"  # id of the layer of classes, whose units are the logits
BACKGROUND, JOB = 4, 5  # priorities of dreams in the background, and of long work


@dataclass(frozen=True)
class NetworkDescription:
    """A network as the page displays it.

    Attributes:
        values: name, layers, edges and so on as JSON values; a layer's `id` is its key in the mappings below.
        layers: id -> layer; the layer of classes only if there are any.
        layer_targets: id -> name of the layer, as a target of the command line quotes it.
        class_names: name of each class, as the labels of a scan name it.
        class_targets: target of each class.
        size: (height, width) of the input.
        resize_rule: how images are resized to `size`.
        bits: of the values in image files of 16 bits.
        chosen_size: the size that the viewer chose for a network without a fixed input size, else None.
    """

    values: Values
    layers: Mapping[str, LayerInfo]
    layer_targets: Mapping[str, str]
    class_names: tuple[str, ...]
    class_targets: tuple[str, ...]
    size: tuple[int, int]
    channels: int
    resize_rule: Rule
    bits: int
    chosen_size: tuple[int, int] | None = None

    @property
    def form_key(self) -> tuple[str, ...]:
        """What differs between two input forms or class orders of one network."""
        form = self.values["form"]
        return (form["text"], form["interval"], self.resize_rule, str(self.bits), *self.class_names)

    def target(self, layer: str, unit: int) -> str:
        """Return the target that names a unit on the command line."""
        return self.class_targets[unit] if layer == CLASS_LAYER else f"{self.layer_targets[layer]}:{unit}"

    def drawn_position(self, layer: str, row: int, column: int) -> tuple[int, int] | None:
        """Return where a position of a scan is drawn: on the grid for patch tokens, None for class tokens."""
        info = self.layers[layer]
        if info.kind != "tokens":
            return row, column
        return (0, row) if info.grid is None else info.grid.position(row)

    def box_of(self, layer: str, row: int, column: int) -> Box:
        """Return (top, left, bottom, right) of a drawn position as fractions of the image.

        The box is the receptive field, or for tokens the patch, which attention does not limit them to.
        """
        info = self.layers[layer]
        if info.kind == "tokens" and info.grid is not None:
            rows, columns = info.grid.rows, info.grid.columns
            return row / rows, column / columns, (row + 1) / rows, (column + 1) / columns
        field = info.receptive_field
        if field is None:
            return 0.0, 0.0, 1.0, 1.0
        height, width = self.size
        top, left, bottom, right = field.box(row, column)
        return _fraction(top, height), _fraction(left, width), _fraction(bottom, height), _fraction(right, width)


def _fraction(pixel: float, side: int) -> float:
    return min(1.0, max(0.0, pixel / side))


@dataclass(frozen=True)
class LayerMaps:
    """The activation maps of one layer for one image, as the page draws them.

    Attributes:
        values: the numbers of each unit as JSON values.
        sheet: (units, height, width) bytes; each map is scaled between its own minimum and maximum.
    """

    values: Values
    sheet: bytes


@dataclass(frozen=True)
class VerdictBasis:
    """The verdict on a unit by images and bounds, and its evidence, to which a dream can be added.

    Attributes:
        scanned: evidence of the images.
        before: proved minimum and maximum before the activation function.
    """

    activation: str
    verdict: Verdict
    scanned: ScanEvidence | None
    before: tuple[float, float] | None


@dataclass(frozen=True)
class ImageEvidence:
    """What the images show about every unit.

    Attributes:
        image_ids: id of each image of the scan, by its index.
        verdicts: layer id -> one for each unit; empty until the verdicts are known.
        accuracy: of the network on the labeled images, by their indices in the scan; None if it has no meaning.
    """

    image_ids: tuple[str, ...]
    scan: Scan
    verdicts: Mapping[str, tuple[VerdictBasis, ...]]
    accuracy: Accuracy | None = None

    @cached_property
    def mistakes(self) -> Mapping[str, int]:
        """Id of each image that is not predicted as labeled -> number of the predicted class, -1 for none."""
        mistakes = () if self.accuracy is None else self.accuracy.mistakes
        return {self.image_ids[each.index]: each.predicted for each in mistakes}


@dataclass(frozen=True)
class Request:
    """A request to the worker.

    Attributes:
        number: of requests of equal priority the lower number is handled first.
        priority: 0 for interaction, 1 for dreams, 2 for comparisons, 3 for preparation, `BACKGROUND`, `JOB`.
            Requests of priority 0 are also handled between the steps of the others, and all that precede it between
            those of a request of the last two.
        action, arguments: name and keyword arguments of the handler.
    """

    number: int
    priority: int
    action: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class DreamRequest:
    """A requested dream: its id, its unit, the name of its recipe and its seed."""

    id: str
    layer: str
    unit: int
    recipe: str
    seed: int


@dataclass(frozen=True)
class JobRequest:
    """Long work as a command does it, into a run folder.

    Attributes:
        id: of the job, which its events state.
        kind: the command: 'evaluate', 'audit', 'compare' or 'embed', or 'technique'.
        targets: of a comparison.
        images: what the command is given; None for a technique of one image.
        out: parent of the run folder; None for that of the command.
        method: of an embedding.
        dreams: whether an embedding shows the finished dreams among the images.
        technique: which one, with its values.
        options: on the model, as words of the commands that the page of an evaluation names.
    """

    id: str
    kind: str
    targets: tuple[str, ...]
    images: ScanRequest | None
    out: Path | None = None
    method: str = ""
    dreams: bool = False
    technique: TechniqueRequest | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobResult:
    """The result of long work.

    Attributes:
        folder: the run folder.
        files: names of its files, the page first.
        line: the result in one line.
        evaluation: that of an evaluation, without its images.
        embedding: what a page draws of an embedding, see `worker.jobs.embedding_values`.
        results: what a technique made, see `worker.technique_jobs.results_of`.
    """

    folder: Path
    files: tuple[str, ...]
    line: str
    evaluation: Evaluation | None = None
    embedding: Values | None = None
    results: tuple[Values, ...] = ()


@dataclass(frozen=True)
class Cancel:
    """Cancels the request of this number."""

    number: int


@dataclass(frozen=True)
class ScanRequest:
    """The images to scan, each with an id.

    Attributes:
        audit: folder of a stored audit whose verdicts are used; None to derive them from the scan.
    """

    image_ids: tuple[str, ...]
    images: ImageFolder
    audit: Path | None = None


@dataclass(frozen=True)
class Reply:
    """The reply to a request: a value or an error."""

    number: int
    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True)
class Event:
    """An event that the worker reports.

    Attributes:
        topic: 'network', 'started', 'progress', 'evidence', 'verdicts', 'dream', 'job', 'trust', 'form_search' or
            'failed'.
        value: depends on the topic.
    """

    topic: str
    value: Any = None


class Cancelled(Exception):  # noqa: N818 - not an error
    """The request was canceled."""


class Disconnected(BaseException):
    """The other process has ended; no handler of errors should catch this."""


class BusyError(DreamfiltersError):
    """The network is not available, or too many requests are waiting."""
