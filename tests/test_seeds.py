"""Tests of the range of random seeds, which every function that takes one states alike."""

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.errors import RecipeError
from dreamfilters.seeds import MOST_SEED, check_seed


@pytest.mark.parametrize("seed", [0, 7, np.int64(7), MOST_SEED])
def test_a_seed_is_taken(seed):
    check_seed(seed)


@pytest.mark.parametrize("seed", [-1, MOST_SEED + 1, 1.5, True, "7"])
def test_what_is_no_seed_is_named(seed):
    with pytest.raises(RecipeError, match=rf"seed={seed!r}: must be a whole number from 0 to 2147483647"):
        check_seed(seed)


@pytest.mark.parametrize(
    "call",
    [
        lambda network, images: df.dream(network, "conv1:0", seed=-1),
        lambda network, images: df.compare(network, "conv1:0", images, seed=-1),
        lambda network, images: df.facets(network, "conv1:0", images, seed=-1),
        lambda network, images: df.fool(network, "class:0", seed=-1),
        lambda network, images: df.embed(network, images, "conv1", seed=-1),
        lambda network, images: df.fit_prior(images, seed=-1),
    ],
)
def test_a_function_names_a_seed_that_is_none(tiny, call):
    network = df.load(tiny, form={"range": [0, 1]})
    with pytest.raises(RecipeError, match="seed=-1: must be a whole number from 0"):
        call(network, np.random.default_rng(0).random((8, 16, 16, 3), np.float32))
