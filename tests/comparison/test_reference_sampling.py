import pytest

from dreamfilters.comparison.reference_sampling import company, match
from dreamfilters.comparison.units import ComparedUnit
from dreamfilters.errors import ImageError
from dreamfilters.networks import LOGITS

REDS = set(range(0, 24, 3))  # images 0, 3, 6, ... are red


def unit_of(real, subject):
    return subject, real.scan.unit(subject.layer, subject.unit), range(2)


def test_a_filters_way_is_compared_with_what_excites_it_most_and_with_nothing_of_that(real):
    found = company(real, *unit_of(real, ComparedUnit("conv:0", "conv", 0, "mean")))
    assert list(found.dreams) == [0, 1]
    assert set(found.references) > REDS  # all eight, and the strongest of the others
    assert len(found.references) == len(found.others) == 9
    assert not set(found.references) & set(found.others)


def test_a_classs_way_is_compared_with_images_of_the_class_and_with_none_of_it(real):
    found = company(real, *unit_of(real, ComparedUnit("class:red", LOGITS, 0, "mean")))
    assert set(found.references) == REDS
    assert not REDS & set(found.others)


def test_strong_and_weak_images_are_the_ends_of_the_ranking(real):
    found = match(*unit_of(real, ComparedUnit("conv:0", "conv", 0, "mean")))
    assert set(found.strong) > REDS
    assert not set(found.strong) & set(found.weak)


def test_a_silent_unit_has_no_references(real):
    silent = unit_of(real, ComparedUnit("conv:3", "conv", 3, "mean"))
    with pytest.raises(ImageError, match="24 images: the unit answers them all alike"):
        company(real, *silent)
    with pytest.raises(ImageError, match="alike"):
        match(*silent)
