"""The best of several seeds: which dream of a target is kept, and the robust scores of all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Literal

from dreamfilters.errors import RecipeError
from dreamfilters.serialization import plain, typed

if TYPE_CHECKING:
    from dreamfilters.dreams.result import Dream

MOST_TRIES = 1000  # each one is a whole ascent, and each score is stored with the dream


@dataclass(frozen=True)
class Tries:
    """The seeds that a dream was chosen from.

    Attributes:
        seed: the seed of the dream that was kept.
        seeds: all seeds, in order.
        robust: the robust score of each.
        aim: what comes before the robust score: that the network predicts the class of the dream, or for other
            targets that the unit is activated.
        reached: whether each seed reached it.
    """

    seed: int
    seeds: tuple[int, ...]
    robust: tuple[float, ...]
    aim: Literal["predicted", "activated"]
    reached: tuple[bool, ...]

    @property
    def text(self) -> str:
        """The robust scores in one line.

        >>> Tries(8, (7, 8, 9), (2.0, 3.2, 3.0), "activated", (True, True, True)).text
        'best of 3 seeds: robust 3.2, others 2 to 3, median 2.5'
        >>> Tries(7, (7, 8), (2.0, 3.2), "predicted", (True, False)).text
        'best of 2 seeds: robust 2, other 3.2; 1 of 2 predicted'
        """
        others = [score for score in self._others if math.isfinite(score)]
        middle = f", median {median(others):.4g}" if len(others) > 1 else ""
        missed = "" if all(self.reached) else f"; {sum(self.reached)} of {len(self.seeds)} {self.aim}"
        return f"best of {len(self.seeds)} seeds: {self._range(4)}{middle}{missed}"

    @property
    def caption(self) -> str:
        """The robust scores in two short lines, for a contact sheet.

        >>> Tries(8, (7, 8, 9), (2.0, 3.2, 3.0), "activated", (True, True, True)).caption
        'best of 3 seeds\\nrobust 3.2, others 2 to 3'
        """
        return f"best of {len(self.seeds)} seeds\n{self._range(3)}"

    @property
    def _others(self) -> list[float]:
        pairs = zip(self.seeds, self.robust, strict=True)
        return [score for seed, score in pairs if seed != self.seed]

    def _range(self, digits: int) -> str:
        """Return the robust score of the dream, and the lowest and highest of the others."""
        finite = [score for score in self._others if math.isfinite(score)]
        ends = dict.fromkeys(f"{end(finite):.{digits}g}" for end in (min, max)) if finite else ["not finite"]
        own = self.robust[self.seeds.index(self.seed)]
        return f"robust {own:.{digits}g}, {'other' if len(self.seeds) == 2 else 'others'} {' to '.join(ends)}"

    def as_values(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {"text": self.text, **plain(self)}

    @classmethod
    def from_values(cls, values: Any) -> Tries:
        """Return what `as_values` wrote.

        Raises:
            ValueError: the values are not those of tries.
        """
        given = typed(Mapping[str, Any], values, "tries")
        found: Tries = typed(cls, {key: value for key, value in given.items() if key != "text"}, "tries")
        if found.seed not in found.seeds or not len(found.seeds) == len(found.robust) == len(found.reached):
            raise ValueError("tries: must have one score for each seed, and the seed of the dream among them")
        return found


def check_tries(tries: int) -> None:
    """Raise a RecipeError unless this is a number of seeds.

    >>> check_tries(0)
    Traceback (most recent call last):
    dreamfilters.errors.RecipeError: tries=0: must be a whole number from 1 to 1000
    """
    if isinstance(tries, bool) or not isinstance(tries, Integral) or not 1 <= tries <= MOST_TRIES:
        raise RecipeError(f"tries={tries!r}: must be a whole number from 1 to {MOST_TRIES}")


def first_try(dreams: Sequence[Dream]) -> list[Dream]:
    """Return the dreams of one seed, to be compared with those of other seeds.

    Their pixels are copies: a kept dream would otherwise hold the arrays of its whole batch in memory.
    """
    return [
        replace(
            dream,
            image=dream.image.copy(),
            transparency=None if dream.transparency is None else dream.transparency.copy(),
            frames=tuple(frame.copy() for frame in dream.frames),
            tries=Tries(dream.seed, (dream.seed,), (dream.robust,), *_reached(dream)),
        )
        for dream in dreams
    ]


def better(kept: Sequence[Dream], other: Sequence[Dream], group: int) -> list[Dream]:
    """Return the better dream of each target, with the tries and the seconds of both.

    A dream is better if more reached its aim, see `Tries`, then if its robust score is higher; the earlier seed wins a
    tie. Dreams that are scored together stay together: the mean robust score of a group decides.

    Args:
        kept, other: dreams of the same targets, from `first_try` or `better`.
        group: how many successive dreams are scored together.
    """
    chosen: list[Dream] = []
    for first in range(0, len(kept), group):
        pair = kept[first : first + group], other[first : first + group]
        winner = pair[1] if _rank(pair[1]) > _rank(pair[0]) else pair[0]
        chosen += [_joined(*each) for each in zip(winner, *pair, strict=True)]
    return chosen


def _joined(winner: Dream, kept: Dream, other: Dream) -> Dream:
    first, last = kept.tries, other.tries
    assert first is not None  # of `first_try` and `better`
    assert last is not None
    tries = Tries(
        winner.seed, first.seeds + last.seeds, first.robust + last.robust, first.aim, first.reached + last.reached
    )
    return replace(winner, tries=tries, seconds=kept.seconds + other.seconds)


def _rank(dreams: Sequence[Dream]) -> tuple[int, float]:
    reached = sum(_reached(dream)[1][0] for dream in dreams)
    robust = fmean(dream.robust for dream in dreams)
    return reached, robust if math.isfinite(robust) else -math.inf


def _reached(dream: Dream) -> tuple[Literal["predicted", "activated"], tuple[bool]]:
    if dream.prediction is None:
        return "activated", (dream.activated,)
    return "predicted", (dream.prediction.is_predicted,)
