"""`measure_trust`: how far the heatmaps of `attribute` can be trusted, by every measure of the registry."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from dreamfilters.attribution.attribution import Attribution
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.result import Attributions
from dreamfilters.attribution.trust.random_heatmap import RANDOM_HEATMAP
from dreamfilters.attribution.trust.randomized_weights import RandomizedNetworks
from dreamfilters.attribution.trust.registry import TRUST_MEASURES
from dreamfilters.attribution.trust.result import Curves, Trust, trust_of
from dreamfilters.attribution.trust.trust_measure import Measured, TrustCase, TrustMeasure
from dreamfilters.errors import DreamfiltersError
from dreamfilters.evidence.activations import Floats
from dreamfilters.networks import AnyNetwork, network_of
from dreamfilters.progress import OnProgress, Progress


def measure_trust(network: AnyNetwork, found: Attributions) -> Trust:
    """Return the table of deletion, insertion, mu-fidelity, sensitivity, the sanity check and the time of every method.

    The last row is a control: random heatmaps. A method that is no better than chance, or whose heatmaps do not depend
    on the weights, is flagged. For each image, a method takes about 200 forward passes and runs ten times more.
    The model is never changed.

    Args:
        network: the network of the heatmaps.
        found: what `attribute` returned.

    Example:
        >>> trust = measure_trust(network, attribute(network, "class:STOP", images[:1], methods="gradient"))
        >>> [row.method for row in trust.rows]
        ['gradient', 'random']
    """
    network, randomized = network_of(network), RandomizedNetworks()
    rows = []
    for row, objective in enumerate(found.objectives):
        case = TrustCase(network, objective, found.images[row : row + 1], randomized)
        heatmaps = {name: values[row : row + 1] for name, values in found.heatmaps.items()}
        methods = [found.methods.get(name) or ATTRIBUTIONS[name] for name in heatmaps]
        rows.append(measured_values(case, methods, heatmaps))
    seconds = {name: found.seconds[name] for name in found.heatmaps if name in found.seconds}
    return trust_of(
        [values_of_image(image, 0) for image in rows], [curves_of_image(image, 0) for image in rows], seconds
    )


def measured_values(
    case: TrustCase,
    methods: Sequence[Attribution],
    heatmaps: Mapping[str, Floats],
    progress: OnProgress | None = None,
) -> dict[str, dict[str, Measured]]:
    """Return method -> measure -> its values for the images of a case, of the control too.

    Args:
        case: the images and the objective.
        methods: of the heatmaps.
        heatmaps: method -> (n, h, w).
        progress: called before each measure of each method.
    """
    control = RANDOM_HEATMAP(case.network, case.objective, case.images)
    known = [*((method, heatmaps[method.name]) for method in methods), (RANDOM_HEATMAP, control)]
    found: dict[str, dict[str, Measured]] = {method.name: {} for method, _ in known}
    steps = [(*one, name) for one in known for name in TRUST_MEASURES]
    for done, (method, maps, name) in enumerate(steps):
        if progress is not None:
            progress(Progress(done, len(steps), f"{name} of {method.name}"))
        found[method.name][name] = _measured(case, TRUST_MEASURES[name], method, maps)
    return found


def values_of_image(
    measured: Mapping[str, Mapping[str, Measured]], row: int
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return method -> measure -> (value, by chance) of one image, as `trust_of` takes them."""
    return {
        method: {
            name: (float(one.values[row]), float(one.by_chance[row]) if one.by_chance.size else math.nan)
            for name, one in measures.items()
        }
        for method, measures in measured.items()
    }


def curves_of_image(measured: Mapping[str, Mapping[str, Measured]], row: int) -> Curves:
    """Return method -> measure -> the curve of one image, of the measures that have curves and are defined."""
    return {
        method: {
            name: tuple(one.curves[row].tolist())
            for name, one in measures.items()
            if one.curves.size and math.isfinite(float(one.values[row]))
        }
        for method, measures in measured.items()
    }


def _measured(case: TrustCase, measure: TrustMeasure, method: Attribution, heatmaps: Floats) -> Measured:
    """Return the values of a measure; they are not defined where the method does not fit what it is run on."""
    try:
        return measure(case, method, heatmaps)
    except DreamfiltersError:
        return Measured(np.full(len(heatmaps), np.nan, np.float32))
