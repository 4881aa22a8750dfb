"""Random seeds: the numbers that functions, commands and stored results take."""

from __future__ import annotations

from numbers import Integral

from dreamfilters.errors import RecipeError

MOST_SEED = 2**31 - 1  # numpy takes no negative seed, and a stored number above 2**53 is not exact


def check_seed(seed: int) -> None:
    """Raise RecipeError unless this is a seed.

    >>> check_seed(-1)
    Traceback (most recent call last):
    dreamfilters.errors.RecipeError: seed=-1: must be a whole number from 0 to 2147483647
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed <= MOST_SEED:
        raise RecipeError(f"seed={seed!r}: must be a whole number from 0 to {MOST_SEED}")
