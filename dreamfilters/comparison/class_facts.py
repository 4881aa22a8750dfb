"""What only a class has: its guesses, the units that carry its logit, what its images are taken for."""

from __future__ import annotations

import numpy as np

from dreamfilters.attribution.logit_attribution import LogitAttribution, attribute_logit
from dreamfilters.comparison.measures.confusions import Confusion, UnitSeparation, confusions_of, separating_units
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.comparison.result import ClassFacts, ConfusedClass, UnitView
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.errors import DreamfiltersError, ImageError
from dreamfilters.evidence.activations import Floats, activations
from dreamfilters.evidence.features import feature_vectors
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.classes.class_head import class_head
from dreamfilters.networks.classes.predictions import predictions

CLOSELY = 1024  # labeled images of a class that are looked at closely
_APART = 256  # images of another class, to find the units that tell the two apart
_GUESSES = 5
_CARRIERS = 10
_MISTAKES = 3
_SHOWN = 4  # images of a mistake


def class_facts(real: ReferenceSet, subject: ComparedUnit, dream: Floats) -> ClassFacts:
    """Return what there is to know of a class; without labeled images of it just what its dream is taken for."""
    network, number = real.network, subject.unit
    own = real.of_class(number)
    looked = real.draw(own, CLOSELY)
    images = real.read(looked) if looked else None
    logits = activations(network, dream[None], [LOGITS])[LOGITS][0]
    carriers = None if images is None else _carriers(network, images, number)
    mistakes = () if images is None else _mistakes(real, subject, looked, images, carriers)
    title = network.class_title(number)
    return ClassFacts(number, title, predictions(network, logits, _GUESSES), carriers, mistakes, len(own), len(looked))


def _carriers(network: Network, images: Floats, number: int) -> LogitAttribution | None:
    try:
        return attribute_logit(network, images, number, most=_CARRIERS)
    except DreamfiltersError:  # such as a network in which a way to the logits leads past every single layer
        return None


def _mistakes(
    real: ReferenceSet,
    subject: ComparedUnit,
    looked: tuple[int, ...],
    images: Floats,
    carriers: LogitAttribution | None,
) -> tuple[ConfusedClass, ...]:
    network, number = real.network, subject.unit
    logits = activations(network, images, [LOGITS])[LOGITS]
    found = confusions_of(logits, np.full(len(logits), number), number, most=_MISTAKES, head=class_head(network))
    return tuple(
        ConfusedClass(
            network.class_title(one.taken_for),
            one,
            _shown(real, one, looked, images, logits),
            _separation(real, images, one, carriers),
        )
        for one in found
    )


def _shown(
    real: ReferenceSet, confusion: Confusion, looked: tuple[int, ...], images: Floats, logits: Floats
) -> tuple[UnitView, ...]:
    """Return the images that show a mistake, the surest first; their response is the lead of the wrong class."""
    places = confusion.images[:_SHOWN] or (confusion.closest,)
    leads = logits[:, confusion.taken_for] - logits[:, confusion.meant]
    return tuple(
        UnitView(
            images[row], real.scan.names[looked[row]], real.labeled(looked[row]), float(leads[row]), (0, 0),
            logits[row, confusion.taken_for].reshape(1, 1), None,
        )
        for row in places
    )  # fmt: skip


def _separation(
    real: ReferenceSet, images: Floats, confusion: Confusion, carriers: LogitAttribution | None
) -> tuple[UnitSeparation, ...]:
    """Return the units of the carrying layer that tell the two classes apart; none where there are too few images."""
    other = real.draw(real.of_class(confusion.taken_for), _APART)
    if carriers is None or not other:
        return ()
    both = np.concatenate([images, real.read(other)])
    answers = feature_vectors(real.network, both, carriers.layer, pooled=True)
    labels = np.repeat([confusion.meant, confusion.taken_for], [len(images), len(other)])
    try:
        return separating_units(answers, labels, confusion.meant, confusion.taken_for)
    except ImageError:
        return ()
