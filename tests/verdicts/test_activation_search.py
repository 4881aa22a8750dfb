"""What a dream made of a unit is measured on the image that is kept."""

from __future__ import annotations

import numpy as np
import pytest

from dreamfilters.dreams.recipe import Recipe
from dreamfilters.networks import InputForm, Network
from dreamfilters.verdicts.activation_search import Attempt, SearchStep, activate, better, search_steps
from dreamfilters.verdicts.verdict import DreamEvidence


def test_a_unit_is_measured_on_its_own_image(network, scene):
    images = np.stack([scene(seed=seed) for seed in range(3)])
    maps = np.asarray(network.watch(frozenset({"conv1"}))(images)["conv1"])

    def dreamer(recipe, targets):
        assert (recipe.name, targets) == ("mine", ("conv1:1!max", "conv1:4!max", "conv1:6!max"))
        for place in (2, 0, 1):  # in any order
            yield Attempt(
                targets[place], images[place], activated=False, where=f"{place}.png", attempts=("another seed",)
            )

    found = activate(network, {"conv1": [1, 4, 6]}, SearchStep(Recipe(name="mine"), "max"), dreamer)
    for place, unit in enumerate((1, 4, 6)):
        dreamt = found["conv1", unit]
        assert dreamt.score == pytest.approx(maps[place, ..., unit].max(), rel=1e-5)
        assert dreamt.activated == (dreamt.score > 0)  # whatever the ascent said of itself
        assert dreamt.image == f"{place}.png"
        assert dreamt.attempts == ("recipe mine", "another seed")


def test_of_two_dreams_the_higher_one_counts_with_the_attempts_of_both():
    first, second = DreamEvidence(0.5, True, "a.png", ("x",)), DreamEvidence(0.0, False, "b.png", ("y", "z"))
    assert better(None, second) is second
    assert better(first, second) == DreamEvidence(0.5, True, "a.png", ("x", "y", "z"))
    assert better(second, first) == DreamEvidence(0.5, True, "a.png", ("y", "z", "x"))


def test_a_network_of_any_size_is_dreamt_at_the_size_asked_for(network, tiny):
    assert [ascent.recipe.canvas_size for ascent in search_steps(network, (16, 16))] == [None, None]
    free = Network(tiny, InputForm.from_range(0, 1))
    assert [ascent.recipe.canvas_size for ascent in search_steps(free, (24, 32))] == [(24, 32), (24, 32)]
    assert [(ascent.recipe.name, ascent.reduce) for ascent in search_steps(network, (1, 1))] == [
        ("standard", "mean"),
        ("pixels", "max"),
    ]
