from dataclasses import replace

import pytest

from dreamfilters.comparison.number_format import times
from dreamfilters.report.headline import headline_of


def losing(unit):
    ranks = unit.measures["response_rank"]
    mean = replace(ranks.mean, response=1.0, largest=2.0, ratio=0.5, percentile=50.0, loses=True)
    return replace(unit, measures={**unit.measures, "response_rank": replace(ranks, mean=mean)})


def test_every_measure_has_a_caption_with_its_meaning(compared):
    captions = compared.units[0].captions
    assert [caption.name for caption in captions.values()] == [
        "Response", "Response, robust", "Seeds", "Maps", "Path", "2AFC", "Plausibility", "Transfer",
    ]  # fmt: skip
    assert all(caption.meaning and caption.figure for caption in captions.values())


def test_a_class_has_no_map_similarity(compared):
    captions = compared.units[2].captions
    assert "map_similarity" not in captions
    assert captions["confusions"].figure == "0 of 8"


def test_a_dream_that_loses_is_flagged_and_its_figure_is_bad(compared):
    unit = losing(compared.units[0])
    headline = headline_of(unit)
    assert headline.figure == "0.500 ×"
    assert "loses to a real image" in headline.flags
    response = unit.captions["response_rank"]
    assert response.fails
    assert response.detail == "1.00 against 2.00 (50 % of 24)"


def test_one_that_loses_only_under_small_transforms_is_flagged_as_that(compared):
    unit = compared.units[0]
    plain, robust = unit.measures["response_rank"], unit.measures["robust_response_rank"]
    changed = {
        "response_rank": replace(plain, mean=replace(plain.mean, loses=False)),
        "robust_response_rank": replace(robust, mean=replace(robust.mean, loses=True)),
    }
    flags = headline_of(replace(unit, measures={**unit.measures, **changed})).flags
    assert "loses to a real image under small transforms" in flags


def test_a_unit_that_no_image_activates_says_so(compared):
    headline = headline_of(compared.units[1])
    assert headline.words == "neither the dream nor a real image activates it"
    assert headline.flags[0] == "same response to all 24 real images"
    assert any("not activated" in flag for flag in headline.flags)


def test_a_measure_without_a_value_says_why(compared):
    for name in ("two_afc", "path_similarity"):
        caption = compared.units[1].captions[name]
        assert caption.figure == "–"
        assert "same response" in caption.detail


@pytest.mark.parametrize(("ratio", "text"), [(0.998, "0.998 ×"), (12.345, "12.3 ×"), (-0.5, "−0.500 ×")])
def test_ratios_read_well(ratio, text):
    assert times(ratio) == text
