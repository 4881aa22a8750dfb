"""Whether another network predicts the class of a dream that was made for this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from dreamfilters.comparison.batch import Batch
from dreamfilters.comparison.measures.measure import Caption, Measure, Missing
from dreamfilters.comparison.measures.response_rank import ResponseRank, response_rank
from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.display import Tabular
from dreamfilters.errors import InputFormError, UnknownNameError, close_names
from dreamfilters.evidence.activations import Floats, activations
from dreamfilters.evidence.features import Images
from dreamfilters.images.decoding import LUMA
from dreamfilters.networks import LOGITS, Network
from dreamfilters.networks.classes.class_head import image_logits
from dreamfilters.number_format import percent


@dataclass(frozen=True)
class ClassTransfer(Tabular):
    """One dream of a class, shown to another network.

    Attributes:
        name: the class's name in the other network.
        number: its number there.
        logit: its logit there.
        probability: its probability there; None for a regression.
        rank: 1 where the other network predicts the class.
        predicted: the class that the other network predicts.
        response_rank: the logit among those of real images; None without real images.
    """

    name: str
    number: int
    logit: float
    probability: float | None
    rank: int
    predicted: str
    response_rank: ResponseRank | None = None


def matched_classes(network: Network, other: Network) -> dict[int, int]:
    """Return, for each class that both networks have, its number in the other one.

    Two classes match if a name or an alias of one is a name or an alias of the other, ignoring case. Networks whose
    classes are only numbered match by number if they have equally many.

    Raises:
        UnknownNameError: no class in common, or only one of the networks has names.
    """
    numbered = [is_numbered(one) for one in (network, other)]
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


def class_transfer(other: Network, number: int, row: Floats, real: Floats | None = None) -> ClassTransfer:
    """Return how another network classifies a dream of its class `number`.

    The transferability of Fel et al. (MACO, NeurIPS 2023): a dream that shows the class, and not an adversarial pattern
    for one network, is recognized by other networks.

    Args:
        other: the other network.
        number: of the class in that network, see `matched_classes`.
        row: its logits for the dream, see `logits_of`.
        real: its logits for real images, among which the dream's is ranked.
    """
    logits = row.astype(np.float64)
    probabilities = other.head.probabilities(logits)
    return ClassTransfer(
        name=other.class_title(number),
        number=number,
        logit=float(logits[number]),
        probability=None if probabilities is None else float(probabilities[number]),
        rank=1 + int((logits > logits[number]).sum()),
        predicted=other.class_title(int(np.argmax(logits))),
        response_rank=None if real is None else response_rank(float(logits[number]), real[:, number]),
    )


def check_matched(matches: Mapping[int, int], number: int, network: Network, other: Network) -> None:
    """Raise UnknownNameError where the other network has no match of a class."""
    if number not in matches:
        name = network.classes[number] if 0 <= number < len(network.classes) else str(number)
        raise UnknownNameError(f"class {name}: {other.name} has no such class. {close_names(name, other.classes)}")


def logits_of(network: Network, images: Images) -> Floats:
    """Return the logits of a network for images that are converted to its number of channels."""
    return image_logits(activations(network, in_channels_of(network, images), [LOGITS])[LOGITS])


def in_channels_of(network: Network, images: Images) -> list[Floats]:
    """Return images with the network's number of channels: color becomes its luma, gray is repeated.

    Raises:
        InputFormError: neither is possible.
    """
    wanted, converted = network.form.channels, []
    for image in (np.asarray(image, np.float32) for image in images):
        given = image.shape[-1]
        if given == 3 and wanted == 1:
            image = (image @ LUMA)[..., None]
        elif given == 1:
            image = np.repeat(image, wanted, axis=-1)
        elif given != wanted:
            raise InputFormError(f"images of {given} channels: {network.name} takes {network.form.describe()}")
        converted.append(image)
    return converted


def is_numbered(network: Network) -> bool:
    """Return whether the classes of a network have no names but their numbers."""
    return network.classes == tuple(map(str, range(len(network.classes)))) and not network.aliases


def _by_name(network: Network, other: Network) -> dict[int, int]:
    """Return which class of the other network has a name of ours; names before aliases, the first of several."""
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


def _compute(batch: Batch) -> Iterable[ClassTransfer | Missing]:
    assert batch.other is not None
    other, real = batch.other, batch.references.shared(_logits_of_other, batch.other)
    matches = matched_classes(batch.network, other)

    def transfer(row: int) -> ClassTransfer:
        dream = logits_of(other, batch.first_dreams[row][None])[0]
        return class_transfer(other, matches[batch.units[row].number], dream, real)

    yield from batch.each(transfer)


def _logits_of_other(references: ReferenceSet, other: Network) -> Floats:
    return logits_of(other, references.images)


def _caption(value: ClassTransfer) -> Caption:
    detail = "its first prediction" if value.rank == 1 else f"its prediction {value.rank}; predicts {value.predicted}"
    return Caption(percent(value.probability), detail, value.rank != 1)


CLASS_TRANSFER = Measure(
    name="class_transfer",
    title="Transfer",
    meaning="Probability of the dream’s class in the other network; an adversarial pattern for one network does not "
    "transfer.",
    needs=frozenset({"dream", "class", "other network"}),
    compute=_compute,
    caption=_caption,
    columns={
        "class_transfer_rank": lambda value: value.rank,
        "class_transfer_percentile": lambda value: value.response_rank and value.response_rank.percentile,
    },
)
