"""The result of a scan, by layer and by unit.

Imports neither TensorFlow nor Keras, so that a stored scan loads quickly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from dreamfilters.display import frame, heading, table, tiles
from dreamfilters.errors import TargetError, UnknownNameError, close_names
from dreamfilters.evidence.scan.accumulators import Arrays
from dreamfilters.evidence.scan.histograms import Histogram
from dreamfilters.evidence.scan.score_statistics import By, RankedImage, ScoreStatistics, score_statistics
from dreamfilters.networks.classes.accuracy import Accuracy
from dreamfilters.networks.layers.layer_info import LayerInfo

_NUMBERS = ("maximum", "minimum", "mean", "std", "zeros", "silent", "counted", "nonfinite")  # one per unit
Words = TypeVar("Words")  # what is shown beside an image

_SHOWN = 24  # images in a notebook
_NAMED = 4  # layers that are left out
_NO_IMAGES = "read_scan(folder, images=image_folder(...)) also shows the images."


class ScannedImages(Protocol):
    """The images of a scan, such as an `ImageFolder`."""

    def tried(self, index: int) -> NDArray[np.float32] | str:
        """Return an image (h, w, c) in [0, 1], or the reason why it cannot be read."""


@dataclass(frozen=True, eq=False)
class LayerScan:
    """The statistics of a layer's units, in arrays of one value per unit.

    Attributes:
        facts: the layer.
        maximum: over all images and positions, NaN for a unit without a finite image.
        minimum: over all images and positions, NaN for a unit without a finite image.
        mean: over all images and positions.
        std: population standard deviation over all images and positions.
        zeros: share of the positions at which the map is exactly zero.
        silent: images whose map is zero everywhere.
        counted: images with a finite map for the unit; only these enter the statistics.
        nonfinite: images left out because the unit's map holds NaN or infinity, or sums to it.
        by_max, by_mean: statistics by the maximum and by the mean of a map.
        images: the scanned images, None if they are not known.
    """

    facts: LayerInfo
    maximum: NDArray[np.float64]
    minimum: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    zeros: NDArray[np.float64]
    silent: NDArray[np.int64]
    counted: NDArray[np.int64]
    nonfinite: NDArray[np.int64]
    by_max: ScoreStatistics
    by_mean: ScoreStatistics
    images: ScannedImages | None = None

    @property
    def title(self) -> str:
        """The layer's name; 'logits' for the input of the softmax."""
        return self.facts.title

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.counted)

    @property
    def always_silent(self) -> NDArray[np.bool_]:
        """Which units are silent on every counted image, (units,)."""
        silent: NDArray[np.bool_] = (self.counted > 0) & (self.silent == self.counted)
        return silent

    def by(self, by: By) -> ScoreStatistics:
        """Return `by_max` or `by_mean`."""
        return self.by_max if by == "max" else self.by_mean

    def __repr__(self) -> str:
        silent = int(self.always_silent.sum())
        return f"LayerScan({self.title[:80]!r}, {self.units} units, {silent} always silent)"

    def _repr_html_(self) -> str:
        ranking, units = self.by_max.strongest, np.flatnonzero(~self.always_silent)
        best = [(int(ranking.index[0, unit]), (str(unit), f"{ranking.score[0, unit]:.4g}")) for unit in units[:_SHOWN]]
        more = f"the first {_SHOWN} of {len(units)} units" if len(units) > _SHOWN else "each unit"
        title = f"The image that activates {more} most; below it the unit and the maximum of its map."
        shown = _tiles(self.images, best)
        head = heading(self.title, f"{self.units} units, {self.units - len(units)} always silent")
        return frame(head, *([title, shown] if shown else [_NO_IMAGES]))


@dataclass(frozen=True, eq=False)
class UnitScan:
    """The statistics of one unit; see `LayerScan` for those not listed here.

    Attributes:
        layer: its layer.
        number: its number in the layer.
        strongest, weakest: by 'max' and by 'mean', the most extreme image first.
        histogram: by 'max' and by 'mean'.
        class_means: by 'max' and by 'mean', class -> mean score.
        selectivity, correlation: by 'max' and by 'mean'; see the functions in `score_statistics`.
        images: the scanned images, None if they are not known.
    """

    layer: LayerInfo
    number: int
    maximum: float
    minimum: float
    mean: float
    std: float
    zeros: float
    silent: int
    counted: int
    nonfinite: int
    strongest: Mapping[By, tuple[RankedImage, ...]]
    weakest: Mapping[By, tuple[RankedImage, ...]]
    histogram: Mapping[By, Histogram]
    class_means: Mapping[By, Mapping[str, float]]
    selectivity: Mapping[By, float]
    correlation: Mapping[By, float]
    images: ScannedImages | None = None

    def __repr__(self) -> str:
        numbers = f"maximum {self.maximum:.4g}, mean {self.mean:.4g}, silent on {self.silent} of {self.counted} images"
        return f"UnitScan({self.layer.title[:80]}:{self.number}, {numbers})"

    def _repr_html_(self) -> str:
        rows = [{**{name: getattr(self, name) for name in _NUMBERS}, "selectivity": self.selectivity["max"]}]
        ranked = [one for one in self.strongest["max"] if one.score != 0]
        shown = _tiles(self.images, [(one.index, (f"{one.score:.4g}", one.name, one.label)) for one in ranked])
        images = [shown] if shown else [table("Strongest images", [vars(one) for one in ranked]), _NO_IMAGES]
        title = heading(f"{self.layer.title}:{self.number}", "The images that activate the unit most.")
        return frame(title, *images, table("", rows))


@dataclass(frozen=True, eq=False)
class Scan:
    """The statistics of every unit of a network over images, as `scan` and `read_scan` return them.

    Attributes:
        network: the network's name.
        fingerprint: of its weights and configuration.
        form: its input form as plain values.
        size: (height, width) to which every image was resized.
        k: number of images in each ranking.
        names: n, the file name of every image, readable or not.
        labels: n, "" for none.
        classes: the classes of the outputs, then the labels of no class; the sorted labels if they mean no classes.
        failures: name and reason of each unreadable image.
        predicted: (n,) the predicted class of each image, -1 for none; see `ClassHead.predicted_for`.
        counts: (n,) how many classes are predicted for each image.
        truth: (n,) the index in `classes` of each image's label, -1 for none.
        facts: each layer, under the name and with the shape that was scanned.
        arrays: `Accumulators.arrays`.
        outputs: how many of `classes` are those of the network's outputs, 0 if the labels mean no classes.
        has_several: whether the network predicts several classes for an image, which do not exclude each other.
        remark: how the labels are read, see `ClassLabels.remark`, or why they mean no classes.
        images: the scanned images, which a notebook shows; None if they are not known.
        shown_by: layer that was left out -> the scanned layer that shows its units; see `layers_shown_by`.

    Example:
        >>> unit = read_scan("outputs/scan").unit("conv6", 12)
        >>> unit.strongest["max"][0].position
        (4, 4)
    """

    network: str
    fingerprint: str
    form: Mapping[str, Any]
    size: tuple[int, int]
    k: int
    names: tuple[str, ...]
    labels: tuple[str, ...]
    classes: tuple[str, ...]
    failures: tuple[tuple[str, str], ...]
    predicted: NDArray[np.int32]
    counts: NDArray[np.int32]
    truth: NDArray[np.int32]
    facts: tuple[LayerInfo, ...]
    arrays: Arrays
    outputs: int = 0
    has_several: bool = False
    remark: str = ""
    images: ScannedImages | None = field(default=None, repr=False)
    shown_by: Mapping[str, str] = field(default_factory=dict)

    @property
    def readable(self) -> int:
        """The number of images that were read."""
        return len(self.names) - len(self.failures)

    @cached_property
    def accuracy(self) -> Accuracy | None:
        """The accuracy on the labeled images, by their indices; None without the classes in the scan or in the labels.

        >>> read_scan("outputs/scan").accuracy.value
        0.9767...
        """
        scanned = next((facts.units for facts in self.facts if facts.type == "logits" and facts.kind == "vector"), 0)
        known = np.flatnonzero(self._is_readable & (self.truth >= 0) & (self.truth < self.outputs))
        if scanned < 2 or scanned != self.outputs or not known.size:
            return None
        truth, predicted = self.truth[known].astype(np.intp), self.predicted[known].astype(np.intp)
        several = float(self.counts[known].mean()) / scanned if self.has_several else None
        return Accuracy(known, truth, predicted, self.remark, several)

    @property
    def left_out(self) -> str:
        """One line about the layers of `shown_by`, '' without any."""
        if not self.shown_by:
            return ""
        named = [f"{name} by {other}" for name, other in self.shown_by.items()][:_NAMED]
        more = f" and {len(self.shown_by) - _NAMED} more" if len(self.shown_by) > _NAMED else ""
        return (
            f"left out, because another layer shows their units (--layers '*' scans them too): {', '.join(named)}{more}"
        )

    def of_class(self, number: int) -> list[int]:
        """Return the indices of the readable images that are labeled with the class of an output."""
        return np.flatnonzero(self._is_readable & (self.truth == number)).tolist() if number < self.outputs else []

    @cached_property
    def _is_readable(self) -> NDArray[np.bool_]:
        """(n,) whether each image was read."""
        failed = {name for name, _ in self.failures}
        return np.array([name not in failed for name in self.names], bool)

    @cached_property
    def layers(self) -> Mapping[str, LayerScan]:
        """The scan of each layer by name, in the order of execution."""
        ends = np.cumsum([facts.units for facts in self.facts]).tolist()
        return {
            facts.name: _layer_scan(facts, self.arrays, slice(end - facts.units, end), self.images)
            for facts, end in zip(self.facts, ends, strict=True)
        }

    def layer(self, name: str) -> LayerScan:
        """Return the scan of a layer; the end of a nested layer's name is enough.

        Raises:
            UnknownNameError: the layer was not scanned.
        """
        matches = [known for known in self.layers if known == name or known.endswith(f"/{name}")]
        if name not in self.layers and len(matches) != 1:
            shown = self.shown_by.get(name)
            hint = f"{shown} shows its units" if shown else close_names(name, self.layers)
            raise UnknownNameError(f"{name}: not among the layers of this scan; --layers chooses them. {hint}")
        return self.layers[name if name in self.layers else matches[0]]

    def unit(self, layer: str, number: int) -> UnitScan:
        """Return the scan of one unit.

        Raises:
            UnknownNameError: the layer was not scanned.
            TargetError: the layer has no such unit.
        """
        scan = self.layer(layer)
        if not 0 <= number < scan.units:
            raise TargetError(f"{layer}:{number}: {layer} has {scan.units} units, 0 to {scan.units - 1}")
        both: tuple[tuple[By, ScoreStatistics], ...] = (("max", scan.by_max), ("mean", scan.by_mean))
        return UnitScan(
            scan.facts,
            number,
            **{name: getattr(scan, name)[number].item() for name in _NUMBERS},
            strongest={by: statistics.strongest.examples(number, self.names, self.labels) for by, statistics in both},
            weakest={by: statistics.weakest.examples(number, self.names, self.labels) for by, statistics in both},
            histogram={by: statistics.histogram(number) for by, statistics in both},
            class_means={
                by: dict(zip(self.classes, statistics.class_means[:, number].tolist(), strict=True))
                for by, statistics in both
            },
            selectivity={by: float(statistics.selectivity[number]) for by, statistics in both},
            correlation={by: float(statistics.correlation[number]) for by, statistics in both},
            images=self.images,
        )

    def __repr__(self) -> str:
        units = sum(facts.units for facts in self.facts)
        return f"Scan({self.network[:80]!r}, {self.readable} images, {len(self.facts)} layers, {units} units)"

    def _repr_html_(self) -> str:
        rows = layer_rows(self)
        best = [row for row in rows if row["strongest"] is not None][:_SHOWN]
        shown = _tiles(self.images, [(self._strongest(row), _lines(row)) for row in best])
        title = "The strongest unit of each layer, and the image that activates it most."
        failures = f", {len(self.failures)} could not be read" if self.failures else ""
        head = heading(f"Scan of {self.network}", f"{self.readable} images{failures}")
        return frame(head, *([title, shown] if shown else [_NO_IMAGES]), table("", rows))

    def _strongest(self, row: Mapping[str, Any]) -> int:
        """Return the index of the image that activates the strongest unit of a layer most."""
        return int(self.layer(row["layer"]).by_max.strongest.index[0, row["strongest"]])


def _layer_scan(facts: LayerInfo, arrays: Arrays, units: slice, images: ScannedImages | None) -> LayerScan:
    positions, width = facts.positions or 1, facts.map_size[1] or 1
    counted = arrays["sums/counted"][units]
    by_max, by_mean = (score_statistics(arrays, by, units, width) for by in ("max", "mean"))
    total_images = np.where(counted > 0, counted, np.nan)  # NaN for a unit without a finite image
    total = len(arrays["sums/counted"])
    power = arrays["sums/total"][2 * total + units.start : 2 * total + units.stop] / total_images
    return LayerScan(
        facts,
        np.where(counted > 0, by_max.histograms["high"], np.nan),
        np.where(counted > 0, arrays["sums/minimum"][units], np.nan),
        by_mean.mean,
        np.sqrt(np.maximum(power - by_mean.mean**2, 0)),
        arrays["sums/zeros"][units] / total_images / positions,
        arrays["sums/silent"][units],
        counted,
        arrays["sums/nonfinite"][units],
        by_max,
        by_mean,
        images,
    )


def layer_rows(scan: Scan) -> list[dict[str, Any]]:
    """Return a row for each layer: number of units, always silent ones, share of zeros, and the strongest unit."""
    rows = []
    for layer in scan.layers.values():
        some = layer.counted > 0
        best = int(np.nanargmax(layer.maximum)) if some.any() else None
        rows.append(
            {
                "layer": layer.title,
                "units": layer.units,
                "silent": int(layer.always_silent.sum()),
                "nonfinite": int((layer.nonfinite > 0).sum()),
                "zeros": float(layer.zeros[some].mean()) if some.any() else None,
                "strongest": best,
                "maximum": None if best is None else float(layer.maximum[best]),
                "image": None if best is None else scan.names[layer.by_max.strongest.index[0, best]],
            }
        )
    return rows


def _lines(row: Mapping[str, Any]) -> tuple[str, ...]:
    return f"{row['layer']}:{row['strongest']}", f"{row['maximum']:.4g}", row["image"]


def readable_images(
    images: ScannedImages | None, wanted: Sequence[tuple[int, Words]]
) -> list[tuple[NDArray[np.float32], Words]]:
    """Return the images of these indices with their words; images that cannot be read or are not known are left out."""
    read = [(images.tried(index), words) for index, words in wanted if index >= 0] if images is not None else []
    return [(image, words) for image, words in read if not isinstance(image, str)]


def _tiles(images: ScannedImages | None, wanted: Sequence[tuple[int, Sequence[str]]]) -> str:
    """Return the images of these indices with their lines, "" if none of them can be read."""
    found = readable_images(images, wanted)
    return tiles(found) if found else ""
