import pytest

from dreamfilters.comparison.units import ComparedUnit, units_of
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.networks import LOGITS


def test_each_unit_appears_once(colors):
    objectives, units = units_of(colors, ["conv:2,0", "conv:0!max", "class:blue", "conv:2"], Recipe())
    assert units == (
        ComparedUnit("conv:2", "conv", 2, "mean"),
        ComparedUnit("conv:0", "conv", 0, "mean"),
        ComparedUnit("conv:0!max", "conv", 0, "max"),
        ComparedUnit("class:blue", LOGITS, 2, "mean"),
    )
    assert [name for goal in objectives for name in goal.names] == [unit.name for unit in units]
    assert [unit.title for unit in units] == [unit.name for unit in units[:3]] + ["blue"]
    assert [unit.is_class for unit in units] == [False, False, False, True]


def test_a_class_dreamed_by_its_margin_is_still_the_class(colors):
    assert units_of(colors, "class:1", Recipe(class_score="margin"))[1][0].layer == LOGITS


def test_targets_that_are_not_single_units_are_refused(colors):
    with pytest.raises(TargetError, match="layer:conv: a comparison is of single units"):
        units_of(colors, "layer:conv", Recipe())
    with pytest.raises(UnknownNameError, match="Close names: conv"):
        units_of(colors, "cnov:1", Recipe())
