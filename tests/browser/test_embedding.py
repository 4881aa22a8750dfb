"""The page of a map in a real browser: hostile names, a click that opens an image, classes alone, and the grid."""

import numpy as np
import pytest

from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.placing import embedding_of
from dreamfilters.evidence.embedding.registry import method_of
from dreamfilters.report.pages.embedding.embedding_page import embedding_page
from dreamfilters.report.pages.embedding.thumbnail_sheets import sheets_of
from tests.browser.markup import MARKUP
from tests.browser.visiting import visit

AT = """(index) => {
  const data = JSON.parse(document.getElementById("values").textContent);
  const {width, height} = document.getElementById("canvas").getBoundingClientRect();
  const size = Math.min(width, height) * 0.92;
  const [x, y] = [data.x[index] / data.fine, 1 - data.y[index] / data.fine];
  return {x: (x - 0.5) * size + width / 2, y: (y - 0.5) * size + height / 2};
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Twenty images on a circle, named and labeled with markup; the last two are dreams."""
    turns = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    rows = np.stack([np.cos(turns), np.sin(turns)], axis=1).astype("float32")
    names = tuple(f"{MARKUP[number % len(MARKUP)]}{number}" for number in range(20))
    labels = tuple(MARKUP[number % 3] for number in range(20))
    thumbnails = np.random.default_rng(0).integers(0, 255, (20, 8, 8, 3), np.uint8)
    features = ImageFeatures(MARKUP[0], "f", {}, (8, 8), MARKUP[1], True, names, labels, rows, thumbnails)
    found = embedding_of(features.only(range(18)), method_of("pca"), features.only([18, 19]), metric="euclidean")
    path = tmp_path_factory.mktemp("map") / "index.html"
    files = {"map": "map.png", "grid": "grid.png"}
    path.write_bytes(embedding_page(found, {"embedding.csv": "every image"}, sheet="t-{}.jpg", images=files))
    (path.parent / "t-0.jpg").write_bytes(next(sheets_of(found.features)))
    for name in files.values():
        (path.parent / name).write_bytes(next(sheets_of(found.features)))
    return path, found


def test_a_click_opens_an_image_and_its_nearest_ones(tab, log, page):
    path, found = page
    visit(tab, path)
    assert tab.evaluate("document.documentElement.dataset.ready") == "yes"
    assert tab.evaluate("document.scripts.length") == 2
    tab.locator("#canvas").click(position=tab.evaluate(AT, 5))
    assert tab.locator("#opened .name").text_content() == found.features.names[5]
    assert tab.locator("#opened .class").text_content() == found.features.labels[5]
    titles = [button.get_attribute("title") for button in tab.locator("#opened .near button").all()]
    assert titles == [
        ", ".join([found.features.names[at], ("dream of " if at >= 18 else "") + found.features.labels[at]])
        for at in found.neighbors[5].tolist()
    ]
    tab.locator("#opened .near button").first.click()
    assert tab.locator("#opened .name").text_content() == found.features.names[found.neighbors[5][0]]
    tab.locator("#canvas").press("Escape")
    assert tab.locator("#opened").is_hidden()


def test_the_legend_counts_classes_and_dreams(tab, page):
    path, _ = page
    visit(tab, path)
    rows = [row.locator("span").all_text_contents() for row in tab.locator("#legend li").all()]
    assert sorted(rows) == sorted([*([label, "6"] for label in MARKUP[:3]), ["dreams", "2"]])
    tab.locator("#legend button").first.click()
    assert tab.locator("#legend button[aria-pressed=true]").count() == 1
    tab.locator("[data-view=grid]").click()
    assert tab.locator("[data-view=grid]").get_attribute("aria-pressed") == "true"
