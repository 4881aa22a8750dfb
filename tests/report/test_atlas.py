"""What an atlas says at a glance, and where its pages lead to."""

import json
from dataclasses import replace

import pytest

from dreamfilters.networks import LOGITS
from dreamfilters.report.atlas import (
    Atlas,
    atlas_unit_from,
    atlas_unit_of,
    index_files,
    judged_layer,
    neighbors,
    unit_page,
)
from dreamfilters.verdicts.result import Finding
from dreamfilters.verdicts.verdict import Verdict

ALIVE = Finding(0, Verdict("alive", "image a.png gives 1"))
DEAD = Finding(3, Verdict("dead", "no valid input lifts it above 0", proved=True))


@pytest.fixture(scope="module")
def plates(compared):
    """Two filters, of which the second is proved dead, and a class."""
    findings = (ALIVE, DEAD, ALIVE)
    return tuple(
        atlas_unit_of(unit, finding, page=f"units/{place}.html", image=f"dreams/seed-0/{place}.png")
        for place, (unit, finding) in enumerate(zip(compared.units, findings, strict=True))
    )


@pytest.fixture(scope="module")
def atlas(plates):
    return Atlas("colors", plates, {"conv": "4 filters", LOGITS: "3 classes"}, {"Made": "here"}, (("b.png", "cut"),))


def test_a_plate_is_a_unit_in_short_and_comes_back_from_its_values(compared, plates):
    first, second, third = plates
    assert (first.name, first.layer, first.title, first.verdict) == ("conv:0", "conv", "0", "alive")
    assert first.figure == f"{compared.units[0].response_rank.ratio:.3g}".ljust(4, "0") + " ×"
    assert (second.verdict, second.row["proved"]) == ("dead", True)
    assert third.title == "green"
    assert [atlas_unit_from(json.loads(json.dumps(plate.as_values()))) for plate in plates[1:]] == list(plates[1:])


def test_units_of_a_layer_stand_together_and_are_counted(atlas):
    assert [(sheet.title, sheet.detail, len(sheet.plates)) for sheet in atlas.sheets] == [
        ("conv", "4 filters", 2),
        ("Classes", "3 classes", 1),
    ]
    assert atlas.counts == {"alive": 2, "dead": 1}
    assert "<td>dead</td><td>1</td>" in atlas._repr_html_()


def test_the_page_holds_no_image_and_names_each_one_that_is_fetched(atlas):
    page = index_files(atlas)["index.html"].decode()
    assert "data:image" not in page
    assert page.count('loading="lazy"') == 3
    for place in range(3):
        assert f'src="dreams/seed-0/{place}.png"' in page
        assert f'href="units/{place}.html"' in page
    assert "b.png: cut" in page


def test_a_thousand_more_units_cost_less_than_a_kilobyte_each(atlas, plates):
    many = tuple(
        replace(plates[0], name=f"conv:{unit}", title=str(unit), page=f"units/{unit}.html") for unit in range(1000)
    )
    assert len(index_files(replace(atlas, plates=many))["index.html"]) < 1000 * 1024 + 40_000


def test_the_numbers_are_strict_json_and_a_line_each(atlas):
    files = index_files(atlas)
    values = json.loads(files["atlas.json"])
    assert [unit["verdict"] for unit in values["units"]] == ["alive", "dead", "alive"]
    assert len(files["atlas.csv"].decode().splitlines()) == 4


def test_pages_lead_to_their_neighbors_and_back(compared):
    names, pages = ["a", "b", "c"], ["units/x.html", "units/y.html", "units/z.html"]
    assert neighbors(names, pages, 0).before is None
    assert neighbors(names, pages, 1).before == ("x.html", "a")
    assert neighbors(names, pages, 1).after == ("z.html", "c")
    assert neighbors(names, pages, 2).after is None
    assert neighbors(names, pages, 2).up == "../index.html#unit-z"
    page = unit_page("colors", compared.units[1], DEAD, neighbors(names, pages, 1)).decode()
    assert 'rel="next" href="z.html"' in page
    assert "dead, proved" in page
    assert "no valid input lifts it above 0." in page


def test_logits_are_judged_as_the_classes(network):
    assert judged_layer(network, LOGITS) == "classes"
    assert judged_layer(network, "conv1") == "conv1"
