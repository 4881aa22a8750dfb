"""Letters that Pillow's font lacks are composed correctly."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageDraw

from dreamfilters.images.text import draw_text, shortened, text_width


def drawn(text: str, size: int = 20) -> np.ndarray:
    image = Image.new("RGB", (200, 60))
    draw_text(ImageDraw.Draw(image), (10, 40), text, size, (255, 255, 255))
    return np.asarray(image)[..., 0].astype(int)


@pytest.mark.parametrize("pair", ["äa", "öo", "üu", "ÄA", "ÖO", "ÜU", "ée", "àa", "ñn", "åa"])
def test_an_accented_letter_is_its_letter_with_something_above(pair):
    accented, plain = drawn(pair[0]), drawn(pair[1])
    top = np.nonzero(plain.sum(axis=1))[0][0]
    assert accented[top:].tolist() == plain[top:].tolist()
    assert accented[:top].sum() > 0
    assert accented[: top - 12].sum() == 0


def test_the_dots_of_an_umlaut_stand_over_its_middle():
    ink = drawn("xxO\u0308")  # as files from a Mac spell it
    plain = drawn("xxO")
    letter, dots = np.nonzero((plain - drawn("xx")).sum(axis=0))[0], np.nonzero((ink - plain).sum(axis=0))[0]
    assert np.mean([dots[0], dots[-1]]) == pytest.approx(np.mean([letter[0], letter[-1]]), abs=1.5)


def test_what_the_font_lacks_is_spelled_or_questioned():
    assert drawn("Straße").tolist() == drawn("Strasse").tolist()
    assert drawn("5 × 5 → 3").tolist() == drawn("5 x 5 -> 3").tolist()
    assert drawn("日").tolist() == drawn("?").tolist()


def test_a_short_line_is_not_shortened_and_a_long_one_ends_in_an_ellipsis():
    assert shortened("abc", 12, 100) == "abc"
    short = shortened("Überholverbot für Lastkraftwagen", 12, 100)
    assert short.startswith("Überholverbot")
    assert short.endswith("…")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.integers(20, 200))
def test_any_text_fits_and_can_be_drawn(text, width):
    line = shortened(text, 12, width)
    assert text_width(line, 12) <= width
    assert drawn(line, 12).shape == (60, 200)
