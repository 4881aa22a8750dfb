"""Labels of images as class indices of a network."""

from __future__ import annotations

from collections.abc import Sequence

from dreamfilters.errors import UnknownNameError
from dreamfilters.networks import Network


def class_numbers(network: Network, labels: Sequence[str]) -> tuple[int, ...]:
    """Return the class index that each label names, -1 for "".

    If all labels are numbers below the number of classes, they are class indices, unless every class name is a number
    too. Otherwise they are class names.

    Raises:
        UnknownNameError: the network has no class of that name, or the labels can be read both as indices and as names.
    """
    known = sorted(set(labels) - {""})
    numeric = all(label.isascii() and label.isdecimal() and int(label) < len(network.classes) for label in known)
    numeric = numeric and not all(name.isdecimal() for name in network.classes)
    if numeric and set(known) <= set(network.classes):
        for label in known:
            _check_unambiguous(network.classes, label)
    numbers = {label: int(label) if numeric else network.class_number(label) for label in known}
    return tuple(numbers.get(label, -1) for label in labels)


def _check_unambiguous(classes: Sequence[str], label: str) -> None:
    """Raise unless the label read as an index and as a name means the same class."""
    index, named = int(label), classes.index(label)
    if index != named:
        raise UnknownNameError(
            f"label {label}: ambiguous between class {index} ({classes[index]}) and class {named} (named {label}); "
            f"write 0{index} or 0{named}"
        )
