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
    check_objective,
    predicted_objectives,
)
from dreamfilters.attribution.attribution import Attribution, is_signed
from dreamfilters.attribution.result import legend, remark_lines
from dreamfilters.attribution.trust.registry import TRUST_MEASURES
from dreamfilters.attribution.trust.result import Trust, trust_of
from dreamfilters.dreams.objectives.objective import Objective
from dreamfilters.errors import DreamfiltersError, ImageError
from dreamfilters.executors.executor import LOCAL, Executor, Task
from dreamfilters.images import ImageFolder
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.report.pages.attribution_page import PageRow, attribution_page
from dreamfilters.runs.by_image.attribution_store import (
    KIND,
    SHEET,
    AttributionStore,
    StoredAttribution,
)
from dreamfilters.runs.by_image.attribution_task import AttributionSettings, ImageToExplain, image_explainer
from dreamfilters.runs.by_image.image_records import settings_of
from dreamfilters.runs.storage.manifest import MANIFEST
from dreamfilters.runs.storage.records import model_values
from dreamfilters.runs.storage.run_folder import entered
from dreamfilters.runs.storage.run_images import RunImages
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain


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
        executor: where the images are explained; it never changes the result.
    """

    network: Network
    source: ImageFolder | ImageArrays
    options: AttributionSettings
    spec: str = ""
    executor: Executor = LOCAL

    @cached_property
    def images(self) -> RunImages:
        """The images, as the network reads them."""
        return RunImages(self.source, self.network.form, self.options.size)

    @cached_property
    def methods(self) -> tuple[Attribution, ...]:
        """The methods."""
        return self.options.chosen_methods

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What is explained on every image; () for the predicted class."""
        return self.options.objectives(self.network)

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
    names, form = job.images.names, job.network.form
    images = (
        ImageToExplain(index, names[index], form.fit(image)[None], index in job.measured)
        for index, image in job.images.only(missing)
    )
    for found in job.executor.map(Task(image_explainer, job.network, job.options), images):
        seconds.update(found.seconds)
        known = {"label": job.images.labels[found.index], "sha256": job.images.digests[found.index]}
        yield found.index, store.write(names[found.index], found.files, {**known, **found.record})


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
