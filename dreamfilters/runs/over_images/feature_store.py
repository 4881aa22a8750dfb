"""The features of a run: rows and thumbnails as arrays, names and labels in the manifest, and an unfinished pass.

Reading stored features does not import TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import DamagedError
from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.storage.array_files import npz_bytes, read_npz
from dreamfilters.runs.storage.manifest import MANIFEST, Manifest
from dreamfilters.runs.storage.run_folder import RunFolder
from dreamfilters.runs.storage.unfinished import UnfinishedState, read_state, write_state
from dreamfilters.serialization import typed

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.embedding.feature_job import FeatureJob, FeatureState

FEATURES = "features.npz"


def features_of(
    job: FeatureJob, run: RunFolder, save_every: float, progress: OnProgress | None
) -> tuple[ImageFeatures | None, int]:
    """Return the features of a job and how many images are done; None if Ctrl-C stopped it.

    The state is saved now and then, at Ctrl-C and at the end, so that the same run resumes it.
    """
    state = _read_state(run, job.start())
    try:
        for done, name in _saving(job, run, state, save_every):
            if progress is not None:
                progress(Progress(done, len(job.source.names), name))
    except KeyboardInterrupt:
        _save_state(run, state)
        return None, state.done
    return job.result(state), state.done


def _saving(job: FeatureJob, run: RunFolder, state: FeatureState, save_every: float) -> Iterator[tuple[int, str]]:
    saved, before = monotonic(), state.done
    for name in job.advance(state):
        if monotonic() - saved >= save_every:
            _save_state(run, state)
            saved = monotonic()
        yield state.done, name
    if state.done > before:
        _save_state(run, state)  # what follows may take long


def _save_state(run: RunFolder, state: FeatureState) -> None:
    failures = {index: reason for index, reason in state.failures.items() if index < state.done}
    write_state(run, UnfinishedState(state.done, failures, {"rows": state.rows, "thumbnails": state.thumbnails}))


def _read_state(run: RunFolder, first: FeatureState) -> FeatureState:
    """Return the state that an earlier run with equal settings saved, or `first`, the state before any image."""
    stored = read_state(run)
    if stored is None or not 0 <= stored.done <= len(first.rows):
        return first
    wanted: dict[str, NDArray[Any]] = {"rows": first.rows, "thumbnails": first.thumbnails}
    arrays = {name: stored.arrays[name] for name in wanted if name in stored.arrays}
    if {name: (each.shape, each.dtype) for name, each in arrays.items()} != {
        name: (each.shape, each.dtype) for name, each in wanted.items()
    }:
        return first
    if not all(0 <= index < stored.done for index in stored.failures):
        return first
    return replace(first, done=stored.done, failures=dict(stored.failures), **arrays)


def feature_bytes(features: ImageFeatures) -> bytes:
    """Return the file of rows and thumbnails."""
    return npz_bytes({"rows": features.rows, "thumbnails": features.thumbnails}, np.savez)


def feature_values(features: ImageFeatures) -> dict[str, Any]:
    """Return what the manifest holds about features, without their failures."""
    return {
        "layer": features.layer,
        "pooled": features.pooled,
        "size": features.size,
        "names": features.names,
        "labels": features.labels,
        "remark": features.remark,
    }


def stored_features(folder: Path, manifest: Manifest, values: Any) -> ImageFeatures:
    """Return the features of a finished run; `values` are those of `feature_values`.

    Raises:
        DamagedError: the files are damaged, or are not those of features.
    """
    if FEATURES not in manifest.files:
        raise DamagedError(f"{folder / MANIFEST}: does not name {FEATURES}")
    arrays = read_npz(folder, FEATURES)
    try:
        return _features(manifest, typed(Mapping[str, Any], values, "features"), arrays)
    except (ValueError, KeyError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise DamagedError(f"{folder}: holds no features of this tool ({cause})") from error


def _features(manifest: Manifest, values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> ImageFeatures:
    names, labels = (typed(tuple[str, ...], values[key], key) for key in ("names", "labels"))
    rows, thumbnails = arrays["rows"], arrays["thumbnails"]
    if rows.dtype != np.float32 or rows.ndim != 2 or len(rows) != len(names) or not rows.size:
        raise ValueError(f"rows are {rows.dtype} {rows.shape}, not those of {len(names)} images")
    if thumbnails.dtype != np.uint8 or thumbnails.ndim != 4 or len(thumbnails) != len(names) or not thumbnails.size:
        raise ValueError(f"thumbnails are {thumbnails.dtype} {thumbnails.shape}, not those of {len(names)} images")
    if len(labels) != len(names):
        raise ValueError(f"{len(names)} images have {len(labels)} labels")
    return ImageFeatures(
        network=typed(str, manifest.model["name"], "model.name"),
        fingerprint=typed(str, manifest.settings["weights"], "weights"),
        form=typed(Mapping[str, Any], manifest.settings["input"], "input"),
        size=typed(tuple[int, int], values["size"], "size"),
        layer=typed(str, values["layer"], "layer"),
        pooled=typed(bool, values["pooled"], "pooled"),
        names=names,
        labels=labels,
        rows=rows,
        thumbnails=thumbnails,
        failures=manifest.failures,
        remark=typed(str, values["remark"], "remark"),
    )
