"""The page of an evaluation in a real browser: hostile names, the order of the matrix, and the images of its cells."""

import numpy as np
import pytest

from dreamfilters.evidence.evaluation.result import Evaluation
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks.classes.class_head import SOFTMAX
from dreamfilters.report.pages.evaluation.evaluation_page import evaluation_page
from tests.browser.markup import MARKUP
from tests.browser.visiting import visit

MATRIX = (
    "[...document.querySelectorAll('#matrix-table tbody tr')].map((row) => "
    "[...row.cells].slice(1).map((cell) => Number(cell.textContent)))"
)
CLASSES = "[...document.querySelectorAll('#class-table tbody tr')].map((row) => Number(row.cells[1].dataset.value))"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Class n has n + 2 images; those of the first two classes are predicted as each other once."""
    count = len(MARKUP)
    truth = np.repeat(np.arange(count), np.arange(count) + 2)
    predicted = truth.copy()
    predicted[[0, 2]] = 1, 0
    names = tuple(MARKUP[number] for number in truth)
    evaluation = Evaluation(
        MARKUP[0], "f", {}, (8, 8), names, names, MARKUP, SOFTMAX, np.arange(len(truth)), truth,
        np.float32(5 * np.eye(count)[predicted]), ((MARKUP[2], MARKUP[1]),), MARKUP[3],
        images=ImageArrays(np.random.default_rng(0).uniform(0, 1, (len(truth), 8, 8, 3)).astype("float32")),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("evaluation") / "index.html"
    files = {"images.csv": "every image"}
    path.write_bytes(evaluation_page(evaluation, files, spec=MARKUP[0], targets=MARKUP))
    return path


def test_no_name_is_executed_and_every_class_is_shown_as_it_is(tab, log, page):
    visit(tab, page)
    assert tab.evaluate("document.documentElement.dataset.ready") == "yes"  # our own script ran
    assert tab.title() == f"{MARKUP[0]}: evaluation"
    assert tab.locator("#class-table tbody th").all_text_contents() == list(MARKUP)
    assert tab.evaluate("document.scripts.length") == 2
    assert [url for url in log.requests if not url.startswith("data:")] == [page.resolve().as_uri()]


def test_every_order_keeps_the_diagonal_and_the_numbers(tab, page):
    visit(tab, page)
    first = tab.evaluate(MATRIX)
    assert [first[0][:2], first[1][:2]] == [[1, 1], [1, 2]]
    for order in ("name", "mistakes", "confused classes together"):
        tab.select_option("#order", order)
        matrix = tab.evaluate(MATRIX)
        assert sorted(row[place] for place, row in enumerate(matrix)) == sorted(
            row[place] for place, row in enumerate(first)
        )
    tab.select_option("#order", "class")
    assert tab.evaluate(MATRIX) == first


def test_a_number_leads_to_its_images(tab, page):
    visit(tab, page)
    assert tab.locator(".cell:visible").count() == 0
    tab.locator("#matrix-table a").first.click()
    assert tab.locator(".cell:visible").count() == 1
    assert tab.locator(".cell:visible img").count() == 1
    tab.locator(".cell:visible .close").click()
    assert tab.locator(".cell:visible").count() == 0


def test_headings_sort_the_classes(tab, page):
    visit(tab, page)
    heading = tab.locator("#class-table th button").nth(1)
    tab.locator("#class-table th button").nth(6).click()
    heading.click()
    assert tab.evaluate(CLASSES) == list(range(2, len(MARKUP) + 2))
    heading.click()
    assert tab.evaluate(CLASSES) == list(range(len(MARKUP) + 1, 1, -1))
    assert tab.locator("#class-table th[aria-sort]").count() == 1
