"""The pages of a map and of a search: names are data, the script gets every number, thumbnails are where it looks."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from dreamfilters.evidence.embedding.feature_table import ImageFeatures
from dreamfilters.evidence.embedding.neighbor_search import NeighborSearch
from dreamfilters.evidence.embedding.placing import embedding_of
from dreamfilters.evidence.embedding.registry import method_of
from dreamfilters.report.pages.embedding.embedding_page import embedding_page
from dreamfilters.report.pages.embedding.neighbors_page import neighbors_page
from dreamfilters.report.pages.embedding.thumbnail_sheets import sheet_count, sheets_of, tile_side

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7*7 }}&amp;")


@pytest.fixture(scope="module")
def features():
    """Forty images, each of one color, in three classes."""
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 255, (40, 1, 1, 3), np.uint8)
    names = tuple(f"{HOSTILE[number % 3]} {number}" for number in range(40))
    labels = tuple(HOSTILE[number % 3] for number in range(40))
    rows = rng.normal(size=(40, 6)).astype("float32")
    return ImageFeatures(
        HOSTILE[0], "f", {}, (8, 8), HOSTILE[1], True, names, labels, rows, colors.repeat(8, 1).repeat(8, 2)
    )


@pytest.fixture(scope="module")
def embedding(features):
    return embedding_of(features.only(range(38)), method_of("pca"), features.only([38, 39]))


def test_the_page_of_a_map_has_every_number_and_no_markup_of_names(embedding):
    files = {"map": "map.png", "grid": "grid.png"}
    page = embedding_page(embedding, {"embedding.csv": "every image"}, sheet="t-{}.jpg", images=files).decode()
    for text in HOSTILE[:2]:
        assert text not in page
    values = json.loads(re.search(r'id="values">(.*?)</script>', page, re.DOTALL)[1])
    assert values["names"] == list(embedding.features.names)
    assert values["dreams"] == 2
    assert values["sheets"] == ["t-0.jpg"]
    assert values["neighbors"] == embedding.neighbors.tolist()
    assert [values["classes"][number] for number in values["numbers"]] == list(embedding.features.labels)
    places = list(zip(values["rows"], values["columns"], strict=True))
    assert len(set(places)) == 40
    assert f"{embedding.quality.trustworthiness:.3f}" in page
    assert '<img src="map.png"' in page
    assert "script-src 'sha256-" in page


def test_thumbnails_lie_in_rows_of_32(features):
    side = tile_side(features)
    (sheet,) = sheets_of(features)
    page = np.asarray(Image.open(io.BytesIO(sheet)))
    assert sheet_count(features) == 1
    assert page.shape == (2 * side, 32 * side, 3)
    for index in (0, 31, 32, 39):
        row, column = divmod(index, 32)
        center = page[row * side + side // 2, column * side + side // 2].astype(int)
        assert np.abs(center - features.thumbnails[index, 4, 4]).max() <= 6  # JPEG


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_thumbnails_of_any_number_of_channels_are_drawn(features, channels):
    thumbnails = features.thumbnails[..., :1].repeat(channels, axis=3)
    other = features.with_rows(features.names, features.labels, features.rows, thumbnails)
    assert len(list(sheets_of(other))) == 1


def test_the_page_of_a_search_shows_each_query_and_its_neighbors(features):
    found = NeighborSearch(features).of(features.only([3, 5]), 4, np.array([3, 5]))
    page = neighbors_page(found, {"neighbors.csv": "every neighbor"}).decode()
    for text in HOSTILE[:2]:
        assert text not in page
    assert page.count('<section class="query">') == 2
    assert page.count("data:image/png") == 2 * (1 + 2 * 4)
    same = sum(
        features.labels[index] == features.labels[query]
        for query, spaces in ((3, (0,)), (5, (1,)))
        for place in spaces
        for nearest in (found.by_layer[place], found.by_pixels[place])
        for index in nearest.indices
    )
    assert page.count('<li class="same">') == same
