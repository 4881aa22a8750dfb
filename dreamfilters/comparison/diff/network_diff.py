"""`diff`: two networks on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.comparison.diff.matching import Reals, UnitMatches, linear_cka, match_layers, match_units
from dreamfilters.comparison.diff.result import FlippedPrediction, LayerPair, NetworkDiff, UnitPair, WeightChange
from dreamfilters.errors import ImageError
from dreamfilters.evidence.scan.sources import ImageSource, source_of
from dreamfilters.evidence.unit_statistics import Sample, UnitMeter, sample_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.networks.fingerprint import as_numpy
from dreamfilters.networks.layers.layer_info import LayerInfo
from dreamfilters.verdicts.audit import audited_layers

MOST_IMAGES = 256
FEWEST_IMAGES = 8  # half of them decide the pairs, half of them measure
_LEAST_CKA = 0.5  # of layers with different names or shapes
_SAME, _PARTNER = 0.95, 0.5  # correlations from which a unit is unchanged, and has a partner at all


def diff(
    network: AnyNetwork,
    other: AnyNetwork,
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path | None = None,
    *,
    labels: Sequence[object] | None = None,
    most: int = MOST_IMAGES,
) -> NetworkDiff:
    """Return what differs between two networks: layers, weights, units, and predictions on the same images.

    Layers correspond if they have the same name and shape; of the others, those whose responses are most similar
    (linear CKA from .5 on). Units correspond by their responses: half of the images decide the pairs, the other half
    measures the correlation. From .95 on a unit is unchanged, from .5 on changed; without such a partner it is lost, or
    new.

    Args:
        network, other: Keras models, or what `load` returned; such as before and after fine-tuning or pruning.
        images: a folder, its `ImageFolder`, or an array (n, h, w, c) in [0, 1] or of uint8; None compares the layers
            and their weights only.
        labels: one per image, a name or a number, "" for none; default: those of the folder.
        most: greatest number of images, which are spread evenly over the labels.

    Raises:
        ImageError: no image can be read, or there are fewer than 8.

    Example:
        >>> found = diff(network, network, images)
        >>> found.is_same, found.layers[0].name, found.layers[0].cka
        (True, 'conv1', 1.0)
    """
    source = None if images is None else source_of(images, labels)
    return DiffJob(network_of(network), network_of(other), source, most).result()


@dataclass(frozen=True, eq=False)
class PairedResponses:
    """What two networks do on the same images.

    Attributes:
        first, second: layer -> (images, units), the mean of each unit's map.
        logits: (images, classes) of either network; (images, 0) of one without classes.
    """

    first: Mapping[str, Reals]
    second: Mapping[str, Reals]
    logits: tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class DiffJob:
    """A comparison to compute; the attributes are the arguments of `diff`."""

    network: Network
    other: Network
    source: ImageSource | None
    most: int = MOST_IMAGES

    @cached_property
    def samples(self) -> tuple[Sample, Sample] | None:
        """The images at the size of either network, None without images.

        Raises:
            ImageError: no image can be read, or there are fewer than `FEWEST_IMAGES`.
        """
        if self.source is None:
            return None
        first, second = (sample_of(network, self.source, self.most) for network in (self.network, self.other))
        if len(first) < FEWEST_IMAGES:
            raise ImageError(
                f"{len(first)} images: give at least {FEWEST_IMAGES}; half of them decide which units match"
            )
        return first, second

    def result(self) -> NetworkDiff:
        """Return the diff."""
        first, second = audited_layers(self.network), audited_layers(self.other)
        measured = self.measured
        pairs = self._pairs(first, second, measured)
        layers = [self._layer(pair, measured) for pair in sorted(pairs, key=lambda pair: first.index(pair[0]))]
        return NetworkDiff(
            network=self.network.name,
            other=self.other.name,
            images=0 if self.samples is None else len(self.samples[0]),
            weights=self._weights(),
            layers=tuple(layers),
            lost=tuple(name for name in first if name not in {pair[0] for pair in pairs}),
            new=tuple(name for name in second if name not in {pair[1] for pair in pairs}),
            flips=() if measured is None else self._flips(measured),
            labeled=0 if self.samples is None else int((self.samples[0].truth >= 0).sum()),
            right=self._right(measured),
            remark=self._remark,
        )

    @property
    def has_same_classes(self) -> bool:
        """Whether both networks choose between as many classes."""
        both = self.network.is_classifier and self.other.is_classifier
        return both and self.network.class_count == self.other.class_count

    @property
    def _remark(self) -> str:
        if self.samples is None:
            return "without images, layers and weights are compared, units and predictions are not"
        return self.samples[0].remark if self.has_same_classes else "the networks have different classes"

    @cached_property
    def measured(self) -> PairedResponses | None:
        """The responses of both networks, None without images."""
        if self.samples is None:
            return None
        first, second = audited_layers(self.network), audited_layers(self.other)
        meters = [
            UnitMeter.of(network, sample, layers)
            for network, sample, layers in zip((self.network, self.other), self.samples, (first, second), strict=True)
        ]
        found = [meter.measure() for meter in meters]
        responses = [
            {name: np.asarray(one.responses[:, units], np.float64) for name, units in meter.slices.items()}
            for meter, one in zip(meters, found, strict=True)
        ]
        logits = [np.zeros((len(one.responses), 0), np.float32) if one.logits is None else one.logits for one in found]
        return PairedResponses(responses[0], responses[1], (logits[0], logits[1]))

    def _pairs(
        self, first: Sequence[str], second: Sequence[str], measured: PairedResponses | None
    ) -> list[tuple[str, str, str]]:
        """Return the corresponding layers, and by what they correspond."""
        known = set(second)
        pairs = [(name, name, "name") for name in first if name in known and self._alike(name)]
        rows = [name for name in first if name not in {pair[0] for pair in pairs}]
        columns = [name for name in second if name not in {pair[1] for pair in pairs}]
        if measured is not None and rows and columns:
            table = np.array(
                [[linear_cka(measured.first[row], measured.second[column]) for column in columns] for row in rows]
            )
            pairs += [(rows[row], columns[column], "responses") for row, column in match_layers(table, _LEAST_CKA)]
        return pairs

    def _alike(self, name: str) -> bool:
        one, other = self.network.layer(name), self.other.layer(name)
        return bool(_shape(one) == _shape(other))

    def _layer(self, pair: tuple[str, str, str], measured: PairedResponses | None) -> LayerPair:
        name, other, by = pair
        if measured is None:
            return LayerPair(name, other, by, None, (), (), (), ())
        a, b = measured.first[name], measured.second[other]
        matches = match_units(a, b)
        units = tuple(_unit(matches, place, a, b) for place in range(len(matches.first)))
        kept = tuple(one for one in units if one.kind != "none")
        silent = (_constant(a), _constant(b))
        lost = tuple(sorted(set(range(a.shape[1])) - {one.unit for one in kept} - silent[0]))
        new = tuple(sorted(set(range(b.shape[1])) - {one.other for one in kept} - silent[1]))
        return LayerPair(name, other, by, linear_cka(a, b), kept, lost, new, (len(silent[0]), len(silent[1])))

    def _weights(self) -> tuple[WeightChange, ...]:
        """Return how far the weights of layers of one name and shape differ, relative to those of the first network."""
        found = []
        theirs = {step.name: getattr(step.operation, "weights", ()) for step in self.other.graph.steps}
        for step in self.network.graph.steps:
            mine = getattr(step.operation, "weights", ())
            other = theirs.get(step.name, ())
            if mine and [one.shape for one in mine] == [one.shape for one in other]:
                pairs = [(as_numpy(one), as_numpy(two)) for one, two in zip(mine, other, strict=True)]
                found.append(WeightChange(step.name, _relative_change(pairs)))
        return tuple(found)

    def _predicted(self, measured: PairedResponses) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        truth = self.samples[0].truth if self.samples else np.zeros(0, np.int32)
        first, second = (
            network.head.predicted_for(logits, truth)
            for network, logits in zip((self.network, self.other), measured.logits, strict=True)
        )
        return first, second

    def _flips(self, measured: PairedResponses) -> tuple[FlippedPrediction, ...]:
        """Return the images that are predicted otherwise, those first of which either network is most certain."""
        if not self.has_same_classes or self.samples is None:
            return ()
        sample = self.samples[0]
        predicted = self._predicted(measured)
        shares = [
            network.head.probabilities(logits)
            for network, logits in zip((self.network, self.other), measured.logits, strict=True)
        ]
        flips = []
        for index in np.flatnonzero(predicted[0] != predicted[1]).tolist():
            label, numbers = int(sample.truth[index]), [int(one[index]) for one in predicted]
            sure = [
                float(share[index, max(number, 0)]) if share is not None else 0.0
                for share, number in zip(shares, numbers, strict=True)
            ]
            flip = FlippedPrediction(
                index=index,
                image=sample.names[index],
                label=sample.classes[label] if label >= 0 else "",
                predicted=_class(self.network, numbers[0]),
                other=_class(self.other, numbers[1]),
                probability=sure[0],
                other_probability=sure[1],
                change={numbers[0]: "lost", numbers[1]: "gained"}.get(label, "") if label >= 0 else "",
            )
            flips.append(flip)
        return tuple(sorted(flips, key=lambda flip: (-min(flip.probability, flip.other_probability), flip.index)))

    def _right(self, measured: PairedResponses | None) -> tuple[int, int, int, int]:
        """Return how many labeled images are right in both networks, in the first only, in the second only, in none."""
        if measured is None or self.samples is None or not self.has_same_classes:
            return 0, 0, 0, 0
        truth = self.samples[0].truth
        one, other = (predicted[truth >= 0] == truth[truth >= 0] for predicted in self._predicted(measured))
        counts = [(one & other).sum(), (one & ~other).sum(), (~one & other).sum(), (~one & ~other).sum()]
        return tuple(map(int, counts))  # type: ignore[return-value]


def _relative_change(pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> float:
    """Return the norm of the differences of arrays, relative to the norm of the first ones."""
    moved = sum(float(np.sum((two.astype(np.float64) - one) ** 2)) for one, two in pairs)
    size = sum(float(np.sum(one.astype(np.float64) ** 2)) for one, _ in pairs)
    return (moved / size) ** 0.5 if size > 0 else float(moved > 0)


def _shape(info: LayerInfo) -> Any:
    return info.kind, info.shape, info.units


def _constant(responses: Reals) -> set[int]:
    """Return the units that do not vary on either half of the images."""
    return set(np.flatnonzero((np.ptp(responses[::2], axis=0) == 0) | (np.ptp(responses[1::2], axis=0) == 0)).tolist())


def _unit(matches: UnitMatches, place: int, first: Reals, second: Reals) -> UnitPair:
    unit, other = int(matches.first[place]), int(matches.second[place])
    correlation = float(min(1.0, matches.correlations[place]))
    kind = "unchanged" if correlation >= _SAME else "changed" if correlation >= _PARTNER else "none"
    ratio = float(second[:, other].std() / first[:, unit].std())
    return UnitPair(unit, other, correlation, kind, ratio)


def _class(network: Network, number: int) -> str:
    return network.class_title(number) if number >= 0 else "none"
