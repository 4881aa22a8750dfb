"""Is a unit dead? One word for each unit, with the evidence for it: never "dead" because some images left it silent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["alive", "dormant", "dead", "always on", "saturated", "undecided"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Geirhos et al., "Don't trust your eyes", 2024: units silent on all training images can be planted in a network, and
# fire for optimized images alone.
WARNING = "a unit that only dreams wake may have been planted, or be left over: its dream is no sign that it is used"

# Activations that rest at 0, and the value at which they stick at the other end.
_RESTING = {"relu": math.inf, "relu6": 6.0}
# Activations with a floor and a ceiling; a unit is stuck within a hundredth of their distance.
_BOUNDED = {"sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "hard_tanh": (-1.0, 1.0)}
_STUCK = 0.01


@dataclass(frozen=True)
class ScanEvidence:
    """What the images made of a unit.

    Attributes:
        images: how many were shown.
        high: the greatest activation at any place of any image.
        low: the least.
        zeros: the share of places that were 0.
        image: name or number of the image with the greatest.
        place: (row, column) of it; None for a neuron.
    """

    images: int
    high: float
    low: float
    zeros: float = 0.0
    image: str = ""
    place: tuple[int, int] | None = None


@dataclass(frozen=True)
class DreamEvidence:
    """What a dream made of a unit.

    Attributes:
        score: the unit's greatest activation on the dream.
        activated: whether the ascent rose at all.
        image: where the dream is to be found.
        attempts: what was tried, in words ("plain ascent", "relaxed ReLU", ...).
    """

    score: float
    activated: bool
    image: str = ""
    attempts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What is known of a unit.

    Attributes:
        kind: one of `KINDS`.
        sentence: the evidence, for a person.
        proved: whether it holds for all valid inputs, and not only for what was shown.
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
    dreamt: DreamEvidence | None = None,
    before: tuple[float, float] | None = None,
    reason: str = "",
) -> Verdict:
    """Return the verdict on a unit.

    What was seen comes first, then what is proved, then what a dream did. Only a unit behind a ReLU can be dead: behind
    SiLU, GELU, tanh or no activation at all, nothing rests at 0.

    Args:
        activation: as `activation_name` calls it.
        scanned: what images made of the unit, if any were shown.
        dreamt: what a dream made of it, if it was dreamt.
        before: the least and the greatest value it can have before its activation, as `LayerBounds.before` says.
        reason: why there are no bounds.

    Example:
        >>> str(judge("relu", before=(-3.0, -0.1)))
        'dead, proved: no valid input lifts it above -0.1 before its ReLU'
    """
    if scanned and not (math.isfinite(scanned.high) and math.isfinite(scanned.low)):
        return Verdict(
            "undecided", f"{_on(scanned)} it gave a number that is none ({scanned.low:g} to {scanned.high:g})"
        )
    stuck = _stuck(activation, scanned, before)
    if stuck:
        return stuck
    if activation in _RESTING:
        return _resting(activation, scanned, dreamt, before, reason)
    return _moving(activation, scanned)


def shares(verdicts: Mapping[str, Iterable[Verdict]]) -> dict[str, dict[Kind, float]]:
    """Return for each layer the share of its units of each kind, of every kind in the order of `KINDS`.

    Example:
        >>> shares({"conv": [Verdict("alive", ""), Verdict("dead", "", proved=True)]})["conv"]["dead"]
        0.5
    """
    table: dict[str, dict[Kind, float]] = {}
    for layer, units in verdicts.items():
        counts = Counter(verdict.kind for verdict in units)
        table[layer] = {kind: counts[kind] / max(1, counts.total()) for kind in KINDS}
    return table


def _resting(
    activation: str,
    scanned: ScanEvidence | None,
    dreamt: DreamEvidence | None,
    before: tuple[float, float] | None,
    reason: str,
) -> Verdict:
    """Judge a unit behind a ReLU."""
    name = "ReLU6" if activation == "relu6" else "ReLU"
    proved = before is not None and before[1] <= 0
    if scanned and scanned.high > 0:
        doubt = "; bounds say it cannot: some image is no valid input" if proved else ""
        return Verdict("alive", _witness(scanned) + doubt)
    if before is not None and proved:
        return Verdict("dead", f"no valid input lifts it above {before[1]:.3g} before its {name}", proved=True)
    silent = f"silent on all {scanned.images} images" if scanned else "no image was shown"
    if dreamt and dreamt.activated and dreamt.score > 0:
        if not scanned:
            return Verdict("alive", f"a dream{_named(dreamt)} gives {dreamt.score:.4g}; {silent}")
        return Verdict("dormant", f"{silent}; a dream{_named(dreamt)} wakes it to {dreamt.score:.4g}; {WARNING}")
    tried = [silent, _tried(dreamt)]
    if before is not None:
        tried.append(f"not proved dead: its bound before the {name} is {before[1]:.3g}")
    else:
        tried.append(f"no bounds{f': {reason}' if reason else ' were asked for'}")
    return Verdict("undecided", "; ".join(tried))


def _moving(activation: str, scanned: ScanEvidence | None) -> Verdict:
    """Judge a unit whose activation has no state of rest."""
    if scanned is None:
        return Verdict("undecided", "no image was shown")
    if scanned.low < scanned.high:
        return Verdict("alive", _witness(scanned))
    what = "without an activation" if activation == "linear" else f"behind {activation}"
    return Verdict(
        "undecided", f"{_on(scanned)} it gave {scanned.high:.4g} everywhere; a unit {what} is never called dead"
    )


def _stuck(activation: str, scanned: ScanEvidence | None, before: tuple[float, float] | None) -> Verdict | None:
    """Judge a unit that never leaves its ceiling, its floor or, behind a ReLU, the range above 0; else None."""
    ceiling = _RESTING.get(activation)
    if ceiling is not None:
        if before is not None and before[0] >= ceiling:
            return Verdict("saturated", f"every valid input lifts it to {ceiling:g} or beyond", proved=True)
        if scanned and scanned.low >= ceiling:
            return Verdict("saturated", f"{_on(scanned)} it is stuck at {ceiling:g}, its ceiling")
        if before is not None and before[0] > 0:
            return Verdict("always on", f"no valid input brings it below {before[0]:.3g}", proved=True)
        if scanned and scanned.low > 0:
            return Verdict("always on", f"{_on(scanned)} it was never at 0; its least value is {scanned.low:.4g}")
    if activation in _BOUNDED and scanned:
        floor, top = _BOUNDED[activation]
        margin = _STUCK * (top - floor)
        for end, held in (("ceiling", scanned.low >= top - margin), ("floor", scanned.high <= floor + margin)):
            if held:
                return Verdict(
                    "saturated",
                    f"{_on(scanned)} it is stuck at its {end}, {top if end == 'ceiling' else floor:g}: "
                    f"{scanned.low:.4g} to {scanned.high:.4g}",
                )
    return None


def _on(scanned: ScanEvidence) -> str:
    return f"on all {scanned.images} images"


def _witness(scanned: ScanEvidence) -> str:
    image = f"image {scanned.image}" if scanned.image else f"one of {scanned.images} images"
    place = f" at row {scanned.place[0]}, column {scanned.place[1]}" if scanned.place else ""
    return f"{image} gives {scanned.high:.4g}{place}"


def _named(dreamt: DreamEvidence) -> str:
    return f" ({dreamt.image})" if dreamt.image else ""


def _tried(dreamt: DreamEvidence | None) -> str:
    if dreamt is None:
        return "not dreamt"
    attempts = f" by {', '.join(dreamt.attempts)}" if dreamt.attempts else ""
    return f"not activated{attempts}"
