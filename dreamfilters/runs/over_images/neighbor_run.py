"""The run of `neighbors`: the features are stored once, and each later query of the same images is added to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.nearest import Metric, check_metric
from dreamfilters.evidence.embedding.neighbor_result import NEAREST, NearestNeighbors
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import image_folder
from dreamfilters.progress import OnProgress
from dreamfilters.runs.over_images.embedding_run import SAVE_EVERY, feature_settings
from dreamfilters.runs.over_images.feature_store import features_of
from dreamfilters.runs.over_images.neighbor_store import KIND, NeighborStore, read_neighbors
from dreamfilters.runs.storage.run_folder import entered
from dreamfilters.runs.storage.run_images import RunImages
from dreamfilters.runs.storage.run_result import RunResult

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.embedding.feature_job import FeatureJob

__all__ = ["StoredNeighborJob", "read_neighbors", "run"]


@dataclass(frozen=True, eq=False)
class StoredNeighborJob:
    """A search that is stored.

    Attributes:
        features: network, images and layer.
        queries: what is looked for.
        k: neighbors of each query.
        metric: by which features are compared.
        spec: the argument of `load` that loads the network again.
        save_every: seconds between two saves of the state.
    """

    features: FeatureJob
    queries: ImageFolder
    k: int = NEAREST
    metric: Metric = "cosine"
    spec: str = ""
    save_every: float = SAVE_EVERY

    @cached_property
    def model(self) -> dict[str, str]:
        """Name, spec and fingerprint of the network."""
        from dreamfilters.runs.storage.records import model_values

        return model_values(self.features.network, self.spec)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result but the queries, which are added to those of earlier runs."""
        return {**feature_settings(self.features), "k": self.k, "metric": self.metric}

    @cached_property
    def places(self) -> dict[str, int]:
        """SHA-256 of the file of each query that can be read -> its place among these."""
        digests = RunImages(self.readable, self.features.network.form).digests
        return {digest: place for place, digest in reversed(list(enumerate(digests)))}

    @cached_property
    def readable(self) -> ImageFolder:
        """The queries that can be read."""
        kept = [place for place in range(len(self.queries)) if not isinstance(self.queries.tried(place), str)]
        paths = tuple(self.queries.paths[place] for place in kept)
        return replace(self.queries, paths=paths, labels=("",) * len(paths), _reasons={})

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        """Name and reason of each query that cannot be read."""
        return tuple(RunImages(self.queries, self.features.network.form).failures.items())

    def check(self) -> None:
        """Raise the error of an invalid argument before anything is written."""
        check_metric(self.metric)
        if self.k < 1:
            raise RecipeError(f"k={self.k}: must be at least 1")
        if not len(self.readable):
            self.queries.read(0)  # raises
        _ = self.features.width


def query_images(paths: list[Path], channels: int) -> ImageFolder:
    """Return the images of files and folders in one, in this order.

    Raises:
        ImageError: a path names no images.
    """
    found = [image_folder(path, channels=channels) for path in paths]
    if len(found) == 1:
        return found[0]
    every = tuple(path for one in found for path in one.paths)
    return ImageFolder(every, ("",) * len(every), None, channels)


def run(
    job: StoredNeighborJob, folder: Path, *, force: bool = False, progress: OnProgress | None = None
) -> RunResult[NearestNeighbors | None]:
    """Find the images that are nearest to each query, write them into a folder, and return those of all its queries.

    The folder keeps the features and the queries: another call with the same images adds its queries, without another
    pass of the images. Ctrl-C saves the features; the same call resumes it.

    Args:
        job: what to look for.
        folder: new, empty, or of an earlier run.
        force: replace another search in the folder; other files stay.
        progress: called after each image with the number of images done.

    Raises:
        OutputError: the folder holds other files, cannot be written, or is in use by another run.
        ImageError: no image, or no query, can be read.
    """
    job.check()
    total = len(job.features.source.names)
    with entered(folder, KIND, job.settings, job.model, force=force) as claimed:
        store, earlier = NeighborStore(claimed), read_neighbors(folder) if claimed.is_whole() else None
        known = {} if earlier is None else store.digests()
        missing = [digest for digest in sorted(job.places, key=job.places.__getitem__) if digest not in known]
        features, done = (
            (earlier.features, total) if earlier else features_of(job.features, claimed, job.save_every, progress)
        )
        if features is None:
            return RunResult(folder, None, done, total, stopped=True)
        if missing:
            found = _searched(job, features, missing)
            names = {digest: job.readable.names[job.places[digest]] for digest in missing}
            store.save(earlier.and_more(found) if earlier else found, known | names)
        store.clear_state()
        result = read_neighbors(folder)
        if not missing:
            store.update(result)
        failures = (*features.failures, *job.failures)
        return RunResult(folder, result, total, total, failures, kept=not missing)


def _searched(job: StoredNeighborJob, features: ImageFeatures, wanted: list[str]) -> NearestNeighbors:
    """Return the neighbors of the queries with these digests."""
    from dreamfilters.evidence.embedding.neighbor_search import NeighborSearch, query_features, same_files
    from dreamfilters.evidence.scan.sources import FolderSource

    paths = tuple(job.readable.paths[job.places[digest]] for digest in wanted)
    chosen = replace(job.readable, paths=paths, labels=("",) * len(paths))
    sought = query_features(job.features.network, features, chosen)
    if sought.failures:
        name, reason = sought.failures[0]
        raise ImageError(f"{name}: {reason}")
    source = job.features.source
    images = source.folder if isinstance(source, FolderSource) else None
    same = same_files(images, features, chosen, sought)
    labels = tuple(features.labels[one] if one >= 0 else "" for one in same.tolist())
    return NeighborSearch(features, job.metric).of(replace(sought, labels=labels), job.k, same)
