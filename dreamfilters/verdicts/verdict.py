"""The verdict on a unit: alive, dormant, dead (proved), saturated, always on or undecided, with its evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from dreamfilters.images.panels import Color

Kind: TypeAlias = Literal["alive", "dormant", "dead", "always on", "saturated", "undecided"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Okabe and Ito, "Color universal design", 2008: distinct for every color vision; neighbors differ in brightness. Their
# yellow is darker here, so that it is seen on white. The pages have the same colors in report/templates/atlas.css.
COLORS: Mapping[Kind, Color] = {
    "alive": (0, 158, 115),
    "dormant": (224, 168, 0),
    "dead": (213, 94, 0),
    "always on": (86, 180, 233),
    "saturated": (204, 121, 167),
    "undecided": (141, 141, 141),
}

# Geirhos et al., "Don't trust your eyes", 2024: units that respond only to optimized images can be planted.
WARNING = "a unit that only dreams activate may be planted or unused: its dream does not show that the network uses it"

# Activations that are 0 for negative values, and the value at which they saturate.
_RELU = {"relu": math.inf, "relu6": 6.0}
# Activations with a lower and an upper limit; a unit within a hundredth of their distance is saturated.
_BOUNDED = {"sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "hard_tanh": (-1.0, 1.0)}
_MARGIN = 0.01


@dataclass(frozen=True)
class ScanEvidence:
    """The activation of a unit on scanned images.

    Attributes:
        images: number of images.
        high: maximum activation over all images and map positions.
        low: minimum activation.
        zeros: share of map positions that were 0.
        image: name or number of the image with the maximum.
        position: (row, column) of the maximum in a map, (token,) among tokens; None for a vector.
    """

    images: int
    high: float
    low: float
    zeros: float = 0.0
    image: str = ""
    position: tuple[int, ...] | None = None


@dataclass(frozen=True)
class DreamEvidence:
    """The activation of a unit on its dream.

    Attributes:
        score: maximum activation of the unit on the dream.
        activated: whether the ascent raised the unit.
        image: file name of the dream.
        attempts: the recipe and the fallbacks that were tried.
    """

    score: float
    activated: bool
    image: str = ""
    attempts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The verdict on a unit.

    Attributes:
        kind: one of `KINDS`.
        sentence: the evidence in one line.
        proved: whether it holds for all valid inputs.
    """

    kind: Kind
    sentence: str
    proved: bool = False

    def __str__(self) -> str:
        return f"{self.kind}{', proved' if self.proved else ''}: {self.sentence}"


def judge(
    activation: str,
    *,
    scanned: ScanEvidence | None = None,
    dream: DreamEvidence | None = None,
    before: tuple[float, float] | None = None,
    reason: str = "",
    inputs: str = "",
) -> Verdict:
    """Return the verdict on a unit.

    Images count first, then proved bounds, then dreams. Only a unit with a ReLU can be dead: with SiLU, GELU, tanh or
    no activation, a unit is not constant at 0.

    Args:
        activation: name of the activation as `activation_name` returns it.
        scanned: evidence from images, if any.
        dream: evidence from a dream, if any.
        before: proved bounds of the value before the activation, as `LayerBounds.before` returns them.
        reason: why there are no bounds.
        inputs: the interval of the inputs that the bounds hold for, such as '[0, 1]'; default: of valid inputs.

    Example:
        >>> str(judge("relu", before=(-3.0, -0.1), inputs="[0, 1]"))
        'dead, proved: no input in [0, 1] raises it above -0.1 before its ReLU'
    """
    if scanned and not (math.isfinite(scanned.high) and math.isfinite(scanned.low)):
        return Verdict("undecided", f"{_on(scanned)} it produced NaN or infinity ({scanned.low:g} to {scanned.high:g})")
    inputs = f"input in {inputs}" if inputs else "valid input"
    if constant := _saturated_or_on(activation, scanned, before, inputs):
        return constant
    if activation in _RELU:
        return _with_relu(activation, scanned, dream, before, reason, inputs)
    return _without_relu(activation, scanned)


def _with_relu(
    activation: str,
    scanned: ScanEvidence | None,
    dream: DreamEvidence | None,
    before: tuple[float, float] | None,
    reason: str,
    inputs: str,
) -> Verdict:
    """Return the verdict on a unit with a ReLU."""
    name = "ReLU6" if activation == "relu6" else "ReLU"
    proved = before is not None and before[1] <= 0
    if scanned and scanned.high > 0:
        doubt = "; this contradicts its bounds: an image is not a valid input" if proved else ""
        return Verdict("alive", _witness(scanned) + doubt)
    if before is not None and proved:
        return Verdict("dead", f"no {inputs} raises it above {before[1]:.3g} before its {name}", proved=True)
    inactive = "no images were scanned"
    if scanned:
        inactive = f"not activated by {f'any of {scanned.images} images' if scanned.images > 1 else 'the only image'}"
    if dream and dream.activated and dream.score > 0:
        raised = f"a dream{f' ({dream.image})' if dream.image else ''} raises it to {dream.score:.4g}"
        if not scanned:
            return Verdict("alive", f"{raised}; {inactive}")
        return Verdict("dormant", f"{inactive}; {raised}; {WARNING}")
    tried = [inactive, _tried(dream)]
    if before is not None:
        tried.append(f"not proved dead: its upper bound before the {name} is {before[1]:.3g}")
    else:
        tried.append(f"no bounds: {reason}" if reason else "bounds were not computed")
    return Verdict("undecided", "; ".join(tried))


def _without_relu(activation: str, scanned: ScanEvidence | None) -> Verdict:
    """Return the verdict on a unit without a ReLU."""
    if scanned is None:
        return Verdict("undecided", "no images were scanned")
    if scanned.low < scanned.high:
        return Verdict("alive", _witness(scanned))
    what = "without an activation" if activation == "linear" else f"with {activation}"
    return Verdict(
        "undecided", f"{_on(scanned)} it is constant at {scanned.high:.4g}; a unit {what} is never called dead"
    )


def _saturated_or_on(
    activation: str, scanned: ScanEvidence | None, before: tuple[float, float] | None, inputs: str
) -> Verdict | None:
    """Return the verdict on a unit that is always at a limit of its activation or always above 0; None for others.

    One image does not show what a unit always does.
    """
    scanned = scanned if scanned and scanned.images > 1 else None
    ceiling = _RELU.get(activation)
    if ceiling is not None:
        if before is not None and before[0] >= ceiling:
            return Verdict("saturated", f"every {inputs} raises it to {ceiling:g} or more", proved=True)
        if scanned and scanned.low >= ceiling:
            return Verdict("saturated", f"{_on(scanned)} it is at its upper limit, {ceiling:g}")
        if before is not None and before[0] > 0:
            return Verdict("always on", f"no {inputs} lowers it below {before[0]:.3g}", proved=True)
        if scanned and scanned.low > 0:
            return Verdict("always on", f"{_on(scanned)} it is above 0; its minimum is {scanned.low:.4g}")
    if activation in _BOUNDED and scanned:
        floor, top = _BOUNDED[activation]
        margin = _MARGIN * (top - floor)
        span = f"{scanned.low:.4g} to {scanned.high:.4g}"
        if scanned.low >= top - margin:
            return Verdict("saturated", f"{_on(scanned)} it is at its upper limit, {top:g}: {span}")
        if scanned.high <= floor + margin:
            return Verdict("saturated", f"{_on(scanned)} it is at its lower limit, {floor:g}: {span}")
    return None


def _on(scanned: ScanEvidence) -> str:
    return f"on all {scanned.images} images" if scanned.images > 1 else "on the only image"


def _witness(scanned: ScanEvidence) -> str:
    image = f"image {scanned.image}" if scanned.image else f"one of {scanned.images} images"
    words = ("row", "column") if len(scanned.position or ()) == 2 else ("token",)
    at = ", ".join(f"{word} {number}" for word, number in zip(words, scanned.position or (), strict=False))
    return f"{image} gives {scanned.high:.4g}{f' at {at}' if at else ''}"


def _tried(dream: DreamEvidence | None) -> str:
    if dream is None:
        return "not dreamed"
    attempts = f": {', '.join(dream.attempts)}" if dream.attempts else ""
    reached = f", which reaches only {dream.score:.3g}" if dream.score > 0 else ""
    return f"not activated by a dream{reached}{attempts}"
