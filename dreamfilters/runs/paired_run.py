"""Dreams and real images on disk, ready to be held against each other: a scan, and a run of dreams for each seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters import backend
from dreamfilters.comparison.compare import check_other
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.units import ComparedUnit, units_of
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import RecipeError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.scan.scan_job import TOP_K, ScanJob
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import Network
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs import dream_run, scan_run
from dreamfilters.runs.dream_store import DreamEntry
from dreamfilters.runs.storage.manifest import as_json
from dreamfilters.runs.storage.records import dream_of, form_values, model_values

SCAN, DREAMS = "scan", "dreams"  # folders


@dataclass(frozen=True, eq=False)
class CompareJob:
    """What is held against what; see `comparing.compare` for the settings.

    Attributes:
        spec: what `load` was given for the network.
        against_spec: and for the other one.
        also: further layers that are scanned.
    """

    network: Network
    spec: str
    targets: tuple[str, ...]
    images: ImageFolder
    recipe: Recipe
    seed: int = 0
    seeds: int = 3
    top: int = 4
    against: Network | None = None
    against_spec: str = ""
    user_image: tuple[str, Floats] | None = None
    also: tuple[str, ...] = ()

    @cached_property
    def subjects(self) -> tuple[ComparedUnit, ...]:
        """The units, each once."""
        return units_of(self.network, self.targets, self.recipe)[1]

    @cached_property
    def survey(self) -> ScanJob:
        """How the images are looked at: for the layers in question."""
        layers = tuple(dict.fromkeys([*(subject.layer for subject in self.subjects), *self.also]))
        source = source_of(self.images)
        return ScanJob(self.network, source, layers, k=max(self.top, min(TOP_K, len(source.names))))

    @property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        return model_values(self.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes of the report."""
        source, other = self.survey.source, self.against
        labels = json.dumps(list(source.labels)).encode()
        values = {
            "model": {"spec": self.spec, "name": self.network.name, "fingerprint": self.network.fingerprint},
            "input": form_values(self.network.form),
            "classes": list(self.network.classes),
            "against": other and {"spec": self.against_spec, "name": other.name, "fingerprint": other.fingerprint},
            "against_input": other and form_values(other.form),
            "against_classes": other and list(other.classes),
            "targets": list(self.targets),
            "recipe": self.recipe.as_values(),
            "seed": self.seed,
            "seeds": self.seeds,
            "top": self.top,
            "images": source.digest,
            "labels": hashlib.sha256(labels).hexdigest(),
            "user_image": self.user_image and [self.user_image[0], _digest(self.user_image[1])],
            "versions": backend.versions(),
        }
        plain: dict[str, Any] = json.loads(as_json(values))
        return plain

    def check(self) -> None:
        """Raise what would stop the comparison, before anything is written."""
        for name, count in (("seeds", self.seeds), ("top", self.top)):
            if count < 1:
                raise RecipeError(f"{name}={count}: at least 1")
        if self.against is not None:
            check_other(self.network, self.subjects, self.against)
        self.job(self.seed, self.targets).check()
        assert self.survey.size  # the first image that can be read was read

    def job(self, seed: int, targets: Sequence[str]) -> dream_run.DreamJob:
        """Return the run of dreams of one seed."""
        return dream_run.DreamJob(self.network, self.spec, tuple(targets), self.recipe, seed)

    def look(self, folder: Path, progress: OnProgress | None = None) -> ReferenceSet:
        """Return what the images do to the units; the scan is stored in the folder, and made if it is not there.

        Raises:
            KeyboardInterrupt: it was stopped; what is done is kept.
        """
        stored = scan_run.run(scan_run.StoredScanJob(self.survey, self.spec), folder, force=True, progress=progress)
        if stored.value is None:
            raise KeyboardInterrupt
        fitted = self.survey.source.fitted(self.survey.size, self.network.form)
        return ReferenceSet(self.network, fitted, stored.value, self.seed)

    def dream(self, folder: Path, progress: OnProgress | None = None) -> StoredDreams:
        """Return the dreams of every seed, each kept in a folder of its own; what is missing is dreamt.

        A unit that the first seed did not wake is not dreamt again: the ladder of rescues has tried another one.

        Raises:
            KeyboardInterrupt: it was stopped; what is done is kept.
        """
        found: dict[str, tuple[DreamEntry, ...]] = {}
        total = self.seeds * len(self.subjects)
        for number in range(self.seeds):
            names = (
                [name for name, entries in found.items() if entries[0].record["activated"]] if found else self.targets
            )
            if not names:
                break

            def on_progress(part: Progress, before: int = number * len(self.subjects)) -> None:
                if progress is not None:
                    progress(Progress(before + part.done, total, part.note))

            seed = self.seed + number
            finished = dream_run.run(self.job(seed, names), folder / f"seed-{seed}", force=True, progress=on_progress)
            if finished.stopped:
                raise KeyboardInterrupt
            for entry in finished.value:
                name = entry.record["target"]
                found[name] = (*found.get(name, ()), entry)
        return StoredDreams(self.network.form.image_channels, self.recipe, found)


@dataclass(frozen=True, eq=False)
class StoredDreams(Mapping[str, tuple[Dream, ...]]):
    """Dreams on disk by their target, one a seed; an image is read when it is asked for, all would fill the memory."""

    channels: int
    recipe: Recipe
    entries: Mapping[str, tuple[DreamEntry, ...]] = field(repr=False)

    def __getitem__(self, name: str) -> tuple[Dream, ...]:
        return tuple(dream_of(entry.record, entry.read(self.channels), self.recipe) for entry in self.entries[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def _digest(image: Floats) -> str:
    values = np.ascontiguousarray(image, np.float32)
    return hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()
