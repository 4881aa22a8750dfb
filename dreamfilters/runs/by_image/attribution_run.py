"""The run of `attribute`: heatmaps of every method for every image, as overlays, numbers, sheets and a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters.attribution.attribute import (
    attribution_of,
    check_objective,
    chosen_methods,
    objective_of,
    predicted_objectives,
)
from dreamfilters.attribution.attribution import Attribution, is_signed
from dreamfilters.attribution.result import Attributions, legend, remark_lines
from dreamfilters.attribution.trust.measure_trust import measured_values
from dreamfilters.attribution.trust.randomized_weights import RandomizedNetworks
from dreamfilters.attribution.trust.registry import TRUST_MEASURES
from dreamfilters.attribution.trust.result import Trust, trust_of
from dreamfilters.attribution.trust.trust_measure import Measured, TrustCase
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.dreams.objectives.targets import goals
from dreamfilters.errors import DreamfiltersError, ImageError, RecipeError, TargetError
from dreamfilters.evidence.activations import Floats, activations
from dreamfilters.images import ImageFolder
from dreamfilters.images.encoding import as_image
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.images.panels import Panel, enlarged, png_of, stacked
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.classes.predictions import predictions
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.report.pages.attribution_page import PageRow, attribution_page
from dreamfilters.runs.by_image.attribution_store import (
    ARRAYS,
    KIND,
    SHEET,
    AttributionStore,
    ExplainedTarget,
    StoredAttribution,
    StoredHeatmap,
    StoredMeasure,
)
from dreamfilters.runs.by_image.image_records import settings_of
from dreamfilters.runs.storage.array_files import npz_bytes
from dreamfilters.runs.storage.file_names import slug
from dreamfilters.runs.storage.manifest import MANIFEST
from dreamfilters.runs.storage.records import model_values
from dreamfilters.runs.storage.run_folder import entered
from dreamfilters.runs.storage.run_images import RunImages
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain

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


@dataclass(frozen=True, eq=False)
class AttributionSummary:
    """What a run of heatmaps found.

    Attributes:
        images: the finished images.
        trust: the table of trust, None if no image was measured.
        seconds: method -> time for the images that this run computed.
    """

    images: tuple[StoredAttribution, ...]
    trust: Trust | None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[str, str]:
        """Method -> the first reason why it has no heatmaps."""
        found: dict[str, str] = {}
        for image in self.images:
            for target in image.targets:
                found = {**target.reasons, **found}
        return found

    @property
    def remarks(self) -> list[str]:
        """A line for each method some of whose heatmaps have a remark, see `remark_lines`."""
        pairs = [(image.image, target) for image in self.images for target in image.targets]
        methods = dict.fromkeys(name for _, target in pairs for name in target.remarks)
        rows = {name: [(image, target) for image, target in pairs if name in target.heatmaps] for name in methods}
        return remark_lines(
            (name, [image for image, _ in found], [target.remarks.get(name, "") for _, target in found])
            for name, found in rows.items()
        )


@dataclass(frozen=True, eq=False)
class AttributionJob:
    """The heatmaps of a run.

    Attributes:
        network: the network.
        source: the images.
        options: what to explain and to write.
        spec: the argument of `load` that loads the network again.
    """

    network: Network
    source: ImageFolder | ImageArrays
    options: AttributionSettings
    spec: str = ""

    @cached_property
    def images(self) -> RunImages:
        """The images, as the network reads them."""
        return RunImages(self.source, self.network.form, self.options.size)

    @cached_property
    def methods(self) -> tuple[Attribution, ...]:
        """The methods."""
        return chosen_methods(self.options.methods)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What is explained on every image; () for the predicted class."""
        against = self.options.against or None
        every = [goal for text in self.options.targets for goal in goals(self.network, text)]
        return tuple(objective_of(self.network, goal[[row]], against) for goal in every for row in range(len(goal)))

    @cached_property
    def randomized(self) -> RandomizedNetworks:
        """The copies of the network with random weights, which all images share."""
        return RandomizedNetworks()

    @cached_property
    def measured(self) -> frozenset[int]:
        """The numbers of the images on which trust is measured."""
        count = min(self.options.measured, len(self.images))
        return frozenset(np.linspace(0, len(self.images) - 1, count).round().astype(int).tolist())

    @cached_property
    def model(self) -> dict[str, Any]:
        """Name, spec and fingerprint of the network."""
        return model_values(self.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the files."""
        options = self.options
        chosen = {
            "targets": [objective.names[0] for objective in self.objectives],
            "methods": {method.name: plain(method) if is_dataclass(method) else {} for method in self.methods},
            "arrays": options.arrays,
            "measured": options.measured,
            "measures": list(TRUST_MEASURES) if options.measured else [],
        }
        return settings_of(self.network, self.model["fingerprint"], self.images, chosen)

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        if (size := self.images.size) is not None:
            for objective in self.objectives:
                check_objective(self.network, objective, (*size, self.network.form.channels))
        if not self.objectives and not self.network.is_classifier:
            predicted_objectives(self.network, np.zeros((1, 1, 1, 1), np.float32))  # raises


def run(
    job: AttributionJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[AttributionSummary]:
    """Write the heatmaps of a job into a folder, and return the finished images.

    Each image gets a folder with an overlay for each target and method, a contact sheet of all of them, and
    `attribution.json` with the numbers; `heatmaps.npz` holds the heatmaps if `arrays` is set. Images that an earlier
    run with equal settings finished are kept. Ctrl-C ends the run early; the same call resumes it, and the files have
    the same bytes. Memory use does not grow with the number of images.

    Raises:
        OutputError: the folder holds other files or cannot be written.
        ImageError: no image can be read.
        ModelError, TargetError: no method fits the network.
    """
    job.check()
    finished: dict[int, StoredAttribution] = {}
    seconds: Counter[str] = Counter()
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        store, stopped = AttributionStore(claimed), False
        try:
            for index, stored in _all_images(job, store, seconds):
                finished[index] = stored
                if progress is not None:
                    tried = len(finished) + len(job.images.failures)
                    progress(Progress(tried, len(job.images), stored.image))
        except KeyboardInterrupt:
            stopped = True
        except DreamfiltersError:
            if not finished:
                store.clear()
            raise
        failures, ordered = job.images.failures, tuple(finished[index] for index in sorted(finished))
        if not finished and failures and not stopped:
            store.clear()
            name, reason = next(iter(failures.items()))
            raise ImageError(f"none of {len(failures)} images can be read; first error: {name}: {reason}")
        summary = AttributionSummary(ordered, _trust(ordered), seconds)
        if not stopped:
            trust = None if summary.trust is None else summary.trust.as_values()
            store.close(ordered, _page(job, summary), trust, failures)
    return _result(job, folder, summary, stopped)


def _result(
    job: AttributionJob, folder: Path, summary: AttributionSummary, stopped: bool
) -> RunResult[AttributionSummary]:
    failures = job.images.failures
    done = {stored.image for stored in summary.images} | failures.keys()
    missing = tuple(name for name in job.images.names if name not in done)
    sheets = tuple(stored.sheet.relative_to(folder).as_posix() for stored in summary.images)
    return RunResult(
        folder, summary, len(done), len(job.images), tuple(failures.items()), missing, stopped, images=sheets
    )


def _all_images(
    job: AttributionJob, store: AttributionStore, seconds: Counter[str]
) -> Iterator[tuple[int, StoredAttribution]]:
    """Yield index and heatmaps of every readable image, those of an earlier run first."""
    missing = []
    for index, name in enumerate(job.images.names):
        stored = store.finished(name, job.images.digests[index])
        if stored is None:
            missing.append(index)
        else:
            yield index, stored
    for index, image in job.images.only(missing):
        yield index, _explain(job, store, index, job.network.form.fit(image)[None], seconds)


def _explain(
    job: AttributionJob, store: AttributionStore, index: int, image: Floats, seconds: Counter[str]
) -> StoredAttribution:
    """Write all files of one image (1, h, w, c)."""
    name = job.images.names[index]
    objectives = job.objectives or predicted_objectives(job.network, image)
    found = [attribution_of(job.network, [objective], job.methods, [name], image) for objective in objectives]
    files: dict[str, bytes] = {SHEET: png_of(stacked([_panel(each.contact_sheet()) for each in found]))}
    arrays: dict[str, Floats] = {}
    targets = []
    for each in found:
        seconds.update(each.seconds)
        files |= {_file(each, method): _overlay(each, method) for method in each.heatmaps}
        arrays |= {f"{slug(each.targets[0])}-{method}": values[0] for method, values in each.heatmaps.items()}
        targets.append(_values(each, job.options.arrays, _measure(job, each) if index in job.measured else {}))
    if job.options.arrays:
        files[ARRAYS] = npz_bytes(arrays)
    record = {
        "label": job.images.labels[index],
        "sha256": job.images.digests[index],
        "predicted": _predicted(job.network, image),
        "targets": targets,
    }
    return store.write(name, files, record)


def _measure(job: AttributionJob, found: Attributions) -> Mapping[str, Mapping[str, Measured]]:
    case = TrustCase(job.network, found.objectives[0], found.images, job.randomized)
    methods = [method for method in job.methods if method.name in found.heatmaps]
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


def _trust(images: tuple[StoredAttribution, ...]) -> Trust | None:
    measured = [target for image in images for target in image.targets if target.trust]
    return trust_of([one.values for one in measured], [one.curves for one in measured]) if measured else None


def _page(job: AttributionJob, summary: AttributionSummary) -> bytes:
    rows = [
        PageRow(
            stored.image,
            stored.label,
            stored.predicted,
            f"{stored.folder.name}/{SHEET}",
            {target.target: target.score for target in stored.targets},
        )
        for stored in summary.images
    ]
    used = [method for method in job.methods if method.name not in summary.reasons]
    return attribution_page(
        network=job.network.name,
        targets=[objective.names[0] for objective in job.objectives],
        rows=rows,
        legend=legend([method.name for method in used], [method.name for method in used if not is_signed(method)]),
        methods={method.name: method.meaning for method in used},
        reasons=summary.reasons,
        remarks=summary.remarks,
        trust=summary.trust,
        files={MANIFEST: "settings and results"},
        failures=tuple(job.images.failures.items()),
    )
