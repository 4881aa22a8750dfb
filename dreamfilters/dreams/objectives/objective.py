"""Objectives: immutable functions of activations that can be added, subtracted and scaled.

An objective has one row per image. Its `score` is a pure function of the watched activations and of `wanted`, the
arrays that change from call to call. `kind` identifies that function, so that one compiled step serves every objective
of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import keras
import numpy as np
from keras import ops

from dreamfilters import backend
from dreamfilters.backend import Tensor
from dreamfilters.display import frame, heading, table
from dreamfilters.errors import TargetError

VIEWS = "//views"  # the number of views of each image among the activations; no layer can have this name

Activations: TypeAlias = Mapping[str, Tensor]  # layer -> its activation, and VIEWS -> an int unless it is 1
Wanted: TypeAlias = Any  # nested tuples of arrays, each with one row per image
Reach: TypeAlias = tuple[str, tuple[int, ...]]  # a layer, and the largest (*position, unit) that is read
Reducer: TypeAlias = Literal["mean", "max"]
Score: TypeAlias = Callable[[Activations, Wanted], Tensor]


def _all_units(wanted: Wanted) -> dict[str, Tensor]:
    return {}


def _all_positions(wanted: Wanted) -> dict[str, tuple[Tensor, ...]]:
    return {}


@dataclass(frozen=True, eq=False)
class Objective:
    """A score per image to be maximized.

    Attributes:
        layers: names of the layers to watch; `LOGITS` stands for the values before the softmax.
        score: (activations, wanted) -> (n * views,), one number per view of an image.
        wanted: nested tuples of arrays with one row per image.
        names: one per image, as targets where the grammar allows.
        kind: identifies `score`; objectives of equal kind share a compiled step.
        reach: (layer, (*position, unit)), the largest numbers that are read, to be checked against the network.
        group: number of consecutive images that are scored together and stay in one batch.
        only: wanted -> {layer: units (n,)}, if an image's score reads one unit of that layer only; the score then also
            accepts the map of that unit alone, (n, ..., 1).
        position: wanted -> {layer: (rows, columns) or (tokens,), each (n,)}, if an image's score reads one position of
            that layer only; the score then also accepts the values there alone, (n, 1, 1, c).
        maximum: the same score with the maximum of a map in place of its mean; None if that is `score`.
        classes: the class that each image shows, as (number, *position) with the position of a map of classes if only
            that counts; () unless each image shows one.
        raised: what an ascent raises in place of the score, see `up_to`; None if that is `score`.

    Example:
        >>> goal = channel("conv6", [12]) - 0.5 * channel("conv6", [3])
        >>> goal.names
        ('conv6:12 - 0.5*conv6:3',)
    """

    layers: frozenset[str]
    score: Score
    wanted: Wanted
    names: tuple[str, ...]
    kind: Hashable
    reach: tuple[Reach, ...] = ()
    group: int = 1
    only: Callable[[Wanted], dict[str, Tensor]] = _all_units
    position: Callable[[Wanted], dict[str, tuple[Tensor, ...]]] = _all_positions
    maximum: Score | None = None
    classes: tuple[tuple[int, ...], ...] = ()
    raised: Score | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    def __add__(self, other: Objective) -> Objective:
        return _combine(self, other, 1.0)

    def __sub__(self, other: Objective) -> Objective:
        return _combine(self, other, -1.0)

    def __mul__(self, weight: float) -> Objective:
        weight = float(weight)
        rows = np.full(len(self), weight, "float32")
        only, position = self.only, self.position
        return replace(
            self,
            score=_scaled(self.score),
            wanted=(rows, self.wanted),
            names=tuple(_times(weight, name) for name in self.names),
            kind=("scaled", self.kind),
            only=lambda wanted: only(wanted[1]),
            position=lambda wanted: position(wanted[1]),
            maximum=_scaled(self.maximum) if self.maximum and weight > 0 else None,
            classes=self.classes if weight > 0 else (),
        )

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return replace(self * -1.0, names=tuple(f"-{_bracketed(name)}" for name in self.names))

    def __getitem__(self, rows: slice | Sequence[int]) -> Objective:
        """Return the objective of some of the images."""
        chosen = range(len(self))[rows] if isinstance(rows, slice) else [int(row) for row in rows]
        index = np.asarray(list(chosen), "int64")
        wanted = keras.tree.map_structure(lambda array: np.asarray(array)[index], self.wanted)
        classes = tuple(self.classes[row] for row in index) if self.classes else ()
        return replace(self, wanted=wanted, names=tuple(self.names[row] for row in index), classes=classes)

    def __repr__(self) -> str:
        named = [name[:60] for name in self.names[:3]]
        more = ", …" if len(self) > len(named) else ""
        return f"Objective({len(self)}: {', '.join(named)}{more})"

    def _repr_html_(self) -> str:
        layers = ", ".join(sorted(self.layers)).replace("//logits", "logits").replace("//before/", "before ")
        names = [{"image": number, "maximizes": name} for number, name in enumerate(self.names)]
        return frame(heading(f"Objective of {len(self)} images", f"reads {layers}"), table("", names))

    def without(self, names: Collection[str] = ()) -> Objective:
        """Return the objective without the images of these names, and with each other name once."""
        rows = {name: row for row, name in reversed(list(enumerate(self.names))) if name not in names}
        return self[sorted(rows.values())]

    def at_maximum(self) -> Objective:
        """Return the objective that raises the maximum of each map instead of its mean, under the same names."""
        if self.maximum is None:
            return self
        return replace(self, score=self.maximum, kind=("maximum", self.kind), raised=None)

    def up_to(self, limits: np.ndarray) -> Objective:
        """Return the objective whose ascents gain nothing beyond these scores, (n,); the scores themselves stay."""
        score, maximum, only, position = self.score, self.maximum, self.only, self.position
        return replace(
            self,
            score=lambda seen, wanted: score(seen, wanted[0]),
            raised=lambda seen, wanted: ops.minimum(score(seen, wanted[0]), wanted[1]),
            maximum=None if maximum is None else lambda seen, wanted: maximum(seen, wanted[0]),
            only=lambda wanted: only(wanted[0]),
            position=lambda wanted: position(wanted[0]),
            wanted=(self.wanted, np.asarray(limits, "float32")),
            kind=("up to", self.kind),
        )


def join(first: Objective, second: Objective) -> Objective:
    """Return one objective with the images of both, which must have the same kind."""
    if first.kind != second.kind:
        raise TargetError(f"{first.names[0]} and {second.names[0]} are objectives of different kinds")
    return replace(
        first,
        wanted=keras.tree.map_structure(lambda *rows: np.concatenate(rows), first.wanted, second.wanted),
        names=first.names + second.names,
        reach=first.reach + second.reach,
        classes=first.classes + second.classes,
    )


def _bracketed(name: str) -> str:
    return f"({name})" if " + " in name or " - " in name else name


def _times(weight: float, name: str) -> str:
    shortest = np.format_float_positional(np.float32(weight), trim="-")  # that parses to the same float32
    return f"{shortest}*{_bracketed(name)}"


def _scaled(score: Score) -> Score:
    return lambda seen, wanted: wanted[0] * score(seen, wanted[1])


def _combine(left: Objective, right: Objective, sign: float) -> Objective:
    if not isinstance(right, Objective):
        return NotImplemented
    if len(left) != len(right):
        if 1 not in (len(left), len(right)):
            raise TargetError(
                f"objectives of {len(left)} and {len(right)} images cannot be combined: give equal numbers"
            )
        longest = max(len(left), len(right))
        left, right = (goal if len(goal) == longest else goal[[0] * longest] for goal in (left, right))
    maximum_right = right.maximum if sign > 0 else None  # what is subtracted is not raised
    maximum = _summed(left.maximum or left.score, maximum_right or right.score, sign)
    only_left, only_right = left.only, right.only
    disjoint = not left.layers & right.layers  # two units of one layer are not one unit
    sign_text = "+" if sign > 0 else "-"
    return Objective(
        layers=left.layers | right.layers,
        score=_summed(left.score, right.score, sign),
        wanted=(left.wanted, right.wanted),
        names=tuple(
            f"{a} {sign_text} {b if sign > 0 else _bracketed(b)}" for a, b in zip(left.names, right.names, strict=True)
        ),
        kind=(sign_text, left.kind, right.kind),
        reach=left.reach + right.reach,
        group=max(left.group, right.group),
        only=(lambda wanted: {**only_left(wanted[0]), **only_right(wanted[1])}) if disjoint else _all_units,
        maximum=maximum if left.maximum or maximum_right else None,
        classes=() if right.classes else left.classes,
    )


def _summed(left: Score, right: Score, sign: float) -> Score:
    return lambda seen, wanted: left(seen, wanted[0]) + sign * right(seen, wanted[1])


def minimize(objective: Objective) -> Objective:
    """Return the opposite objective, which minimizes a unit.

    Example:
        >>> minimize(channel("conv6", [12])).names
        ('-conv6:12',)
    """
    return -objective


def reduced(maps: Tensor, reducer: Reducer) -> Tensor:
    """Return the mean or the maximum of each row of (n, ...)."""
    if reducer == "max":
        return ops.max(ops.reshape(maps, (ops.shape(maps)[0], -1)), axis=1)
    return backend.row_means(maps)
