"""The run of `embed`: the features are saved while they are computed, so that an interrupted run resumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamfilters.errors import ImageError
from dreamfilters.evidence.embedding.methods.method import EmbeddingMethod, settings_of
from dreamfilters.evidence.embedding.nearest import Metric, check_metric
from dreamfilters.evidence.embedding.result import Embedding
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import image_folder
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.runs.over_images.embedding_store import KIND, EmbeddingStore, read_embedding
from dreamfilters.runs.over_images.feature_store import features_of
from dreamfilters.runs.storage.checksums import json_digest
from dreamfilters.runs.storage.run_folder import entered
from dreamfilters.runs.storage.run_result import RunResult
from dreamfilters.serialization import plain

if TYPE_CHECKING:  # it imports TensorFlow
    import numpy as np
    from numpy.typing import NDArray

    from dreamfilters.evidence.embedding.feature_job import FeatureJob
    from dreamfilters.evidence.embedding.feature_table import ImageFeatures

__all__ = ["StoredEmbeddingJob", "read_embedding", "run"]

SAVE_EVERY = 20.0  # seconds of work that a kill costs at most
_PACKAGES = ("scikit-learn", "umap-learn")  # whose versions decide the bytes of a map


@dataclass(frozen=True, eq=False)
class DreamImages:
    """Dreams to show among the images: the files, or an array (n, h, w, c), and the target and class of each."""

    folder: ImageFolder | NDArray[np.float32]
    names: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class StoredEmbeddingJob:
    """An embedding that is stored.

    Attributes:
        features: network, images and layer.
        method: the method with its settings.
        metric: by which features are compared.
        seed: random seed.
        dreams: shown among the images, None for none.
        spec: the argument of `load` that loads the network again.
        save_every: seconds between two saves of the state.
    """

    features: FeatureJob
    method: EmbeddingMethod
    metric: Metric = "cosine"
    seed: int = 0
    dreams: DreamImages | None = None
    spec: str = ""
    save_every: float = SAVE_EVERY

    @cached_property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        from dreamfilters.runs.storage.records import model_values

        return model_values(self.features.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result."""
        more: dict[str, Any] = {} if self.dreams is None else {"dreams": _digest(self.dreams)}
        count = len(self.features.source.names) + (0 if self.dreams is None else len(self.dreams.names))
        return {
            **feature_settings(self.features),
            "method": self.method.name,
            "method_settings": settings_of(self.method),
            "metric": self.metric,
            "seed": self.seed,
            "count": count,
            **more,
            "packages": {name: found for name in _PACKAGES if self.method.name != "pca" and (found := _version(name))},
        }

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        check_metric(self.metric)
        self.method.check(self.settings["count"])
        _ = self.features.width  # raises if no image can be read, or there are too many features


def feature_settings(job: FeatureJob) -> dict[str, Any]:
    """Return everything that decides the features of a job."""
    from dreamfilters import backend

    return {
        "weights": job.network.fingerprint,
        "input": plain(job.network.form),
        "size": list(job.size),
        "layer": job.layer,
        "pooled": job.pooled,
        "images": job.source.digest,
        "labels": json_digest([job.source.labels, None if job.labels is None else job.labels.names]),
        "versions": backend.versions(),
    }


def run(
    job: StoredEmbeddingJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[Embedding | None]:
    """Place images on a map, write it into a folder, and return it; None if it was interrupted.

    An embedding that an earlier run with equal settings finished is kept. Ctrl-C saves the features; the same call
    resumes it. On one machine the files have the same bytes, whether or not it was interrupted.

    Args:
        job: what to place.
        folder: new, empty, or of an earlier run.
        force: replace another embedding in the folder; other files stay.
        progress: called after each image with the number of images done.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        ImageError: no image can be read, or too few for the method.
        RecipeError: a setting of the method does not fit.
    """
    job.check()
    total = len(job.features.source.names)
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        store, kept = EmbeddingStore(claimed), claimed.is_whole()
        if not kept:
            features, done = features_of(job.features, claimed, job.save_every, progress)
            found = None if features is None else _placed(job, features, total, progress)
            if found is None:
                return RunResult(folder, None, done, total, stopped=True)
            store.finish(found)
        store.clear_state()  # of a run that was killed after its last file, too
        embedding = read_embedding(folder)
        if kept:
            store.update(embedding)
        return RunResult(folder, embedding, total, total, embedding.features.failures, kept=kept, images=("map.png",))


def _placed(
    job: StoredEmbeddingJob, features: ImageFeatures, total: int, progress: OnProgress | None
) -> Embedding | None:
    """Return the map of the images and the dreams; None if Ctrl-C stopped it."""
    from dreamfilters.evidence.embedding.placing import embedding_of

    if progress is not None:
        progress(Progress(total, total, f"placing by {job.method.name}"))
    try:
        dreams = None if job.dreams is None else dream_features(job.features, job.dreams)
        return embedding_of(features, job.method, dreams, metric=job.metric, seed=job.seed)
    except KeyboardInterrupt:
        return None


def dream_features(job: FeatureJob, dreams: DreamImages) -> ImageFeatures:
    """Return the features of dreams, under their targets.

    Raises:
        ImageError: a dream cannot be read.
    """
    from dreamfilters.evidence.scan.sources import source_of

    own = replace(job, source=source_of(dreams.folder))
    state = own.start()
    for _ in own.advance(state):
        pass
    found = own.result(state)
    if found.failures:
        name, reason = found.failures[0]
        raise ImageError(f"{name}: {reason}; leave it out of the dreams")
    return replace(found, names=dreams.names, labels=dreams.labels)


def dream_images(folder: Path, network: Any) -> DreamImages:
    """Return the dreams in a folder: its PNGs that `dreamfilters dream` wrote, else all of its images.

    The name of a dream is its target, and its label the class that it is a dream of, "" for another unit. Other images
    have the names of their files and no label.

    Raises:
        ImageError: the folder has no images.
    """
    from dreamfilters.runs.storage.records import read_record

    found = image_folder(folder, channels=network.form.channels)
    records: dict[int, Mapping[str, Any]] = {}
    for place, path in enumerate(found.paths):
        try:
            records[place] = read_record(path)
        except ImageError:  # a contact sheet, or another image
            continue
    places = list(records) or list(range(len(found)))
    targets = [str(records[place]["target"]) if records else found.names[place] for place in places]
    chosen = replace(
        found, paths=tuple(found.paths[place] for place in places), labels=("",) * len(places)
    )  # fmt: skip
    labels = tuple(class_of(network, target) if records else "" for target in targets)
    return DreamImages(chosen, tuple(targets), labels)


def class_of(network: Any, target: str) -> str:
    """Return the class of a target such as class:STOP, "" for another one."""
    from dreamfilters.dreams.objectives.targets import class_word

    words = [f"class:{class_word(network, number)}" for number in range(network.class_count)]
    return str(network.classes[words.index(target)]) if target in words else ""


def _digest(dreams: DreamImages) -> str:
    from dreamfilters.evidence.scan.sources import source_of

    return json_digest([source_of(dreams.folder).digest, dreams.names, dreams.labels])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
