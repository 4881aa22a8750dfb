"""A run folder as an event file, as the command `summaries` writes it. A kind of run is one entry of `READERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from dreamfilters.errors import DamagedError, OutputError
from dreamfilters.runs import weights_run
from dreamfilters.runs.by_image import attribution_store, map_store, technique_store
from dreamfilters.runs.by_unit import atlas_run, audit_run, compare_run, dream_store
from dreamfilters.runs.over_images import (
    ablation_store,
    diff_run,
    embedding_store,
    evaluation_store,
    neighbor_store,
    scan_store,
)
from dreamfilters.runs.storage.manifest import MANIFEST, WORKS, Manifest, manifest_in
from dreamfilters.runs.storage.run_folder import RunKind
from dreamfilters.training import film_run, store
from dreamfilters.training.history import Training
from dreamfilters.training.summaries import kinds
from dreamfilters.training.summaries.stored_dreams import stored_atlas, stored_comparison, stored_dreams
from dreamfilters.training.summaries.stored_images import of_heatmaps, of_maps, of_technique
from dreamfilters.training.summaries.stored_weights import of_weights
from dreamfilters.training.summaries.summary import Summaries, event_content, write_new

Reader = Callable[[Path], Summaries]
Result = TypeVar("Result")
TRAININGS = (store.KIND.command, film_run.KIND.command)


def write_run_summaries(run: Path, folder: Path, *, step: int | None = None) -> Path:
    """Write the event file of a finished run into a folder, and return its path.

    The times in it are the time at which the run was finished, so that the same run gives the same bytes; an event file
    of these bytes that the folder already holds is kept.

    Args:
        run: the run folder of a command in `READERS`, of a training, or of a film of checkpoints.
        folder: that `tensorboard --logdir` is given; it may hold event files.
        step: of the result, by default 0. The looks of a training have their own steps.

    Raises:
        OutputError: TensorBoard shows nothing of such a run, it is not finished, or the folder cannot be written.
        DamagedError: a file of the run is damaged, or is not that of such a run.
    """
    manifest = manifest_in(run)
    if manifest.command not in (*READERS, *TRAININGS):
        raise OutputError(f"{run}: holds the results of `{manifest.command[:40]}`, which have no summaries; {WORKS}")
    is_training = manifest.command in TRAININGS
    if is_training and step is not None:
        raise OutputError(
            f"{run}: holds {_NOUNS[manifest.command]}, whose looks have their own steps; leave out --step"
        )
    try:
        seconds = (run / MANIFEST).stat().st_mtime
        if is_training:
            content = store.history_events(_training(run, manifest), seconds)
        else:
            content = event_content(READERS[manifest.command](run), step or 0, seconds)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DamagedError(f"{run}: is not {_NOUNS[manifest.command]} of this tool ({cause})") from error
    return write_new(folder, content)


def _training(run: Path, manifest: Manifest) -> Training:
    if manifest.command == store.KIND.command:
        return store.read_training(run)
    inside = f"{film_run.LOOKS}/{MANIFEST}"
    if inside not in film_run.KIND.read_finished(run).files:
        raise OutputError(f"{run}: is a film of a stored training; give the folder of that training")
    return store.read_training(run / film_run.LOOKS)


def _read_by(read: Callable[[Path], Result], summaries: Callable[[Result], Summaries]) -> Reader:
    """Return the reader of runs whose result is read whole."""
    return lambda run: summaries(read(run))


_READERS: Sequence[tuple[RunKind, Reader]] = (
    (dream_store.KIND, stored_dreams),
    (compare_run.KIND, stored_comparison),
    (atlas_run.KIND, stored_atlas),
    (scan_store.KIND, _read_by(scan_store.read_scan, kinds.of_scan)),
    (audit_run.KIND, _read_by(audit_run.read_audit, kinds.of_audit)),
    (evaluation_store.KIND, _read_by(evaluation_store.read_evaluation, kinds.of_evaluation)),
    (ablation_store.KIND, _read_by(ablation_store.read_ablation, kinds.of_ablation)),
    (embedding_store.KIND, _read_by(embedding_store.read_embedding, kinds.of_embedding)),
    (neighbor_store.KIND, _read_by(neighbor_store.read_neighbors, kinds.of_neighbors)),
    (diff_run.KIND, _read_by(diff_run.read_diff, kinds.of_diff)),
    (attribution_store.KIND, of_heatmaps),
    (map_store.KIND, of_maps),
    (weights_run.KIND, of_weights),
    *((technique_store.kind_of(name), partial(of_technique, command=name)) for name in technique_store.NOUNS),
)
READERS: Mapping[str, Reader] = {kind.command: reader for kind, reader in _READERS}
_NOUNS = {kind.command: kind.noun for kind in (*(kind for kind, _ in _READERS), store.KIND, film_run.KIND)}
