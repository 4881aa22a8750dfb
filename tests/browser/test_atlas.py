"""An atlas in a real browser: hostile names, images fetched as they come into sight, filters, keys, its pages."""

from dataclasses import replace

import numpy as np
import pytest

from dreamfilters.comparison.compare import compare
from dreamfilters.dreams.recipe import Recipe
from dreamfilters.images import png_bytes
from dreamfilters.networks import LOGITS
from dreamfilters.report.atlas import Atlas, atlas_unit_of, index_files, neighbors, unit_page
from dreamfilters.verdicts.result import Finding
from dreamfilters.verdicts.verdict import Verdict
from tests.browser.test_report import HOSTILE, network
from tests.browser.visiting import until, visit

COUNT = len(HOSTILE)
SHOWN = "[...document.querySelectorAll('.tile')].filter((one) => one.checkVisibility()).length"


@pytest.fixture(scope="module")
def atlas(tmp_path_factory):
    """A folder with an atlas of twelve classes and 300 filters, every text of it hostile, images beside it."""
    folder = tmp_path_factory.mktemp("atlas")
    rng = np.random.default_rng(8)
    images = rng.uniform(0, 1, (COUNT, 16, 16, 3)).astype("float32")
    targets = [f"class:{number}" for number in range(COUNT)]
    made = compare(
        network(), [*targets, "conv:0"], images, labels=list(HOSTILE), recipe=Recipe(steps=2), seeds=1, top=2
    ).units
    alive, dormant = (
        Finding(0, Verdict(kind, f"image {HOSTILE[place]} gives 1")) for place, kind in enumerate(("alive", "dormant"))
    )
    entries = [_entry(unit, alive, number) for number, unit in enumerate(made[:COUNT])]
    filters = [_renamed(made[-1], unit) for unit in range(300)]
    entries += [_entry(unit, dormant, COUNT + number) for number, unit in enumerate(filters)]
    details, facts = {LOGITS: HOSTILE[0], HOSTILE[2]: HOSTILE[1]}, {HOSTILE[4]: HOSTILE[9]}
    failures = tuple((name, name) for name in HOSTILE)
    for name, content in index_files(Atlas(HOSTILE[2], tuple(entries), details, facts, failures)).items():
        (folder / name).write_bytes(content)
    names, pages = [entry.name for entry in entries], [entry.page for entry in entries]
    (folder / "units").mkdir()
    for place, unit in enumerate(made[:COUNT]):
        around = neighbors(names, pages, place)
        (folder / pages[place]).write_bytes(unit_page(HOSTILE[2], unit, alive, around))
    (folder / "dreams").mkdir()
    for place in range(len(entries)):
        (folder / "dreams" / f"{place}.png").write_bytes(png_bytes(images[place % COUNT]))
    return folder


def _renamed(made, unit):
    return replace(made, unit=replace(made.unit, name=f"{HOSTILE[2]}:{unit}", layer=HOSTILE[2], number=unit))


def _entry(unit, finding, number):
    return atlas_unit_of(unit, finding, page=f"units/{number}.html", image=f"dreams/{number}.png")


def test_no_name_is_executed_and_every_one_is_shown_as_it_is(tab, atlas):
    visit(tab, atlas / "index.html")
    assert tab.evaluate("document.documentElement.dataset.ready") == "yes"
    assert tab.title() == f"{HOSTILE[2]}: atlas of its units"
    shown = tab.evaluate("document.body.textContent")
    assert [name for name in HOSTILE if name not in shown] == []
    assert tab.evaluate("document.scripts.length") == 2
    assert tab.locator("iframe, base, object, embed, svg[onload], img[onerror]").count() == 0
    handlers = tab.evaluate(
        "[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes]).map((one) => one.name)"
    )
    assert not [name for name in handlers if name.startswith("on")]


def test_images_are_fetched_as_they_come_into_sight_and_from_beside_the_page_alone(tab, log, atlas):
    visit(tab, atlas / "index.html", height=300)
    home = atlas.resolve().as_uri()
    assert all(url.startswith(home) for url in log.requests)
    assert len(log.requests) < 1 + COUNT + 300
    tab.evaluate("document.querySelector('.tile:last-child').scrollIntoView()")
    until(tab, "[...document.images].every((one) => !one.complete || one.naturalWidth > 0)")


def test_filters_and_search_show_what_fits(tab, atlas):
    visit(tab, atlas / "index.html")
    assert tab.evaluate(SHOWN) == COUNT + 300
    tab.click("[data-kind=alive]")
    assert tab.evaluate(SHOWN) == COUNT
    assert tab.evaluate("document.getElementById('found').textContent") == f"{COUNT} of {COUNT + 300}"
    tab.click("[data-kind=dormant]")
    assert tab.evaluate(SHOWN) == COUNT + 300
    tab.click("[data-kind=alive]")
    assert tab.evaluate(SHOWN) == 300
    tab.keyboard.press("Escape")
    tab.keyboard.press("/")
    tab.keyboard.type("onfocus=")
    assert 0 < tab.evaluate(SHOWN) < COUNT + 300
    tab.keyboard.press("Escape")
    assert tab.evaluate(SHOWN) == COUNT + 300


def test_keys_lead_from_tile_to_tile_to_a_page_and_back(tab, atlas):
    visit(tab, atlas / "index.html")
    for key, place in (("ArrowRight", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("j", 1)):
        tab.keyboard.press(key)
        assert tab.evaluate("document.activeElement.id") == f"unit-{place}"
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("document.activeElement.getBoundingClientRect().top") > tab.evaluate(
        "document.getElementById('unit-1').getBoundingClientRect().top"
    )
    visit(tab, atlas / "units" / "1.html")
    tab.keyboard.press("ArrowRight")
    until(tab, "location.pathname.endsWith('/units/2.html') && document.documentElement?.dataset.ready === 'yes'")
    tab.keyboard.press("Escape")
    until(tab, "location.pathname.endsWith('/index.html') && location.hash === '#unit-2'")


@pytest.mark.parametrize("number", range(COUNT))
def test_a_units_page_executes_nothing(tab, log, atlas, number):
    visit(tab, atlas / "units" / f"{number}.html")
    assert tab.evaluate("document.documentElement.dataset.ready") == "yes"
    assert tab.title() == f"{HOSTILE[number]}, {HOSTILE[2]}"
    assert [url for url in log.requests if not url.startswith("data:")] == [(atlas / f"units/{number}.html").as_uri()]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("page", ["index.html", "units/3.html"])
def test_it_fits_a_telephone(tab, atlas, page, dark):
    visit(tab, atlas / page, width=400, height=800, dark=dark)
    assert tab.evaluate("document.documentElement.scrollWidth") == 400
