"""An image is made again from what it says of itself, and compared byte by byte."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters import backend, images
from dreamfilters.dreams import priors, recipe
from dreamfilters.dreams.priors import Prior
from dreamfilters.errors import ImageError, ModelError, OutputError
from dreamfilters.networks import load
from dreamfilters.progress import OnProgress
from dreamfilters.runs.dream_run import DreamJob, run
from dreamfilters.runs.dream_store import DreamEntry
from dreamfilters.runs.storage.atomic_files import sha256
from dreamfilters.runs.storage.records import form_from, read_record, with_classes


@dataclass(frozen=True)
class Reproduction:
    """What came of making an image again.

    Attributes:
        entry: the new image; its file is gone if no folder was given.
        same: whether its bytes are those of the old one.
        why: one line on the most likely cause if they are not, or ''.
    """

    entry: DreamEntry
    same: bool
    why: str = ""


def job_of(image: Path, *, model: str | None = None, trust: bool = False) -> DreamJob:
    """Return the job that made an image, of this image only.

    `model` is where the network lies now, if that has changed.

    Raises:
        ImageError: it does not tell how it was made, or a file that it needs is gone.
        ModelError: the network is not there, or not the same.
    """
    record = read_record(image)
    try:
        return _job(image, record, model or str(record["model"]["spec"]), trust)
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # the text was changed, or is of another version
        raise ImageError(f"{image}: what it tells of its making is incomplete ({error!r})") from error
    except ModelError as error:
        raise type(error)(f"{error}{'' if model else ' (or say with --model where it lies now)'}") from error


def _job(image: Path, record: Mapping[str, Any], spec: str, trust: bool) -> DreamJob:
    choices = {key: record["model"].get(key) for key in ("input", "output", "architecture")}
    network = load(spec, trust=trust, form=form_from(record["input"]), **choices)
    if network.fingerprint != record["model"]["fingerprint"]:
        raise ModelError(f"{spec}: is not the network that made {image}: its layers or weights differ")
    network = replace(network, name=str(record["model"]["name"]))  # it may lie in a file of another name now
    return DreamJob(
        with_classes(network, record["classes"]),
        str(record["model"]["spec"]),
        (str(record["target"]),),
        recipe.from_values(record["recipe"], where=str(image)),
        seed=int(record["seed"]),
        frames=int(record["frames"]),
        prior=_prior_beside(image, record["attachments"]),
        start=_start_beside(image, record["attachments"], network.form.image_channels),
        batch=1,
    )


def reproduce(
    image: Path, job: DreamJob, folder: Path | None = None, *, progress: OnProgress | None = None
) -> Reproduction:
    """Run the image's job, in `folder` if the result is to be kept, and compare."""
    old = image.read_bytes()
    if folder is not None and folder.resolve() == image.resolve().parent:
        raise OutputError(f"{folder}: is the image's own folder; choose another one")
    with tempfile.TemporaryDirectory() as passing:
        entry = run(job, folder or Path(passing) / "again", progress=progress).value[0]
        same = entry.image.read_bytes() == old
        return Reproduction(entry, same, "" if same else _cause(read_record(image), entry, image))


def _cause(old: Mapping[str, Any], new: DreamEntry, image: Path) -> str:
    was, now = old.get("versions", {}), backend.versions()
    changed = [
        f"{name} {was.get(name)} then and {version} now" for name, version in now.items() if was.get(name) != version
    ]
    apart = float(np.max(np.abs(images.read_image(image) - images.read_image(new.image)), initial=0.0))
    pixels = "the pixels are the same" if apart == 0 else f"pixels differ by up to {apart:.2g}"
    return f"{pixels}; {', '.join(changed) or 'another machine, or the file was changed'}"


def _attachment(image: Path, name: str, checksums: Mapping[str, str]) -> Path | None:
    """Return the file beside the image that it needs, if it needs one of this name."""
    if name not in checksums:
        return None
    path = image.parent / name
    if not path.is_file():
        raise ImageError(f"{image}: was made with {name}, which must lie beside it")
    if sha256(path.read_bytes()) != checksums[name]:
        raise ImageError(f"{path}: is not the file that {image.name} was made with; put that one beside it")
    return path


def _prior_beside(image: Path, checksums: Mapping[str, str]) -> Prior | None:
    path = _attachment(image, "prior.npz", checksums)
    return None if path is None else priors.read(path)


def _start_beside(image: Path, checksums: Mapping[str, str], channels: int) -> np.ndarray | None:
    path = _attachment(image, "start.png", checksums)
    return None if path is None else images.read_image(path, channels=channels)
