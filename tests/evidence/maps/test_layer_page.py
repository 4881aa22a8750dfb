"""Tests of pages of maps: the colors are the measured values."""

import numpy as np
import pytest

from dreamfilters.errors import UnknownNameError
from dreamfilters.evidence.maps import layer_page as drawing
from dreamfilters.evidence.maps.layer_page import PageImage, layer_page, overview
from dreamfilters.evidence.maps.map_style import MapScale, MapStyle
from dreamfilters.evidence.maps.unit_maps import UnitMaps
from dreamfilters.images.colormaps import colormap
from dreamfilters.images.text import draw_text
from dreamfilters.networks import LayerInfo
from dreamfilters.networks.classes.predictions import Prediction
from dreamfilters.networks.layers.layer_info import ReceptiveField, TokenGrid

IMAGE = np.zeros((4, 4, 3), np.float32)
SUBJECT = PageImage("cat.png", IMAGE, "cat", (Prediction(1, "Katze", 3.25, 0.75), Prediction(0, "Hund", -1.0, None)))
FIELD = ReceptiveField((3, 3), (1, 1), (-1, -1))


def maps_of(values, units=None):
    values = np.asarray(values, np.float32)
    shape = values.shape if values.ndim == 3 else values.shape[-1:]
    return UnitMaps.of(LayerInfo("conv", "Conv2D", shape, shape[-1], "relu", FIELD), values, units)


@pytest.fixture
def written(monkeypatch):
    """Return the list of texts drawn on a page."""
    texts = []

    def listening(draw, at, text, size, fill):
        texts.append(text)
        draw_text(draw, at, text, size, fill)

    for module in ("panels", "tiles"):
        monkeypatch.setattr(f"dreamfilters.images.{module}.draw_text", listening)
    return texts


def tile(page, number, count, side=96):
    """Return the pixels of a tile of the single row of tiles at the bottom of a page."""
    rows = [row for row in range(page.shape[0] - side) if row > 260]
    ground = (page == drawing.blank(1, 1)[0, 0]).all(axis=-1)
    top = next(row for row in rows if not ground[row : row + side, 16 : 16 + side].any())
    left = 16 + number * (side + 8)
    return page[top : top + side, left : left + side]


def test_each_unit_has_its_number_and_its_range(written):
    layer_page(SUBJECT, maps_of([[[0, 5, -1]], [[2, 5, -0.25]]]), MapStyle())
    for text in ("0", "1", "2", "0 … 2", "= 5", "-1 … -0.25", "min", "max"):
        assert text in written
    assert any("1 constant" in text and "0 of them 0" in text for text in written)


def test_the_header_names_the_image_the_classes_and_the_layer(written):
    layer_page(SUBJECT, maps_of([[[0, 5, -1]]] * 2, [1]), MapStyle(MapScale("layer")))
    for text in ("cat.png", "label: cat", "Katze", "75.00 %", "3.25", "Hund", "-1", "conv · Conv2D · relu"):
        assert text in written
    assert any(text.startswith("1 of 3 units") and "3 × 3 pixels" in text for text in written)
    assert {"-1", "2", "5"} <= set(written)  # the scale of the whole layer


@pytest.mark.parametrize("colors", ["gray", "magma", "viridis"])
@pytest.mark.parametrize("value", [0.0, 3.0, -1e30])
def test_a_constant_map_is_one_color(colors, value):
    page = layer_page(SUBJECT, maps_of(np.full((6, 6, 1), value)), MapStyle(colormap=colors))
    assert (tile(page, 0, 1) == colormap(colors).colors[0]).all()


def test_a_position_is_a_square_of_its_color():
    values = np.zeros((4, 4, 2))
    values[1, 2, 0], values[0, 0, 1] = 8.0, 2.0
    by_unit = tile(layer_page(SUBJECT, maps_of(values), MapStyle()), 1, 2)
    by_layer = tile(layer_page(SUBJECT, maps_of(values), MapStyle(MapScale("layer"))), 1, 2)
    fixed = tile(layer_page(SUBJECT, maps_of(values), MapStyle(MapScale("fixed", 0, 4))), 1, 2)
    for drawn, gray in ((by_unit, 255), (by_layer, 64), (fixed, 128)):
        assert (drawn[:24, :24] == gray).all()
        assert drawn.sum() == drawn[:24, :24].sum()


def test_nan_is_counted_and_has_its_own_color(written):
    values = np.zeros((4, 4, 1))
    values[0, 0], values[3, 3] = np.nan, 1
    drawn = tile(layer_page(SUBJECT, maps_of(values), MapStyle()), 0, 1)
    assert (drawn[:24, :24] == colormap("gray").missing).all()
    assert "NaN at 1 positions" in written
    assert "0 … 1" in written


def test_vectors_are_bars(written):
    page = layer_page(PageImage("x", IMAGE), maps_of([0.5, -0.25]), MapStyle())
    blue = (page == (110, 160, 220)).all(axis=-1)
    assert sorted(blue.sum(axis=0)[blue.sum(axis=0) > 0].tolist()) == [27] * 28 + [53] * 28  # 80 pixels for .75
    for text in ("0.5", "-0.25", "0", "1"):
        assert text in written


def test_large_maps_are_shrunk_and_many_units_have_smaller_tiles():
    assert layer_page(SUBJECT, maps_of(np.zeros((600, 300, 1))), MapStyle()).shape[0] < 600
    many, few = (layer_page(SUBJECT, maps_of(np.zeros((8, 8, count))), MapStyle()) for count in (300, 256))
    assert many.size < few.size


def test_an_overlay_shows_the_image_where_the_map_is_dark():
    image = np.full((4, 4, 3), [1.0, 0.0, 0.0], np.float32)
    values = np.zeros((4, 4, 1))
    values[0, 0] = 1.0
    style = MapStyle(colormap="viridis", overlay=True)
    drawn = tile(layer_page(PageImage("red", image), maps_of(values), style), 0, 1).astype(int)
    strongest = colormap("viridis").colors[-1].astype(int)
    assert np.abs(drawn[:24, :24] - strongest).max() < 30
    gray = 0.299 * 255 * 0.6 * 0.9  # red as gray, darkened, and a tenth of the darkest color
    assert np.abs(drawn[30:, 30:] - gray - 0.1 * colormap("viridis").colors[0]).max() < 2


def test_the_overview_has_a_row_for_each_layer(written):
    layers = [maps_of(np.ones((4, 4, 20))), maps_of(np.ones(3))]
    overview(SUBJECT, layers, MapStyle())
    assert written.count("conv") == 2
    assert "11" in written
    assert "12" not in written


@pytest.mark.parametrize(
    ("scale", "labels", "ranges"),
    [("unit", {"min", "max"}, 0), ("layer", {"min", "max"}, 1), ("0:8", {"0", "4", "8"}, 0)],
)
def test_the_overview_has_the_scale_and_the_range_of_every_map(written, scale, labels, ranges):
    values = np.zeros((2, 2, 2))
    values[..., 1] = [[1, 2], [3, 5]]
    overview(SUBJECT, [maps_of(values)], MapStyle(MapScale.read(scale)))
    assert labels <= set(written)
    assert written.count("= 0") == 1
    assert written.count("1 … 5") == 1
    assert written.count("0 … 5") == ranges  # of the whole layer, beside its name


def test_an_image_needs_neither_label_nor_classes():
    assert layer_page(PageImage("x", IMAGE[..., :1]), maps_of(np.ones((1, 2, 1))), MapStyle()).ndim == 3


def test_an_unknown_colormap_is_refused_at_once():
    with pytest.raises(UnknownNameError, match="colormap=jet"):
        MapStyle(colormap="jet")


@pytest.mark.parametrize("overlay", [False, True])
def test_patch_tokens_are_drawn_on_their_grid_and_the_class_token_beside_it(written, overlay):
    info = LayerInfo("mlp", "Dense", (5, 1), 1, "gelu", kind="tokens", grid=TokenGrid(2, 2, 1))
    values = np.float32([[8], [0], [0], [0], [8]])  # the class token and the last patch are bright
    page = layer_page(SUBJECT, UnitMaps.of(info, values), MapStyle(overlay=overlay))
    drawn = tile(page, 0, 1)
    assert drawn[:48, :48].max() <= 26  # the first patch
    assert drawn[48:, 48:].min() >= 229  # the last patch
    beside = page[:, 16 + 96 + 4 : 16 + 96 + 4 + 48]
    assert (beside == 255).all(axis=(1, 2)).sum() == 48  # the class token, one patch high
    assert any("5 tokens on a grid of 2 × 2, 1 other token at the right" in text for text in written)
