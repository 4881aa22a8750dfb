"""The accuracy of a network on labeled images: of a scan, or measured on a sample of them."""

from __future__ import annotations

import numpy as np

from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.evidence.activations import files_for, iter_activations
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.images import ImageFolder
from dreamfilters.images.labels import evenly_spread
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.networks.classes.accuracy import Accuracy
from dreamfilters.networks.classes.class_labels import class_labels

MOST_IMAGES = 100  # of a measured sample: enough to recognize a poor accuracy


def accuracy_of(network: AnyNetwork, images: ImageFolder, *, most: int = MOST_IMAGES) -> Accuracy | None:
    """Return the accuracy on at most `most` labeled images, evenly spread over the classes; None if it has no meaning.

    It has none without labels that can be read, where the output is not one number for each of several classes, and
    where no label means a class, see `class_labels`. Images of other classes are left out.

    >>> accuracy_of(network, image_folder("signs")).describe()
    '98% of 86 labeled images are predicted correctly (chance: 2%; the labels are read as the numbers of the classes)'
    """
    network = network_of(network)
    if not network.is_classifier or not any(images.labels):
        return None
    try:
        labels = class_labels(network, images.labels)
    except UnknownNameError:
        return None
    classes = len(set(labels.labels) - {""})
    chosen = evenly_spread(labels.labels, max(1, most // classes))
    chosen = chosen[:: max(1, -(-len(chosen) // most))]
    indices, predicted = [], []
    try:
        for index, _, outputs in iter_activations(network, files_for(network, images).only(chosen), [LOGITS]):
            indices.append(index)
            predicted.append(int(network.head.predicted(outputs[LOGITS])))
    except ImageError:  # no image can be read
        return None
    return Accuracy(np.array(indices), np.array(labels.numbers)[indices], np.array(predicted), labels.remark)


def accuracy_of_scan(network: Network, scan: Scan) -> Accuracy | None:
    """Return the accuracy of a network in a scan; None if it has none, see `Scan.accuracy`, or is of other weights."""
    return scan.accuracy if scan.fingerprint == network.fingerprint and network.class_count >= 2 else None
