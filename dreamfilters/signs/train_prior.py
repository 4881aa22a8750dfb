"""Train the learned prior of the built-in network on rendered signs: `python -m dreamfilters.signs.train_prior`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamfilters.dreams.priors.built_in_prior import NAME
from dreamfilters.dreams.priors.fitting import fit_prior
from dreamfilters.dreams.priors.learned_prior import LearnedPrior
from dreamfilters.signs.rendering.scenes import render
from dreamfilters.writing.single_files import new_file

CLASSES, SIZE, STEPS = 43, 32, 700
_OF_CLASS = 100  # rendered images of a class
_FIRST_SEED = 10_000  # the samples that `dreamfilters samples` writes have smaller ones
_SAMPLE = 64  # images that are stored in full, so that the file stays below 2 MB


def images(of_class: int = _OF_CLASS) -> NDArray[np.uint8]:
    """Return the rendered images that the prior is trained on, (n, h, w, 3)."""
    seeds = range(_FIRST_SEED, _FIRST_SEED + of_class)
    rendered = (render(number, seed, SIZE) for number in range(CLASSES) for seed in seeds)
    return np.stack([np.rint(image * 255).astype(np.uint8) for image in rendered])


def write(prior: LearnedPrior, path: Path) -> None:
    """Write a prior in half precision, with fewer images."""
    arrays = dict(prior.arrays)
    for name, array in arrays.items():
        if array.dtype == np.float32:
            arrays[name] = array.astype(np.float16)
    rows = np.linspace(0, len(prior.sample) - 1, min(len(prior.sample), _SAMPLE)).astype(int)
    with new_file(path) as part:
        np.savez_compressed(part, **{**arrays, "sample": prior.sample[rows]})


def main(arguments: Sequence[str] | None = None) -> None:
    """Train it and write it to a folder: the one that is given, or that of this module."""
    given = sys.argv[1:] if arguments is None else arguments
    folder = Path(given[0]) if given else Path(__file__).parent
    write(fit_prior(images(), steps=STEPS, name="rendered signs"), folder / NAME)


if __name__ == "__main__":
    main()
