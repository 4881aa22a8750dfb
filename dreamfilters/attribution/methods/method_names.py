"""The names of the attribution methods, which importing the methods would need TensorFlow for."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from dreamfilters.registry import unknown

KIND = "attribution method"
NAMES = (
    "gradient", "gradient-x-input", "smoothgrad", "integrated-gradients", "guided-backprop", "deconvnet", "lrp",
    "token-gradient", "attention-relevancy", "grad-cam", "grad-cam++", "layer-cam", "score-cam", "ablation-cam",
    "occlusion", "rise",
)  # fmt: skip


def check_names(names: Iterable[str]) -> None:
    """Raise UnknownNameError for a name that no method has: of the registry, if it was imported, else a built-in one.

    >>> check_names(["lrp", "gradientt"])
    Traceback (most recent call last):
    dreamfilters.errors.UnknownNameError: attribution method gradientt: there is none. Close names: gradient, ...
    """
    registry = sys.modules.get("dreamfilters.attribution.registry")  # a caller in Python may have registered more
    known = NAMES if registry is None else registry.ATTRIBUTIONS
    for name in names:
        if name not in known:
            raise unknown(KIND, name, known)
