"""Values in a notebook: short as text, escaped and with images as HTML."""

import base64
import io
import re
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

import dreamfilters as df
from dreamfilters.display import Tabular, frame, image_uri, share_bars, show_value, table, tiles
from dreamfilters.errors import ImageError

MOST_LETTERS = 300
HOSTILE = "<script>alert(1)</script>"


def pixels(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_no_name_becomes_html():
    html = frame(
        HOSTILE,
        table(HOSTILE, [{HOSTILE: HOSTILE, "n": None, "list": [0.123456, 2]}]),
        tiles([(np.zeros((2, 2, 3)), (HOSTILE, '" onload="x'))]),
        share_bars({HOSTILE: {HOSTILE: 1}}, {HOSTILE: (1, 2, 3)}),
    )
    assert "<script" not in html
    assert 'onload="' not in html
    assert "<td>–</td><td>0.1235, 2</td>" in html


def test_a_page_fetches_nothing_and_names_no_color_of_text_or_ground():
    html = frame(tiles([(np.zeros((2, 2, 3)), ("a",))]))
    assert not re.search(r"https?:|@import|url[(]", html)
    style = html.partition("</style>")[0]
    assert not re.search(r"[ ;{](color|background):", style)


def test_an_image_is_shown_no_larger_than_wanted_and_its_channels_side_by_side():
    assert pixels(image_uri(np.zeros((64, 32, 3)), 16)).shape == (16, 8, 3)
    assert pixels(image_uri(np.zeros((8, 6, 3)), 16)).shape == (8, 6, 3)
    planes = np.stack([np.full((2, 2), value) for value in (0, 0.2, 0.4, 0.6, 0.8)], axis=-1)
    assert pixels(image_uri(planes[..., :4]))[0].tolist() == [0, 0, 51, 51, 102, 102, 153, 153]
    assert pixels(image_uri(planes))[0].tolist() == [[0, 51, 102]] * 2  # of more than four, the first three


def test_small_images_show_their_pixels():
    assert 'class="pixels"' in tiles([(np.zeros((16, 16, 3)), ())])
    assert 'class="pixels"' not in tiles([(np.zeros((17, 16, 3)), ())])


def test_numbers_are_aligned_at_the_right():
    assert '<th class="number">a</th><th>b</th>' in table("", [{"a": 1, "b": "1"}])


def test_nested_values_share_a_row():
    @dataclass(frozen=True)
    class Both(Tabular):
        count: int
        inner: dict

    assert 'class="number">3</td><td class="number">4</td>' in Both(3, {"x": 4})._repr_html_()


@pytest.fixture(scope="module")
def values(network):
    images = np.random.default_rng(0).random((12, 16, 16, 3)).astype("float32")
    dreams = df.dream(network, "conv1:*", df.Recipe(steps=1))
    scan = df.scan(network, images, ["conv1", "conv2"], k=3)
    audit = df.audit(network, scan, ["conv1"])
    compared = df.compare(network, "conv1:0-1", images, recipe=df.Recipe(steps=1), seeds=1, top=2)
    return {
        "network": network,
        "objective": df.channel("conv1", range(8)),
        "recipe": df.read_recipe("natural"),
        "dream": dreams[0],
        "dreams": dreams,
        "scan": scan,
        "layer scan": scan.layer("conv1"),
        "unit scan": scan.unit("conv1", 1),
        "audit": audit,
        "layer audit": audit.layers[0],
        "comparison": compared,
        "unit comparison": compared.units[0],
        "view": compared.units[0].view,
        **compared.units[0].measures,
        "bounds": df.bound_units(network, budget=0),
        "prior": df.measure_prior(images),
        "attribution": df.attribute_logit(network, images, 0),
        "form": network.form,
        "layer": network.layers[0],
    }


def test_text_is_short(values):
    assert {name: len(repr(value)) for name, value in values.items() if len(repr(value)) > MOST_LETTERS} == {}


def test_results_show_their_images(values):
    counts = {
        name: values[name]._repr_html_().count("<img")
        for name in ("dream", "scan", "layer scan", "unit scan", "comparison", "unit comparison")
    }
    silent = int(values["layer scan"].always_silent.sum())
    assert counts == {
        "dream": 1, "scan": 2, "layer scan": 8 - silent, "unit scan": 3, "comparison": 6, "unit comparison": 3,
    }  # fmt: skip
    for name in ("network", "objective", "recipe", "audit", "attribution"):
        assert "<td" in values[name]._repr_html_()


def test_a_stored_scan_shows_images_that_are_given_again(values, tmp_path):
    df.save(values["scan"], tmp_path / "scan")
    images = np.random.default_rng(0).random((12, 16, 16, 3)).astype("float32")
    with_images = df.read_scan(tmp_path / "scan", images=images)
    assert with_images.unit("conv1", 1)._repr_html_() == values["unit scan"]._repr_html_()
    with pytest.raises(ImageError, match=r"images: 11, but .* is a scan of 12"):
        df.read_scan(tmp_path / "scan", images=images[1:])
    stored = df.read_scan(tmp_path / "scan")
    assert "<img" not in stored._repr_html_()
    assert "read_scan(folder, images=" in stored.unit("conv1", 1)._repr_html_()


def test_outside_of_a_notebook_an_image_opens_in_a_viewer(values, monkeypatch):
    shown = []
    monkeypatch.setattr(Image.Image, "show", lambda image: shown.append(image.size))
    show_value(np.zeros((4, 6, 3)))
    values["dream"].show()
    assert shown == [(6, 4), (16, 16)]


def test_outside_of_a_notebook_a_page_opens_in_the_browser(values, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    show_value(values["audit"])
    assert opened[0].startswith("file://")
    assert opened[0].endswith(".html")
