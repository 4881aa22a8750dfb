"""The demonstration runs here on one filter and one class."""

import json
import re

import pytest

from dreamfilters.dreams import default_recipes
from dreamfilters.errors import OutputError
from dreamfilters.images import read_image
from dreamfilters.report import demo


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "TARGETS", ("class:14", "conv2:6"))
        patch.setattr(default_recipes, "CLASSES", "fast")
        patch.setattr(default_recipes, "OTHERS", "fast")
        shares = []
        page = demo.write_demo(tmp_path_factory.mktemp("demo") / "new", progress=lambda now: shares.append(now.share))
        return page, shares


@pytest.mark.thorough
def test_the_page_is_a_report_of_the_samples(written):
    page, _ = written
    units = json.loads((page.parent / "comparison.json").read_text())["units"]
    assert [unit["target"] for unit in units] == ["class:STOP", "conv2:6"]
    assert units[0]["real"][0]["label"] == "STOP"
    assert units[0]["measures"]["response_rank"]["mean"]["count"] == 4 * 43


@pytest.mark.thorough
def test_the_page_is_offline_and_says_what_the_images_are(written):
    text = written[0].read_text("utf-8")
    assert not re.search(r"(src|href)=\"(?!#|data:)|url\(|@import|https?:", text)
    assert "rendered drawings of the signs" in text
    assert "it recognizes 97.62 % of the official test images" in text


@pytest.mark.thorough
def test_the_contact_sheet_shows_all_dreams(written):
    assert read_image(written[0].parent / "contact-sheet.png").shape[1] > 2 * 160


@pytest.mark.thorough
def test_progress_rises_to_the_end(written):
    shares = written[1]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_every_target_is_a_unit_of_the_network():
    from dreamfilters.comparison.units import units_of
    from dreamfilters.dreams.default_recipes import DefaultRecipes
    from dreamfilters.networks import load

    _, units = units_of(load("signs"), demo.TARGETS, DefaultRecipes())
    assert len(units) == 8 + 6 * 4


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        demo.write_files({"a.txt": b""}, tmp_path / "file")
