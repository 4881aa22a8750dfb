"""Targets: the texts of the command line as objectives of a network.

conv6:12            filter 12 of conv6, the mean of its map         conv6:12!max   the maximum of its map
conv6:0-15,42       several filters, one image each                 conv6:12@3,4   one neuron: row 3, column 4
mlp:12              token channel 12, the mean over tokens          mlp:12@5       the channel at token 5
conv6#1:12          filter 12 in the second call of a layer that is called several times
conv6  conv6:*      all filters                                     layer:conv4    the layer (DeepDream)
class:STOP          a class by name or number                       class:"Vorfahrt achten"   class:14   class:*
class:sky@3,4       a class at one position of a map of classes
conv6:12 - 0.5*conv6:3      sums, differences and multiples of these, with parentheses
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dreamfilters.dreams.objectives import grammar, units
from dreamfilters.dreams.objectives.classes import logit, margin
from dreamfilters.dreams.objectives.grammar import ClassTarget, LayerTarget, Multiple, Ranges, Sum, Target, UnitTarget
from dreamfilters.dreams.objectives.objective import Objective, join
from dreamfilters.dreams.recipe import ClassScore
from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.networks import LayerInfo, Network


def goals(network: Network, targets: str | Sequence[str], *, class_score: ClassScore = "logit") -> list[Objective]:
    """Parse targets into objectives; targets that one program can run are joined into one objective.

    Raises:
        TargetError: a syntax error, with its position, or a number out of range.
        UnknownNameError: no such layer or class, with close names.

    Example:
        >>> from dreamfilters import load
        >>> [len(goal) for goal in goals(load("signs"), ["conv1:0-3", "conv2", "conv1:9"])]
        [5, 32]
    """
    texts = [targets] if isinstance(targets, str) else targets
    if not texts:
        raise TargetError("no target: give one, such as conv6:12 or class:STOP")
    joined: dict[object, Objective] = {}
    for text in texts:
        if not isinstance(text, str):
            raise TargetError(f"target of type {type(text).__name__}: give text, such as 'conv6:12' or 'class:STOP'")
        goal = parse(network, text, class_score=class_score)
        joined[goal.kind] = join(joined[goal.kind], goal) if goal.kind in joined else goal
    return list(joined.values())


def parse(network: Network, text: str, *, class_score: ClassScore = "logit") -> Objective:
    """Parse one target into an objective of one or more images; the module docstring gives the grammar.

    Example:
        >>> from dreamfilters import load
        >>> parse(load("signs"), "conv2:0-3").names
        ('conv2:0', 'conv2:1', 'conv2:2', 'conv2:3')
    """
    return _Objectives(network, class_score).of(grammar.read(text))


@dataclass(frozen=True)
class _Objectives:
    """The objectives of targets in one network."""

    network: Network
    class_score: ClassScore

    def of(self, target: Target) -> Objective:
        """Return the objective of a target."""
        match target:
            case Sum(left, sign, right):
                first, second = self.of(left), self.of(right)
                return first + second if sign == "+" else first - second
            case Multiple(weight, inner):
                return -self.of(inner) if weight is None else weight * self.of(inner)
            case LayerTarget(_, name):
                return units.layer(_dreamable(self.network.layer(name)).name)
            case ClassTarget():
                return self._class(target)
            case UnitTarget():
                return self._units(target)

    def _units(self, target: UnitTarget) -> Objective:
        info = self._layer(target.layer)
        if not info.units:
            raise TargetError(
                f"{info.name}: a {info.type} has no units; conv and dense layers of {self.network.name} have units"
            )
        _dreamable(info)
        if target.ranges is None:
            return units.channel(info.name, range(info.units), reduce=target.reduce)
        if target.position:
            return units.neuron(info.name, [(target.ranges[0][0], *target.position)])
        has = f"{info.name} of {self.network.name} has {info.units} {units.UNITS[info.kind]}"
        return units.channel(info.name, _numbers(target, target.ranges, info.units, has), reduce=target.reduce)

    def _layer(self, name: str) -> LayerInfo:
        try:
            return self.network.layer(name)
        except UnknownNameError:
            try:
                word = class_word(self.network, self.network.class_number(name))
            except UnknownNameError:
                word = ""
            if word:
                raise UnknownNameError(
                    f"{name}: {self.network.name} has no such layer, but a class of this name: class:{word}"
                ) from None
            raise

    def _class(self, target: ClassTarget) -> Objective:
        has_rivals = self.network.head.kind == "softmax"  # the classes of sigmoids do not exclude each other
        score = margin if self.class_score == "margin" and has_rivals else logit
        count, text = len(self.network.classes), target.text
        if not count:
            output = self.network.output_layer
            last = next((info.name for info in reversed(self.network.layers) if info.dreamable and info.units), "")
            hint = f"; dream units, such as {units.quoted(last)}:0" if last else ""
            raise TargetError(
                f"{target.word.text}: {self.network.name} has no classes: its output {output.name} {output.shape} ends "
                f"in neither softmax nor sigmoid{hint}"
            )
        place = None if grammar.unquoted(text) in self.network.classes else re.fullmatch(r"(.+)@(\d+(?:,\d+)?)", text)
        text, where = (place[1], f"@{place[2]}") if place else (text, "")
        if text == "*":
            chosen = list(range(count))
        elif re.fullmatch(r"[\d,\-]*[,\-][\d,\-]*", text) and text not in self.network.classes:
            chosen = _numbers(target, target.word.ranges(text), count, f"{self.network.name} has {count} classes")
        else:
            chosen = [self.network.class_number(grammar.unquoted(text))]
        goal = score(chosen, at=tuple(map(int, where[1:].split(","))) if where else None)
        return replace(goal, names=tuple(f"class:{class_word(self.network, number)}{where}" for number in chosen))


def class_word(network: Network, number: int) -> str:
    """Return a class as a target names it: by its name, or by its number if the name would parse as another class.

    >>> class_word(network, 13), class_word(network, 14)
    ('"Vorfahrt achten"', 'STOP')
    """
    return class_word_of(network.classes, number)


def class_word_of(classes: Sequence[str], number: int) -> str:
    """Return `class_word` for the names of all classes.

    >>> class_word_of(("a b", "STOP", "STOP"), 0), class_word_of(("a b", "STOP", "STOP"), 2)
    ('"a b"', '2')
    """
    name = classes[number]
    ambiguous = classes.index(name) != number or ("'" in name and '"' in name)
    return str(number) if ambiguous else units.quoted(name)


def _numbers(target: UnitTarget | ClassTarget, ranges: Ranges, count: int, has: str) -> list[int]:
    """Return the numbers in these ranges, each below `count`."""
    if max(last for _, last in ranges) >= count:
        raise TargetError(f"{target.word.text}: {has}, 0 to {count - 1}")
    return [number for first, last in ranges for number in range(first, last + 1)]


def _dreamable(info: LayerInfo) -> LayerInfo:
    if not info.dreamable:
        raise TargetError(f"{info.name}: cannot be dreamed: {info.reason}")
    return info
