"""The files of a training: one for each look, which is never written again, a table, and the manifest.

Reading a stored training does not import TensorFlow.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.evidence.unit_statistics import UnitStatistics
from dreamfilters.report.tables import csv_bytes
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.checksums import damage_of
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunKind, entered
from dreamfilters.serialization import plain, typed
from dreamfilters.training.history import Look, Training, WatchedLayer
from dreamfilters.training.summaries.event_files import event_file
from dreamfilters.verdicts.verdict import KINDS

TABLE, LOOKS, EVENTS = "history.csv", "looks", "tensorboard"
_STATISTICS = tuple(part.name for part in fields(UnitStatistics))
_ARRAYS = ("responses", "verdicts", "changes", "predicted", "dreams", "scores")


def _written(folder: Path, manifest: Manifest) -> list[str]:
    following = _count(manifest)  # a killed process may have written it without the manifest
    return [*(name for name in manifest.files if name != TABLE), _look_name(following), _event_name(following), TABLE]


def _count(manifest: Manifest) -> int:
    return sum(name.startswith(f"{LOOKS}/") for name in manifest.files)


def _look_name(number: int) -> str:
    return f"{LOOKS}/{number:05}.npz"


def _event_name(number: int) -> str:
    return f"{EVENTS}/events.out.tfevents.{number:010}"  # TensorBoard reads the files of a folder in this order


KIND = RunKind("training", "a training", _written)


@dataclass(frozen=True)
class LookFacts:
    """What the manifest says of a look."""

    epoch: float
    step: int
    name: str
    logs: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, eq=False)
class TrainingStore:
    """The folder of a training, which is claimed for each look, so that an end of the process leaves nothing open.

    Attributes:
        folder: the run folder.
        settings: what decides the looks.
        model: name, spec and fingerprint of the network before its training.
        summaries: whether to write an event file for each look.
    """

    folder: Path
    settings: Mapping[str, Any]
    model: Mapping[str, str]
    summaries: bool = False

    def begin(self, training: Training, *, epoch: float, force: bool) -> Training:
        """Claim the folder and return the training with the looks that an earlier `fit` left there.

        Raises:
            OutputError: it holds another run or a later epoch of this one, and `force` is not given, or other files.
        """
        with entered(self.folder, KIND, self.settings, self.model, force=force) as run:
            if not run.manifest.files:
                return training
            earlier = read_training(self.folder)
            if earlier.looks[-1].epoch <= epoch:
                return replace(training, looks=earlier.looks)
            if not force:
                raise OutputError(
                    f"{self.folder}: holds a training up to {earlier.looks[-1].name}; give another folder, force=True "
                    "to replace it, or initial_epoch to go on with it"
                )
            names = KIND.files_in(self.folder)
            run.save_manifest({})
            run.remove(name for name in names if name != MANIFEST)
        return training

    def append(self, training: Training) -> None:
        """Write the last look of a training, its event file, the table, and last the manifest."""
        with entered(self.folder, KIND, self.settings, self.model, force=False) as run:
            look, number = training.looks[-1], len(training.looks) - 1
            files = dict(run.manifest.files)
            files[_look_name(number)] = run.write(_look_name(number), npz_bytes(_arrays(look)))
            if self.summaries:
                files[_event_name(number)] = run.write(_event_name(number), summaries(training, look, time.time()))
            files[TABLE] = run.write(TABLE, csv_bytes(training.rows()))
            run.save_manifest(files, _results(training))


def history_events(training: Training, seconds: float) -> bytes:
    """Return one event file of all looks, see `summaries`."""
    return b"".join(summaries(training, look, seconds, begins=not number) for number, look in enumerate(training.looks))


def summaries(training: Training, look: Look, seconds: float, *, begins: bool = True) -> bytes:
    """Return the event file of a look: its numbers, its dreams, and the distribution of the units' means by layer."""
    means = {f"mean response/{name}": look.statistics.mean[units] for name, units in training.slices.items()}
    dreams = {
        f"dreams/{target}": image / np.float32(255)
        for target, image in zip(training.targets, look.dreams, strict=True)
        if image.shape[-1] <= 4
    }
    scalars = training.scalars(look)
    return event_file(look.step, seconds, scalars=scalars, images=dreams, histograms=means, begins=begins)


def read_training(folder: Path | str) -> Training:
    """Return a stored training with the looks so far, without importing TensorFlow.

    Raises:
        OutputError: the folder holds no training, or none with a look.
        DamagedError: its files are damaged, or are not those of a training.

    Example:
        >>> read_training("outputs/training").counts(read_training("outputs/training").looks[-1], "conv1")["alive"]
        8
    """
    folder = Path(folder)
    manifest = KIND.read(folder)
    if manifest is None:
        other = Manifest.read(folder)
        held = "no training" if other is None else f"the results of `{other.command}`, no training"
        raise OutputError(f"{folder}: holds {held}; make one with TrainingMonitor(images, out={str(folder)!r})")
    if not manifest.files:
        raise OutputError(f"{folder}: the training has no look yet")
    if damage := damage_of(folder, manifest.files):
        raise DamagedError(damage)
    try:
        return _training(folder, manifest)
    except (ValueError, KeyError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DamagedError(f"{folder}: is not a training of this tool ({cause})") from error


def _results(training: Training) -> dict[str, Any]:
    names = ("layers", "weighted", "targets", "classes", "names", "truth")
    looks = [{part.name: plain(getattr(look, part.name)) for part in fields(LookFacts)} for look in training.looks]
    return {**{name: plain(getattr(training, name)) for name in names}, "looks": looks}


def _arrays(look: Look) -> dict[str, NDArray[Any]]:
    statistics = {f"statistics/{name}": getattr(look.statistics, name) for name in _STATISTICS}
    return dict(sorted({**statistics, **{name: getattr(look, name) for name in _ARRAYS}}.items()))


def _training(folder: Path, manifest: Manifest) -> Training:
    """Return the training of a manifest and its files; a ValueError or KeyError says what does not fit."""
    results = typed(Mapping[str, Any], manifest.results, "results")
    texts = {key: typed(tuple[str, ...], results[key], key) for key in ("weighted", "targets", "classes", "names")}
    truth = np.array(typed(tuple[int, ...], results["truth"], "truth"), np.int32)
    if truth.shape != (len(texts["names"]),) or truth.max(initial=-1) >= max(1, len(texts["classes"])):
        raise ValueError("truth does not name a class of each image")
    training = Training(
        network=typed(str, manifest.model["name"], "model.name"),
        layers=typed(tuple[WatchedLayer, ...], results["layers"], "layers"),
        truth=truth,
        looks=(),
        **texts,
    )
    facts = typed(tuple[LookFacts, ...], results["looks"], "looks")
    if len(facts) != _count(manifest) or any(_look_name(number) not in manifest.files for number in range(len(facts))):
        raise ValueError(f"{len(facts)} looks have {_count(manifest)} files")
    looks = [_look(training, one, read_npz(folder, _look_name(number))) for number, one in enumerate(facts)]
    return replace(training, looks=tuple(looks))


def _look(training: Training, facts: LookFacts, arrays: Mapping[str, NDArray[Any]]) -> Look:
    units, images, targets = len(training.units), len(training.names), len(training.targets)
    shapes = {
        **{f"statistics/{name}": (units,) for name in _STATISTICS},
        "responses": (images, units), "verdicts": (units,), "changes": (len(training.weighted),),
        "predicted": (images,), "scores": (targets,),
    }  # fmt: skip
    kinds = {"responses": np.float16, "verdicts": np.uint8, "predicted": np.int32, "statistics/silent": np.int32}
    for name, shape in shapes.items():
        if arrays[name].shape != shape or arrays[name].dtype != kinds.get(name, np.float32):
            raise ValueError(f"{name} of {facts.name[:40]!r} has another shape or type than that of a look")
    dreams = arrays["dreams"]
    if dreams.ndim != 4 or len(dreams) != targets or dreams.dtype != np.uint8 or 0 in dreams.shape[1:]:
        raise ValueError(f"the dreams of {facts.name[:40]!r} are not those of {targets} targets")
    if arrays["verdicts"].max(initial=0) >= len(KINDS):
        raise ValueError(f"the verdicts of {facts.name[:40]!r} are none")
    if (
        not -1
        <= arrays["predicted"].min(initial=0)
        <= arrays["predicted"].max(initial=-1)
        < max(1, len(training.classes))
    ):
        raise ValueError(f"{facts.name[:40]!r} predicts classes that the network does not have")
    statistics = UnitStatistics(**{name: arrays[f"statistics/{name}"] for name in _STATISTICS})
    values = {part.name: getattr(facts, part.name) for part in fields(LookFacts)}
    return Look(**values, statistics=statistics, **dict[str, Any]((name, arrays[name]) for name in _ARRAYS))
