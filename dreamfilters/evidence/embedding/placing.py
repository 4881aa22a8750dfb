"""`embed`: the images of a folder on a map, by the features of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError
from dreamfilters.evidence.embedding.feature_job import image_features
from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.map_quality import NEIGHBORS, map_quality
from dreamfilters.evidence.embedding.methods.method import EmbeddingMethod, settings_of
from dreamfilters.evidence.embedding.nearest import Metric, NearestTable, check_metric
from dreamfilters.evidence.embedding.registry import method_of
from dreamfilters.evidence.embedding.result import Embedding
from dreamfilters.evidence.features import unit_length
from dreamfilters.images import ImageFolder
from dreamfilters.networks import AnyNetwork
from dreamfilters.progress import OnProgress
from dreamfilters.seeds import check_seed


def embed(
    network: AnyNetwork,
    images: ImageFeatures | ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    layer: str | None = None,
    *,
    method: str | EmbeddingMethod = "pca",
    dreams: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path | None = None,
    metric: Metric = "cosine",
    pooled: bool = True,
    labels: Sequence[object] | None = None,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Embedding:
    """Return images on a map of two dimensions, by the features of a layer.

    Args:
        network: a Keras model, or the value that `load` returns.
        images: as for `image_features`, or features that it returned, which are then used.
        layer: layer name; default: that before the logits.
        method: 'pca', 'tsne' (needs scikit-learn), 'umap' (needs umap-learn), or one with settings, such as
            `method_of("tsne", ["perplexity=50"])`.
        dreams: dreams or other images that are shown among them; the quality of the map is that of the images alone.
        metric: 'cosine' compares the directions of features, not how strong they are; or 'euclidean'.
        pooled: see `image_features`.
        labels: one label per image, "" for none; default: those of the folder.
        seed: random seed of the method and of the samples.
        progress: called after each image.

    Raises:
        UnknownNameError: there is no such layer or method.
        ImageError: no image can be read, there are too few, or one has features that are not finite.
        RecipeError: a setting of the method does not fit, such as a perplexity for more images.
        DreamfiltersError: the package of the method is not installed.

    Example:
        >>> found = embed(network, "signs", "conv6")
        >>> found.quality.class_in_features > 3 * found.quality.class_by_chance
        True
    """
    chosen = method_of(method)
    if isinstance(images, ImageFeatures):
        found = images
    else:
        found = image_features(network, images, layer, pooled=pooled, labels=labels, progress=progress)
    more = None
    if dreams is not None:
        more = image_features(network, dreams, found.layer, pooled=found.pooled)
    return embedding_of(found, chosen, more, metric=metric, seed=seed)


def embedding_of(
    images: ImageFeatures,
    method: EmbeddingMethod,
    dreams: ImageFeatures | None = None,
    *,
    metric: Metric = "cosine",
    seed: int = 0,
) -> Embedding:
    """Return the map of features, those of images and those of dreams; see `embed`."""
    check_metric(metric)
    features = images if dreams is None else images.and_more(dreams)
    method.check(len(features))
    check_seed(seed)
    if not np.isfinite(features.rows).all():
        first = features.names[int(np.flatnonzero(~np.isfinite(features.rows).all(axis=1))[0])]
        raise ImageError(f"{first}: its features of {features.layer} are not finite; choose another layer")
    rows, count = features.rows, len(images)
    placed = method(unit_length(rows) if metric == "cosine" else rows, count, seed=seed)
    own = np.arange(len(features))
    return Embedding(
        features=features,
        dreams=len(features) - count,
        method=method.name,
        settings=settings_of(method),
        metric=metric,
        seed=seed,
        positions=placed.positions,
        neighbors=NearestTable(rows, metric).nearest(rows, NEIGHBORS, own)[0],
        quality=map_quality(
            images.rows, images.pixels, placed.positions[:count], images.numbers, metric, seed=seed
        ),
        facts=placed.facts,
    )  # fmt: skip
