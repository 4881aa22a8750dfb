"""What TensorBoard shows of each kind of result: one function for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from dreamfilters.attribution.ablation.result import Ablation
from dreamfilters.comparison.diff.result import NetworkDiff
from dreamfilters.dreams.result import Dream
from dreamfilters.evidence.embedding.drawing import grid_image, scatter_image
from dreamfilters.evidence.embedding.neighbor_result import NearestNeighbors
from dreamfilters.evidence.embedding.result import Embedding
from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.images import heat
from dreamfilters.training.summaries.summary import Summaries
from dreamfilters.verdicts.result import Audit

_CELL = 4  # pixels of a cell of a confusion matrix
_SIDE = 1_200  # pixels of a map of images


def of_dreams(dreams: Sequence[Dream]) -> Summaries:
    """Return each dream with its scores."""
    return Summaries(
        {
            **{f"score/{dream.name}": float(dream.score) for dream in dreams},
            **{f"robust score/{dream.name}": float(dream.robust) for dream in dreams},
        },
        {f"dreams/{dream.name}": dream.shown for dream in dreams},
        {"scores": [dream.score for dream in dreams]},
    )


def of_scan(scan: Scan) -> Summaries:
    """Return the distributions of the units' responses by layer, and the strongest image of each layer."""
    scalars = {"scan/images": float(scan.readable)}
    if scan.accuracy is not None:
        scalars["scan/accuracy"] = scan.accuracy.value
    images: dict[str, ArrayLike] = {}
    histograms: dict[str, ArrayLike] = {}
    for layer in scan.layers.values():
        name = layer.title
        scalars[f"{name}/always silent"] = float(layer.always_silent.sum())
        histograms |= {f"mean response/{name}": layer.mean, f"maximum response/{name}": layer.maximum}
        finite = np.nan_to_num(layer.maximum, nan=-np.inf)
        unit = int(np.argmax(finite))
        index = int(layer.by_max.strongest.index[0, unit])
        if scan.images is not None and np.isfinite(finite[unit]) and index >= 0:
            shown = scan.images.tried(index)
            if not isinstance(shown, str) and shown.shape[-1] <= 4:
                images[f"strongest image/{name}:{unit}"] = shown
    return Summaries(scalars, images, histograms)


def of_audit(audit: Audit) -> Summaries:
    """Return the counts of the verdicts, under the tags that `TrainingMonitor` uses."""
    counts = {f"{layer.name}/{kind}": float(count) for layer in audit.layers for kind, count in layer.counts.items()}
    return Summaries({"audit/images": float(audit.images), **counts})


def of_evaluation(evaluation: Evaluation) -> Summaries:
    """Return the accuracy and the recall of each class, the confusion matrix, and the distribution of confidence."""
    top = evaluation.top_share
    matrix = evaluation.matrix
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return Summaries(
        {
            "evaluation/images": float(evaluation.count),
            "evaluation/accuracy": evaluation.share,
            **({} if top is None else {"evaluation/accuracy of the first five": top}),
            "evaluation/mean F1": evaluation.macro_f1,
            **{f"recall/{one.name}": one.recall for one in evaluation.per_class if one.recall is not None},
        },
        {"evaluation/confusion matrix": heat(np.kron(shares, np.ones((_CELL, _CELL))), low=0, high=1)},
        {"evaluation/confidence": evaluation.confidence},
    )


class DreamedUnit(Protocol):
    """A unit of a comparison."""

    @property
    def name(self) -> str:
        """The target."""

    @property
    def row(self) -> Mapping[str, Any]:
        """Its numbers."""

    @property
    def dream(self) -> Dream:
        """The compared dream."""


def of_units(units: Sequence[DreamedUnit]) -> Summaries:
    """Return what TensorBoard shows of the units of a comparison."""
    found = of_dreams([unit.dream for unit in units])
    rows = {f"{key}/{unit.name}": value for unit in units for key, value in unit.row.items()}
    numbers = {tag: float(value) for tag, value in rows.items() if isinstance(value, int | float)}
    return found | Summaries(numbers)


def of_ablation(ablation: Ablation) -> Summaries:
    """Return the changes without each unit or set that was named, and the distribution over the units of each layer."""
    named = [effect for effect in ablation.effects if effect.ablated.kind != "random"]
    scalars = {"ablation/images": float(ablation.images), "ablation/accuracy": ablation.accuracy}
    histograms: dict[str, ArrayLike] = {}
    for effect in named:
        scalars[f"accuracy change/{effect.ablated.name}"] = effect.accuracy.value
        scalars[f"margin change/{effect.ablated.name}"] = effect.margin.value
    for layer in ablation.layers:
        units = ablation.of(layer.name, "unit")
        if units:
            histograms[f"margin change/{layer.name}"] = [effect.margin.value for effect in units]
    return Summaries(scalars, {}, histograms)


def of_diff(diff: NetworkDiff) -> Summaries:
    """Return the numbers of each layer of the first network, and the correlations of its units with their partners."""
    scalars = {"diff/images": float(diff.images), "diff/predicted otherwise": float(len(diff.flips))}
    scalars |= {f"weight change/{one.layer}": one.change for one in diff.weights}
    for row in diff.rows():
        if row["cka"] is not None:
            scalars[f"linear CKA/{row['layer']}"] = row["cka"]
        for key in ("unchanged", "changed", "lost", "new"):
            scalars[f"{key} units/{row['layer']}"] = float(row[key])
    pairs = {layer.name: [pair.correlation for pair in layer.units] for layer in diff.layers if layer.units}
    return Summaries(scalars, {}, {f"correlation/{name}": values for name, values in pairs.items()})


def of_embedding(embedding: Embedding) -> Summaries:
    """Return the map as points and as a grid, and how far it can be trusted."""
    quality = {f"embedding/{key.replace('_', ' ')}": float(value) for key, value in vars(embedding.quality).items()}
    drawn = {"embedding/map": scatter_image(embedding, _SIDE), "embedding/grid": grid_image(embedding, _SIDE)}
    return Summaries(quality, drawn)


def of_neighbors(neighbors: NearestNeighbors) -> Summaries:
    """Return each query before its nearest images, those by the layer above those by the pixels."""
    scalars: dict[str, float] = {}
    images: dict[str, ArrayLike] = {}
    features, queries = neighbors.features, neighbors.queries
    for query, name in enumerate(queries.names):
        found = (neighbors.by_layer[query], neighbors.by_pixels[query])
        own = queries.thumbnail(query)
        rows = [[own, *(features.thumbnail(int(index)) for index in one.indices)] for one in found]
        images[f"nearest images/{name}"] = np.vstack([np.hstack(row) for row in rows])
        if len(found[0].distances):
            scalars[f"distance of the nearest/{name}"] = float(found[0].distances[0])
        if (shares := neighbors.shares(query)) is not None:
            scalars[f"same class by {features.layer}/{name}"], scalars[f"same class by pixels/{name}"] = shares
    return Summaries(scalars, images)
