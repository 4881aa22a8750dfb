"""The run of `film`: the looks of a training as an animation, a strip, tables and one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from dreamfilters.errors import RecipeError
from dreamfilters.images.encoding import gif_bytes, webp_bytes
from dreamfilters.images.panels import png_of
from dreamfilters.progress import OnProgress
from dreamfilters.report.page_code import page_code
from dreamfilters.report.tables import csv_bytes
from dreamfilters.runs.storage.checksums import manifests_inside
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder, RunKind, entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.training import store
from dreamfilters.training.film_images import frames, spread, strip, verdict_panel
from dreamfilters.training.film_page import PAGE, film_page
from dreamfilters.training.film_sources import CheckpointLooks, StoredLooks
from dreamfilters.training.findings import training_events
from dreamfilters.training.history import Training, first_look
from dreamfilters.verdicts.verdict import KINDS

Animation: TypeAlias = Literal["webp", "gif"]
ANIMATIONS: Mapping[Animation, Any] = {"webp": webp_bytes, "gif": gif_bytes}

HISTORY, UNITS, EVENTS, STRIP, VERDICTS = "history.csv", "units.csv", "events.csv", "strip.png", "verdicts.png"
LOOKS = "looks-of-checkpoints"  # subfolder
_MOST_FRAMES = 120
_SECONDS = 0.4  # of a frame; at most `_LONGEST` together
_LONGEST = 12.0


@dataclass(frozen=True, eq=False)
class FilmJob:
    """A film to make.

    Attributes:
        source: of the looks.
        between: names of the two looks that are compared; default: the first and the last one.
        animation: "webp" or "gif".
    """

    source: StoredLooks | CheckpointLooks
    between: tuple[str, str] | None = None
    animation: Animation = "webp"

    @property
    def model(self) -> Mapping[str, Any]:
        """Name, spec and fingerprint of the network."""
        return self.source.model

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the files."""
        between = None if self.between is None else list(self.between)
        return {**self.source.settings, "between": between, "animation": self.animation, "pages": page_code()}

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        if self.animation not in ANIMATIONS:
            raise RecipeError(f"animation={self.animation!r}: one of {', '.join(ANIMATIONS)}")
        self.source.check()
        if isinstance(self.source, StoredLooks):
            self.places(self.source.stored)

    def places(self, training: Training) -> tuple[int, int]:
        """Return the positions of the two looks that are compared.

        Raises:
            UnknownNameError: there is no look of this name.
        """
        if self.between is None:
            return 0, len(training.looks) - 1
        first, second = (first_look(training.looks, name) for name in self.between)
        return first, second


def run(
    job: FilmJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[Training | None]:
    """Write the film into a folder and return the training, None if it was interrupted.

    Looks at checkpoints are stored one by one. Ctrl-C keeps them; the same call goes on, and ends with the same bytes.

    Args:
        job: what to film.
        folder: new, empty, or of an earlier run.
        force: replace another film in the folder; other files stay.
        progress: called after each checkpoint.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        ModelError: a checkpoint cannot be opened, or has another architecture than the first one.
        UnknownNameError: there is no look of a name in `between`.
    """
    job.check()
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        kept = claimed.is_whole()
        try:
            training = job.source.training(folder / LOOKS, progress)
            if not kept:
                _make(job, claimed, training)
        except KeyboardInterrupt:
            return RunResult(folder, None, 0, job.source.count, stopped=True)
        count = len(training.looks)
        return RunResult(folder, training, count, count, kept=kept, images=(STRIP, VERDICTS))


def _make(job: FilmJob, claimed: RunFolder, training: Training) -> None:
    """Write every file, the manifest last."""
    animation, events, listed = f"film.{job.animation}", training_events(training), dict(_LISTED)
    contents = {
        HISTORY: csv_bytes(training.rows()),
        UNITS: csv_bytes(unit_rows(training, job.places(training))),
        EVENTS: csv_bytes(
            [
                {"epoch": one.epoch, "kind": one.kind, "layer": one.layer, "units": " ".join(map(str, one.units)),
                 "sentence": one.sentence}
                for one in events
            ]
        ),
        VERDICTS: png_of(verdict_panel(training)),
    }  # fmt: skip
    if training.targets:
        shown = [training.looks[place] for place in spread(len(training.looks), _MOST_FRAMES)]
        seconds = min(_SECONDS, _LONGEST / len(shown))
        contents[STRIP] = png_of(strip(training))
        contents[animation] = ANIMATIONS[job.animation](frames(training, shown), seconds_per_frame=seconds)
        listed = {animation: "the dreams as an animation", STRIP: "the dreams side by side", **listed}
    contents[PAGE] = film_page(training, job.places(training), {**listed, MANIFEST: "settings"})
    files = {name: claimed.write(name, content) for name, content in contents.items()}
    files |= manifests_inside(claimed.path, [LOOKS])
    claimed.save_manifest(files, {"looks": [look.name for look in training.looks], "events": len(events)})


_LISTED = {
    VERDICTS: "the verdicts of every unit over time",
    HISTORY: "the numbers of each look",
    UNITS: "every unit: its verdicts, and how far its responses changed",
    EVENTS: "what happened",
}


def unit_rows(training: Training, between: tuple[int, int]) -> list[dict[str, Any]]:
    """Return a row for each unit: verdicts and means at two looks, their correlation, and its last response."""
    first, second = (training.looks[place] for place in between)
    found = training.correlations(first, second)
    rows = []
    for index, (layer, unit) in enumerate(training.units):
        responding = [look.name for look in training.looks if look.responding[index]]
        rows.append(
            {
                "layer": layer,
                "unit": unit,
                "first_verdict": KINDS[first.verdicts[index]],
                "second_verdict": KINDS[second.verdicts[index]],
                "first_mean": float(first.statistics.mean[index]),
                "second_mean": float(second.statistics.mean[index]),
                "correlation": float(found[index]),
                "looks_with_a_response": len(responding),
                "last_response": responding[-1] if responding else "",
            }
        )
    return rows


def _written(folder: Path, manifest: Manifest) -> Sequence[str]:
    names = [HISTORY, UNITS, EVENTS, STRIP, VERDICTS, PAGE, *(f"film.{kind}" for kind in ANIMATIONS)]
    return [*store.KIND.files_below(folder, LOOKS), *names]


KIND = RunKind("film", "a film", _written)
