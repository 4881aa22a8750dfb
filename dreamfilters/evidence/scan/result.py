"""The result of a scan, by layer and by unit.

Imports neither TensorFlow nor Keras, so that a stored scan loads quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import TargetError, UnknownNameError, close_names
from dreamfilters.evidence.scan.accumulators import Arrays
from dreamfilters.evidence.scan.histograms import Histogram
from dreamfilters.evidence.scan.score_statistics import By, RankedImage, ScoreStatistics, score_statistics
from dreamfilters.networks.layers.layer_info import LayerInfo

_NUMBERS = ("maximum", "minimum", "mean", "std", "zeros", "silent", "counted", "nonfinite")  # one per unit


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
        silent: images whose map has no value above zero.
        counted: images with a finite map for the unit; only these enter the statistics.
        nonfinite: images left out because the unit's map holds NaN or infinity, or sums to it.
        by_max, by_mean: statistics by the maximum and by the mean of a map.
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
        classes: the network's classes, or the sorted labels if they are not classes of the network.
        failures: name and reason of each unreadable image.
        predicted: (n,) the predicted class of each image, -1 for none.
        truth: (n,) the index in `classes` of each image's label, -1 for none.
        facts: each layer, under the name and with the shape that was scanned.
        arrays: `Accumulators.arrays`.

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
    truth: NDArray[np.int32]
    facts: tuple[LayerInfo, ...]
    arrays: Arrays

    @property
    def readable(self) -> int:
        """The number of images that were read."""
        return len(self.names) - len(self.failures)

    @cached_property
    def layers(self) -> Mapping[str, LayerScan]:
        """The scan of each layer by name, in the order of execution."""
        ends = np.cumsum([facts.units for facts in self.facts]).tolist()
        return {
            facts.name: _layer_scan(facts, self.arrays, slice(end - facts.units, end))
            for facts, end in zip(self.facts, ends, strict=True)
        }

    def layer(self, name: str) -> LayerScan:
        """Return the scan of a layer; the end of a nested layer's name is enough.

        Raises:
            UnknownNameError: the layer was not scanned.
        """
        matches = [known for known in self.layers if known == name or known.endswith(f"/{name}")]
        if name not in self.layers and len(matches) != 1:
            raise UnknownNameError(f"{name}: not among the layers of this scan. {close_names(name, self.layers)}")
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
        )


def _layer_scan(facts: LayerInfo, arrays: Arrays, units: slice) -> LayerScan:
    positions, width = facts.positions or 1, facts.map_size[1] or 1
    counted = arrays["sums/counted"][units]
    by_max, by_mean = (score_statistics(arrays, by, units, width) for by in ("max", "mean"))
    images = np.where(counted > 0, counted, np.nan)  # NaN for a unit without a finite image
    total = len(arrays["sums/counted"])
    power = arrays["sums/total"][2 * total + units.start : 2 * total + units.stop] / images
    return LayerScan(
        facts,
        np.where(counted > 0, by_max.histograms["high"], np.nan),
        np.where(counted > 0, arrays["sums/minimum"][units], np.nan),
        by_mean.mean,
        np.sqrt(np.maximum(power - by_mean.mean**2, 0)),
        arrays["sums/zeros"][units] / images / positions,
        arrays["sums/silent"][units],
        counted,
        arrays["sums/nonfinite"][units],
        by_max,
        by_mean,
    )
