"""The orders that a network's classes may be in: as named, by number, or sorted as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dreamfilters.errors import UnknownNameError
from dreamfilters.networks import Network


@dataclass(frozen=True)
class ClassOrder:
    """One order of the classes.

    Attributes:
        name: 'numeric', 'string-sorted', 'alphabetical' or 'as named'.
        classes: the outputs' names in this order.
        positions: the output of each labeled image's class, -1 for none.
    """

    name: str
    classes: tuple[str, ...]
    positions: NDArray[np.intp] = field(repr=False, compare=False)


def class_orders(network: Network, labels: Sequence[str]) -> tuple[ClassOrder, ...]:
    """Return the orders that the classes may be in, the network's own first, with the output of each label.

    Keras' generators sort the folders of the classes as text: 0, 1, 10, 11, ..., 2.

    Raises:
        UnknownNameError: a label is not a class of the network.

    >>> [order.name for order in class_orders(network, ["0", "1", "42"])]
    ['as named', 'alphabetical', 'string-sorted']
    """
    names, numbers = _numbered(network, labels)
    found: dict[tuple[int, ...], str] = {}  # index into `names` of each output -> name of the order
    for title, order in _permutations(names):
        found.setdefault(order, title)
    outputs = {order: np.full(1 + max([*order, *numbers]), -1) for order in found}
    for order, output in outputs.items():
        output[list(order)] = np.arange(len(order))
    return tuple(
        ClassOrder(title, tuple(names[number] for number in order), outputs[order][numbers])
        for order, title in found.items()
    )


def _numbered(network: Network, labels: Sequence[str]) -> tuple[tuple[str, ...], list[int]]:
    """Return the assumed names of the outputs, and the index of each label among them."""
    names = network.classes
    if all(label.isdecimal() for label in labels):
        if not all(name.isdecimal() for name in names):
            return names, [int(label) for label in labels]  # folder 20 is class 20, even if '20' is a name
        known = {int(name): number for number, name in enumerate(names)}
        more = iter(range(len(names), len(names) + len(labels)))  # classes without an output
        return names, [known[int(label)] if int(label) in known else next(more) for label in labels]
    try:
        return names, [network.class_number(label) for label in labels]
    except UnknownNameError as error:
        folders = tuple(sorted(set(labels)))
        if names != tuple(map(str, range(len(names)))) or len(folders) != len(names):
            raise UnknownNameError(
                f"{error} (its {len(names)} outputs can be named with --classes FILE, or the folders numbered 0 to "
                f"{len(names) - 1})"
            ) from None
        return folders, [folders.index(label) for label in labels]


def _permutations(names: tuple[str, ...]) -> list[tuple[str, tuple[int, ...]]]:
    plain = tuple(range(len(names)))
    as_text = ("string-sorted", tuple(sorted(plain, key=str)))
    if all(name.isdecimal() for name in names):
        by_number = tuple(sorted(plain, key=lambda number: int(names[number])))
        sorted_text = tuple(sorted(plain, key=lambda number: str(int(names[number]))))
        return [("numeric", by_number), ("string-sorted", sorted_text), ("as named", plain)]
    alphabetical = ("alphabetical", tuple(sorted(plain, key=lambda number: names[number])))
    return [("as named", plain), alphabetical, as_text]
