"""The pages of an audit and a scan: what they show, and that they fetch nothing."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from dreamfilters.evidence.scan.scan_job import scan
from dreamfilters.report.pages.audit_page import audit_page
from dreamfilters.report.pages.scan_page import scan_page
from dreamfilters.report.pages.summary_page import LayerShare, Row, Section, Summary, Tile, image_tiles, summary_page
from dreamfilters.verdicts.result import Audit, Finding, LayerAudit
from dreamfilters.verdicts.verdict import WARNING, DreamEvidence, Verdict


@pytest.fixture(scope="module")
def found(network, scene):
    images = np.stack([scene(16, 16, seed=seed) for seed in range(12)])
    return scan(network, images, ["conv1", "conv2"], k=4, labels=["a", "b"] * 6)


def texts(page):
    """The text of a page without its style, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", page.decode(), flags=re.DOTALL))


def test_the_page_of_a_scan_shows_the_units_that_tell_classes_apart(found):
    page = scan_page(found, {"units.csv": "the statistics of every unit"})
    text = texts(page)
    layer = found.layer("conv1")
    best = int(np.nanargmax(np.where(layer.always_silent, -1, layer.by_max.selectivity)))
    assert f"conv1:{best}" in text
    silent = sum(int(each.always_silent.sum()) for each in found.layers.values())
    assert "12 images" in text
    assert f"{silent} always silent" in text
    assert page.count(b"data:image/png") > 4
    assert not re.search(rb"(src|href)=\"(?!#|data:|units.csv)|https?:|<script", page)
    assert page == scan_page(found, {"units.csv": "the statistics of every unit"})


def test_the_page_of_a_scan_shows_the_images_that_are_predicted_as_another_class(network, scene):
    images = np.stack([scene(16, 16, seed=seed) for seed in range(6)])
    predicted = scan(network, images).predicted
    labels = [network.classes[number] for number in predicted]
    labels[4] = next(name for name in network.classes if name != labels[4])
    found = scan(network, images, labels=[*labels[:5], ""])
    assert (found.accuracy.count, found.accuracy.right.tolist()) == (5, [True] * 4 + [False])
    text = texts(scan_page(found, {}))
    assert "Predicted as another class: 1 of 5 labeled images" in text
    assert f"label {labels[4]}, predicted {network.classes[predicted[4]]}" in text
    assert "Predicted as another class" not in texts(scan_page(scan(network, images[:4], labels=labels[:4]), {}))
    assert scan(network, images, ["conv1"], labels=[*labels[:5], ""]).accuracy is None  # the output was not scanned


def test_a_scan_without_its_images_has_a_page_too(found):
    from dataclasses import replace

    page = scan_page(replace(found, images=None), {})
    assert b"data:image" not in page
    assert b"conv2:" in page


def test_the_page_of_an_audit_shows_each_verdict_once(found):
    verdicts = [
        Finding(0, Verdict("alive", "image a gives 2")),
        Finding(1, Verdict("dormant", f"not activated; a dream (dreams/standard/x.png) raises it to 3; {WARNING}"),
                dream=DreamEvidence(3.0, True, image="dreams/standard/x.png")),
        Finding(2, Verdict("dead", "no valid input raises it above -0.1 before its ReLU", proved=True)),
        Finding(3, Verdict("always on", "its minimum is 0.2")),
    ]  # fmt: skip
    audit = Audit(
        "tiny<b>", "f", 12, (16, 16), "standard", 0, (LayerAudit("conv1", "Conv2D", "relu", tuple(verdicts)),)
    )
    page = audit_page(audit, found, {"audit.csv": "every unit"})
    text = texts(page)
    assert "tiny&lt;b&gt;: audit of its units" in text
    assert "1 alive, 1 dormant, 1 dead, 1 always on" in text
    assert re.findall(r'class="([a-z-]+)" x="([0-9.]+)" width="([0-9.]+)"', page.decode()) == [
        ("alive", "0.000", "25.000"), ("dormant", "25.000", "25.000"), ("dead", "50.000", "25.000"),
        ("always-on", "75.000", "25.000"),
    ]  # fmt: skip
    assert '<img src="dreams/standard/x.png" alt="Dream of conv1:1"' in page.decode()
    assert text.count(WARNING) == 1
    assert "not activated; a dream raises it to 3." in text
    assert "Saturated" not in text


def test_images_that_cannot_be_read_are_left_out():
    images = SimpleNamespace(tried=lambda index: np.zeros((4, 4, 3), np.float32) if index else "is empty")
    assert [tile.alt for tile in image_tiles(images, [(0, "bad"), (1, "good"), (-1, "none")])] == ["good"]
    assert image_tiles(None, [(1, "good")]) == ()


def test_text_is_escaped_and_sections_are_linked():
    section = Section("<i>conv", "detail", (Tile("<b>", ()),))
    row = Row("<i>conv", 1, (LayerShare("alive", 1.0),), "1 alive")
    page = summary_page(Summary("<u>", "lead", {"units": 1}, (row,), (section,), {}, {}, (("<a>.png", "is empty"),)))
    assert not re.search(rb"<i>|<u>|<b><b>|<a>\.png", page)
    assert b'<a href="#i-conv">&lt;i&gt;conv</a>' in page
