"""What both processes of the viewer know of a network and say to each other: plain values, without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.evidence.scan.result import Scan
from dreamfilters.images.resizing import Rule
from dreamfilters.networks.layers.receptive_field import ReceptiveField
from dreamfilters.verdicts.verdict import DreamEvidence, ScanEvidence, Verdict, judge

Values: TypeAlias = dict[str, Any]
ImageArray: TypeAlias = NDArray[np.float32]

CLASSES = "C"  # the id of the layer of classes, whose units are the logits


@dataclass(frozen=True)
class NetworkDescription:
    """A network as the page is told of it.

    Attributes:
        values: its name, layers, edges and so on as JSON holds them; a layer's `id` is its key below.
        addresses: id -> what `watch` calls the layer.
        quoted: id -> what a target calls the layer.
        fields: id -> what a place of its map sees, None for the whole image.
        classes: the target of each class, in words.
        size: (height, width) of the images that it is shown.
        channels: of these images.
        rule: how they are brought to this size.
        chosen: this size, where the network takes any.
    """

    values: Values
    addresses: Mapping[str, str]
    quoted: Mapping[str, str]
    fields: Mapping[str, ReceptiveField | None]
    classes: tuple[str, ...]
    size: tuple[int, int]
    channels: int
    rule: Rule
    chosen: tuple[int, int] | None = None

    def units(self, layer: str) -> int:
        """Return how many units a layer has."""
        if layer == CLASSES:
            return len(self.classes)
        found: int = next(each["units"] for each in self.values["layers"] if each["id"] == layer)
        return found

    def target(self, layer: str, unit: int) -> str:
        """Return what the command line calls a unit."""
        return self.classes[unit] if layer == CLASSES else f"{self.quoted[layer]}:{unit}"

    def seen_from(self, layer: str, row: int, column: int) -> tuple[float, float, float, float]:
        """Return what a place of a layer's maps sees: (top, left, bottom, right) in fractions of the image."""
        seen = self.fields[layer]
        if seen is None:
            return 0.0, 0.0, 1.0, 1.0
        height, width = self.size
        top, left, bottom, right = seen.box(row, column)
        inside = (top / height, left / width, bottom / height, right / width)
        top_, left_, bottom_, right_ = (min(1.0, max(0.0, share)) for share in inside)
        return top_, left_, bottom_, right_


@dataclass(frozen=True)
class LayerMaps:
    """The maps of one layer for one image, as the page draws them.

    Attributes:
        values: the numbers of each unit as JSON holds them.
        sheet: (units, height, width) bytes, each map between its own ends.
    """

    values: Values
    sheet: bytes

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return len(self.sheet) + 160 * int(self.values["units"])  # five lists of Python floats


@dataclass(frozen=True)
class ScanVerdicts:
    """The verdict on a unit and what it rests on, so that a dream can be added to it; see `verdicts.judge`.

    Attributes:
        activation: what bends the unit.
        verdict: by the images and the bounds.
        scanned: what the images made of it.
        before: the least and the greatest value before its activation.
    """

    activation: str
    verdict: Verdict
    scanned: ScanEvidence | None
    before: tuple[float, float] | None

    def after(self, dreamt: DreamEvidence) -> Verdict:
        """Return the verdict when a dream is known too: what images or bounds have decided stays."""
        if self.verdict.kind != "undecided":
            return self.verdict
        return judge(self.activation, scanned=self.scanned, dreamt=dreamt, before=self.before)


@dataclass(frozen=True)
class Evidence:
    """What the folder of images does to every unit.

    Attributes:
        scan: of all layers.
        judged: id of each layer that has verdicts -> one for each unit; empty until they are known.
    """

    scan: Scan
    judged: Mapping[str, tuple[ScanVerdicts, ...]]


# ---------------------------------------------------------------------------------------------------------------------
# What is said


@dataclass(frozen=True)
class Request:
    """Something the worker is asked for; `rank` 0 comes first, and is answered between the steps of what has another.

    Attributes:
        number: of the request; of two of equal rank the lower number comes first.
        rank: 0 for what a person waits for, 1 for dreams, 2 for reports, 3 for what somebody may want next.
        deed: the name of what is to be done.
        arguments: of it.
    """

    number: int
    rank: int
    deed: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class DreamRequest:
    """A dream that was asked for."""

    id: str
    layer: str
    unit: int
    recipe: str
    seed: int


@dataclass(frozen=True)
class Cancel:
    """A request that is not wanted any longer."""

    number: int


@dataclass(frozen=True)
class ScanRequest:
    """Where the images for the evidence are, and the stored audit whose verdicts count, None for none."""

    folder: str
    labels: str | None = None
    audit: str | None = None


@dataclass(frozen=True)
class Reply:
    """The answer to a request, or in one line why there is none."""

    number: int
    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True)
class Event:
    """What the worker tells without being asked.

    Attributes:
        topic: 'network', 'progress', 'evidence', 'verdicts', 'dream', 'report' or 'failed'.
        value: as the topic has it.
    """

    topic: str
    value: Any = None


class Cancelled(Exception):  # noqa: N818 - it is no error
    """What was asked for is not wanted any longer."""
