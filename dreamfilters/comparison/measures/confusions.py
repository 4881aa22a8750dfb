"""Which classes a network confuses with one class, the images that show it, and the units that separate the classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamfilters.comparison.batch import Batch, ClassImages
from dreamfilters.comparison.measures.measure import Caption, Figure, ImagePart, Measure, Missing, ShownImage
from dreamfilters.display import Tabular
from dreamfilters.errors import ImageError
from dreamfilters.evidence.activations import Floats, activations
from dreamfilters.evidence.evaluation.statistics import sensitivity
from dreamfilters.evidence.features import feature_vectors, penultimate
from dreamfilters.networks import LOGITS
from dreamfilters.networks.classes.class_head import SOFTMAX, ClassHead, image_logits
from dreamfilters.number_format import number, percent
from dreamfilters.serialization import plain

_CLASSES = 3  # confused classes that are shown
_SHOWN = 4  # images of each
_OTHERS = 256  # images of the other class, to find the separating units


@dataclass(frozen=True)
class Confusion(Tabular):
    """Images of one class that are predicted as another.

    Attributes:
        true_class: number of the class that the images show.
        predicted: number of the predicted class.
        count: of images.
        share: count / all images of `true_class`.
        probability: mean probability of `predicted` over all images of `true_class`, misclassified or not; None for a
            regression.
        images: rows of the misclassified images, the most certain one first.
        closest: row of the image of `true_class` with the largest lead of the wrong logit, misclassified or not.
    """

    true_class: int
    predicted: int
    count: int
    share: float
    probability: float | None
    images: tuple[int, ...]
    closest: int


@dataclass(frozen=True)
class UnitSeparation(Tabular):
    """How well one unit separates two classes.

    Attributes:
        unit: its number.
        sensitivity: d', the difference of its mean responses in units of their std; positive where the first class
            activates it more; None where both are constant and differ.
        first: mean response to images of the first class.
        second: to those of the second.
    """

    unit: int
    sensitivity: float | None
    first: float
    second: float


@dataclass(frozen=True, eq=False)
class ConfusedClass:
    """A class that images of another are predicted as, or nearly.

    Attributes:
        name: of the predicted class.
        confusion: the counts.
        images: that show it, the most certain first; the closest one where none is misclassified.
        layer: of the separating units.
        separation: the units that separate the two classes best; empty where there are too few images.
    """

    name: str
    confusion: Confusion
    images: tuple[ShownImage, ...]
    layer: str
    separation: tuple[UnitSeparation, ...]

    def as_values(self) -> dict[str, Any]:
        """Return everything but the pixels as plain values."""
        shown = [image.caption for image in self.images]
        values = {"name": self.name, "shown": shown, "layer": self.layer, "separating_units": plain(self.separation)}
        return {**plain(self.confusion), **values}


@dataclass(frozen=True, eq=False)
class ClassConfusions:
    """The classes that a class is confused with.

    Attributes:
        classes: the most frequent first.
        misclassified: number of images that are predicted as any other class.
        images: number of images that were classified.
        count: number of labeled images of the class.
    """

    classes: tuple[ConfusedClass, ...]
    misclassified: int
    images: int
    count: int

    def as_values(self) -> dict[str, Any]:
        """Return everything but the pixels as plain values."""
        classes = [one.as_values() for one in self.classes]
        counts = {"misclassified": self.misclassified, "images": self.images, "labeled_images": self.count}
        return {**counts, "classes": classes}


def confusions_of(
    logits: ArrayLike, labels: ArrayLike, number: int, *, most: int = 3, head: ClassHead = SOFTMAX
) -> tuple[Confusion, ...]:
    """Return the classes that images of one class are predicted as, the most frequent first.

    Classes with equal counts, also with none, are ordered by their mean probability.

    Args:
        logits: (n, classes) of labeled real images.
        labels: (n,) the number of each image's class.
        number: of the class.
        most: number of other classes.
        head: how the network turns logits into probabilities.

    Raises:
        ImageError: logits and labels do not fit, or no image shows the class.

    Example:
        >>> confusions_of([[2, 3], [4, 1]], [0, 0], 0)[0].images
        (0,)
    """
    values, known = _checked(logits, labels)
    members = np.flatnonzero(known == number)
    if not members.size:
        raise ImageError(f"class {number}: none of the {len(known)} labeled images shows it")
    found = [_confusion(values, members, number, other, head) for other in range(values.shape[1]) if other != number]
    return tuple(sorted(found, key=lambda one: (-one.count, -(one.probability or 0)))[:most])


def separating_units(
    responses: ArrayLike, labels: ArrayLike, first: int, second: int, *, most: int = 5
) -> tuple[UnitSeparation, ...]:
    """Return the units that separate two classes best, whichever of the two activates them.

    The units are ordered by their d', see `sensitivity`.

    Args:
        responses: (n, units), such as the means of their maps.
        labels: (n,) the number of each image's class.
        first: number of a class.
        second: number of another.
        most: number of units.

    Raises:
        ImageError: responses and labels do not fit, or fewer than two images show one of the classes.

    Example:
        >>> separating_units([[1], [3], [5], [7]], [0, 0, 1, 1], 0, 1)[0].sensitivity
        -4.0
    """
    values, known = _checked(responses, labels)
    ours, theirs = values[known == first], values[known == second]
    if min(len(ours), len(theirs)) < 2:
        raise ImageError(f"classes {first} and {second}: {len(ours)} and {len(theirs)} images; at least 2 of each")
    means, ratios = (ours.mean(axis=0), theirs.mean(axis=0)), sensitivity(ours, theirs)
    order = np.argsort(-np.abs(ratios), kind="stable")[:most]
    return tuple(
        UnitSeparation(
            int(unit),
            float(ratios[unit]) if np.isfinite(ratios[unit]) else None,
            float(means[0][unit]),
            float(means[1][unit]),
        )
        for unit in order
    )


def _confusion(
    logits: NDArray[np.float64], members: NDArray[np.intp], true_class: int, predicted: int, head: ClassHead
) -> Confusion:
    own = logits[members]  # (images of `true_class`, classes)
    lead = own[:, predicted] - own[:, true_class]
    wrong = np.flatnonzero(head.predicted_for(own, np.full(len(own), true_class)) == predicted)
    wrong = wrong[np.argsort(-lead[wrong], kind="stable")]
    probabilities = head.probabilities(own)
    return Confusion(
        true_class=true_class,
        predicted=predicted,
        count=len(wrong),
        share=len(wrong) / len(members),
        probability=None if probabilities is None else float(probabilities[:, predicted].mean()),
        images=tuple(map(int, members[wrong])),
        closest=int(members[np.argmax(lead)]),
    )


def _checked(values: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float64], NDArray[Any]]:
    numbers, known = np.asarray(values, np.float64), np.asarray(labels)
    if numbers.ndim != 2 or known.shape != numbers.shape[:1]:
        raise ImageError(
            f"numbers of shape {numbers.shape} and labels of shape {known.shape}: expected (n, m) and (n,)"
        )
    return numbers, known


def _compute(batch: Batch) -> Iterable[ClassConfusions | Missing]:
    def confusions(row: int) -> ClassConfusions:
        number, real, head = batch.units[row].number, batch.class_images(row), batch.network.head
        logits = image_logits(activations(batch.network, real.images, [LOGITS])[LOGITS])
        found = confusions_of(logits, np.full(len(logits), number), number, most=_CLASSES, head=head)
        classes = tuple(_confused(batch, confusion, real, logits) for confusion in found)
        misclassified = int((head.predicted_for(logits, np.full(len(logits), number)) != number).sum())
        return ClassConfusions(classes, misclassified, len(real.indices), real.labeled)

    yield from batch.each(confusions)


def _confused(batch: Batch, confusion: Confusion, real: ClassImages, logits: Floats) -> ConfusedClass:
    names = batch.references.scan.names
    leads = logits[:, confusion.predicted] - logits[:, confusion.true_class]
    shown = tuple(
        ShownImage(
            real.images[row],
            names[real.indices[row]],
            f"{names[real.indices[row]]}: the wrong logit leads by {number(float(leads[row]))}",
        )
        for row in confusion.images[:_SHOWN] or (confusion.closest,)
    )
    layer = penultimate(batch.network)
    separation = _separation(batch, confusion, real, layer)
    return ConfusedClass(batch.network.class_title(confusion.predicted), confusion, shown, layer, separation)


def _separation(batch: Batch, confusion: Confusion, real: ClassImages, layer: str) -> tuple[UnitSeparation, ...]:
    """Return the units of a layer that separate the two classes; empty where there are too few images."""
    references = batch.references
    other = references.sample(references.of_class(confusion.predicted), _OTHERS)
    if layer == LOGITS or not other:
        return ()
    images = np.concatenate([real.images, references.read(other)])
    responses = feature_vectors(batch.network, images, layer, pooled=True)
    labels = np.repeat([confusion.true_class, confusion.predicted], [len(real.images), len(other)])
    try:
        return separating_units(responses, labels, confusion.true_class, confusion.predicted)
    except ImageError:
        return ()


def _caption(value: ClassConfusions) -> Caption:
    figure = f"{value.misclassified} of {value.images}"
    if not value.classes:
        return Caption(figure, "the network has no other class")
    nearest, count = value.classes[0], value.classes[0].confusion.count
    detail = f"most often as {nearest.name}, {count} times" if count else f"nearest class: {nearest.name}"
    return Caption(figure, detail)


def _figure(value: ClassConfusions) -> Figure:
    parts = tuple(_part(one, value.images) for one in value.classes)
    return Figure("Confusions", "d′ above 0: the unit responds more to this class.", parts, "details")


def _part(confused: ConfusedClass, images: int) -> ImagePart:
    confusion = confused.confusion
    detail = f"{confusion.count} of {images} images"
    if not confusion.count:
        detail = f"never; mean probability {percent(confusion.probability)}, the closest image"
    units = ", ".join(
        f"{confused.layer}:{one.unit} (d′ {'∞' if one.sensitivity is None else number(one.sensitivity)})"
        for one in confused.separation[:3]
    )
    note = f"Separated by {units}" if units else ""
    return ImagePart(confused.images, confused.name, detail, note, small=True)


CONFUSIONS = Measure(
    name="confusions",
    title="Confusions",
    meaning="Labeled images of the class that the network predicts as another class.",
    needs=frozenset({"class", "labels"}),
    compute=_compute,
    caption=_caption,
    columns={
        "misclassified": lambda value: value.misclassified,
        "confused_with": lambda value: value.classes[0].name if value.classes else None,
    },
    figure=_figure,
)
