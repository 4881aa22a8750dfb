"""The accuracy of a network on labeled images: of a scan, or measured on a sample of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.evidence.activations import files_for, iter_activations
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.sources import class_numbers
from dreamfilters.images import ImageFolder
from dreamfilters.images.labels import evenly_spread
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.networks.classes.accuracy import Accuracy

MOST_IMAGES = 100  # of a measured sample: enough to recognize a poor accuracy


def accuracy_of(network: AnyNetwork, images: ImageFolder, *, most: int = MOST_IMAGES) -> Accuracy | None:
    """Return the accuracy on at most `most` labeled images, evenly spread over the classes; None if it has no meaning.

    It has none without labels that can be read, where the output is not one number for each of several classes, and
    where the labels name other classes. Labels that name no class are the classes in alphabetical order, as for Keras,
    if there are as many.

    >>> accuracy_of(network, image_folder("signs")).describe()
    '98% of 86 labeled images are predicted correctly (chance: 2%)'
    """
    network = network_of(network)
    numbers = _class_numbers(network, images.labels) if network.is_classifier else None
    if numbers is None:
        return None
    classes = sum(number >= 0 for number in set(numbers))
    if not classes:
        return None
    chosen = evenly_spread(images.labels, max(1, most // classes))
    chosen = chosen[:: max(1, -(-len(chosen) // most))]
    indices, predicted = [], []
    try:
        for index, _, outputs in iter_activations(network, files_for(network, images).only(chosen), [LOGITS]):
            indices.append(index)
            predicted.append(int(network.head.predicted(outputs[LOGITS])))
    except ImageError:  # no image can be read
        return None
    return Accuracy(np.array(indices), np.array(numbers)[indices], np.array(predicted))


def accuracy_of_scan(network: Network, scan: Scan) -> Accuracy | None:
    """Return the accuracy of a network in a scan; None if it has none, see `Scan.accuracy`, or is of other weights."""
    return scan.accuracy if scan.fingerprint == network.fingerprint and network.class_count >= 2 else None


def _class_numbers(network: Network, labels: Sequence[str]) -> Sequence[int] | None:
    """Return the number of the class of each label, -1 for "", or None if the labels name other classes."""
    try:
        return class_numbers(network, labels)
    except UnknownNameError:
        known = sorted(set(labels) - {""})
        if len(known) != network.class_count:
            return None
        return [known.index(label) if label else -1 for label in labels]
