"""Lines of text on an image in Pillow's bundled font, with the umlauts and accents that the font lacks."""

import unicodedata
from functools import cache

from PIL import ImageDraw, ImageFont

from dreamfilters.errors import ImageError

# Pillow's bundled font (a part of Aileron) has ASCII and a few more characters, but no accented letters. They are
# composed of a letter and a raised character of the font.
_MARKS = {"\u0308": "..", "\u0301": "´", "\u0300": "`", "\u0302": "^", "\u0303": "~", "\u030a": "°"}
_SPELLED = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "ı": "i",
    "–": "-", "—": "-", "−": "-", "×": "x", "÷": "/", "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "≈": "~",
    "µ": "u", "μ": "u", "σ": "sigma", "²": "2", "³": "3", "€": "EUR", "„": "“", "\xa0": " ", "\t": " ",
}  # fmt: skip
ELLIPSIS = "…"
_PLAIN = frozenset(map(chr, range(32, 127))) | {ELLIPSIS}  # characters that are drawn as they are


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return Pillow's bundled font, `size` pixels high."""
    bundled = ImageFont.load_default(size)
    if not isinstance(bundled, ImageFont.FreeTypeFont):  # a custom build of Pillow may lack FreeType
        raise ImageError("this build of Pillow cannot draw text; install one with FreeType, such as its wheels")
    return bundled


def text_width(text: str, size: int) -> float:
    """Return the width in pixels of a line drawn by `draw_text`."""
    return font(size).getlength("".join(letter for letter, _ in _spelled(text)))


def shortened(text: str, size: int, width: float) -> str:
    """Return the text, or its longest beginning with an ellipsis that fits into `width` pixels."""
    if text_width(text, size) <= width:
        return text
    fitting = (text[:end].rstrip() + ELLIPSIS for end in range(len(text) - 1, 0, -1))
    return next((short for short in fitting if text_width(short, size) <= width), ELLIPSIS)


def draw_text(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, fill: tuple[int, ...]) -> None:
    """Draw one line that starts at `at` = (x, y of the baseline)."""
    x, baseline = at
    spelled = _spelled(text)
    line = "".join(letter for letter, _ in spelled)
    draw.text((x, baseline), line, fill=fill, font=font(size), anchor="ls")
    for index, (letter, mark) in enumerate(spelled):
        if mark:
            left, top, right, _ = font(size).getbbox(letter, anchor="ls")
            start = font(size).getlength(line[: index + 1]) - font(size).getlength(letter)
            _draw_mark(draw, (x + start + (left + right) / 2, baseline + top), mark, size, fill)


def _draw_mark(
    draw: ImageDraw.ImageDraw, above: tuple[float, float], mark: str, size: int, fill: tuple[int, ...]
) -> None:
    """Draw a mark centered over the point `above`, a tenth of the font size higher."""
    mask, (left, top) = font(size).getmask2(mark, mode="L", anchor="ls")
    inked = mask.getbbox()  # the font's getbbox would extend to the baseline
    middle, bottom = left + (inked[0] + inked[2]) / 2, top + inked[3]
    draw.text((above[0] - middle, above[1] - size / 10 - bottom), mark, fill=fill, font=font(size), anchor="ls")


def _spelled(text: str) -> list[tuple[str, str]]:
    """Return the text as (letter, mark above it) in characters of the font; unknown ones become question marks."""
    if _PLAIN.issuperset(text):  # most captions, a thousand on a page
        return [(letter, "") for letter in text]
    spelled: list[tuple[str, str]] = []
    for character in "".join(_SPELLED.get(character, character) for character in unicodedata.normalize("NFC", text)):
        letter, *marks = list(character if _drawable(character) else unicodedata.normalize("NFD", character))
        spelled.append(
            (letter if _drawable(letter) else "?", next((_MARKS[mark] for mark in marks if mark in _MARKS), ""))
        )
    return spelled


@cache
def _drawable(character: str) -> bool:
    """Return whether the font has this character."""
    return character == " " or bytes(font(20).getmask(character)) != bytes(font(20).getmask("\uffff"))
