from dataclasses import replace

import pytest

from dreamfilters.report.captions import captions_of, headline_of
from dreamfilters.report.number_format import times


def named(unit):
    return {measure.name: measure for measure in captions_of(unit)}


def losing(unit):
    plain = replace(unit.contest.mean, response=1.0, largest=2.0, ratio=0.5, percentile=50.0, loses=True)
    return replace(unit, contest=replace(unit.contest, mean=plain))


def test_every_measure_of_the_brief_has_a_line_with_its_meaning(compared):
    measures = named(compared.units[0])
    assert list(measures) == [
        "Response", "Response, moved", "Seeds", "Maps", "Path", "Duel", "Plausibility", "Transfer",
    ]  # fmt: skip
    assert all(measure.meaning and measure.figure for measure in measures.values())


def test_a_class_has_no_maps_to_liken(compared):
    assert "Maps" not in named(compared.units[2])


def test_a_dream_that_loses_is_flagged_and_its_figure_is_bad(compared):
    unit = losing(compared.units[0])
    verdict = headline_of(unit)
    assert verdict.figure == "0.500 ×"
    assert "loses to a real image" in verdict.flags
    response = named(unit)["Response"]
    assert response.bad
    assert response.detail == "1.00 against 2.00 (50 % of 24)"


def test_one_that_loses_only_under_motions_is_flagged_as_that(compared):
    unit = compared.units[0]
    contest = replace(unit.contest, mean=replace(unit.contest.mean, loses=False))
    moved = replace(contest, moved_mean=replace(contest.moved_mean, loses=True))
    assert "loses to a real image under small motions" in headline_of(replace(unit, contest=moved)).flags


def test_a_unit_that_no_image_excites_says_so(compared):
    verdict = headline_of(compared.units[1])
    assert verdict.words == "neither the dream nor a real image excites it"
    assert verdict.flags[0] == "answers all 24 real images alike"
    assert any("not activated" in flag for flag in verdict.flags)


def test_a_measure_that_could_not_be_taken_says_why(compared):
    for name in ("Duel", "Path"):
        measure = named(compared.units[1])[name]
        assert measure.figure == "–"
        assert "alike" in measure.detail


@pytest.mark.parametrize(("ratio", "text"), [(0.998, "0.998 ×"), (12.345, "12.3 ×"), (-0.5, "−0.500 ×")])
def test_ratios_read_well(ratio, text):
    assert times(ratio) == text
