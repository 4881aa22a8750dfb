"""What another network takes a dream of a class for, shown in that network's own input form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.comparison.measures.response_rank import ResponseRank, response_rank
from dreamfilters.errors import InputFormError, UnknownNameError, close_names
from dreamfilters.evidence.activations import Floats, activations
from dreamfilters.evidence.features import Images
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.classes.class_head import class_head
from dreamfilters.serialization import plain, table

_GRAY = (0.299, 0.587, 0.114)  # luma of ITU-R BT.601, as Pillow turns color to gray


@dataclass(frozen=True)
class ClassTransfer:
    """One dream of a class, shown to another network.

    Attributes:
        name: the class as the other network calls it.
        number: and numbers it.
        logit: what the other network has for it.
        probability: of the class by the other network's head; None for a regression.
        rank: 1 where the other network takes the dream for that class.
        taken_for: the class that it takes the dream for.
        standing: the logit beside those of real images; None where none were given.
    """

    name: str
    number: int
    logit: float
    probability: float | None
    rank: int
    taken_for: str
    response_rank: ResponseRank | None = None

    def as_values(self) -> dict[str, Any]:
        """Return everything as plain values."""
        values: dict[str, Any] = plain(self)
        return values

    def _repr_html_(self) -> str:
        return table(
            "Transfer", [{**self.as_values(), "response_rank": self.response_rank and self.response_rank.percentile}]
        )


def matched_classes(network: Network, other: Network) -> dict[int, int]:
    """Return the other network's number for each class that both have.

    Classes are the same if a name or an alias of one is a name or an alias of the other, in any case. A network whose
    classes are only numbered has no names: two such networks match by number, if they have as many.

    Raises:
        UnknownNameError: they have no class in common, or only one of them has names.
    """
    numbered = [_is_numbered(one) for one in (network, other)]
    if all(numbered) and len(network.classes) == len(other.classes):
        return {number: number for number in range(len(network.classes))}
    found = {} if any(numbered) else _by_name(network, other)
    if found:
        return found
    ours, theirs = (", ".join(one.classes[:3]) or "none" for one in (network, other))
    raise UnknownNameError(
        f"{other.name}: has no class of {network.name}: {len(other.classes)} classes such as {theirs}, against "
        f"{len(network.classes)} such as {ours}; give both the same names (`classes` in a TOML beside the file)"
    )


def class_transfer(
    network: Network, number: int, dreams: Images, other: Network, *, real: Images | None = None
) -> tuple[ClassTransfer, ...]:
    """Return what another network takes each dream of a class for.

    The transferability of Fel et al. (MACO, NeurIPS 2023): a dream that shows what the class looks like, and not what
    fools one network, is recognized by others.

    Args:
        network: what the dreams were made on.
        number: of the class, there.
        dreams: of that class, in [0, 1]; brought to the other network's size, and from color to gray or back.
        other: the network to show them to.
        real: images to stand beside.

    Raises:
        UnknownNameError: the other network has no such class, or the two have none in common.
        InputFormError: the images have channels that cannot be turned into the other network's.

    Example:
        >>> class_transfer(network, 14, [made.image], other)[0].rank
        1
    """
    matches = matched_classes(network, other)
    if number not in matches:
        name = network.classes[number] if 0 <= number < len(network.classes) else str(number)
        raise UnknownNameError(f"class {name}: {other.name} has no such class. {close_names(name, other.classes)}")
    there = matches[number]
    logits = activations(other, as_seen_by(other, dreams), [LOGITS])[LOGITS].astype(np.float64)
    beside = None if real is None else activations(other, as_seen_by(other, real), [LOGITS])[LOGITS][:, there]
    return tuple(_class_transfer(other, there, row, beside) for row in logits)


def as_seen_by(network: Network, images: Images) -> list[Floats]:
    """Return images with as many channels as the network takes: color turned to gray by its luma, or gray repeated.

    Raises:
        InputFormError: neither is possible.
    """
    wanted = network.form.image_channels
    return [_with_channels(np.asarray(image, np.float32), wanted, network) for image in images]


def _with_channels(image: Floats, wanted: int, network: Network) -> Floats:
    has = image.shape[-1]
    if has == wanted:
        return image
    if has == 3 and wanted == 1:
        return (image @ np.asarray(_GRAY, np.float32))[..., None]
    if has == 1:
        return np.repeat(image, wanted, axis=-1)
    raise InputFormError(f"images of {has} channels: {network.name} takes {network.form.describe()}")


def _class_transfer(other: Network, number: int, logits: NDArray[Any], beside: Floats | None) -> ClassTransfer:
    probabilities = class_head(other).probabilities(logits)
    return ClassTransfer(
        name=other.class_title(number),
        number=number,
        logit=float(logits[number]),
        probability=None if probabilities is None else float(probabilities[number]),
        rank=1 + int((logits > logits[number]).sum()),
        taken_for=other.class_title(int(np.argmax(logits))),
        response_rank=None if beside is None else response_rank(float(logits[number]), beside),
    )


def _is_numbered(network: Network) -> bool:
    return network.classes == tuple(map(str, range(len(network.classes)))) and not network.aliases


def _by_name(network: Network, other: Network) -> dict[int, int]:
    """Return which class of the other bears a name of ours; own names before aliases, the first of several."""
    known: dict[str, int] = {}
    for names in (other.classes, *other.aliases):
        for number, name in enumerate(names):
            known.setdefault(name.casefold(), number)
    found: dict[int, int] = {}
    for names in (network.classes, *network.aliases):
        for number, name in enumerate(names):
            if name.casefold() in known:
                found.setdefault(number, known[name.casefold()])
    return found
