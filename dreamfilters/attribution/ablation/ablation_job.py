"""Ablations: units are replaced in one layer, and what that changes is added up over labeled images.

Each batch passes the network up to the layer once, and the later layers once for each set of units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters import backend
from dreamfilters.attribution.ablation.ablated_layer import AblatedLayer
from dreamfilters.attribution.ablation.ablated_sets import CONTROLS, ablated_sets
from dreamfilters.attribution.ablation.ablation_arrays import AblationArrays
from dreamfilters.attribution.ablation.occlusion import witnesses
from dreamfilters.attribution.ablation.result import HOW, AblatedFrom, AblatedSet, Ablation, How
from dreamfilters.attribution.ablation.witness import OcclusionWitness
from dreamfilters.attribution.circuits.weights.partner import Partner
from dreamfilters.attribution.circuits.weights.redundancy import partners_of
from dreamfilters.attribution.fills import Fill, check_fill
from dreamfilters.attribution.network_split import split_network
from dreamfilters.errors import ImageError, ModelError, RecipeError
from dreamfilters.evidence.activations import BATCH_BYTES, Floats, activation_size, mean_responses
from dreamfilters.evidence.scan.sources import ImageSource, image_size, source_of
from dreamfilters.images import ImageFolder
from dreamfilters.images.prefetch import in_order
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.networks.classes.class_labels import ClassLabels, class_labels
from dreamfilters.progress import OnProgress, Progress

_MOST_IMAGES = 64  # in a batch; larger batches are hardly faster


def ablate(
    network: AnyNetwork,
    units: str | Sequence[str],
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    *,
    how: How = "zero",
    labels: Sequence[object] | None = None,
    controls: int = CONTROLS,
    seed: int = 0,
    witness: Fill | None = None,
    batch: int | None = None,
    progress: OnProgress | None = None,
) -> Ablation:
    """Return how accuracy, logit and margin of labeled images change when units are ablated.

    Each unit is ablated alone; several units of a layer, but not all, also together. Random units of the same layer are
    ablated for comparison. Every change has an interval of 95 % that uses the pairing of the predictions. The method is
    that of Morcos et al. (arXiv 1803.06959, 2018) and, by class, of Zhou et al. (arXiv 1806.02891, 2018).

    An ablation replaces the output of a unit, everywhere in its map: by 0, by its mean over all images and positions,
    or by its map of another image ('resample', after Chan et al., "Causal Scrubbing", 2022), the next one of a random
    cycle through the images, or by the map of another unit ('partner'), the one of the layer with the most similar
    weights or responses that is not ablated with it, times the factor that fits best: see `redundant_units`. A value
    that is constant leaves the images that the network saw in training; the mean and the map of another image stay
    closer to them. Memory does not grow with the number of images, but for their mean responses.

    Args:
        network: a Keras model, or the value that `load` returns, with classes.
        units: targets such as "conv4:3", "conv4:0-15,42" or "conv4" for all units of a layer.
        images: labeled images: a folder, its `ImageFolder`, or an array (n, h, w, c) in [0, 1] or of uint8.
        how: what replaces the output of a unit: 'zero', 'mean', 'resample' or 'partner'.
        labels: one label per image, a name or a number, "" for none (default: those of the folder).
        controls: number of random ablations of each size.
        seed: random seed of the controls and of 'resample'.
        witness: the fill of an `occlusion_witness` of each unit among the labeled images; None for none.
        batch: images per batch; it changes the running time, never the result.
        progress: called after each batch with the number of images done.

    Raises:
        ImageError: no image has a label that means a class, or none can be read.
        TargetError: a target is not one of whole units.
        UnknownNameError: no such layer, or no label means a class.
        ModelError: the network has no classes, or its logits do not depend on a layer.
        RecipeError: `how`, `controls`, `witness` or `batch` is invalid.

    Example:
        >>> found = ablate(network, "conv6:12", "signs/", controls=3)
        >>> found.unit("conv6", 12).accuracy.value <= 0
        True
    """
    targets = (units,) if isinstance(units, str) else tuple(units)
    job = AblationJob(network_of(network), targets, source_of(images, labels), how, controls, seed, witness, batch)
    state = job.start()
    for name in job.advance(state):
        if progress is not None:
            progress(Progress(state.done, len(job.chosen), name))
    return job.result(state)


@dataclass
class AblationState:
    """Everything an unfinished ablation stores so that a later run resumes it.

    Attributes:
        done: number of images processed, of those with a label.
        arrays: the sums over these images.
        means: (units of all layers,) what replaces each unit; empty unless `how` is 'mean', and before it is known.
        failures: image index -> the reason why it cannot be read.
        consistent: False while a batch is being added; a state is stored only if it is True.
    """

    done: int
    arrays: AblationArrays
    means: Floats
    failures: dict[int, str] = field(default_factory=dict)
    consistent: bool = True


@dataclass(frozen=True, eq=False)
class AblationJob:
    """An ablation to compute; the attributes are the arguments of `ablate`."""

    network: Network
    targets: tuple[str, ...]
    source: ImageSource
    how: How = "zero"
    controls: int = CONTROLS
    seed: int = 0
    witness: Fill | None = None
    batch: int | None = None

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise RecipeError(f"how={self.how!r}: must be one of {', '.join(HOW)}")
        if self.witness is not None:
            check_fill(self.witness)
        if self.batch is not None and self.batch < 1:
            raise RecipeError(f"batch={self.batch}: must be at least 1")
        if not self.network.is_classifier:
            raise ModelError(f"{self.network.name}: has no classes, so that no accuracy can change")
        for layer in self.layers:
            split_network(self.network, layer)
        if not self.chosen:
            raise ImageError(
                "images: none has a label of a class; put the images of each class into a folder of its name, or give "
                "--labels CSV"
            )
        single = [layer for layer in self.layers if self.network.layer(layer).units < 2]
        if self.how == "partner" and single:
            raise RecipeError(f"how=partner: {single[0]} has one unit, and no other can replace it")
        if self.how == "resample" and len(self.chosen) < 2:
            raise ImageError("how=resample: needs two labeled images or more")

    @cached_property
    def sets(self) -> tuple[AblatedSet, ...]:
        """What is ablated at once, layer by layer."""
        return ablated_sets(self.network, self.targets, controls=self.controls, seed=self.seed)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The layers in the order of the targets."""
        return tuple(dict.fromkeys(one.layer for one in self.sets))

    @cached_property
    def labels(self) -> ClassLabels:
        """The classes that the labels mean."""
        return class_labels(self.network, self.source.labels)

    @cached_property
    def chosen(self) -> tuple[int, ...]:
        """The indices of the images whose label means a class, in their order."""
        count = self.network.class_count
        return tuple(index for index, number in enumerate(self.labels.numbers) if 0 <= number < count)

    @cached_property
    def present(self) -> NDArray[np.intp]:
        """The numbers of the classes that have images, sorted."""
        return np.unique([self.labels.numbers[index] for index in self.chosen])

    @property
    def total(self) -> int:
        """Number of images whose label means a class."""
        return len(self.chosen)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image, see `image_size`."""
        return image_size(self.source, self.network.form)

    @cached_property
    def partners(self) -> Mapping[int, int]:
        """For each image the next one of a random cycle through all of them: none is its own."""
        cycle = np.random.default_rng(int(backend.seed_of(self.seed, "resample"))).permutation(self.chosen).tolist()
        return dict(zip(cycle, [*cycle[1:], cycle[0]], strict=True))

    @cached_property
    def similar_units(self) -> Mapping[str, tuple[Partner, ...]]:
        """For each layer the unit that replaces each of its units; the units that are named are no partners."""
        named: dict[str, set[int]] = {layer: set() for layer in self.layers}
        for one in self.sets:
            if one.kind == "unit":
                named[one.layer].update(one.units)
        responses = self._responses
        return {layer: partners_of(self.network, layer, responses[layer], named[layer]) for layer in self.layers}

    def start(self) -> AblationState:
        """Return the state before the first image."""
        arrays = AblationArrays.empty(len(self.layers), len(self.sets), len(self.present))
        return AblationState(0, arrays, np.empty(0, np.float32))

    def advance(self, state: AblationState) -> Iterator[str]:
        """Process the remaining images; yield the name of a batch's last image after each batch that updates `state`.

        Raises:
            ImageError: no image can be read.
        """
        if self.how == "mean" and not state.means.size:
            state.means = self._means()
        fills = self._fills(state.means)
        layers = [self._layer(layer, fills[layer]) for layer in self.layers]
        first = range(state.done, len(self.chosen), self._batch_size)
        for batch in in_order(self._read, first, threads=1):  # the next one is read while this one passes the network
            parts = [layer.changes(batch.images, batch.resampled, batch.labels) for layer in layers]
            state.consistent = False
            state.failures |= batch.failures
            state.arrays.add(batch.classes, parts)
            state.done = batch.end
            state.consistent = True
            yield self.source.names[self.chosen[batch.end - 1]]
        if len(state.failures) == len(self.chosen):
            raise self.source.unreadable(state.failures[self.chosen[-1]])

    def result(self, state: AblationState) -> Ablation:
        """Return the ablation of a finished state."""
        network = self.network
        return Ablation(
            network=network.name,
            fingerprint=network.fingerprint,
            how=self.how,
            seed=self.seed,
            classes=tuple(self.labels.classes[number] for number in self.present),
            layers=tuple(
                AblatedFrom(name, network.layer(name).type, network.layer(name).units) for name in self.layers
            ),
            sets=self.sets,
            failures=tuple((self.source.names[index], reason) for index, reason in sorted(state.failures.items())),
            remark=self.labels.remark,
            arrays=state.arrays,
            witnesses=self._witnesses(),
            partners=self._named_partners() if self.how == "partner" else (),
        )

    def _named_partners(self) -> tuple[Partner, ...]:
        used = {(one.layer, unit) for one in self.sets for unit in one.units}
        return tuple(one for layer in self.layers for one in self.similar_units[layer] if (layer, one.unit) in used)

    def _witnesses(self) -> tuple[OcclusionWitness, ...]:
        """Return the witness of each unit that is ablated alone; () without `witness`."""
        found: list[OcclusionWitness] = []
        for layer in self.layers if self.witness else ():
            units = [one.units[0] for one in self.sets if (one.layer, one.kind) == (layer, "unit")]
            assert self.witness is not None  # no layer otherwise
            found += witnesses(self.network, layer, units, self.source, self.chosen, self.witness)
        return tuple(found)

    @cached_property
    def _batch_size(self) -> int:
        visual = [info.name for info in self.network.layers if info.is_visual]
        largest = max(activation_size(self.network, name, self.size) for name in visual)
        fitting = BATCH_BYTES // (4 * largest)
        return self.batch or max(1, min(_MOST_IMAGES, fitting, len(self.chosen)))

    def _means(self) -> Floats:
        """Return the mean response of each unit of the layers to all labeled images, one layer after the other."""
        means = [self._responses[layer].mean(axis=0, dtype=np.float64) for layer in self.layers]
        return np.concatenate(means).astype(np.float32)

    @cached_property
    def _responses(self) -> Mapping[str, Floats]:
        """The mean response of each unit of the layers to each labeled image, (n, units)."""
        found = self.source.fitted(self.size, self.network.form).only(self.chosen)
        try:
            return mean_responses(self.network, (image for _, image in found), self.layers, batch=self._batch_size)
        except ImageError:
            reasons = (self.source.tried(index) for index in self.chosen)
            raise self.source.unreadable(next((one for one in reasons if isinstance(one, str)), "")) from None

    def _fills(self, means: Floats) -> dict[str, Floats]:
        """Return what replaces the units of each layer, (units,); for 'resample' it is taken from each batch."""
        units = [self.network.layer(layer).units for layer in self.layers]
        values = means if means.size else np.zeros(sum(units), np.float32)
        return dict(zip(self.layers, np.split(values, np.cumsum(units)[:-1]), strict=True))

    def _layer(self, layer: str, fill: Floats) -> AblatedLayer:
        sets = tuple(one.units for one in self.sets if one.layer == layer)
        if self.how != "partner":
            return AblatedLayer(self.network, layer, sets, fill)
        partners = self.similar_units[layer]
        numbers = np.array([one.partner for one in partners], np.int32)
        factors = np.array([one.factor for one in partners], np.float32)
        return AblatedLayer(self.network, layer, sets, fill, numbers, factors)

    def _read(self, first: int) -> _Batch:
        """Return a batch of images from the `first`-th labeled one on, padded with its last image."""
        fitted = self.source.fitted(self.size, self.network.form)
        numbers = self.chosen[first : first + self._batch_size]
        results = {index: fitted.tried(index) for index in numbers}
        failures = {index: result for index, result in results.items() if isinstance(result, str)}
        images = {index: result for index, result in results.items() if not isinstance(result, str)}
        labels = np.array([self.labels.numbers[index] for index in images], np.intp)
        resampled = [self._partner(fitted, index) for index in images] if self.how == "resample" else []
        return _Batch(
            end=first + len(numbers),
            images=self._padded(list(images.values())),
            resampled=self._padded(resampled),
            labels=labels,
            classes=np.searchsorted(self.present, labels),
            failures=failures,
        )

    def _padded(self, images: list[Any]) -> Floats | None:
        return np.stack(images + images[-1:] * (self._batch_size - len(images))) if images else None

    def _partner(self, fitted: ImageSource, index: int) -> Any:
        """Return the image that follows in the cycle; one that cannot be read is passed over."""
        number = self.partners[index]
        while number != index:
            image = fitted.tried(number)
            if not isinstance(image, str):
                return image
            number = self.partners[number]
        raise ImageError("how=resample: needs two readable images or more; only one can be read")


@dataclass(frozen=True, eq=False)
class _Batch:
    """Padded images (n, h, w, c) and those that replace them, None for none; the labels of those that could be read."""

    end: int
    images: Floats | None
    resampled: Floats | None
    labels: NDArray[np.intp]
    classes: NDArray[np.intp]
    failures: dict[int, str]
