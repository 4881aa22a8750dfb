"""The techniques of `TECHNIQUES` in the worker: their forms, the job of a request, and its results for the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dreamfilters.images import ImageFolder, image_folder
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress
from dreamfilters.runs.by_image.technique_run import Item, TechniqueJob, image_items, target_items
from dreamfilters.runs.by_image.technique_store import FRAMES, RECORD, STRIP, StoredResult
from dreamfilters.techniques.forms.registry import TECHNIQUES
from dreamfilters.techniques.forms.technique import Plan
from dreamfilters.techniques.given_image import GivenImage, NamedImage, digest_of
from dreamfilters.techniques.strip import TechniqueResult
from dreamfilters.viewer.messages import Values
from dreamfilters.viewer.technique_request import GivenFile, TechniqueRequest


def technique_forms() -> list[Values]:
    """Return the form of each technique as JSON values, see `Technique.as_values`."""
    return [technique.as_values() for technique in TECHNIQUES.values()]


def technique_job(network: Network, spec: str, request: TechniqueRequest, images: ImageFolder | None) -> TechniqueJob:
    """Return the job of the command with the same arguments, for one image or one unit.

    Raises:
        UnknownNameError: there is no such technique.
        DreamfiltersError: a value is out of range or does not fit the network, see the technique.
        ImageError: an image cannot be read.
    """
    technique = TECHNIQUES[request.name]
    given = {name: _given(value) if isinstance(value, GivenFile) else value for name, value in request.values}
    plan = technique.plan(network, technique.with_defaults(given))
    if technique.subject == "unit":
        assert images is not None  # the service refuses a unit without images
        items = target_items([request.target], images, network, plan.make)
    else:
        items = _image_items(network, technique.without, request.image, plan)
    return TechniqueJob(request.name, network, plan.chosen, items, spec)


def results_of(folder: Path, stored: tuple[StoredResult, ...], files: Sequence[str]) -> tuple[Values, ...]:
    """Return each result: its name, a line of text, and the names of its files in the run folder.

    `strip` shows it at a glance, `images` were made, `frames` is an animation, None if none was recorded.
    """
    return tuple(_result(one, one.folder.relative_to(folder).as_posix(), files) for one in stored)


def _result(stored: StoredResult, place: str, files: Sequence[str]) -> Values:
    own = [name for name in files if name.startswith(f"{place}/")]
    frames = f"{place}/{FRAMES}"
    others = {f"{place}/{name}" for name in (STRIP, FRAMES, RECORD)}
    return {
        "name": stored.name,
        "text": stored.text,
        "strip": f"{place}/{STRIP}",
        "frames": frames if frames in own else None,
        "images": [name for name in own if name not in others],
        "numbers": f"{place}/{RECORD}",
    }


def _image_items(network: Network, without: str, file: GivenFile | None, plan: Plan) -> tuple[Item, ...]:
    if file is None:
        return (Item(without, "", lambda progress: plan.make(None, progress)),)
    if file.values is None:
        return image_items(image_folder(file.path, channels=network.form.channels), network, plan.make)
    image = NamedImage(file.name, file.values)

    def made(progress: OnProgress) -> TechniqueResult:
        return plan.make(image, progress)

    return (Item(file.name, digest_of(image), made),)


def _given(file: GivenFile) -> GivenImage:
    return file.path if file.values is None else NamedImage(file.name, file.values)
