"""Where the looks of a film come from: the run of a monitor, or checkpoints that are looked at in turn."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from dreamfilters import backend
from dreamfilters.errors import ModelError, UsageError, printable
from dreamfilters.networks import Network
from dreamfilters.networks.fingerprint import as_numpy
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.storage.checksums import json_digest
from dreamfilters.runs.storage.records import model_values
from dreamfilters.runs.storage.stored_files import file_digest
from dreamfilters.training.history import Training
from dreamfilters.training.looker import Looker, Moment
from dreamfilters.training.store import KIND, TrainingStore, read_training

_SUFFIXES = (".keras", ".h5", ".hdf5")
_SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True, eq=False)
class StoredLooks:
    """The looks of a monitor's run folder."""

    folder: Path

    @cached_property
    def stored(self) -> Training:
        """The training so far."""
        return read_training(self.folder)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the looks."""
        manifest = KIND.read(self.folder)
        return {"looks": json_digest([] if manifest is None else sorted(manifest.files.items()))}

    @property
    def model(self) -> Mapping[str, Any]:
        """Name, spec and fingerprint of the network before its training."""
        manifest = KIND.read(self.folder)
        assert manifest is not None  # it was read
        return manifest.model

    @property
    def count(self) -> int:
        """The number of looks."""
        return len(self.stored.looks)

    def check(self) -> None:
        """Raise the error of a folder without a training."""
        _ = self.stored

    def training(self, folder: Path, progress: OnProgress | None) -> Training:
        """Return the training; nothing is written into the folder."""
        return self.stored


@dataclass(frozen=True, eq=False)
class CheckpointLooks:
    """Looks at the checkpoints of one architecture, in their order.

    Attributes:
        paths: of the checkpoints.
        opened: loads one of them, all with the same options.
        looker_of: makes the looker of the network of the first one.
    """

    paths: tuple[Path, ...]
    opened: Callable[[Path], Network]
    looker_of: Callable[[Network], Looker]

    @cached_property
    def looker(self) -> Looker:
        """The looker, whose network takes the weights of each checkpoint in turn."""
        return self.looker_of(self.opened(self.paths[0]))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What decides the looks."""
        digests = [_digest(path) for path in self.paths]
        return {**self.looker.settings, "checkpoints": digests, "versions": backend.versions()}

    @cached_property
    def model(self) -> Mapping[str, Any]:
        """Name, spec and fingerprint of the first checkpoint."""
        return model_values(self.looker.network, str(self.paths[0]))

    @property
    def count(self) -> int:
        """The number of looks."""
        return len(self.paths)

    def check(self) -> None:
        """Raise the error of the first checkpoint or of an argument."""
        _ = self.model

    def training(self, folder: Path, progress: OnProgress | None) -> Training:
        """Look at the checkpoints that are left, and return the training, which is stored in the folder.

        Raises:
            ModelError: a checkpoint cannot be opened, or has another architecture than the first one.
        """
        looker = self.looker
        store = TrainingStore(folder, self.settings, self.model)
        training = store.begin(looker.training, epoch=math.inf, force=True)
        for number in range(len(training.looks), len(self.paths)):
            training = self._looked(training, number)
            store.append(training)
            if progress is not None:
                progress(Progress(number + 1, len(self.paths), training.looks[-1].name))
        return training

    def _looked(self, training: Training, number: int) -> Training:
        """Return the training with the look at one checkpoint, which depends on nothing but the look before."""
        looker = self.looker
        if number == 0:
            self._take(0)
            looker.prepare()
        else:
            self._take(number - 1)
            looker.weigh()
            self._take(number)
            looker.restart(training.looks[-1].dreams, number)
        name = self._names[number]
        look = looker.look(Moment(float(number + 1), number + 1, name, {}))
        return replace(training, looks=(*training.looks, replace(look, seconds=0.0)))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """The stem of each file, or its path where two have one stem."""
        stems = [path.stem for path in self.paths]
        return tuple(stems) if len(set(stems)) == len(stems) else tuple(printable(str(path)) for path in self.paths)

    def _take(self, number: int) -> None:
        """Give the looker's network the weights of a checkpoint."""
        if self._taken == [number]:
            return
        path, own = self.paths[number], list(_weights(self.looker.network))
        other = list(_weights(self.opened(path)))
        for (layer, mine), (name, theirs) in zip(own, other, strict=False):
            if [one.shape for one in mine] != [one.shape for one in theirs]:
                shapes = [", ".join("x".join(map(str, one.shape)) for one in found) for found in (theirs, mine)]
                raise ModelError(
                    f"{printable(str(path))}: another architecture than {self.paths[0].name}: "
                    f"the weights of {name} are {shapes[0]}, those of {layer} {shapes[1]}"
                )
        if len(own) != len(other):
            raise ModelError(
                f"{printable(str(path))}: another architecture than {self.paths[0].name}: "
                f"{len(other)} layers with weights, not {len(own)}"
            )
        for (_, mine), (_, theirs) in zip(own, other, strict=True):
            for variable, value in zip(mine, theirs, strict=True):
                variable.assign(np.asarray(as_numpy(value)))
        self._taken[:] = [number]

    @cached_property
    def _taken(self) -> list[int]:
        """The number of the checkpoint whose weights the looker's network has."""
        return [0]


def _weights(network: Network) -> Iterator[tuple[str, Sequence[Any]]]:
    """Yield the name and the variables of each layer that has some, once."""
    seen: set[int] = set()
    for step in network.graph.steps:
        found = [weight for weight in getattr(step.operation, "weights", ()) if id(weight) not in seen]
        if found:
            seen.update(map(id, found))
            yield step.name, found


def _digest(path: Path) -> str:
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    return json_digest([file_digest(each.parent, each.name) for each in files])


def checkpoint_paths(words: Sequence[str]) -> tuple[Path, ...]:
    """Return the checkpoints that words name, naturally sorted: files, SavedModel folders, and folders of them.

    Raises:
        UsageError: a path is none, or there are fewer than two.
    """
    found: list[Path] = []
    for word in words:
        path = Path(word)
        if path.is_dir() and not (path / _SAVED_MODEL).exists():
            inside = [each for each in path.iterdir() if each.suffix in _SUFFIXES or (each / _SAVED_MODEL).exists()]
            if not inside:
                raise UsageError(f"{word}: neither a training nor a folder of checkpoints ({', '.join(_SUFFIXES)})")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise UsageError(f"{word}: no such file or folder; give the folder of a training, or checkpoints")
    paths = sorted(dict.fromkeys(found), key=lambda path: natural_key(path.as_posix()))
    if len(paths) < 2:
        raise UsageError(f"{words[0]}: one checkpoint; a film needs at least two, or the folder of a training")
    return tuple(paths)


def natural_key(text: str) -> tuple[tuple[int, str], ...]:
    """Return a key by which numbers in names sort by value.

    >>> sorted(["epoch10.keras", "epoch9.keras"], key=natural_key)
    ['epoch9.keras', 'epoch10.keras']
    """
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+|[0-9]", text.casefold())
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)
