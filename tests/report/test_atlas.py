"""The index of an atlas and the links between its pages."""

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
from dreamfilters.serialization import plain
from dreamfilters.verdicts.result import Finding
from dreamfilters.verdicts.verdict import Verdict

ALIVE = Finding(0, Verdict("alive", "image a.png gives 1"))
DEAD = Finding(3, Verdict("dead", "no valid input lifts it above 0", proved=True))


@pytest.fixture(scope="module")
def units(compared):
    """Two filters, of which the second is proved dead, and a class."""
    findings = (ALIVE, DEAD, ALIVE)
    return tuple(
        atlas_unit_of(unit, finding, page=f"units/{place}.html", image=f"dreams/seed-0/{place}.png")
        for place, (unit, finding) in enumerate(zip(compared.units, findings, strict=True))
    )


@pytest.fixture(scope="module")
def atlas(units):
    return Atlas("colors", units, {"conv": "4 filters", LOGITS: "3 classes"}, {"Made": "here"}, (("b.png", "cut"),))


def test_an_index_entry_is_restored_from_its_values(compared, units):
    first, second, third = units
    assert (first.name, first.layer, first.title, first.verdict) == ("conv:0", "conv", "0", "alive")
    assert first.figure == f"{compared.units[0].response_rank.ratio:.3g}".ljust(4, "0") + " ×"
    assert (second.verdict, second.row["proved"]) == ("dead", True)
    assert third.title == "green"
    assert [atlas_unit_from(json.loads(json.dumps(plain(unit)))) for unit in units[1:]] == list(units[1:])


def test_units_are_grouped_by_layer_and_counted(atlas):
    assert [(layer.title, layer.detail, len(layer.units)) for layer in atlas.layers] == [
        ("conv", "4 filters", 2),
        ("Classes", "3 classes", 1),
    ]
    assert atlas.counts == {"alive": 2, "dead": 1}
    assert 'title="1 dead"' in atlas._repr_html_()


def test_the_index_contains_no_image_and_links_each_dream(atlas):
    page = index_files(atlas)["index.html"].decode()
    assert "data:image" not in page
    assert page.count('loading="lazy"') == 3
    for place in range(3):
        assert f'src="dreams/seed-0/{place}.png"' in page
        assert f'href="units/{place}.html"' in page
    assert "b.png: cut" in page


def test_a_dream_that_loses_says_so_on_its_tile_and_in_the_table(atlas, units):
    """In words: a color alone is not seen by everyone, and the title of a tile not on a phone."""
    won, lost = (replace(units[0], loses=loses, row={**units[0].row, "loses": loses}) for loses in (False, True))
    files = index_files(replace(atlas, units=(won, lost)))
    tiles = files["index.html"].decode().split('<a class="tile')[1:]
    assert [">loses<" in tile for tile in tiles] == [False, True]
    head, *rows = (line.split(",") for line in files["atlas.csv"].decode().splitlines())
    assert [row[head.index("loses")] for row in rows] == ["False", "True"]


def test_a_thousand_more_units_cost_less_than_a_kilobyte_each(atlas, units):
    many = tuple(
        replace(units[0], name=f"conv:{unit}", title=str(unit), page=f"units/{unit}.html") for unit in range(1000)
    )
    assert len(index_files(replace(atlas, units=many))["index.html"]) < 1000 * 1024 + 40_000


def test_the_numbers_are_strict_json_and_one_row_a_unit(atlas):
    files = index_files(atlas)
    values = json.loads(files["atlas.json"])
    assert [unit["verdict"] for unit in values["units"]] == ["alive", "dead", "alive"]
    assert len(files["atlas.csv"].decode().splitlines()) == 4


def test_pages_link_to_their_neighbors_and_back(compared):
    names, pages = ["a", "b", "c"], ["units/x.html", "units/y.html", "units/z.html"]
    assert neighbors(names, pages, 0).previous is None
    assert neighbors(names, pages, 1).previous == ("x.html", "a")
    assert neighbors(names, pages, 1).next == ("z.html", "c")
    assert neighbors(names, pages, 2).next is None
    assert neighbors(names, pages, 2).index == "../index.html#unit-z"
    page = unit_page("colors", compared.units[1], DEAD, neighbors(names, pages, 1)).decode()
    assert 'rel="next" href="z.html"' in page
    assert "dead, proved" in page
    assert "no valid input lifts it above 0." in page


def test_logits_are_judged_as_the_layer_of_the_classes(network):
    assert judged_layer(network, LOGITS) == "classes"
    assert judged_layer(network, "conv1") == "conv1"
