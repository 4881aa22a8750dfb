"""What a scan found, as values to ask: by layer, by unit, down to the pixels that one place of a map sees.

Imports neither TensorFlow nor Keras, so that a stored scan is read in a moment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import TargetError, UnknownNameError, close_names
from dreamfilters.evidence.scan.histograms import Histogram
from dreamfilters.evidence.scan.score_statistics import Arrays, By, RankedImage, ScoreStatistics, score_statistics

Pair: TypeAlias = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class Field:
    """Which pixels of the network's input a place of a map sees: `networks.receptive.ReceptiveField` as plain numbers.

    Attributes:
        size: (height, width).
        stride: (down, right) to the next place's.
        offset: top left corner of the first place's.
    """

    size: Pair
    stride: Pair
    offset: Pair

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return (top, left, bottom, right); beyond the image where there is padding."""
        (top, bottom), (left, right) = (
            (math.floor(offset + place * stride), math.ceil(offset + place * stride + size))
            for place, size, stride, offset in zip((row, column), self.size, self.stride, self.offset, strict=True)
        )
        return top, left, bottom, right


@dataclass(frozen=True)
class LayerFacts:
    """What there is to know of a layer without its network.

    Attributes:
        name: as it was asked for.
        type: its class, such as 'Conv2D'.
        activation: 'relu', 'linear', ...
        shape: (h, w, units) of its maps; (1, 1, units) of a layer that answers an image as a whole.
        field: what a place of the map sees; None for the whole image.
    """

    name: str
    type: str
    activation: str
    shape: tuple[int, int, int]
    field: Field | None


@dataclass(frozen=True, eq=False)
class LayerScan:
    """What a layer's units did, in arrays of one number a unit.

    Attributes:
        facts: what kind of layer it is.
        maximum: over all images and places, NaN for a unit without a finite image.
        minimum: likewise.
        mean: over all images and places.
        std: over all images and places, of the values themselves (divided by their number).
        zeros: share of the places that are exactly zero.
        silent: images in which no place is above zero.
        counted: images with a finite map for the unit; only these enter the statistics.
        nonfinite: images left out because the unit's map holds NaN or infinity, or sums to it.
        by_max, by_mean: units judged by the maximum and by the mean of their maps.
    """

    facts: LayerFacts
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
        """How many units there are."""
        return len(self.counted)

    @property
    def always_silent(self) -> NDArray[np.bool_]:
        """Which units are silent in every image that counts, (units,)."""
        silent: NDArray[np.bool_] = (self.counted > 0) & (self.silent == self.counted)
        return silent

    def by(self, by: By) -> ScoreStatistics:
        """Return `by_max` or `by_mean`."""
        return self.by_max if by == "max" else self.by_mean


@dataclass(frozen=True, eq=False)
class UnitScan:
    """Everything that a scan knows of one unit; see `LayerScan` for the numbers.

    Attributes:
        layer: what kind of layer it is from.
        number: the unit's.
        strongest, weakest: by 'max' and by 'mean', the extreme image first.
        histogram: by 'max' and by 'mean'.
        class_means: by 'max' and by 'mean', class -> mean score.
        selectivity, correlation: by 'max' and by 'mean'; see `evidence.separation`.
    """

    layer: LayerFacts
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
    """What real images do to every unit of a network; `scan` makes it, `read_scan` reads a stored one.

    Attributes:
        network: its name.
        fingerprint: of its weights and configuration.
        form: its input form as plain values.
        size: (height, width) that every image was brought to.
        k: how many images each ranking holds.
        names: n, every image's file, readable or not.
        labels: n, "" for none.
        classes: the labels in the order of the network's classes, or by name where they are not its classes.
        failures: name and reason of each image that could not be read.
        predicted: (n,) the number of the network's class for each image, -1 for none.
        truth: (n,) the number in `classes` of each image's label, -1 for none.
        facts: of each layer.
        arrays: as `Tally.arrays` names them.

    Example:
        >>> unit = read_scan("outputs/scan").unit("conv6", 12)
        >>> unit.strongest["max"][0].position
        (3, 4)
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
    facts: tuple[LayerFacts, ...]
    arrays: Arrays

    @property
    def readable(self) -> int:
        """How many images were read."""
        return len(self.names) - len(self.failures)

    @cached_property
    def layers(self) -> Mapping[str, LayerScan]:
        """Every layer under its name, in the order of execution."""
        ends = np.cumsum([facts.shape[-1] for facts in self.facts]).tolist()
        return {
            facts.name: _layer_scan(facts, self.arrays, slice(end - facts.shape[-1], end))
            for facts, end in zip(self.facts, ends, strict=True)
        }

    def layer(self, name: str) -> LayerScan:
        """Return what a layer did; one inside a nested model is found by the end of its name too.

        Raises:
            UnknownNameError: it was not scanned.
        """
        ending = [known for known in self.layers if known == name or known.endswith(f"/{name}")]
        if name not in self.layers and len(ending) != 1:
            raise UnknownNameError(f"{name}: not among the layers of this scan. {close_names(name, self.layers)}")
        return self.layers[name if name in self.layers else ending[0]]

    def unit(self, layer: str, number: int) -> UnitScan:
        """Return everything of one unit.

        Raises:
            UnknownNameError: the layer was not scanned.
            TargetError: it has no such unit.
        """
        seen = self.layer(layer)
        if not 0 <= number < seen.units:
            raise TargetError(f"{layer}:{number}: {layer} has {seen.units} units, 0 to {seen.units - 1}")
        both: tuple[tuple[By, ScoreStatistics], ...] = (("max", seen.by_max), ("mean", seen.by_mean))
        return UnitScan(
            seen.facts,
            number,
            maximum=float(seen.maximum[number]),
            minimum=float(seen.minimum[number]),
            mean=float(seen.mean[number]),
            std=float(seen.std[number]),
            zeros=float(seen.zeros[number]),
            silent=int(seen.silent[number]),
            counted=int(seen.counted[number]),
            nonfinite=int(seen.nonfinite[number]),
            strongest={by: judge.strongest.examples(number, self.names, self.labels) for by, judge in both},
            weakest={by: judge.weakest.examples(number, self.names, self.labels) for by, judge in both},
            histogram={by: judge.histogram(number) for by, judge in both},
            class_means={
                by: dict(zip(self.classes, judge.class_means[:, number].tolist(), strict=True)) for by, judge in both
            },
            selectivity={by: float(judge.selectivity[number]) for by, judge in both},
            correlation={by: float(judge.correlation[number]) for by, judge in both},
        )


def field_of(size: Sequence[Any], stride: Sequence[Any], offset: Sequence[Any]) -> Field:
    """Return the field of these pairs, each number whole or a fraction, also as text such as '3/2'."""
    pairs = [(Fraction(down), Fraction(across)) for down, across in (size, stride, offset)]
    return Field(*pairs)


def _layer_scan(facts: LayerFacts, arrays: Arrays, units: slice) -> LayerScan:
    height, width, _ = facts.shape
    seen = arrays["sums/counted"][units]
    by_max, by_mean = (score_statistics(arrays, by, units, width) for by in ("max", "mean"))
    images = np.where(seen > 0, seen, np.nan)  # NaN for a unit of which nothing is known
    total = len(arrays["sums/counted"])
    power = arrays["sums/total"][2 * total + units.start : 2 * total + units.stop] / images
    return LayerScan(
        facts,
        np.where(seen > 0, by_max.histograms["high"], np.nan),
        np.where(seen > 0, arrays["sums/minimum"][units], np.nan),
        by_mean.mean,
        np.sqrt(np.maximum(power - by_mean.mean**2, 0)),
        arrays["sums/zeros"][units] / images / (height * width),
        arrays["sums/silent"][units],
        seen,
        arrays["sums/nonfinite"][units],
        by_max,
        by_mean,
    )
