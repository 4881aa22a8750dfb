"""The network at a glance: how many units of each layer are alive, dormant or dead, and what to look at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from dreamfilters.evidence.evaluation.statistics import confusion_matrix
from dreamfilters.networks.classes.accuracy import Accuracy
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import CLASS_LAYER, ImageEvidence, NetworkDescription, Values
from dreamfilters.viewer.services.catalog import Catalog
from dreamfilters.viewer.services.dream_queue import DreamQueue
from dreamfilters.viewer.services.unit_service import verdict_of


class OverviewService:
    """The overview of a network, which grows with the evidence."""

    def __init__(self, catalog: Catalog, dreams: DreamQueue) -> None:
        """Serve the overview of a catalog's network with the dreams so far."""
        self._catalog, self._dreams = catalog, dreams

    async def overview(self) -> Values:
        """Return layer id -> number of units by verdict, and what to look at, the most important first.

        Each thing to look at has `kind`, `title` and `text`, and what the page shows for it: `layer` (an id), `unit`
        and `only` (a filter of units), or `cell`, the classes of a cell of the confusion matrix.
        """
        description, evidence = await self._catalog.network(), self._catalog.evidence
        counts = {} if evidence is None else {layer: self._counts(evidence, layer) for layer in evidence.verdicts}
        found = [] if evidence is None else list(_findings(description, evidence, counts))
        return {"verdicts": counts, "look": plain(found)}

    def _counts(self, evidence: ImageEvidence, layer: str) -> dict[str, int]:
        dreams = self._dreams.strongest(layer)
        units = range(len(evidence.verdicts[layer]))
        found = (verdict_of(evidence, layer, unit, dreams.get(unit)) for unit in units)
        return dict(Counter(verdict.kind for verdict, _ in filter(None, found)))


def _findings(
    description: NetworkDescription, evidence: ImageEvidence, counts: dict[str, dict[str, int]]
) -> Iterator[Values]:
    """Yield what to look at."""
    accuracy = evidence.accuracy
    if accuracy is not None and accuracy.is_poor:
        text = f"{accuracy.describe()}. The search for the input form ranks the usual ones by these images."
        yield {"kind": "form", "title": "The input form may not fit", "text": text}
    if accuracy is not None and len(accuracy.mistakes):
        yield from _confused_pair(description, accuracy)
    yield from _unused_layer(description, counts)
    yield from _selective_unit(description, evidence)
    if accuracy is not None and len(accuracy.mistakes):
        yield _worst_class(description, accuracy)


def _confused_pair(description: NetworkDescription, accuracy: Accuracy) -> Iterator[Values]:
    """Yield the pair of classes that is confused most, in both directions together."""
    titles = description.values["classes"]
    square = confusion_matrix(accuracy.labels, accuracy.predicted, len(titles))[:, :-1]
    both = np.triu(square + square.T, 1)
    first, second = (int(number) for number in np.unravel_index(np.argmax(both), both.shape))
    if not both[first, second]:
        return
    if square[second, first] > square[first, second]:
        first, second = second, first
    outward, inward = int(square[first, second]), int(square[second, first])
    one, other = (_class(titles, number) for number in (first, second))
    text = f"{_images(outward)} of {one} predicted as {other}, {inward} the other way round."
    yield {"kind": "pair", "title": "Most confused classes", "text": text, "cell": (first, second)}


def _unused_layer(description: NetworkDescription, counts: dict[str, dict[str, int]]) -> Iterator[Values]:
    """Yield the layer with the most dead units, or with the most dormant ones where none is dead."""
    for kind in ("dead", "dormant"):
        layer = max(counts, key=lambda key: counts[key].get(kind, 0), default=None)
        if layer is not None and (count := counts[layer].get(kind, 0)):
            info = description.layers[layer]
            text = f"{count} of the {info.units} units of {info.name} {'is' if count == 1 else 'are'} {kind}."
            yield {"kind": "layer", "title": f"Most {kind} units", "text": text, "layer": layer, "only": kind}
            return


def _selective_unit(description: NetworkDescription, evidence: ImageEvidence) -> Iterator[Values]:
    """Yield the unit that responds most selectively to one class; of unlabeled images nothing is known."""
    best: tuple[float, str, int] | None = None
    for key, info in description.layers.items():
        scan = evidence.scan.layers.get(info.name)
        if scan is None or key == CLASS_LAYER:
            continue
        values = np.nan_to_num(scan.by_max.selectivity, nan=-1.0)
        unit = int(np.argmax(values)) if len(values) else 0
        if len(values) and values[unit] > 0 and (best is None or values[unit] > best[0]):
            best = float(values[unit]), key, unit
    if best is None:
        return
    value, layer, unit = best
    name = description.layers[layer].name
    means = np.nan_to_num(evidence.scan.layer(name).by_max.class_means[:, unit], nan=-np.inf)
    number = int(np.argmax(means))
    titles = description.values["classes"]
    known = titles if number < evidence.scan.outputs <= len(titles) else evidence.scan.classes
    others = f"more than to all other classes (class selectivity {value:.2f})"
    text = f"{name}:{unit} responds to {_class(known, number)} {others}."
    yield {"kind": "unit", "title": "Most selective unit", "text": text, "layer": layer, "unit": unit}


def _worst_class(description: NetworkDescription, accuracy: Accuracy) -> Values:
    """Return the class with the smallest share of images that are predicted correctly."""
    numbers = np.unique(accuracy.labels)
    shares = [accuracy.right[accuracy.labels == number].mean() for number in numbers]
    number = int(numbers[int(np.argmin(shares))])
    of_class = accuracy.labels == number
    right, count = int(accuracy.right[of_class].sum()), int(of_class.sum())
    text = f"{right} of {_images(count)} of {_class(description.values['classes'], number)} predicted correctly."
    return {"kind": "class", "title": "Lowest recall", "text": text, "layer": CLASS_LAYER, "unit": number}


def _images(count: int) -> str:
    return f"{count} image{'s' * (count != 1)}"


def _class(titles: Sequence[str], number: int) -> str:
    """Return a class within a sentence: a name that is a number reads as a count without a word or quotes.

    >>> _class(("STOP", "1", "20"), 0), _class(("STOP", "1", "20"), 1), _class(("STOP", "1", "20"), 2)
    ('STOP', 'class 1', '“20”')
    """
    title = titles[number]
    if not title.isdecimal():
        return title
    return f"class {title}" if int(title) == number else f"“{title}”"
