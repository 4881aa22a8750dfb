"""What a backward pass brings to the pixels, drawn without the image: the filters of the Deep Visualization Toolbox."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from dreamfilters.attribution.attribute import objective_of
from dreamfilters.attribution.methods.guided_backprop import DECONVNET, GUIDED, check_rectifies
from dreamfilters.attribution.scorer import Scorer
from dreamfilters.evidence.activations import Floats
from dreamfilters.images import png_bytes
from dreamfilters.images.encoding import displayed
from dreamfilters.serialization import plain
from dreamfilters.viewer.messages import ImageArray, Values
from dreamfilters.viewer.worker.map_encoding import data_url
from dreamfilters.viewer.worker.session import ModelSession

_RULES = {"gradient": None, "deconvnet": DECONVNET, "guided-backprop": GUIDED}
_TOP = 0.995  # quantile of the magnitudes that is drawn at full strength: single pixels are many times as large
_BLURRED = 0.02  # sigma of the blur, as a share of the longer side


def _norm(signal: Floats) -> Floats:
    return np.asarray(np.linalg.norm(signal, axis=-1, keepdims=True), np.float32)


def _blurred_norm(signal: Floats) -> Floats:
    sigma = _BLURRED * max(signal.shape[:2])
    return np.asarray(gaussian_filter(_norm(signal), (sigma, sigma, 0)), np.float32)


# Name -> what is drawn of a signal (h, w, c), whether it has a sign, and what its colors mean.
_FILTERS: dict[str, tuple[Callable[[Floats], Floats], bool, str]] = {
    "signal": (lambda signal: signal, True, "each channel around mid-gray: a brighter one raises the score"),
    "gray": (
        lambda signal: signal.mean(axis=-1, keepdims=True), True,
        "the mean of the channels around mid-gray: bright raises the score, dark lowers it",
    ),
    "norm": (_norm, False, "the L2 norm of the channels: white is the largest"),
    "blurred-norm": (_blurred_norm, False, "the L2 norm of the channels, blurred: white is the largest"),
}  # fmt: skip


def backward_signal(session: ModelSession, layer: str, unit: int, image: ImageArray, method: str, drawn: str) -> Values:
    """Return what a backward pass from a unit brings to the pixels of an image, as `explanations.pixel_heatmap` does.

    Args:
        session: the network.
        layer, unit: what is passed back.
        image: (h, w, c) in [0, 1].
        method: "gradient", "deconvnet" or "guided-backprop".
        drawn: what is drawn of the signal: "signal", "gray", "norm" or "blurred-norm".

    Raises:
        DreamfiltersError: the method does not fit the unit.
    """
    network, rule = session.network, _RULES[method]
    objective = objective_of(network, session.description.target(layer, unit))
    if rule is not None:
        check_rectifies(method, network, objective)
    scores, gradients = Scorer(network, objective, rule).gradients(image[None])
    shown, is_signed, legend = _FILTERS[drawn]
    values = shown(np.nan_to_num(gradients[0]))
    top = float(np.quantile(np.abs(values), _TOP)) or float(np.abs(values).max())
    scaled = np.clip(values / (top or 1.0), -1, 1)
    return {
        "reason": None,
        "score": plain(float(scores[0])),
        "scale": top,
        "signed": is_signed,
        "legend": legend,
        "remark": "",
        "overlay": data_url(png_bytes(displayed(0.5 + 0.5 * scaled if is_signed else scaled))),
    }
