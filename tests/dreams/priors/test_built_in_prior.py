"""The built-in network has a learned prior, of which `learned` makes dreams where no other one is given."""

import importlib.resources

import numpy as np
import pytest

import dreamfilters as df
from dreamfilters.cli.options.recipe import RecipeOptions
from dreamfilters.dreams.priors.built_in_prior import NAME, prior_beside
from dreamfilters.runs.storage.prior_files import read_prior

QUICK = df.read_recipe("learned", settings=["steps=2", "transforms.views.views=1"])


def test_the_file_is_small_and_its_denoiser_better_than_a_linear_one():
    path = importlib.resources.files("dreamfilters.signs") / NAME
    found = read_prior(str(path))
    assert len(path.read_bytes()) <= 2_000_000
    assert found.record.is_better_than_linear
    assert (found.channels, found.size) == (3, (32, 32))
    assert all(weight.dtype == np.float32 for weight in found.weights.values())
    assert found.digest == prior_beside(df.load("signs").prior).digest
    assert prior_beside(None) is None


@pytest.mark.slow
def test_dreams_of_the_built_in_network_need_no_other_prior():
    network = df.load("signs")
    own = df.dream(network, "class:STOP", QUICK, seed=1)[0]
    given = df.dream(network, "class:STOP", QUICK, seed=1, prior=prior_beside(network.prior))[0]
    assert own.appearance.source == "rendered signs"
    assert np.array_equal(own.image, given.image)


def test_the_command_takes_it_for_the_recipe_that_needs_one():
    found = RecipeOptions(recipe="learned", settings=[], seed=0).prior(None, "signs")
    assert found.name == "rendered signs"
    assert RecipeOptions(recipe="natural", settings=[], seed=0).prior(None, "signs") is None
