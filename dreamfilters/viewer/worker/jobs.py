"""Long work as a command of the command line does it, by default with its defaults, and into its run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters.attribution.class_separation import PAIRS, compared_layer, separations
from dreamfilters.comparison.compare import ComparePlan
from dreamfilters.comparison.result import means_of, summary_lines
from dreamfilters.dreams.default_recipes import DefaultRecipes
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ImageError, ModelError
from dreamfilters.evidence.embedding.feature_job import FeatureJob, layer_of
from dreamfilters.evidence.embedding.registry import EMBEDDING_METHODS, method_of
from dreamfilters.evidence.embedding.result import Embedding
from dreamfilters.evidence.evaluation.evaluation_job import EvaluationJob
from dreamfilters.evidence.evaluation.result import ClassPair, Evaluation
from dreamfilters.evidence.evaluation.separation import ClassSeparation
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress
from dreamfilters.report.pages.embedding.embedding_page import map_values
from dreamfilters.runs.by_unit import audit_run, compare_run
from dreamfilters.runs.over_images import embedding_run, embedding_store, evaluation_run
from dreamfilters.runs.over_images.embedding_run import DreamImages, class_of
from dreamfilters.runs.storage.file_names import default_folder
from dreamfilters.runs.storage.manifest import Manifest
from dreamfilters.runs.storage.run_folder import RunKind, free_folder
from dreamfilters.verdicts.result import Audit
from dreamfilters.viewer.messages import Cancelled, JobRequest, JobResult, Values
from dreamfilters.viewer.worker.technique_jobs import CommandRun, results_of, technique_of

PAGE = "index.html"  # of every run


def run_job(
    network: Network,
    spec: str,
    request: JobRequest,
    images: ImageFolder | None,
    progress: OnProgress,
    dreams: DreamImages | None = None,
) -> tuple[JobResult, Audit | None]:
    """Do long work and return its result, with the audit where it is one; an embedding shows `dreams` too.

    The folder is that of the command, numbered where it holds a run with other settings.

    Raises:
        Cancelled: `progress` raised KeyboardInterrupt; the same work resumes later.
        DreamfiltersError: as the command.
    """
    run = _RUNS[request.kind](network, spec, request, images)
    kind, job = run.kind, run.job if dreams is None else replace(run.job, dreams=dreams)
    parent = default_folder(network.name, kind.command) if request.out is None else request.out / kind.command
    folder, _ = free_folder(parent, kind, job.settings)
    result = run.start(job, folder, progress=progress)
    if result.stopped:
        raise Cancelled
    value = result.value
    if request.technique is not None:
        files = _all_files(folder, kind)
        results = results_of(folder, value, files)
        return JobResult(folder, files, "; ".join(one["text"] for one in results), results=results), None
    evaluation = replace(value, images=None) if request.kind == "evaluate" else None
    embedding = embedding_values(value) if request.kind == "embed" else None
    found = JobResult(folder, _files(folder), _LINES[request.kind](value), evaluation, embedding)
    return found, value if request.kind == "audit" else None


def dream_images(network: Network, dreams: Iterable[Dream]) -> DreamImages:
    """Return the newest dream of each unit, to show among images.

    Raises:
        ImageError: there are none.
    """
    newest = {dream.name: dream for dream in dreams}
    if not newest:
        raise ImageError("no dream is finished yet; dream some units first")
    images = np.stack([network.form.fit(dream.image) for dream in newest.values()])
    return DreamImages(images, tuple(newest), tuple(class_of(network, target) for target in newest))


def embedding_values(embedding: Embedding) -> Values:
    """Return what the page draws of an embedding: see `map_values`, its layer and method, and what a reader may trust.

    `sheets` are names of files in the run folder.
    """
    return {
        **map_values(embedding, embedding_store.sheet_names(embedding)),
        "layer": embedding.features.layer,
        "method": embedding.method,
        "meaning": EMBEDDING_METHODS[embedding.method].meaning,
        "text": embedding.describe(),
    }


def separation_of(
    network: Network, images: ImageFolder, evaluation: Evaluation, first: int, second: int
) -> ClassSeparation:
    """Return the units of the layer before the logits that separate two classes of an evaluation, or do not.

    Raises:
        ModelError: there is no layer before the logits.
        ImageError: a class has no image that can be read.
    """
    layer = compared_layer(network, None)
    if not layer:
        raise ModelError(f"{network.name}: has no layer before its logits, so no units separate its classes")
    classes = [evaluation.classes[number] for number in (first, second) if number not in evaluation.truth]
    pair = ClassPair(first, second, int(evaluation.matrix[first, second]), int(evaluation.matrix[second, first]))
    found = () if classes else separations(EvaluationJob(network, source_of(images)), evaluation, layer, [pair])
    if not found:
        raise ImageError(
            f"{' and '.join(classes) or 'a class'}: has no image that can be read, so no units separate it"
        )
    return found[0]


def _evaluation(network: Network, spec: str, request: JobRequest, images: ImageFolder) -> CommandRun:
    job = EvaluationJob(network, source_of(images))
    stored = evaluation_run.stored_evaluation(job, compared_layer(network, None), PAIRS, spec, request.options)
    return CommandRun(evaluation_run.KIND, evaluation_run.run, stored)


def _audit(network: Network, spec: str, request: JobRequest, images: ImageFolder) -> CommandRun:
    scan = ScanJob(network, source_of(images), default_layers(network))
    return CommandRun(audit_run.KIND, audit_run.run, audit_run.AuditJob(network, spec, scan))


def _comparison(network: Network, spec: str, request: JobRequest, images: ImageFolder) -> CommandRun:
    plan = ComparePlan(network, request.targets, source_of(images), DefaultRecipes())
    return CommandRun(compare_run.KIND, compare_run.run, compare_run.CompareJob(plan, spec))


def _embedding(network: Network, spec: str, request: JobRequest, images: ImageFolder) -> CommandRun:
    features = FeatureJob(network, source_of(images), layer_of(network, None))
    job = embedding_run.StoredEmbeddingJob(features, method_of(request.method), spec=spec)
    return CommandRun(embedding_store.KIND, embedding_run.run, job)


def _technique(network: Network, spec: str, request: JobRequest, images: ImageFolder | None) -> CommandRun:
    assert request.technique is not None
    return technique_of(network, spec, request.technique, images)


def _files(folder: Path) -> tuple[str, ...]:
    """Return the names of the files of a run that lie in its folder itself, the page first."""
    manifest = Manifest.read(folder)
    return _page_first([] if manifest is None else [name for name in manifest.files if "/" not in name])


def _all_files(folder: Path, kind: RunKind) -> tuple[str, ...]:
    """Return the names of all files of a run, those in folders too, the page first."""
    return _page_first(name for name in kind.files_in(folder) if (folder / name).is_file())


def _page_first(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (name != PAGE, name)))


def _audit_line(audit: Audit) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in audit.counts.items() if count)


def _comparison_line(units: Any) -> str:
    return "; ".join(summary_lines(means_of(unit["numbers"] for unit in units))) or f"{len(units)} compared"


_RUNS: dict[str, Callable[[Network, str, JobRequest, Any], CommandRun]] = {
    "evaluate": _evaluation, "audit": _audit, "compare": _comparison, "embed": _embedding, "technique": _technique,
}  # fmt: skip
_LINES: dict[str, Callable[[Any], str]] = {
    "evaluate": lambda evaluation: evaluation.describe(), "audit": _audit_line, "compare": _comparison_line,
    "embed": lambda embedding: embedding.describe(),
}  # fmt: skip
