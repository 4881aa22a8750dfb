"""Files of learned priors: arrays of numbers and a text, read without TensorFlow."""

from __future__ import annotations

from pathlib import Path

from dreamfilters.dreams.priors.learned_prior import LearnedPrior, from_arrays
from dreamfilters.errors import DamagedError, RecipeError
from dreamfilters.runs.storage.array_files import arrays_of
from dreamfilters.runs.storage.stored_files import read_file


def read_prior(path: str | Path) -> LearnedPrior:
    """Return the prior of a file that `dreamfilters prior` or `LearnedPrior.save` wrote; only arrays are read.

    Raises:
        RecipeError: there is no such file, it is damaged, or it is another file.

    Example:
        >>> read_prior("missing.npz")
        Traceback (most recent call last):
        dreamfilters.errors.RecipeError: missing.npz: no such file; ...
    """
    path = Path(path)
    if not path.exists():
        raise RecipeError(f"{path}: no such file; train a prior with `dreamfilters prior IMAGES --out {path}`")
    real = path.resolve()
    try:
        return from_arrays(arrays_of(read_file(real.parent, real.name)))
    except (DamagedError, ValueError) as error:
        raise RecipeError(f"{path}: is damaged, or not a prior that `dreamfilters prior` wrote ({error})") from error
