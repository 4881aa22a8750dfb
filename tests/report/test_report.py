"""The page is read as a browser reads it; tests/browser has what only a real browser shows."""

import base64
import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from dreamfilters.errors import OutputError
from dreamfilters.images import heat
from dreamfilters.number_format import times
from dreamfilters.report.report import cards_of, html, report_files, write_report

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"


class Reader(HTMLParser):
    """Collects every tag with its attributes, and the text in each kind of tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.said, self._inside = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag):
        while tag in self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data):
        self.said.append((self._inside[-1] if self._inside else "", data))

    def all(self, tag, **wanted):
        return [
            attributes
            for name, attributes in self.tags
            if name == tag and all(attributes.get(key) == value for key, value in wanted.items())
        ]


def renamed(unit, name):
    views = [replace(one, name=name, label=name) for one in unit.real]
    return replace(unit, unit=replace(unit.unit, name=name, title=name), real=tuple(views))


@pytest.fixture(scope="module")
def page(compared):
    return Reader(html(compared))


def decoded(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_all_maps_of_a_unit_share_the_drawn_scale(compared, page):
    unit = compared.units[0]
    ends = cards_of(compared)[0].ends
    assert ends == (0.0, max(float(one.map.max()) for one in unit.views))
    shown = [decoded(image["src"]) for image in page.all("img", **{"class": "map"})][: len(unit.views)]
    for pixels, one in zip(shown, unit.views, strict=True):
        np.testing.assert_allclose(pixels, 255 * heat(one.map, low=0, high=ends[1]), atol=0.51)


def test_patches_of_dream_and_real_images_are_of_one_size(compared, page):
    patches = [decoded(image["src"]) for image in page.all("img", **{"class": "patch"})]
    assert {patch.shape for patch in patches} == {(3, 3, 3)}
    assert len(patches) == sum(len(unit.views) for unit in compared.units[:2])


def test_a_class_has_neither_maps_nor_patches(compared, page):
    filters = sum(len(unit.views) for unit in compared.units[:2])
    assert len(page.all("img", **{"class": "map"})) == filters


def test_every_unit_has_a_link_and_an_anchor(compared, page):
    anchors = [article["id"] for article in page.all("article")]
    assert anchors == ["unit-conv-0", "unit-conv-3", "unit-class-green"]
    assert [link["href"] for link in page.all("a") if "data-unit" in link] == [f"#{anchor}" for anchor in anchors]


def test_the_policy_allows_only_the_pages_script_and_style(compared, page):
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    for tag in ("script", "style"):
        inside = [text for name, text in page.said if name == tag and not text.lstrip().startswith("[{")]
        digest = base64.b64encode(hashlib.sha256("".join(inside[:1]).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [attributes for _, attributes in page.tags if "style" in attributes or "onclick" in attributes]


def test_nothing_is_fetched(page):
    sources = [value for _, tag in page.tags for key, value in tag.items() if key in ("src", "href", "srcset")]
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in sources)


def test_names_are_escaped_everywhere(compared):
    hostile = replace(compared, units=tuple(renamed(unit, HOSTILE) for unit in compared.units), network=HOSTILE,
                   failures=((HOSTILE, HOSTILE),))  # fmt: skip
    text = html(hostile)
    read = Reader(text)
    assert len(read.all("script")) == 2
    assert not [tag for tag, attributes in read.tags if "onerror" in attributes]
    assert "{{ 7 * 7 }}" in text
    data = text.partition('id="data">')[2].partition("</script>")[0]
    assert HOSTILE in json.loads(data)[0]["words"]
    assert len({article["id"] for article in read.all("article")}) == 3


def test_a_dream_that_loses_is_flagged_visibly(compared):
    unit = compared.units[0]
    ranks = unit.measures["response_rank"]
    ranks = replace(ranks, mean=replace(ranks.mean, loses=True))
    lost = replace(unit, measures={**unit.measures, "response_rank": ranks})
    text = html(replace(compared, units=(lost,)))
    assert "1 dream loses to a real image." in text
    assert '<span class="badge bad">loses to a real image</span>' in text
    assert 'class="loses"' in text
    assert text.count('<span class="small">loses</span>') == 1  # in words, not by the color alone
    won = html(replace(compared, units=(compared.units[2],)))
    assert "No dream loses to a real image." in won
    assert 'class="badge bad"' not in won
    assert 'class="loses"' not in won
    assert ">loses<" not in won


def test_the_files_are_the_page_the_numbers_and_the_dreams(compared):
    files = report_files(compared)
    assert set(files) == {
        "index.html", "comparison.json", "comparison.csv",
        "dreams/unit-conv-0.png", "dreams/unit-conv-3.png", "dreams/unit-class-green.png",
    }  # fmt: skip
    values = json.loads(files["comparison.json"])
    assert [unit["target"] for unit in values["units"]] == ["conv:0", "conv:3", "class:green"]
    ranks = values["units"][0]["measures"]["response_rank"]
    assert ranks["mean"]["response"] == pytest.approx(compared.units[0].response_rank.response)
    assert np.shape(values["units"][0]["view"]["map"]) == (14, 14)
    pixels = np.asarray(Image.open(io.BytesIO(files["dreams/unit-conv-0.png"])))
    np.testing.assert_allclose(pixels, 255 * compared.units[0].dream.image, atol=0.51)
    assert report_files(compared) == files


def test_the_table_has_a_row_for_each_unit_and_no_formula(compared):
    named = replace(compared, units=(renamed(compared.units[0], "=HYPERLINK(1)"), *compared.units[1:]))
    rows = list(csv.DictReader(io.StringIO(report_files(named)["comparison.csv"].decode())))
    assert [row["target"] for row in rows] == ["'=HYPERLINK(1)", "conv:3", "class:green"]
    assert float(rows[0]["response"]) == pytest.approx(compared.units[0].response_rank.response)
    assert rows[1]["ratio"] == ""


def test_names_of_any_length_and_letters_become_files(compared):
    named = ("ü" * 300, "a" * 300, "a" * 301)
    units = tuple(renamed(unit, name) for unit, name in zip(compared.units, named, strict=True))
    names = [card.file for card in cards_of(replace(compared, units=units))]
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"dreams/[a-z0-9-]{1,70}\.png", name) for name in names)


def test_a_report_is_written_into_a_new_folder(compared, tmp_path):
    page = write_report(compared, tmp_path / "new" / "folder")
    assert page.read_text("utf-8") == html(compared)
    assert (page.parent / "dreams" / "unit-conv-0.png").is_file()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_report(compared, tmp_path / "file")


def test_a_notebook_shows_a_table_and_escapes_it(compared):
    text = replace(compared, network=HOSTILE)._repr_html_()
    assert "<script>" not in text
    assert "conv:0" in text
    assert repr(compared).startswith("Comparison('colors', 3 units, ")


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
    headline = unit.headline
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
    flags = replace(unit, measures={**unit.measures, **changed}).headline.flags
    assert "loses to a real image under small transforms" in flags


def test_a_unit_that_no_image_activates_says_so(compared):
    headline = compared.units[1].headline
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
