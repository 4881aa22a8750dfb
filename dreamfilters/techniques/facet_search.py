"""Facets: the kinds of real images that activate a unit, found among its strongest images, and a dream of each."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from dreamfilters.attribution.scorer import Scorer
from dreamfilters.backend import Tensor
from dreamfilters.dreams.ascent.ascent import step_progress
from dreamfilters.dreams.default_recipes import DefaultRecipes, given_recipe, recipe_of
from dreamfilters.dreams.engine import dream
from dreamfilters.dreams.objectives.features import direction
from dreamfilters.dreams.objectives.objective import Activations, Objective, Wanted
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.dreams.result import Dream
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.evidence.activations import Floats
from dreamfilters.evidence.features import feature_vectors, penultimate, unit_length
from dreamfilters.images import ImageArray
from dreamfilters.networks import AnyNetwork, Network, network_of
from dreamfilters.number_format import percent
from dreamfilters.progress import OnProgress, OverallProgress
from dreamfilters.seeds import check_seed
from dreamfilters.serialization import finite
from dreamfilters.techniques.clustering import Clusters, clustered, purity, purity_by_chance
from dreamfilters.techniques.strip import Strip, TechniqueResult
from dreamfilters.techniques.strongest_images import GivenImages, StrongestImages, strongest_images

STRONGEST = 100  # images among which facets are searched
MOST = 5  # facets, where their number is not given
WEIGHT = 1.0  # of the direction of a facet, to the score of its strongest image
_AVERAGED = 15  # images nearest to the center of a facet, whose mean the dream starts from (Nguyen et al. 2016)
_LEAST = 6  # images that facets can be found among
_SMALLEST = 1e-3  # of a scale: a unit can be silent on all images
_SHOWN = 5  # images of a facet on the strip
_SEARCH = 0.3  # share of the time that the search among the images takes


@dataclass(frozen=True, eq=False)
class Facet:
    """One kind of image that activates a unit.

    Attributes:
        names: of its images, the most typical first.
        labels: of its images, "" for none.
        nearest: (n, h, w, c) its most typical images.
        mean: (h, w, c) the mean of its most typical images, which the dream started from.
        dream: the dream of the unit that was drawn to this facet.
        response: the score of the unit on the dream.
        is_own: whether the features of the dream are nearer to the center of this facet than to those of the others.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    nearest: Floats
    mean: ImageArray
    dream: Dream
    response: float
    is_own: bool

    @property
    def label(self) -> str:
        """The most frequent label and its share, "" without labels."""
        known = Counter(filter(None, self.labels))
        if not known:
            return ""
        (name, count), *_ = known.most_common(1)
        return f"{name}, {percent(count / len(self.labels), 0)}"


@dataclass(frozen=True, eq=False)
class Facets(TechniqueResult):
    """The facets of a unit, by descending number of images.

    Attributes:
        target: the unit or class.
        layer: the layer whose activations were clustered.
        facets: by descending size.
        silhouette: how well the clusters are separated, from -1 to 1; near 0, there are no facets.
        purity: the share of images whose label is the most frequent of their facet; NaN without labels.
        chance: the purity of random clusters of the same sizes; NaN without labels.
        searched: number of images that were searched.
        strongest: the highest score of a real image.
        failures: name and reason of each file that cannot be read.
    """

    target: str
    layer: str
    facets: tuple[Facet, ...]
    silhouette: float
    purity: float
    chance: float
    searched: int
    strongest: float
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The numbers in one line."""
        pure = "" if np.isnan(self.purity) else f"; purity {self.purity:.2f}, by chance {self.chance:.2f}"
        return f"{len(self.facets)} facets of {self.target} in {self.layer}: silhouette {self.silhouette:.2f}{pure}"

    @property
    def strip(self) -> Strip:
        """A row for each facet: its dream, the mean of its typical images, and some of them."""
        images: list[ImageArray] = []
        captions: list[str] = []
        shown = min(_SHOWN, *(len(facet.nearest) for facet in self.facets))
        for number, facet in enumerate(self.facets, 1):
            images += [facet.dream.image, facet.mean, *facet.nearest[:shown]]
            captions += [
                f"facet {number}\n{facet.response:.4g}",
                f"mean of {min(_AVERAGED, len(facet.names))}\n{len(facet.names)} images",
                *(f"{name}\n{label}".strip() for name, label in zip(facet.names[:shown], facet.labels, strict=False)),
            ]
        return Strip(self.text, images, captions, columns=2 + shown)

    @property
    def images(self) -> dict[str, ImageArray]:
        """The dream of each facet and the mean that it started from."""
        found: dict[str, ImageArray] = {}
        for number, facet in enumerate(self.facets, 1):
            found |= {f"facet-{number}": facet.dream.image, f"facet-{number}-mean": facet.mean}
        return found

    def as_values(self) -> dict[str, Any]:
        """Return everything but the images as JSON values."""
        return {
            "target": self.target,
            "layer": self.layer,
            "silhouette": self.silhouette,
            "purity": finite(self.purity),
            "purity_by_chance": finite(self.chance),
            "searched": self.searched,
            "strongest": self.strongest,
            "facets": [
                {
                    "images": list(facet.names),
                    "labels": list(facet.labels),
                    "label": facet.label,
                    "response": facet.response,
                    "is_own": facet.is_own,
                    "dream": facet.dream.as_values(),
                }
                for facet in self.facets
            ],
            "failures": [list(pair) for pair in self.failures],
        }


def facets(
    network: AnyNetwork,
    target: Objective | str,
    images: GivenImages,
    recipe: Recipe | DefaultRecipes | str | None = None,
    *,
    count: int | None = None,
    layer: str | None = None,
    strongest: int = STRONGEST,
    weight: float = WEIGHT,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Facets:
    """Return the facets of a unit: clusters of the real images that activate it most, and a dream of each.

    The strongest images are clustered by their activations in a layer. A dream of the unit starts from the mean of the
    typical images of each cluster (Nguyen, Yosinski and Clune, "Multifaceted feature visualization", 2016). The
    direction from the mean of all clusters to its own is added to the objective, and the response of the unit counts up
    to that of the strongest image.

    Args:
        network: a Keras model, or what `load` returned.
        target: one unit or class, such as "conv6:12" or "class:STOP".
        images: a folder, its `ImageFolder`, or images (n, h, w, c) in [0, 1] or of uint8.
        recipe: how the dreams are made; default: as in `dream`.
        count: number of facets; default: from 2 to 5, the number with the largest silhouette.
        layer: whose activations are clustered; default: the layer that the classes read.
        strongest: number of images among which facets are searched.
        weight: of the direction of a facet.
        seed: random seed.
        progress: called with the share that is done.

    Raises:
        TargetError, UnknownNameError: no such unit, class or layer.
        ImageError: too few images, or none can be read.
        RecipeError: count, strongest, weight or seed is out of range.

    Example:
        >>> found = facets(network, "conv6:12", images, Recipe(steps=4), count=2)
        >>> [facet.dream.name for facet in found.facets]
        ['conv6:12 facet 1', 'conv6:12 facet 2']
    """
    network, overall = network_of(network), OverallProgress(progress)
    check_settings(network, count, layer, strongest, weight)
    check_seed(seed)
    where = network.layer(layer).name if layer else penultimate(network)
    found = strongest_images(network, target, images, strongest, progress=overall.part(0.0, _SEARCH))
    least = max(_LEAST, 2 * (count or 2))
    if len(found.names) < least:
        raise ImageError(f"{len(found.names)} images: facets need at least {least}; give more images")
    vectors = feature_vectors(network, found.images, where, pooled=True)
    clusters = clustered(vectors, count, most=MOST, seed=seed)
    centers = np.stack([vectors[clusters.members(number)].mean(axis=0) for number in range(clusters.count)])
    means = np.stack([_typical(found, clusters, number).mean(axis=0) for number in range(clusters.count)])
    goal = _drawn(found, where, centers, weight)
    how = recipe_of(network, found.objective, given_recipe(recipe))
    report = step_progress(overall.part(_SEARCH, 1.0, "dream"), len(goal))
    dreams = dream(network, goal, how, seed=seed, start=means, on_step=report)
    return _result(network, found, where, clusters, vectors, means, dreams)


def check_settings(network: Network, count: int | None, layer: str | None, strongest: int, weight: float) -> None:
    """Raise the error of a setting that is out of range or names no layer, see `facets`."""
    if (count is not None and count < 2) or strongest < _LEAST or not 0 <= weight < math.inf:
        given = f"count={count}, strongest={strongest}, weight={weight}"
        raise RecipeError(f"{given}: at least 2 facets, {_LEAST} strongest images and a weight of 0")
    if layer is not None:
        network.layer(layer)


def _typical(found: StrongestImages, clusters: Clusters, number: int) -> Floats:
    return found.images[clusters.members(number)[:_AVERAGED]]


def _drawn(found: StrongestImages, layer: str, centers: Floats, weight: float) -> Objective:
    """Return the objective of the unit and the direction of each facet, one image for each.

    The ascent gains nothing from a response beyond that of the strongest real image, which the dream of a unit exceeds
    many times: the direction of the facet would not count beside it.
    """
    count, strongest = len(centers), float(found.scores[0])
    scale = weight * max(abs(strongest), _SMALLEST)  # a cosine is at most 1; scores have any size
    unit, drawn = found.objective[[0] * count], direction(layer, centers - centers.mean(axis=0), similarity="cosine")
    both = unit + scale * drawn

    def raised(seen: Activations, wanted: Wanted) -> Tensor:
        limited = ops.minimum(unit.score(seen, wanted[0]), strongest)
        return limited + wanted[1][0] * drawn.score(seen, wanted[1][1])

    names = tuple(f"{found.objective.names[0]} facet {number + 1}" for number in range(count))
    return replace(both, names=names, raised=raised, kind=("facet", both.kind, strongest))


def _result(
    network: Network,
    found: StrongestImages,
    layer: str,
    clusters: Clusters,
    vectors: Floats,
    means: Floats,
    dreams: tuple[Dream, ...],
) -> Facets:
    shown = np.stack([network.form.fit(each.image) for each in dreams])
    responses = Scorer(network, found.objective).scores(shown)
    own = _nearest_cluster(feature_vectors(network, shown, layer, pooled=True), vectors, clusters)
    made = []
    for number, each in enumerate(dreams):
        rows = clusters.members(number).tolist()
        made.append(
            Facet(
                names=tuple(found.names[row] for row in rows),
                labels=tuple(found.labels[row] for row in rows),
                nearest=_typical(found, clusters, number),
                mean=means[number],
                dream=each,
                response=float(responses[number]),
                is_own=bool(own[number] == number),
            )
        )
    labeled = all(found.labels)
    return Facets(
        target=found.objective.names[0],
        layer=layer,
        facets=tuple(made),
        silhouette=clusters.silhouette,
        purity=purity(clusters.numbers, found.labels) if labeled else float("nan"),
        chance=purity_by_chance(clusters.numbers, found.labels) if labeled else float("nan"),
        searched=found.searched,
        strongest=float(found.scores[0]),
        failures=found.failures,
    )


def _nearest_cluster(vectors: Floats, members: Floats, clusters: Clusters) -> np.ndarray:
    """Return the cluster whose center has the smallest angle to each vector."""
    scaled = unit_length(members)
    centers = np.stack([scaled[clusters.numbers == number].mean(axis=0) for number in range(clusters.count)])
    return np.asarray((unit_length(vectors) @ unit_length(centers).T).argmax(axis=1))
