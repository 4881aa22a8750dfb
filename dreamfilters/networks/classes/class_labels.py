"""`ClassLabels`: which class each label of an image means, and by which rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dreamfilters.errors import UnknownNameError
from dreamfilters.networks.network import Network

Rule: TypeAlias = Literal["name", "number", "order"]
_LISTED = 5  # labels in a message


@dataclass(frozen=True)
class ClassLabels:
    """The classes that labels mean.

    Attributes:
        rule: 'name': labels are names of the classes; 'number': they are the numbers of the outputs; 'order': the
            labels in alphabetical order are the classes, as for Keras, and replace their names.
        classes: the name of each output.
        unknown: the labels that no class has, sorted.
        numbers: (n,) the class of each label, -1 for ""; the number of an unknown label is past those of the classes.
    """

    rule: Rule
    classes: tuple[str, ...]
    unknown: tuple[str, ...]
    numbers: tuple[int, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """(n,) the class of each label by name, "" where no class has it."""
        return tuple(self.classes[number] if 0 <= number < len(self.classes) else "" for number in self.numbers)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each number: the classes, then the unknown labels."""
        return (*self.classes, *self.unknown)

    def of(self, indices: Sequence[int]) -> ClassLabels:
        """Return the same classes for the labels of these indices."""
        return ClassLabels(self.rule, self.classes, self.unknown, tuple(self.numbers[index] for index in indices))

    @property
    def remark(self) -> str:
        """How the labels are read, in one line; '' where all of them are names of classes.

        >>> class_labels(network, ["00", "42"]).remark
        'the labels are read as the numbers of the classes'
        """
        order = f"the labels are read as the classes in alphabetical order: {listed(self.classes)}"
        read = {"name": "", "number": "the labels are read as the numbers of the classes", "order": order}[self.rule]
        left = f"images are left out whose labels no class has: {listed(self.unknown)}" if self.unknown else ""
        return "; ".join(filter(None, [read, left]))


def class_labels(network: Network, labels: Sequence[str]) -> ClassLabels:
    """Return the classes of a network that labels mean, by the first rule that holds.

    1. Numbers below the number of classes are the numbers of the outputs, unless every class is named by a number.
    2. More than half of the labels are names, other names or titles of classes; the case does not matter, and '00'
       names the class '0'. The others are unknown.
    3. There are as many labels as classes: the labels in alphabetical order are the classes.
    4. Some labels are names, or numbers of outputs; the others are unknown.

    "" is no label.

    Raises:
        UnknownNameError: no rule holds, or the labels are numbers that can be read by the first two rules.

    >>> class_labels(network, ["yield", "STOP", ""]).numbers
    (13, 14, -1)
    """
    known = sorted(set(labels) - {""})
    named, counted = _by_name(network, known), _by_number(network, known)
    count = network.class_count
    chosen: tuple[Rule, dict[str, int]]
    if known and len(counted) == len(known):
        _check_unambiguous(network, counted, named)
        chosen = "number", counted
    elif 2 * len(named) > len(known) and not (len(named) < len(known) == count and _is_unnamed(network)):
        chosen = "name", named
    elif known and len(known) == count:
        chosen = "order", {label: number for number, label in enumerate(known)}
    elif named or counted:
        chosen = ("name", named) if named else ("number", counted)
    elif known:
        raise UnknownNameError(_no_class(network, known))
    else:
        chosen = "name", {}
    rule, numbers = chosen
    unknown = tuple(label for label in known if label not in numbers)
    classes = tuple(known) if rule == "order" else network.classes
    numbers |= {label: len(classes) + place for place, label in enumerate(unknown)}
    return ClassLabels(rule, classes, unknown, tuple(numbers.get(label, -1) for label in labels))


def listed(names: Sequence[str]) -> str:
    """Return the first names in one line.

    >>> listed(["cat", "dog"])
    'cat, dog'
    """
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{', '.join(names[:_LISTED])}{more}"


def _by_name(network: Network, labels: Sequence[str]) -> dict[str, int]:
    """Return the class of each label that is a name of one."""
    names: dict[str, int] = {}
    for same in (network.classes, *network.aliases, network.class_titles):
        for number, name in enumerate(same):
            names.setdefault(_plain(name), number)
    found = {label: network.classes.index(label) for label in labels if label in network.classes}
    return {label: names[_plain(label)] for label in labels if _plain(label) in names} | found


def _by_number(network: Network, labels: Sequence[str]) -> dict[str, int]:
    """Return the class of each label that is the number of one; {} where numbers are the names of all classes."""
    if not network.classes or all(map(_is_number, network.classes)):
        return {}
    return {label: int(label) for label in labels if _is_number(label) and int(label) < len(network.classes)}


def _plain(name: str) -> str:
    """Return a name without the case of its letters, and a number without zeros in front."""
    return str(int(name)) if _is_number(name) else name.casefold()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _is_unnamed(network: Network) -> bool:
    return network.classes == tuple(map(str, range(len(network.classes))))


def _check_unambiguous(network: Network, counted: dict[str, int], named: dict[str, int]) -> None:
    """Raise if all labels, as they are written, are also names, and one of them means another class as a name."""
    if not all(label in network.classes for label in counted):
        return
    for label, index in counted.items():
        if named[label] != index:
            raise UnknownNameError(
                f"label {label}: ambiguous between class {index} ({network.classes[index]}) and class {named[label]} "
                f"(named {label}); write 0{index} or 0{named[label]}"
            )


def _no_class(network: Network, known: Sequence[str]) -> str:
    count, noun = network.class_count, "label" if len(known) == 1 else "labels"
    if not network.classes:
        return f"class {known[0]}: {network.name} has no classes"
    return (
        f"class {known[0]}: {network.name} has no such class (the images have {len(known)} {noun}, {listed(known)}; "
        f"the network {count} classes, {listed(network.classes)}); give images of every class, number the folders 0 to "
        f"{count - 1}, or name the classes with --classes FILE"
    )
