"""`Looker`: takes looks at a network whose weights change, by programs that are compiled once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.dreams.recipe import Recipe, read_recipe
from dreamfilters.evidence.bounds.unit_bounds import Bounds, bound_units
from dreamfilters.evidence.unit_statistics import Sample, UnitMeasurement, UnitMeter
from dreamfilters.networks import Network
from dreamfilters.serialization import plain
from dreamfilters.training.continued_dreams import ContinuedDreams, default_targets
from dreamfilters.training.history import Look, Training, WatchedLayer
from dreamfilters.training.weight_sample import WeightSample
from dreamfilters.verdicts.audit import audited_layers, chosen_layers, judged_activation
from dreamfilters.verdicts.verdict import KINDS, ScanEvidence, judge

_STEPS = 8  # of a dream at each look
_FIRST = 3  # times as many before the first look, from noise
_LARGEST = 65504.0  # of float16


def look_recipe() -> Recipe:
    """Return the recipe of the dreams at each look: `fast`, with fewer steps."""
    return read_recipe("fast", settings=[f"steps={_STEPS}"])


@dataclass(frozen=True)
class Moment:
    """When a look is taken: finished epochs and steps, a name, and the metrics of the training."""

    epoch: float
    step: int
    name: str
    logs: Mapping[str, float]


class Looker:
    """Looks at one network on one sample of images. Nothing of the model changes, only its weights are read."""

    def __init__(
        self,
        network: Network,
        sample: Sample,
        layers: Sequence[str] | None,
        targets: Sequence[str] | None,
        recipe: Recipe,
        seed: int,
    ) -> None:
        """Prepare the looks; the arguments are those of `TrainingMonitor`.

        Raises:
            UnknownNameError, TargetError: the network has no such layer or unit.
            RecipeError: the recipe does not fit the network.
        """
        chosen = chosen_layers(network, None, layers) if layers else audited_layers(network)
        self.network, self.recipe, self.seed = network, recipe, seed
        self.meter = UnitMeter.of(network, sample, chosen)
        wanted = default_targets(network, chosen) if targets is None else tuple(targets)
        self._dreams = ContinuedDreams(network, wanted, recipe, seed)
        self._weights = WeightSample(network)
        self._activations = {info.name: judged_activation(network, info.name) for info in self.meter.layers}

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the looks, apart from the weights."""
        sample = self.meter.sample
        return {
            "input": plain(self.network.form),
            "layers": [info.name for info in self.meter.layers],
            "targets": list(self._dreams.names),
            "recipe": self.recipe.as_values(),
            "seed": self.seed,
            "images": list(sample.names),
            "truth": sample.truth.tolist(),
        }

    @property
    def training(self) -> Training:
        """The training without a look."""
        sample, network = self.meter.sample, self.network
        layers = [
            WatchedLayer(info.name, info.type, self._activations[info.name], info.units) for info in self.meter.layers
        ]
        return Training(
            network=network.name,
            layers=tuple(layers),
            weighted=self._weights.layers,
            targets=self._dreams.names,
            classes=sample.classes,
            names=sample.names,
            truth=sample.truth,
            looks=(),
        )

    def prepare(self) -> None:
        """Compile every program and begin the dreams, so that the first look takes as long as those that follow."""
        self.meter.measure()
        self._dreams.advance(_FIRST * self.recipe.steps)

    def restart(self, images: NDArray[np.uint8], looks: int) -> None:
        """Let the dreams go on from these images, those of the last one of so many looks."""
        self._dreams.restart(images, (_FIRST + looks) * self.recipe.steps)

    def weigh(self) -> None:
        """Note the weights as they are now; the next look says how far they moved since."""
        self._weights.changes()

    def look(self, moment: Moment) -> Look:
        """Return what the network is like now."""
        began = time.perf_counter()
        measured = self.meter.measure()
        images, scores = self._dreams.advance(self.recipe.steps)
        verdicts = self._verdicts(measured)
        truth = self.meter.sample.truth
        predicted = np.full(len(truth), -1, np.int32)
        if measured.logits is not None:
            predicted = self.network.head.predicted_for(measured.logits, truth).astype(np.int32)
        return Look(
            epoch=moment.epoch,
            step=moment.step,
            name=moment.name,
            logs=dict(moment.logs),
            statistics=measured.statistics,
            responses=np.clip(measured.responses, -_LARGEST, _LARGEST).astype(np.float16),
            verdicts=verdicts,
            changes=self._weights.changes(),
            predicted=predicted,
            dreams=images,
            scores=scores,
            seconds=time.perf_counter() - began,
        )

    def _verdicts(self, measured: UnitMeasurement) -> NDArray[np.uint8]:
        """Return the verdict on each unit; bounds prove that a unit is dead where no image activates it."""
        statistics, count = measured.statistics, len(self.meter.sample)
        bounds = self._bounds(measured)
        kinds = np.empty(self.meter.units, np.uint8)
        for layer, units in self.meter.slices.items():
            activation = self._activations[layer]
            known = None if bounds is None else bounds.layers[layer]
            for number, index in enumerate(range(units.start, units.stop)):
                high, low = float(statistics.maximum[index]), float(statistics.minimum[index])
                scanned = ScanEvidence(count, high, low, float(statistics.zeros[index]))
                before = None if known is None or high > 0 else known.before(number)
                kinds[index] = KINDS.index(judge(activation, scanned=scanned, before=before).kind)
        return kinds

    def _bounds(self, measured: UnitMeasurement) -> Bounds | None:
        """Return the bounds of interval arithmetic, None where no unit with a ReLU needs them."""
        silent = measured.statistics.maximum <= 0
        if not any(silent[units].any() for name, units in self.meter.slices.items() if self._is_relu(name)):
            return None
        height, width = self.meter.sample.images.shape[1:3]
        return bound_units(self.network, size=(height, width), budget=0)

    def _is_relu(self, layer: str) -> bool:
        return self._activations[layer] in ("relu", "relu6")
