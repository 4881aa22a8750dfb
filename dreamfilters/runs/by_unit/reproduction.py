"""Reproduction of a dream from the record inside its PNG, compared byte by byte."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters import backend, images
from dreamfilters.dreams import priors, recipe
from dreamfilters.dreams.priors import Prior
from dreamfilters.dreams.priors.learned_prior import LearnedPrior, from_arrays, is_learned
from dreamfilters.errors import ImageError, ModelError, OutputError
from dreamfilters.images.decoding import image_size
from dreamfilters.networks import Network, load
from dreamfilters.networks.preprocessing.form_origin import FormOrigin
from dreamfilters.progress import OnProgress
from dreamfilters.runs.by_unit.dream_run import DreamJob, run
from dreamfilters.runs.by_unit.dream_store import ATTACHMENTS, INPUTS, DreamEntry, read_start
from dreamfilters.runs.storage.array_files import read_npz
from dreamfilters.runs.storage.records import form_from, read_record, with_classes
from dreamfilters.runs.storage.stored_files import file_digest


@dataclass(frozen=True)
class Reproduction:
    """A reproduced dream.

    Attributes:
        entry: the new dream; its file exists only if a folder was given.
        same: whether the new file has the bytes of the old one.
        why: the most likely cause if it has not, one line; else "".
    """

    entry: DreamEntry
    same: bool
    why: str = ""


def job_of(image: Path, *, model: str | None = None, trust: bool = False, imports: Sequence[str] = ()) -> DreamJob:
    """Return the job that reproduces one dream.

    Args:
        image: the PNG of the dream.
        model: the argument of `load` for its network. Default: as stored in the PNG.
        trust, imports: the code that the model may run, as `load` takes them. They are not stored in the PNG.

    Raises:
        ImageError: the PNG stores no settings, or a file that it needs is missing.
        ModelError: the network cannot be loaded, or is another one.
    """
    record = read_record(image)
    try:
        spec = model or str(record["model"]["spec"])
        choices = {key: record["model"].get(key) for key in ("input", "output", "architecture")}
        held = _attachment(image, INPUTS, record["attachments"])
        inputs = None if held is None else read_npz(image.parent, INPUTS)
        network = load(spec, trust=trust, imports=imports, form=form_from(record["input"]), inputs=inputs, **choices)
        if network.fingerprint != record["model"]["fingerprint"]:
            raise ModelError(f"{spec}: is not the network of {image}: layers, weights or other inputs differ")
        return _job(image, record, network)
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # edited, or of another version
        raise ImageError(f"{image}: its stored settings are incomplete ({error!r})") from error
    except ModelError as error:
        moved = model is None and "no such file" in str(error)
        raise type(error)(f"{error}{' (if it has moved, give its location with --model)' if moved else ''}") from error


def _job(image: Path, record: Mapping[str, Any], network: Network) -> DreamJob:
    origin = FormOrigin("given", f"stored in {image.name}")
    network = replace(network, name=str(record["model"]["name"]), origin=origin)  # the file may have been renamed
    prior, start = (_attachment(image, name, record["attachments"]) for name in ATTACHMENTS)
    job = DreamJob(
        with_classes(network, record["classes"]),
        str(record["model"]["spec"]),
        (str(record["target"]),),
        recipe.from_values(record["recipe"], where=str(image)),
        seed=int(record["seed"]),
        frames=int(record["frames"]),
        prior=None if prior is None else _prior_of(prior),
        start=None if start is None else read_start(start, network.form.channels),
        batch=_batch(record.get("batch")) if backend.ONE_SHAPE else 1,
    )
    _check_canvas(image, job)
    return job


def _batch(stored: Any) -> int | None:
    """Return the batch size that decides the bytes of a dream besides its seed, see `backend.ONE_SHAPE`."""
    return None if stored is None else int(stored)


def _prior_of(path: Path) -> Prior | LearnedPrior:
    """Return the measured or learned prior of a file."""
    arrays = read_npz(path.parent, path.name)
    return from_arrays(arrays) if is_learned(arrays) else priors.read(path)


def _check_canvas(image: Path, job: DreamJob) -> None:
    """Raise a ValueError if the settings are not those of an image of this size: they could be of any size."""
    canvas, (height, width) = job.canvas, image_size(image)
    copies = 1 if canvas.channels in (1, 3) else canvas.channels  # see `channels_side_by_side`
    if job.start is None and (height, width) != (canvas.height, canvas.width * copies):
        raise ValueError(f"settings for {canvas.height}x{canvas.width} pixels, an image of {height}x{width}")


def reproduce(
    image: Path, job: DreamJob, folder: Path | None = None, *, progress: OnProgress | None = None
) -> Reproduction:
    """Reproduce a dream and compare the bytes; the new dream is kept if `folder` is given."""
    old = image.read_bytes()
    if folder is not None and folder.resolve() == image.resolve().parent:
        raise OutputError(f"{folder}: holds {image.name} itself; choose another folder")
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
    pixels = "the pixels are equal" if apart == 0 else f"pixels differ by up to {apart:.2g}"
    return f"{pixels}; {', '.join(changed) or 'another machine, or the file was edited'}"


def _attachment(image: Path, name: str, checksums: Mapping[str, str]) -> Path | None:
    """Return the attachment of this name beside the image, None if the dream has none."""
    if name not in checksums:
        return None
    path = image.parent / name
    if not path.is_file():
        raise ImageError(f"{image}: needs {name} beside it, the file that the dream was made with")
    if file_digest(image.parent, name) != checksums[name]:
        raise ImageError(f"{path}: is not the file that {image.name} was made with; restore that file")
    if path.suffix == ".npz":
        read_npz(image.parent, name)  # compares what its arrays claim with the file, before another reader reads it
    return path
