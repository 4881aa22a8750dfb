"""The grammar of targets, read without a network: a text becomes a tree of units, layers, classes and their sums.

`targets` has the examples. Reading a target does not import TensorFlow, so that the command line can check it at once.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Literal, NoReturn, TypeAlias

from dreamfilters.errors import TargetError

Ranges: TypeAlias = tuple[tuple[int, int], ...]  # first and last number of each part of a list such as 0-15,42

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
_MOST_DIGITS = 100  # of a number; Python refuses to convert thousands
_NUMBER = rf"\d{{1,{_MOST_DIGITS}}}"


@dataclass(frozen=True)
class Word:
    """A word of a target, which an error names with its position."""

    target: str
    text: str
    start: int  # from 0

    def error(self, why: str) -> TargetError:
        """Return the error of this word."""
        examples = "conv6:12, conv6:0-15,42, conv6:12@3,4, class:STOP"
        return TargetError(f"{self.target!r}, position {self.start + 1}: {why}; a target looks like {examples}")

    def ranges(self, numbers: str) -> Ranges:
        """Return the parts of a list of numbers such as '0-15,42'."""
        found = []
        for part in numbers.split(","):
            match = re.fullmatch(rf"({_NUMBER})(?:-({_NUMBER}))?", part)
            if match is None:
                raise self.error(f"{numbers!r} is not a list of numbers such as 0-15,42")
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                raise self.error(f"{part} is descending; give {last}-{first}")
            found.append((first, last))
        return tuple(found)


@dataclass(frozen=True)
class UnitTarget:
    """Units of a layer.

    Attributes:
        word: the word.
        layer: name of the layer.
        ranges: numbers of the units, None for all.
        position: row and column of a neuron, or the number of a token; () for the whole map.
        reduce: which number of a map is maximized.
    """

    word: Word
    layer: str
    ranges: Ranges | None = None
    position: tuple[int, ...] = ()
    reduce: Literal["mean", "max"] = "mean"


@dataclass(frozen=True)
class LayerTarget:
    """A whole layer."""

    word: Word
    layer: str


@dataclass(frozen=True)
class ClassTarget:
    """A class; its text may be a name, a number or a list of numbers, which only the network's names decide."""

    word: Word
    text: str


@dataclass(frozen=True)
class Sum:
    """A sum, or a difference if the sign is -."""

    left: Target
    sign: str
    right: Target


@dataclass(frozen=True)
class Multiple:
    """A multiple; a weight of None is a minus alone."""

    weight: float | None
    of: Target


Target: TypeAlias = UnitTarget | LayerTarget | ClassTarget | Sum | Multiple


def read(text: str) -> Target:
    """Return the tree of a target.

    Raises:
        TargetError: a syntax error, with its position.

    Example:
        >>> read("conv6:12").ranges
        ((12, 12),)
    """
    return _Parser(text, _tokens(text)).target()


def unquoted(text: str) -> str:
    """Return a name without the quotes around it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


@dataclass(frozen=True)
class _Token:
    kind: str
    word: Word


def _tokens(text: str) -> list[_Token]:
    if len(_QUOTED.sub("", text).splitlines()) > 1:  # names may contain anything
        raise TargetError(f"{text!r}: a target is one line")
    tokens, position = [], 0
    while rest := text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise Word(text, rest, text.index(rest, position)).error("unexpected character")
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, Word(text, match.group(kind), match.start(kind))))
        position = match.end()
    if len(tokens) > _MOST_TOKENS:
        raise TargetError(f"{text[:40]!r}...: a target of {len(tokens)} words; at most {_MOST_TOKENS}")
    return tokens


class _Parser:
    """sum := product (('+' | '-') product)*;  product := [number '*' | '-'] product | '(' sum ')' | atom."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text, self.tokens, self.next = text, tokens, 0

    def target(self) -> Target:
        """Parse all of the text."""
        tree = self._sum()
        if self.next < len(self.tokens):
            self._fail(f"expected + or -{self._quoting()}")
        return tree

    def _quoting(self) -> str:
        """Return how the words of a class with a space in its name are quoted, if the next word is its second one."""
        before = self.tokens[self.next - 1].word
        words = [token.word.text for token in takewhile(lambda one: one.kind == "atom", self.tokens[self.next :])]
        if not words or ":" in words[0] or not before.text.startswith("class:"):
            return ""
        name = " ".join([before.text.removeprefix("class:"), *words])
        return f', or quotes around a name with a space: class:"{name}" (in a shell \'class:"{name}"\')'

    def _fail(self, why: str) -> NoReturn:
        """Raise a TargetError at the next token."""
        is_end = self.next >= len(self.tokens)
        raise (Word(self.text, "", len(self.text)) if is_end else self.tokens[self.next].word).error(why)

    def _take(self, *texts: str) -> str | None:
        """Take the next token if it is an operator among `texts`."""
        if self.next < len(self.tokens) and self.tokens[self.next].kind == "operator":
            text = self.tokens[self.next].word.text
            if text in texts:
                self.next += 1
                return text
        return None

    def _sum(self) -> Target:
        tree = self._product()
        while sign := self._take("+", "-"):
            tree = Sum(tree, sign, self._product())
        return tree

    def _product(self) -> Target:
        if self._take("-"):
            return Multiple(None, self._product())
        if self._take("("):
            tree = self._sum()
            if not self._take(")"):
                self._fail("expected )")
            return tree
        if self.next >= len(self.tokens) or self.tokens[self.next].kind == "operator":
            self._fail("expected a target")
        token = self.tokens[self.next]
        self.next += 1
        if token.kind == "number":
            if not self._take("*"):
                self._fail("expected * after a number")
            weight = float(token.word.text)
            if not math.isfinite(weight):
                raise token.word.error(f"{token.word.text} is not a finite number")
            return Multiple(weight, self._product())
        return _atom(token.word)


def _atom(word: Word) -> Target:
    head, colon, tail = _split(word.text)
    if colon and not tail:
        wanted = {"class": "a class", "layer": "a layer"}.get(head, "a number")
        raise word.error(f"expected {wanted} after {word.text}")
    if head == "class" and colon:
        return ClassTarget(word, tail)
    if head == "layer" and colon:
        return LayerTarget(word, unquoted(tail))
    layer = unquoted(head)
    if not head:  # Keras accepts a layer whose name is empty, which is written ""
        raise word.error(f"expected a layer before {colon}{tail}")
    numbers, reduce = _reducer(tail)
    if "@" in numbers:
        if re.fullmatch(rf"{_NUMBER}@{_NUMBER}(,{_NUMBER})?", numbers) is None:
            raise word.error("a neuron is LAYER:FILTER@ROW,COLUMN, such as conv6:12@3,4, or LAYER:CHANNEL@TOKEN")
        unit, *position = map(int, re.split("[@,]", numbers))
        return UnitTarget(word, layer, ((unit, unit),), tuple(position), reduce)
    ranges = None if not colon or numbers == "*" else word.ranges(numbers)
    return UnitTarget(word, layer, ranges, (), reduce)


def _split(atom: str) -> tuple[str, str, str]:
    """Split at the first colon outside quotes: the name of a layer or class may contain one."""
    quotes = [(match.start(), match.end()) for match in _QUOTED.finditer(atom)]
    edges = [0, *[edge for pair in quotes for edge in pair], len(atom)]
    for number, (left, right) in enumerate(pairwise(edges)):
        if number % 2 == 0 and ":" in atom[left:right]:
            colon = atom.index(":", left)
            return atom[:colon], ":", atom[colon + 1 :]
    return atom, "", ""


def _reducer(tail: str) -> tuple[str, Literal["mean", "max"]]:
    if tail.endswith("!max"):
        return tail.removesuffix("!max") or "*", "max"
    return tail.removesuffix("!mean") or "*", "mean"
