"""The run of every technique that starts from given images: a result for each image or unit, resumable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from dreamfilters import backend
from dreamfilters.errors import DreamfiltersError, ImageError
from dreamfilters.images import ImageFolder
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.report.pages.technique_page import PageResult, technique_page
from dreamfilters.runs.by_image.technique_store import STRIP, StoredResult, TechniqueStore, kind_of
from dreamfilters.runs.storage.checksums import sha256
from dreamfilters.runs.storage.json_files import as_json
from dreamfilters.runs.storage.manifest import MANIFEST
from dreamfilters.runs.storage.records import model_values
from dreamfilters.runs.storage.run_folder import RunKind, entered
from dreamfilters.runs.storage.run_images import RunImages
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain
from dreamfilters.techniques.strip import TechniqueResult

Make: TypeAlias = Callable[[OnProgress], TechniqueResult]


@dataclass(frozen=True, eq=False)
class Item:
    """One result of a run.

    Attributes:
        name: of the image or unit.
        digest: SHA-256 of what it is made of.
        make: makes the result, and reports which share of it is done.
    """

    name: str
    digest: str
    make: Make


@dataclass(frozen=True, eq=False)
class TechniqueJob:
    """The results of a run of one technique.

    Attributes:
        command: "fool", "invert", "texture", "style", "facets", "segment" or "unit".
        network: the network.
        options: the settings of the technique, which decide the bytes of the files.
        items: what is made.
        spec: the argument of `load` that loads the network again.
    """

    command: str
    network: Network
    options: Mapping[str, Any]
    items: Sequence[Item]
    spec: str = ""

    @property
    def kind(self) -> RunKind:
        """The kind of the run."""
        return kind_of(self.command)

    @cached_property
    def model(self) -> dict[str, Any]:
        """Name, spec and fingerprint of the network."""
        return model_values(self.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the files."""
        return {
            "model": {"name": self.network.name, "fingerprint": self.model["fingerprint"]},
            "input": plain(self.network.form),
            "classes": list(self.network.classes),
            "options": plain(self.options),
            "versions": backend.versions(),
            "images": {item.name: item.digest for item in self.items},
        }


def image_items(
    images: ImageFolder, network: Network, make: Callable[[Path, OnProgress], TechniqueResult]
) -> tuple[Item, ...]:
    """Return an item for each image of a folder."""

    def made(path: Path) -> Make:
        return lambda progress: make(path, progress)

    digests = RunImages(images, network.form).digests
    rows = zip(images.names, images.paths, digests, strict=True)
    return tuple(Item(name, digest, made(path)) for name, path, digest in rows)


def target_items(
    targets: Sequence[str],
    images: ImageFolder,
    network: Network,
    make: Callable[[str, ImageFolder, OnProgress], TechniqueResult],
) -> tuple[Item, ...]:
    """Return an item for each target, which is made of all images of a folder."""

    def made(target: str) -> Make:
        return lambda progress: make(target, images, progress)

    digest = sha256(as_json(RunImages(images, network.form).as_values()).encode())
    return tuple(Item(target, digest, made(target)) for target in targets)


def run(
    job: TechniqueJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[tuple[StoredResult, ...]]:
    """Write the results of a job into a folder, and return those that are finished.

    Each item gets a folder with `strip.png`, which shows the result at a glance, its images, `frames.gif` if frames
    were recorded, and `result.json` with the numbers. Items that an earlier run with equal settings finished are kept.
    Ctrl-C ends the run early; the same call resumes it, and the files have the same bytes. An image of which no result
    can be made is a failure with its reason.

    Raises:
        OutputError: the folder holds other files or cannot be written.
        ImageError: no result can be made.
        DreamfiltersError: the error of the technique for its first item.
    """
    finished: list[StoredResult] = []
    failures: dict[str, str] = {}
    kept, stopped = True, False
    with entered(folder, job.kind, job.settings, job.model, force=force) as claimed:
        store = TechniqueStore(claimed)
        try:
            for number, item in enumerate(job.items):
                stored = store.finished(item.name, item.digest)
                if stored is None:
                    kept = False
                    try:
                        stored = store.write(item.name, item.digest, item.make(_share(progress, job, number)))
                    except ImageError as error:
                        failures[item.name] = str(error)
                        continue
                finished.append(stored)
                _report(progress, Progress(number + 1, len(job.items), item.name))
        except KeyboardInterrupt:
            stopped = True
        except DreamfiltersError:
            if not finished:
                store.clear()
            raise
        if not finished and failures and not stopped:
            store.clear()
            name, reason = next(iter(failures.items()))
            several = f"none of {len(failures)} images can be used; {name}: {reason}"
            raise ImageError(reason if len(failures) == 1 else several)
        if not stopped:
            store.close(finished, _page(job, finished, failures), failures)
    done = {stored.name for stored in finished} | failures.keys()
    missing = tuple(item.name for item in job.items if item.name not in done)
    strips = tuple(stored.strip.relative_to(folder).as_posix() for stored in finished)
    return RunResult(
        folder, tuple(finished), len(done), len(job.items), tuple(failures.items()), missing, stopped, kept, strips
    )


def _report(progress: OnProgress | None, now: Progress) -> None:
    if progress is not None:
        progress(now)


def _share(progress: OnProgress | None, job: TechniqueJob, number: int) -> OnProgress:
    """Return the callback for the progress of one item."""
    name, total = job.items[number].name, len(job.items)
    return lambda part: _report(progress, Progress(number + part.share, total, name, part.images))


def _page(job: TechniqueJob, stored: Sequence[StoredResult], failures: Mapping[str, str]) -> bytes:
    return technique_page(
        job.command,
        network=job.network.name,
        results=[PageResult(one.name, one.text, f"{one.folder.name}/{STRIP}", one.folder.name) for one in stored],
        options=job.options,
        files={MANIFEST: "settings and results"},
        failures=tuple(failures.items()),
    )
