"""The accuracy of a network on labeled images: of a scan, or measured on a sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import ImageError, UnknownNameError
from dreamfilters.evidence.activations import files_for, iter_activations
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.images.folder import opened_images
from dreamfilters.images.labels import evenly_spread
from dreamfilters.networks import LOGITS, AnyNetwork, Network, network_of
from dreamfilters.networks.classes.accuracy import Accuracy
from dreamfilters.networks.classes.class_labels import class_labels

MOST_IMAGES = 100  # of a measured sample: enough to recognize a poor accuracy


def accuracy_of(
    network: AnyNetwork,
    images: ImageFolder | Sequence[Any] | NDArray[Any] | str | Path,
    labels: Sequence[object] | None = None,
    *,
    most: int = MOST_IMAGES,
) -> Accuracy | None:
    """Return the accuracy on at most `most` labeled images, evenly spread over the classes; None if it has no meaning.

    It has none without labels that can be read, where the output is not one number for each of several classes, and
    where no label means a class, see `class_labels`. Images of other classes are left out.

    Args:
        network: a Keras model, or the value that `load` returns.
        images: a folder, its `ImageFolder`, or an array (n, h, w, c) in [0, 1] or of uint8.
        labels: one label per image, a name or a number, "" for none (default: those of the folder).
        most: greatest number of images.

    Raises:
        ImageError: an array is no image, or the number of labels is another one.

    >>> accuracy_of(network, image_folder("signs")).describe()
    '98 % of 86 labeled images are predicted correctly (chance: 2 %; a sample of 172; ...)'
    """
    network = network_of(network)
    found = opened_images(images)
    source = source_of(found, labels)
    if not network.is_classifier or not any(source.labels):
        return None
    try:
        read = class_labels(network, source.labels)
    except UnknownNameError:
        return None
    classes = len(set(read.labels) - {""})
    chosen = evenly_spread(read.labels, max(1, most // classes))
    chosen = chosen[:: max(1, -(-len(chosen) // most))]
    is_folder = isinstance(found, ImageFolder)
    shown = files_for(network, found).only(chosen) if is_folder else ((index, found[index]) for index in chosen)
    numbers, indices, logits = np.array(read.numbers), [], []
    try:
        for index, _, outputs in iter_activations(network, shown, [LOGITS]):
            indices.append(index)
            logits.append(outputs[LOGITS])
    except ImageError:
        if not is_folder:
            raise
        return None  # no file can be read
    predicted = network.head.predicted_for(logits, numbers[indices])
    share = float(network.head.are_predicted(logits).mean()) if network.head.kind == "sigmoid" else None
    remark = "; ".join(filter(None, [_sampled(len(chosen), sum(map(bool, read.labels))), read.remark]))
    return Accuracy(np.array(indices), numbers[indices], predicted, remark, share)


def _sampled(count: int, total: int) -> str:
    """Return that an accuracy is of some images only, else ''; one of all images can differ by several percent."""
    return f"a sample of {total}; `dreamfilters evaluate` reads all" if count < total else ""


def accuracy_of_scan(network: Network, scan: Scan) -> Accuracy | None:
    """Return the accuracy of a network in a scan; None if it has none, see `Scan.accuracy`, or is of other weights."""
    return scan.accuracy if scan.fingerprint == network.fingerprint and network.class_count >= 2 else None
