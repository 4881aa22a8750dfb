"""The page of an evaluation: every part, names as data, and links that lead somewhere."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dreamfilters.attribution.class_separation import evaluate
from dreamfilters.images.image_arrays import ImageArrays
from dreamfilters.networks.classes.class_head import ClassHead
from dreamfilters.report.pages.evaluation.evaluation_page import evaluation_page

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7*7 }}&amp;")
TARGETS = ("class:STOP", 'class:"Vorfahrt achten"', "class:20")


@pytest.fixture(scope="module")
def found(network):
    images = np.random.default_rng(5).uniform(0, 1, (40, 16, 16, 3)).astype("float32")
    predicted = network.model.predict(images, verbose=0).argmax(axis=1)
    most = np.bincount(predicted).argmax()
    labels = np.where(np.arange(40) % 3 == 0, (most + 1) % 3, predicted)
    return replace(evaluate(network, images, labels), images=ImageArrays(images))


def page_of(evaluation):
    files = {"images.csv": "every image"}
    return evaluation_page(evaluation, files, spec="my net.keras", targets=TARGETS).decode()


def test_the_page_has_every_part(found):
    page = page_of(found)
    for part in ("matrix", "classes", "mistakes", "calibration", "pairs"):
        assert f'<section id="{part}">' in page
        assert f'<a href="#{part}">' in page
    assert f"{100 * found.share:.1f}\u00a0%" in page
    assert page.count("data:image/png") >= 2 * len(found.mistakes)
    assert "images.csv" in page


def test_links_of_the_matrix_lead_to_the_images_of_a_cell(found):
    page = page_of(found)
    links = re.findall(r'href="#(cell-[\w-]+)"', page)
    assert links == sorted(links, key=links.index)
    assert len(links) == len(found.misclassified)
    for link in links:
        assert f'id="{link}"' in page


def test_commands_are_quoted_for_a_shell(found):
    one = found.separations[0]
    page = page_of(found)
    margin = f"{TARGETS[one.first]} - {TARGETS[one.second]}"
    escaped = margin.replace('"', "&#34;")
    assert f"dreamfilters dream &#39;my net.keras&#39; &#39;{escaped}&#39;" in page
    assert "dreamfilters attribute &#39;my net.keras&#39; " in page
    assert f" IMAGES --against {TARGETS[one.second]}".replace(TARGETS[1], f"&#39;{TARGETS[1]}&#39;") in page.replace(
        "&#34;", '"'
    )
    assert f"dreamfilters dream &#39;my net.keras&#39; conv2:{one.separating[0].unit} " in page


def test_commands_have_the_options_that_open_the_same_network(found):
    options = ["--form", "form.toml"]
    page = evaluation_page(found, {}, spec="net.keras", options=options, targets=TARGETS).decode()
    commands = re.findall(r"dreamfilters (?:dream|attribute) [^<]*", page)
    assert commands
    assert all(" net.keras --form form.toml " in command for command in commands)


def test_names_are_data(found):
    names = tuple(HOSTILE[number % 3] for number in range(len(found.names)))
    hostile = replace(
        found, network=HOSTILE[0], classes=HOSTILE, names=names, labels=names, remark=HOSTILE[1],
        failures=((HOSTILE[0], HOSTILE[1]),),
    )  # fmt: skip
    page = page_of(hostile)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert page.count("<script") == page.count("</script>") == 2  # the orders, and the script of the page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7*7 }}&amp;amp;" in page


def test_images_that_are_not_known_are_named(found):
    page = page_of(replace(found, images=None))
    assert "data:image/png" not in page
    assert found.name_of(int(found.mistakes[0])) in page


def test_without_mistakes_the_page_says_so(found):
    page = page_of(replace(found, truth=found.predicted, separations=()))
    assert "Every image is predicted correctly." in page
    assert 'id="pairs"' not in page


def test_several_sigmoids_have_no_calibration(found):
    page = page_of(replace(found, head=ClassHead("sigmoid"), separations=()))
    assert "Not measured: the network predicts several classes" in page
    assert "a label names only one class" in page


def test_equal_evaluations_have_equal_pages(found):
    assert page_of(found) == page_of(replace(found))


def test_a_page_holds_a_limited_number_of_images(found, monkeypatch):
    monkeypatch.setattr("dreamfilters.report.pages.evaluation.evaluation_page._IN_CELLS", 1)
    page = page_of(found)
    assert page.count('class="cell"') == 1
    assert "images.csv lists all" in page
