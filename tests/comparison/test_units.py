import pytest

from dreamfilters.comparison.units import ComparedUnit, units_of
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.errors import TargetError, UnknownNameError
from dreamfilters.networks import LOGITS


def test_targets_are_units_each_once(colors):
    goals, subjects = units_of(colors, ["conv:2,0", "conv:0!max", "class:blue", "conv:2"], Recipe())
    assert subjects == (
        ComparedUnit("conv:2", "conv", 2, "mean"),
        ComparedUnit("conv:0", "conv", 0, "mean"),
        ComparedUnit("conv:0!max", "conv", 0, "max"),
        ComparedUnit("class:blue", LOGITS, 2, "mean"),
    )
    assert [name for goal in goals for name in goal.names] == [subject.name for subject in subjects]
    assert [subject.is_class for subject in subjects] == [False, False, False, True]


def test_a_class_dreamt_by_its_margin_is_still_the_class(colors):
    assert units_of(colors, "class:1", Recipe(class_score="margin"))[1][0].layer == LOGITS


def test_what_is_no_single_unit_is_refused(colors):
    with pytest.raises(TargetError, match="layer:conv: a comparison is of single units"):
        units_of(colors, "layer:conv", Recipe())
    with pytest.raises(UnknownNameError, match="Close names: conv"):
        units_of(colors, "cnov:1", Recipe())
