"""Short lines of text on an image in Pillow's own font, with the umlauts and accents that this font lacks."""

import unicodedata
from functools import cache

from PIL import ImageDraw, ImageFont

from dreamfilters.errors import ImageError

# Pillow's bundled font (a part of Aileron) holds ASCII and a few more, but no accented letter: those are built here
# from a letter and one of the font's own signs, raised above it.
_MARKS = {"\u0308": "..", "\u0301": "´", "\u0300": "`", "\u0302": "^", "\u0303": "~", "\u030a": "°"}
_SPELLED = {
    "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "ı": "i",
    "–": "-", "—": "-", "−": "-", "×": "x", "÷": "/", "→": "->", "←": "<-", "≤": "<=", "≥": ">=", "≈": "~",
    "µ": "u", "μ": "u", "σ": "sigma", "²": "2", "³": "3", "€": "EUR", "„": "“", "\xa0": " ", "\t": " ",
}  # fmt: skip
ELLIPSIS = "…"


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's bundled font, `size` pixels high."""
    bundled = ImageFont.load_default(size)
    if not isinstance(bundled, ImageFont.FreeTypeFont):  # a Pillow built by hand may lack FreeType
        raise ImageError("this Pillow cannot draw text; install it with FreeType, as its wheels have it")
    return bundled


def text_width(text: str, size: int) -> float:
    """How many pixels wide `draw_text` will make this line."""
    return font(size).getlength("".join(letter for letter, _ in _spelled(text)))


def shortened(text: str, size: int, width: float) -> str:
    """`text` if it fits into `width` pixels, else its longest beginning that does, with an ellipsis."""
    if text_width(text, size) <= width:
        return text
    fitting = (text[:end].rstrip() + ELLIPSIS for end in range(len(text) - 1, 0, -1))
    return next((short for short in fitting if text_width(short, size) <= width), ELLIPSIS)


def draw_text(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, fill: tuple[int, ...]) -> None:
    """Writes one line from the point `at` = (x, y of the baseline) to the right."""
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
    """Sets `mark` with its middle over the point `above`, a tenth of the font's size higher."""
    mask, (left, top) = font(size).getmask2(mark, mode="L", anchor="ls")
    inked = mask.getbbox()  # getbbox of the font itself would reach down to the baseline
    middle, bottom = left + (inked[0] + inked[2]) / 2, top + inked[3]
    draw.text((above[0] - middle, above[1] - size / 10 - bottom), mark, fill=fill, font=font(size), anchor="ls")


def _spelled(text: str) -> list[tuple[str, str]]:
    """The text as (letter, mark above it) in signs that the font has; what it cannot show becomes a question mark."""
    spelled: list[tuple[str, str]] = []
    for character in "".join(_SPELLED.get(character, character) for character in unicodedata.normalize("NFC", text)):
        letter, *marks = list(character if _drawable(character) else unicodedata.normalize("NFD", character))
        spelled.append(
            (letter if _drawable(letter) else "?", next((_MARKS[mark] for mark in marks if mark in _MARKS), ""))
        )
    return spelled


@cache
def _drawable(character: str) -> bool:
    """Whether the font has this sign, and does not draw its box for missing ones."""
    return character == " " or bytes(font(20).getmask(character)) != bytes(font(20).getmask("\uffff"))
