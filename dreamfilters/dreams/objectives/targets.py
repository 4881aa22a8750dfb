"""Targets: the grammar of the command line, parsed into objectives.

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

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NoReturn

from dreamfilters.dreams.objectives import units
from dreamfilters.dreams.objectives.classes import logit, margin
from dreamfilters.dreams.objectives.objective import Objective, Reducer, join
from dreamfilters.dreams.recipe import ClassScore
from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.networks import LayerInfo, Network

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<operator>[-+*()])
      | (?P<number>\d*\.?\d+(?:e-?\d+)?)(?=\s*\*)
      | (?P<atom>(?:"[^"]*"|'[^']*'|[^\s()*+"']|(?<=:)\*)+)
    )""",
    re.VERBOSE,
)

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_MOST_TOKENS = 200  # the parser and the scores of sums recurse as deep as a target is nested


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int  # its position in the target, from 0


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
    return _Parser(network, text, class_score).target()


def _tokens(text: str) -> list[_Token]:
    if len(_QUOTED.sub("", text).splitlines()) > 1:  # names may contain anything
        raise TargetError(f"{text!r}: a target is one line")
    tokens, position = [], 0
    while rest := text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise TargetError(_syntax_error(text, text.index(rest, position), "unexpected character"))
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match.group(kind), match.start(kind)))
        position = match.end()
    if len(tokens) > _MOST_TOKENS:
        raise TargetError(f"{text[:40]!r}...: a target of {len(tokens)} words; at most {_MOST_TOKENS}")
    return tokens


def _syntax_error(text: str, position: int, why: str) -> str:
    examples = "conv6:12, conv6:0-15,42, conv6:12@3,4, class:STOP"
    return f"{text!r}, position {position + 1}: {why}; a target looks like {examples}"


class _Parser:
    """sum := product (('+' | '-') product)*;  product := [number '*' | '-'] product | '(' sum ')' | atom."""

    def __init__(self, network: Network, text: str, class_score: ClassScore) -> None:
        self.network, self.text, self.class_score = network, text, class_score
        self.tokens = _tokens(text)
        self.next = 0

    def target(self) -> Objective:
        """Parse all of the text."""
        goal = self._sum()
        if self.next < len(self.tokens):
            self._fail("expected + or -")
        return goal

    def _fail(self, why: str, token: _Token | None = None) -> NoReturn:
        """Raise a TargetError at a token, or at the next one."""
        if token is None and self.next < len(self.tokens):
            token = self.tokens[self.next]
        raise TargetError(_syntax_error(self.text, token.start if token else len(self.text), why))

    def _take(self, *texts: str) -> str | None:
        """Take the next token if it is an operator among `texts`."""
        if self.next < len(self.tokens) and self.tokens[self.next].kind == "operator":
            text = self.tokens[self.next].text
            if text in texts:
                self.next += 1
                return text
        return None

    def _sum(self) -> Objective:
        goal = self._product()
        while operator := self._take("+", "-"):
            right = self._product()
            goal = goal + right if operator == "+" else goal - right
        return goal

    def _product(self) -> Objective:
        if self._take("-"):
            return -self._product()
        if self._take("("):
            goal = self._sum()
            if not self._take(")"):
                self._fail("expected )")
            return goal
        if self.next >= len(self.tokens) or self.tokens[self.next].kind == "operator":
            self._fail("expected a target")
        token = self.tokens[self.next]
        self.next += 1
        if token.kind == "number":
            if not self._take("*"):
                self._fail("expected * after a number")
            weight = float(token.text)
            if not math.isfinite(weight):
                self._fail(f"{token.text} is not a finite number", token)
            return weight * self._product()
        return self._atom(token)

    def _atom(self, token: _Token) -> Objective:
        head, colon, tail = _split(token.text)
        if head == "class" and colon:
            return self._class(tail, token)
        if head == "layer" and colon:
            return units.layer(_dreamable(self.network.layer(_unquoted(tail))).name)
        info = self._layer(_unquoted(head))
        if not info.units:
            raise TargetError(
                f"{info.name}: a {info.type} has no units; conv and dense layers of {self.network.name} have units"
            )
        _dreamable(info)
        if colon and not tail:
            self._fail(f"expected a number after {token.text}", token)
        tail, reducer = _reducer(tail)
        if "@" in tail:
            return self._neuron(info.name, tail, token)
        if not colon or tail == "*":
            return units.channel(info.name, range(info.units), reduce=reducer)
        has = f"{info.name} of {self.network.name} has {info.units} {units.UNITS[info.kind]}"
        return units.channel(info.name, self._numbers(tail, token, info.units, has), reduce=reducer)

    def _layer(self, name: str) -> LayerInfo:
        try:
            return self.network.layer(name)
        except UnknownNameError:
            try:
                word = self._class_word(self.network.class_number(name))
            except UnknownNameError:
                word = ""
            if word:
                raise UnknownNameError(
                    f"{name}: {self.network.name} has no such layer, but a class of this name: class:{word}"
                ) from None
            raise

    def _class(self, tail: str, token: _Token) -> Objective:
        has_rivals = self.network.head.kind == "softmax"  # the classes of sigmoids do not exclude each other
        score = margin if self.class_score == "margin" and has_rivals else logit
        count = len(self.network.classes)
        if not count:
            output = self.network.output_layer
            last = next((info.name for info in reversed(self.network.layers) if info.dreamable and info.units), "")
            hint = f"; dream units, such as {units.quoted(last)}:0" if last else ""
            raise TargetError(
                f"{token.text}: {self.network.name} has no classes: its output {output.name} {output.shape} ends in "
                f"neither softmax nor sigmoid{hint}"
            )
        place = None if _unquoted(tail) in self.network.classes else re.fullmatch(r"(.+)@(\d+(?:,\d+)?)", tail)
        tail, where = (place[1], f"@{place[2]}") if place else (tail, "")
        if tail == "*":
            chosen = list(range(count))
        elif re.fullmatch(r"[\d,\-]*[,\-][\d,\-]*", tail) and tail not in self.network.classes:
            chosen = self._numbers(tail, token, count, f"{self.network.name} has {count} classes")
        else:
            chosen = [self.network.class_number(_unquoted(tail))]
        goal = score(chosen, at=tuple(map(int, where[1:].split(","))) if where else None)
        return replace(goal, names=tuple(f"class:{self._class_word(number)}{where}" for number in chosen))

    def _class_word(self, number: int) -> str:
        """Return the name of a class, or its number if the name would parse as another class."""
        name = self.network.classes[number]
        ambiguous = self.network.classes.index(name) != number or ("'" in name and '"' in name)
        return str(number) if ambiguous else units.quoted(name)

    def _neuron(self, layer: str, tail: str, token: _Token) -> Objective:
        if re.fullmatch(r"\d+@\d+(,\d+)?", tail) is None:
            self._fail("a neuron is LAYER:FILTER@ROW,COLUMN, such as conv6:12@3,4, or LAYER:CHANNEL@TOKEN", token)
        return units.neuron(layer, [tuple(map(int, re.split("[@,]", tail)))])

    def _numbers(self, tail: str, token: _Token, count: int, has: str) -> list[int]:
        """Return the numbers of a list such as '0-15,42'."""
        numbers: list[int] = []
        for part in tail.split(","):
            match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
            if match is None:
                self._fail(f"{tail!r} is not a list of numbers such as 0-15,42", token)
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                self._fail(f"{part} is descending; give {last}-{first}", token)
            if last >= count:
                raise TargetError(f"{token.text}: {has}, 0 to {count - 1}")
            numbers += range(first, last + 1)
        return numbers


def _dreamable(info: LayerInfo) -> LayerInfo:
    if not info.dreamable:
        raise TargetError(f"{info.name}: cannot be dreamed: {info.reason}")
    return info


def _split(atom: str) -> tuple[str, str, str]:
    """Split at the first colon outside quotes: the name of a layer or class may contain one."""
    quotes = [(match.start(), match.end()) for match in _QUOTED.finditer(atom)]
    edges = [0, *[edge for pair in quotes for edge in pair], len(atom)]
    for number, (left, right) in enumerate(pairwise(edges)):
        if number % 2 == 0 and ":" in atom[left:right]:
            colon = atom.index(":", left)
            return atom[:colon], ":", atom[colon + 1 :]
    return atom, "", ""


def _reducer(tail: str) -> tuple[str, Reducer]:
    if tail.endswith("!max"):
        return tail.removesuffix("!max") or "*", "max"
    return tail.removesuffix("!mean") or "*", "mean"


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
