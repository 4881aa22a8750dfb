"""The responses of every unit to a few images that stay in memory, measured again and again as a network changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.evidence.scan.batch_statistics import BatchStatistics
from dreamfilters.evidence.scan.reductions import reducer
from dreamfilters.evidence.scan.sources import ImageSource, image_size
from dreamfilters.images.labels import evenly_spread
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.classes.class_labels import ClassLabels, class_labels
from dreamfilters.networks.layers.layer_info import LayerInfo

Floats = NDArray[np.float32]

_MOST_IMAGES = 32  # in a batch, as in a scan
_BATCH_BYTES = 2**27  # of a batch's activation maps


@dataclass(frozen=True, eq=False)
class Sample:
    """Images in memory, at the size of a network's input.

    Attributes:
        images: (n, h, w, c) in [0, 1].
        names: n, of each image.
        truth: (n,) the number of each image's class, -1 for none.
        classes: the names of the classes, () where labels mean none.
        given: number of images that the sample was chosen from.
        remark: how the labels are read, or why they mean no classes; '' for names of classes.
    """

    images: Floats
    names: tuple[str, ...]
    truth: NDArray[np.int32]
    classes: tuple[str, ...]
    given: int
    remark: str = ""

    def __len__(self) -> int:
        return len(self.names)


def sample_of(network: Network, source: ImageSource, most: int) -> Sample:
    """Return at most `most` images of a source, evenly spread; files that cannot be read are left out.

    Where images have labels, it is spread over the classes, and images without one are left out.

    Raises:
        ImageError: no image can be read, or images differ in size and the network takes any.
    """
    count = len(source.names)
    if not count:
        raise ImageError("images: none given; give at least one")
    labels, remark = _labels(network, source.labels)
    chosen = _spread(source.labels, most)
    fitted = source.fitted(image_size(source, network.form), network.form)
    read = [(index, image) for index in chosen if not isinstance(image := fitted.tried(index), str)]
    if not read:
        raise source.unreadable(str(fitted.tried(chosen[-1])))
    shapes = {image.shape for _, image in read}
    if len(shapes) > 1 or next(iter(shapes))[-1] != network.form.channels:
        other = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes)[:2])
        raise ImageError(f"images of {other}: {network.name} takes {network.form.describe()}")
    numbers = np.array([-1] * count if labels is None else labels.numbers, np.int32)
    known = 0 if labels is None else len(labels.classes)
    kept = [index for index, _ in read]
    return Sample(
        images=np.stack([image for _, image in read]),
        names=tuple(source.names[index] for index in kept),
        truth=np.where(numbers[kept] < known, numbers[kept], -1),
        classes=network.classes if labels is None else labels.classes,
        given=count,
        remark=remark,
    )


def _spread(labels: Sequence[str], most: int) -> list[int]:
    """Return at most `most` indices, evenly spread over the labeled images, or over all where none has a label."""
    if not any(labels):
        return sorted(set(np.linspace(0, len(labels) - 1, min(most, len(labels))).round().astype(int).tolist()))
    spread = evenly_spread(labels, max(1, most // len(set(labels) - {""})))
    return spread[:: max(1, -(-len(spread) // most))]


def _labels(network: Network, texts: Sequence[str]) -> tuple[ClassLabels | None, str]:
    """Return the classes that labels mean, None for none, and how they are read or why they mean none."""
    if not network.is_classifier or not any(texts):
        return None, ""
    try:
        labels = class_labels(network, texts)
    except UnknownNameError as error:
        return None, f"no accuracy: {error}"
    return labels, labels.remark


@dataclass(frozen=True, eq=False)
class UnitStatistics:
    """The statistics of units over n images; the units of all layers are concatenated.

    Attributes:
        maximum, minimum: (units,) over all images and positions; NaN where a map is not finite.
        mean, std: (units,) over all images and positions.
        zeros: (units,) share of the positions that are exactly zero.
        silent: (units,) number of images whose map is zero everywhere.
    """

    maximum: Floats
    minimum: Floats
    mean: Floats
    std: Floats
    zeros: Floats
    silent: NDArray[np.int32]

    def of(self, units: slice) -> UnitStatistics:
        """Return the statistics of some units."""
        return UnitStatistics(**{part.name: getattr(self, part.name)[units] for part in fields(self)})


@dataclass(frozen=True, eq=False)
class UnitMeasurement:
    """What a network does on a sample.

    Attributes:
        statistics: of every unit.
        responses: (n, units), the mean of each unit's map on each image.
        logits: (n, classes), None for a network without classes.
    """

    statistics: UnitStatistics
    responses: Floats
    logits: Floats | None


@dataclass(frozen=True, eq=False)
class UnitMeter:
    """Measures the units of some layers on a sample, by a program that is compiled once and reads the live weights.

    Attributes:
        network: the network; only its weights may change.
        sample: the images.
        layers: the layers, with their output shapes for these images.
    """

    network: Network
    sample: Sample
    layers: tuple[LayerInfo, ...]
    _reduce: Callable[[Floats, Floats], BatchStatistics]
    _shapes: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, network: Network, sample: Sample, layers: Sequence[str]) -> UnitMeter:
        """Return the meter of these layers.

        Raises:
            UnknownNameError: the network has no such layer, or a layer has no units.
        """
        infos = tuple(network.layer(name) for name in dict.fromkeys(layers))
        for info in infos:
            if not (info.units and info.is_visual):
                raise UnknownNameError(f"{info.name}: {info.reason or 'has no units'}; leave it out")
        addresses = tuple(info.name for info in infos) + ((LOGITS,) if network.is_classifier else ())
        watch = network.watch(frozenset(addresses))
        shape = (1, *sample.images.shape[1:])
        shapes = backend.output_shapes(lambda images: watch(network.to_input(images)), shape)
        return cls(network, sample, infos, reducer(network, addresses), {name: shapes[name] for name in addresses})

    @property
    def units(self) -> int:
        """The number of units of all layers together."""
        return sum(info.units for info in self.layers)

    @property
    def slices(self) -> dict[str, slice]:
        """Layer -> its units among those of all layers."""
        ends = np.cumsum([info.units for info in self.layers]).tolist()
        return {info.name: slice(end - info.units, end) for info, end in zip(self.layers, ends, strict=True)}

    def measure(self) -> UnitMeasurement:
        """Return the statistics of the network as its weights are now."""
        parts = [self._reduced(batch) for batch in np.array_split(self.sample.images, self._batches)]
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("maximum", "minimum", "mean", "power", "zeros")
        }
        own = {name: values[:, : self.units] for name, values in joined.items()}
        logits = joined["mean"][:, self.units :] if LOGITS in self._shapes else None
        return UnitMeasurement(self._statistics(own), own["mean"], logits)

    @property
    def _batches(self) -> int:
        numbers = sum(int(np.prod(shape[1:])) for shape in self._shapes.values())
        size = max(1, min(_MOST_IMAGES, _BATCH_BYTES // (4 * numbers)))
        return -(-len(self.sample) // size)

    def _reduced(self, images: Floats) -> BatchStatistics:
        """Return the reductions of a batch; all batches have one size, so that there is one program."""
        full = -(-len(self.sample) // self._batches)
        padded = np.concatenate([images, np.repeat(images[-1:], full - len(images), axis=0)])
        units = self.units + (self._shapes[LOGITS][-1] if LOGITS in self._shapes else 0)
        no_positions = np.full((4, units), np.inf, np.float32)  # thresholds that nothing exceeds
        return self._reduce(padded, no_positions).first(len(images))

    def _statistics(self, own: dict[str, Floats]) -> UnitStatistics:
        places = np.concatenate(
            [np.full(info.units, np.prod(self._shapes[info.name][1:-1], dtype=float)) for info in self.layers]
        )
        with np.errstate(invalid="ignore", over="ignore"):  # of maps that are not finite
            mean = own["mean"].mean(axis=0, dtype=np.float64)
            std = np.sqrt(np.maximum(own["power"].mean(axis=0, dtype=np.float64) - mean**2, 0))
            low = np.where(np.isfinite(own["maximum"]).all(axis=0), own["minimum"].min(axis=0), np.nan)
            zeros = own["zeros"].mean(axis=0, dtype=np.float64) / places
        return UnitStatistics(
            maximum=own["maximum"].max(axis=0),
            minimum=low.astype(np.float32),
            mean=mean.astype(np.float32),
            std=std.astype(np.float32),
            zeros=zeros.astype(np.float32),
            silent=(own["zeros"] == places).sum(axis=0, dtype=np.int32),
        )
