"""Why a score has its value on an image: heatmaps of its pixels, and the units that carry the logit of a class."""

from __future__ import annotations

import time

from dreamfilters.attribution.attribute import attribution_of, objective_of
from dreamfilters.attribution.logit_attribution import attribute_logit
from dreamfilters.attribution.registry import ATTRIBUTIONS
from dreamfilters.attribution.result import legend
from dreamfilters.attribution.trust.measure_trust import measured_values, values_of_image
from dreamfilters.attribution.trust.registry import TRUST_MEASURES
from dreamfilters.attribution.trust.result import trust_of
from dreamfilters.attribution.trust.trust_measure import TrustCase
from dreamfilters.errors import DreamfiltersError
from dreamfilters.images import png_bytes
from dreamfilters.progress import OnProgress
from dreamfilters.serialization import finite, plain
from dreamfilters.viewer.messages import CLASS_LAYER, ImageArray, Values
from dreamfilters.viewer.worker.backward_signals import backward_signal
from dreamfilters.viewer.worker.map_encoding import data_url
from dreamfilters.viewer.worker.session import ModelSession

_MOST_UNITS = 8  # that carry a logit


def pixel_heatmap(
    session: ModelSession,
    layer: str,
    unit: int,
    image: ImageArray,
    method: str,
    against: int | None = None,
    drawn: str = "",
) -> Values:
    """Return the heatmap of a unit's score on an image, or of the score minus that of another unit of the layer.

    `overlay` is a PNG as a data URL, `scale` the absolute value that it draws in full color, `legend` what its colors
    mean, and `remark` what else a reader has to know, '' for nothing. A method that does not fit the network, or the
    unit, has its `reason` only. `drawn` draws the signal of a backward pass instead, see `backward_signal`.
    """
    network, description = session.network, session.description
    target = description.target(layer, unit)
    try:
        if drawn:
            return backward_signal(session, layer, unit, image, method, drawn)
        objective = objective_of(network, target, None if against is None else description.target(layer, against))
        found = attribution_of(network, [objective], [ATTRIBUTIONS[method]], [target], image[None])
    except DreamfiltersError as error:
        return {"reason": str(error).removeprefix(f"{method}: ")}
    return {
        "reason": None,
        "score": plain(float(found.scores[0])),
        "scale": plain(float(found.scales[method][0])),
        "signed": method not in found.unsigned,
        "legend": legend([method], found.unsigned),
        "remark": found.remarks[method][0] if method in found.remarks else "",
        "overlay": data_url(png_bytes(found.overlay(method))),
    }


def heatmap_trust(
    session: ModelSession,
    layer: str,
    unit: int,
    image: ImageArray,
    method: str,
    against: int | None = None,
    progress: OnProgress | None = None,
) -> Values:
    """Return how far the heatmap of `pixel_heatmap` can be trusted on this image, and the `seconds` that it took.

    `measures` lists the value of each measure, what the same heatmap gets at another place (`by_chance`) and what
    random values get (`control`), None where it is not defined; `flags` states what is wrong with the method.
    """
    network, started = session.network, time.perf_counter()
    target, other = (None if each is None else session.description.target(layer, each) for each in (unit, against))
    try:
        objective = objective_of(network, str(target), other)
        found = attribution_of(network, [objective], [ATTRIBUTIONS[method]], [str(target)], image[None])
    except DreamfiltersError as error:
        return {"reason": str(error).removeprefix(f"{method}: ")}
    case = TrustCase(network, objective, found.images)
    measured = measured_values(case, [ATTRIBUTIONS[method]], found.heatmaps, progress)
    trust = trust_of([values_of_image(measured, 0)])
    row, control = trust.rows  # the last one is that of random values
    return {
        "reason": None,
        "seconds": time.perf_counter() - started,
        "flags": list(row.flags),
        "measures": [
            {"name": name, "meaning": measure.meaning, "better": measure.better, "value": finite(row.values[name].mean),
             "by_chance": finite(row.values[name].by_chance), "control": finite(control.values[name].mean)}
            for name, measure in TRUST_MEASURES.items()
        ],
    }  # fmt: skip


def logit_units(session: ModelSession, unit: int, image: ImageArray, against: int | None = None) -> Values:
    """Return the units that contribute most to the logit of class `unit`, or to its margin over another class.

    They are those on an image (h, w, c), or on average over images (n, h, w, c).

    A network without a layer before its logits has the `reason` only.
    """
    layers = session.description.layers
    try:
        found = attribute_logit(
            session.network, image if image.ndim == 4 else image[None], unit, against=against, most=_MOST_UNITS
        )
    except DreamfiltersError as error:
        return {"reason": str(error)}
    values = found.as_values()
    layer = next(key for key, info in layers.items() if info.name == found.layer and key != CLASS_LAYER)
    return {
        "reason": None,
        "layer": layer,
        **{name: values[name] for name in ("logit", "total", "count")},
        "units": [
            {name: each[name] for name in ("unit", "contribution", "activation")}
            for each in values["units"]
            if each["contribution"] != 0
        ],
    }
