"""The heatmaps of a run as a task of an executor: what a worker makes of one image, its files and their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from dreamfilters.attribution.attribute import attribution_of, chosen_methods, objective_of, predicted_objectives
from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.result import Attributions
from dreamfilters.attribution.trust.measure_trust import measured_values
from dreamfilters.attribution.trust.randomized_weights import RandomizedNetworks
from dreamfilters.attribution.trust.trust_measure import Measured, TrustCase
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.errors import RecipeError, TargetError
from dreamfilters.evidence.activations import Floats, activations
from dreamfilters.executors.executor import OnNote
from dreamfilters.images.encoding import as_image
from dreamfilters.images.panels import Panel, enlarged, png_of, stacked
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.classes.predictions import predictions
from dreamfilters.runs.by_image.attribution_store import ARRAYS, SHEET, ExplainedTarget, StoredHeatmap, StoredMeasure
from dreamfilters.runs.storage.array_files import npz_bytes
from dreamfilters.runs.storage.file_names import slug

_SIDE = 192  # least pixels of an overlay's longer side: small images are enlarged, so that their pixels are visible


@dataclass(frozen=True)
class AttributionSettings:
    """What a run of heatmaps explains and writes for each image.

    Attributes:
        targets: texts such as "class:STOP"; () stands for the class that the network predicts.
        methods: names in `ATTRIBUTIONS`, ("*",) for all. Default: `DEFAULT_METHODS`.
        against: a target that is subtracted from each of `targets`, "" for none.
        arrays: whether to store the heatmaps themselves.
        measured: number of images on which the trust in each method is measured; they are spread over all images.
        size: (height, width) of the images, for a network that accepts any size. Default: that of the first image.
    """

    targets: tuple[str, ...] = ()
    methods: tuple[str, ...] | None = None
    against: str = ""
    arrays: bool = False
    measured: int = 0
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.measured < 0:
            raise RecipeError(f"measured={self.measured}: must be 0 or more")
        if self.against and not self.targets:
            raise TargetError(f"against {self.against}: needs a target that it is subtracted from, such as class:STOP")

    @cached_property
    def chosen_methods(self) -> tuple[Attribution, ...]:
        """The methods."""
        return chosen_methods(self.methods)

    def objectives(self, network: Network) -> tuple[Objective, ...]:
        """Return what is explained on every image; () for the predicted class."""
        against = self.against or None
        every = [goal for text in self.targets for goal in goals(network, text)]
        return tuple(objective_of(network, goal[[row]], against) for goal in every for row in range(len(goal)))


@dataclass(frozen=True, eq=False)
class ImageToExplain:
    """An image of a run.

    Attributes:
        index: its number.
        name: its name.
        image: (1, h, w, c) in [0, 1], in the size of the network's input.
        measured: whether the trust in each method is measured on it.
    """

    index: int
    name: str
    image: Floats
    measured: bool


@dataclass(frozen=True, eq=False)
class ExplainedImage:
    """What was made of an image.

    Attributes:
        index: its number.
        files: name -> content.
        record: the numbers that are stored with the files.
        seconds: method -> time.
    """

    index: int
    files: Mapping[str, bytes]
    record: Mapping[str, Any]
    seconds: Mapping[str, float]


def image_explainer(
    network: Network, settings: AttributionSettings, note: OnNote
) -> Callable[[ImageToExplain], ExplainedImage]:
    """Return the function that explains an image, in any process."""
    return _Explainer(network, settings).explained


@dataclass(frozen=True, eq=False)
class _Explainer:
    """What all images share; the copies of the network with random weights are made once."""

    network: Network
    settings: AttributionSettings
    randomized: RandomizedNetworks = field(default_factory=RandomizedNetworks)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        return self.settings.objectives(self.network)

    def explained(self, one: ImageToExplain) -> ExplainedImage:
        network, methods, arrays = self.network, self.settings.chosen_methods, self.settings.arrays
        objectives = self.objectives or predicted_objectives(network, one.image)
        found = [attribution_of(network, [objective], methods, [one.name], one.image) for objective in objectives]
        files: dict[str, bytes] = {SHEET: png_of(stacked([_panel(each.contact_sheet()) for each in found]))}
        heatmaps: dict[str, Floats] = {}
        targets, seconds = [], Counter[str]()
        for each in found:
            seconds.update(each.seconds)
            files |= {_file(each, method): _overlay(each, method) for method in each.heatmaps}
            heatmaps |= {f"{slug(each.targets[0])}-{method}": values[0] for method, values in each.heatmaps.items()}
            targets.append(_values(each, arrays, self._measured(each) if one.measured else {}))
        if arrays:
            files[ARRAYS] = npz_bytes(heatmaps)
        record = {"predicted": _predicted(network, one.image), "targets": targets}
        return ExplainedImage(one.index, files, record, seconds)

    def _measured(self, found: Attributions) -> Mapping[str, Mapping[str, Measured]]:
        case = TrustCase(self.network, found.objectives[0], found.images, self.randomized)
        methods = [method for method in self.settings.chosen_methods if method.name in found.heatmaps]
        return measured_values(case, methods, found.heatmaps)


def _values(found: Attributions, arrays: bool, measured: Mapping[str, Mapping[str, Measured]]) -> ExplainedTarget:
    """Return the record of one target on one image."""
    heatmaps = {
        method: StoredHeatmap(
            overlay=_file(found, method),
            array=f"{slug(found.targets[0])}-{method}" if arrays else "",
            scale=_number(found.scales[method][0]),
            low=_number(values.min()),
            high=_number(values.max()),
        )
        for method, values in found.heatmaps.items()
    }
    trust = {
        method: {
            name: StoredMeasure(
                _number(one.values[0]),
                _number(one.by_chance[0]) if one.by_chance.size else float("nan"),
                tuple(map(_number, one.curves[0])) if one.curves.size else (),
            )
            for name, one in measures.items()
        }
        for method, measures in measured.items()
    }
    remarks = {method: texts[0] for method, texts in found.remarks.items()}
    return ExplainedTarget(found.targets[0], _number(found.scores[0]), heatmaps, found.reasons, trust, remarks)


def _predicted(network: Network, image: Floats) -> str:
    """Return the predicted class of an image with its probability, "" without classes."""
    if not network.is_classifier:
        return ""
    (first,) = predictions(network, activations(network, image, [LOGITS])[LOGITS][0], 1)
    return f"{first.name}, {first.size}"


def _file(found: Attributions, method: str) -> str:
    return f"{slug(found.targets[0])}-{method}.png"


def _overlay(found: Attributions, method: str) -> bytes:
    panel = _panel(found.overlay(method))
    return png_of(enlarged(panel, max(1, _SIDE // max(panel.shape[:2]))))


def _panel(image: Floats) -> Panel:
    return np.asarray(as_image(image))


def _number(value: Any) -> float:
    """Return a number to nine digits, which identify a float32."""
    return float(f"{float(value):.9g}")
