"""The techniques of `TECHNIQUES` in the worker: their forms, the run of a request, and its results for the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamfilters.attribution.circuits.weights.layer_weights import LayerWeights
from dreamfilters.images import ImageFolder, image_folder
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress
from dreamfilters.report.pages.weights_page import VALUES
from dreamfilters.runs import weights_run
from dreamfilters.runs.by_image import technique_run
from dreamfilters.runs.by_image.technique_run import Item, TechniqueJob, image_items, target_items
from dreamfilters.runs.by_image.technique_store import FRAMES, RECORD, STRIP, StoredResult
from dreamfilters.runs.by_unit import dream_run, dream_store
from dreamfilters.runs.by_unit.dream_run import DreamJob
from dreamfilters.runs.by_unit.dream_store import DreamEntry
from dreamfilters.runs.storage.run_folder import RunKind
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.runs.weights_run import WeightsJob
from dreamfilters.techniques.forms.registry import TECHNIQUES
from dreamfilters.techniques.forms.technique import DreamPlan, Plan, Technique, WeightsPlan
from dreamfilters.techniques.given_image import GivenImage, NamedImage, digest_of, opened
from dreamfilters.techniques.strip import TechniqueResult
from dreamfilters.viewer.messages import Values
from dreamfilters.viewer.technique_request import GivenFile, TechniqueRequest


@dataclass(frozen=True, eq=False)
class CommandRun:
    """A run of a command.

    Attributes:
        kind: of the run.
        start: runs a job in a folder.
        job: what is done.
    """

    kind: RunKind
    start: Callable[..., RunResult[Any]]
    job: Any


def technique_forms() -> list[Values]:
    """Return the form of each technique as JSON values, see `Technique.as_values`."""
    return [technique.as_values() for technique in TECHNIQUES.values()]


def technique_of(network: Network, spec: str, request: TechniqueRequest, images: ImageFolder | None) -> CommandRun:
    """Return the run of the command with the same arguments, for one image, unit or layer.

    Raises:
        UnknownNameError: there is no such technique.
        DreamfiltersError: a value is out of range or does not fit the network, see the technique.
        ImageError: an image cannot be read.
    """
    technique = TECHNIQUES[request.name]
    given = {name: _given(value) if isinstance(value, GivenFile) else value for name, value in request.values}
    plan = technique.plan(network, technique.with_defaults(given))
    if isinstance(plan, WeightsPlan):
        return CommandRun(weights_run.KIND, weights_run.run, WeightsJob(network, spec, (plan.layer,)))
    if isinstance(plan, DreamPlan):
        assert request.image is not None  # the service refuses a technique without its image
        start = opened(network, _given(request.image))
        dream = DreamJob(network, spec, (plan.target,), plan.recipe, plan.seed, start=start, frames=plan.frames)
        return CommandRun(dream_store.KIND, dream_run.run, dream)
    job = TechniqueJob(request.name, network, plan.chosen, _items(network, technique, request, images, plan), spec)
    return CommandRun(job.kind, technique_run.run, job)


def results_of(folder: Path, made: Sequence[Any], files: Sequence[str]) -> tuple[Values, ...]:
    """Return each result: its name, a line of text, and the names of its files in the run folder.

    `strip` shows it at a glance, or, where that is None, `tiles`, pairs of a file and its caption. `images` were made,
    `frames` is an animation, None if none was recorded.
    """
    return tuple(_RESULTS[type(one)](folder, one, files) for one in made)


def _result(folder: Path, stored: StoredResult, files: Sequence[str]) -> Values:
    place = stored.folder.relative_to(folder).as_posix()
    own = [name for name in files if name.startswith(f"{place}/")]
    frames = f"{place}/{FRAMES}"
    others = {f"{place}/{name}" for name in (STRIP, FRAMES, RECORD)}
    return {
        "name": stored.name,
        "text": stored.text,
        "strip": f"{place}/{STRIP}",
        "tiles": [],
        "frames": frames if frames in own else None,
        "images": [name for name in own if name not in others],
        "numbers": f"{place}/{RECORD}",
    }


def _dream_result(folder: Path, entry: DreamEntry, files: Sequence[str]) -> Values:
    name, score = entry.record["target"], f"score {entry.record['score']:.4g}"
    frames = entry.image.with_suffix(".gif").name
    text = "; ".join(filter(None, [f"{name}: {score}, {entry.record['steps']} steps", entry.remark]))
    return {
        "name": name,
        "text": text,
        "strip": None,
        "tiles": [["start.png", "the image"], [entry.image.name, f"{name}\n{score}"]],
        "frames": frames if frames in files else None,
        "images": [entry.image.name],
        "numbers": entry.image.with_suffix(".json").name,
    }


def _weights_result(folder: Path, found: LayerWeights, files: Sequence[str]) -> Values:
    kernels = next(one for one in found.distributions if len(one.shape) > 1)
    shape = " × ".join(map(str, kernels.shape))
    spread = f"mean {kernels.mean:.3g}, std {kernels.std:.3g}, {kernels.low:.3g} to {kernels.high:.3g}"
    return {
        "name": found.layer,
        "text": f"{found.layer}: {kernels.name} of {shape}, {spread}",
        "strip": next(name for name in files if name.endswith(".png")),
        "tiles": [],
        "frames": None,
        "images": [],
        "numbers": VALUES,
    }


_RESULTS: dict[type, Callable[[Path, Any, Sequence[str]], Values]] = {
    StoredResult: _result, DreamEntry: _dream_result, LayerWeights: _weights_result
}  # fmt: skip


def _items(
    network: Network, technique: Technique, request: TechniqueRequest, images: ImageFolder | None, plan: Plan
) -> tuple[Item, ...]:
    if technique.subject == "unit":
        assert images is not None  # the service refuses a unit without images
        return target_items([request.target], images, network, plan.make)
    file = request.image
    if file is None:
        return (Item(technique.without, "", lambda progress: plan.make(None, progress)),)
    if file.values is None:
        return image_items(image_folder(file.path, channels=network.form.channels), network, plan.make)
    image = NamedImage(file.name, file.values)

    def made(progress: OnProgress) -> TechniqueResult:
        return plan.make(image, progress)

    return (Item(file.name, digest_of(image), made),)


def _given(file: GivenFile) -> GivenImage:
    return file.path if file.values is None else NamedImage(file.name, file.values)
