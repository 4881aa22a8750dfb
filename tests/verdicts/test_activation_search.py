"""The search for inputs that activate silent units."""

from __future__ import annotations

import numpy as np
import pytest

from dreamfilters.dreams.recipe import Recipe
from dreamfilters.networks import InputForm, Network
from dreamfilters.verdicts.activation_search import Attempt, activate, search_recipe


def test_a_unit_is_measured_on_its_own_image(network, scene):
    images = np.stack([scene(seed=seed) for seed in range(3)])
    maps = np.asarray(network.watch(frozenset({"conv1"}))(images)["conv1"])

    def dreamer(recipe, targets):
        assert (recipe.name, targets) == ("test", ("conv1:1", "conv1:4", "conv1:6"))
        for number in (2, 0, 1):  # in any order
            yield Attempt(
                targets[number], images[number], activated=False, file=f"{number}.png", attempts=("another seed",)
            )

    evidence = activate(network, {"conv1": [1, 4, 6]}, Recipe(name="test"), dreamer)
    for number, unit in enumerate((1, 4, 6)):
        dream = evidence["conv1", unit]
        assert dream.score == pytest.approx(maps[number, ..., unit].max(), rel=1e-5)
        assert not dream.activated  # as the ascent says, whatever the maximum on the image is
        assert dream.image == f"{number}.png"
        assert dream.attempts == ("recipe test", "another seed")


def test_a_network_of_any_size_is_dreamed_at_the_size_of_the_scan(network, tiny):
    assert search_recipe(network, (16, 16)).canvas_size is None
    assert search_recipe(Network(tiny, InputForm.from_range(0, 1)), (24, 32)).canvas_size == (24, 32)
    assert search_recipe(network, (1, 1)).name == "standard"
