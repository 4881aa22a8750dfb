"""Tests of the sets of units that are ablated."""

import pytest

from dreamfilters.attribution.ablation.ablated_sets import ablated_sets
from dreamfilters.errors import TargetError


def names(sets, kind):
    return [one.name for one in sets if one.kind == kind]


def test_units_of_several_targets_are_taken_once_and_layer_by_layer(network):
    sets = ablated_sets(network, ["conv2:5", "conv1:1,0", "conv2:4-5", "layer:pool1"], controls=0, seed=0)
    assert names(sets, "unit") == [
        "conv2:4", "conv2:5", "conv1:0", "conv1:1", *(f"pool1:{unit}" for unit in range(8)),
    ]  # fmt: skip
    assert names(sets, "together") == ["conv2:4,5", "conv1:0,1"]


def test_random_units_are_others_of_the_layer_and_depend_on_the_seed(network):
    first, again, other = (ablated_sets(network, ["conv1:0-2"], controls=4, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert names(first, "random") != names(other, "random")
    random = [one.units for one in first if one.kind == "random"]
    assert [len(units) for units in random] == [1] * 4 + [3] * 4
    assert len(set(random)) == 8
    assert all(set(units) <= {3, 4, 5, 6, 7} for units in random)


def test_where_others_are_too_few_random_sets_are_drawn_from_all_units(network):
    sets = ablated_sets(network, ["conv1:0-5"], controls=3, seed=0)
    assert len(names(sets, "random")) == 2 + 3  # there are two other units
    assert all(len(one.units) in (1, 6) for one in sets if one.kind == "random")


def test_a_layer_without_units_is_refused(network_of, nested):
    with pytest.raises(TargetError, match=r"conv1:6: backbone/conv1 has 6 units, 0 to 5"):
        ablated_sets(network_of(nested), ["conv1:6"], controls=0, seed=0)
