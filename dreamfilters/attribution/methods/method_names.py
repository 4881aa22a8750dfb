"""The names of the attribution methods, which importing the methods would need TensorFlow for."""

from __future__ import annotations

from collections.abc import Iterable

from dreamfilters.registry import unknown

KIND = "attribution method"
NAMES = (
    "gradient", "gradient-x-input", "smoothgrad", "integrated-gradients", "guided-backprop", "deconvnet", "lrp",
    "token-gradient", "attention-relevancy", "grad-cam", "grad-cam++", "layer-cam", "score-cam", "ablation-cam",
    "occlusion", "rise",
)  # fmt: skip


def check_names(names: Iterable[str]) -> None:
    """Raise UnknownNameError for a name that no built-in method has.

    >>> check_names(["lrp", "gradientt"])
    Traceback (most recent call last):
    dreamfilters.errors.UnknownNameError: attribution method gradientt: there is none. Close names: gradient, ...
    """
    for name in names:
        if name not in NAMES:
            raise unknown(KIND, name, NAMES)
