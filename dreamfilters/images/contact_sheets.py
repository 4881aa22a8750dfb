"""Contact sheets: many images in one, in a grid of tiles with captions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from dreamfilters.errors import ImageError
from dreamfilters.images.decoding import ImageArray, in_channels, with_channels
from dreamfilters.images.encoding import as_image
from dreamfilters.images.resizing import resize
from dreamfilters.images.text import draw_text, shortened, text_width

_BACKGROUND = (26, 26, 26)  # neutral, so that it does not affect how colors look
_CAPTION = (205, 205, 205)
_TITLE = (240, 240, 240)
_LINE = 1.4  # line height / font size, with room for the dots of a capital umlaut
_TITLE_SIZE = 1.4  # font size of the title / that of a caption
_TILES_OF_TITLE = 4  # the longest title, in tiles
_PIXELS_SHOWN = 16  # images of at most this size are enlarged without interpolation, to show their pixels


def contact_sheet(
    images: Sequence[ArrayLike] | ImageArray,
    captions: Sequence[str] = (),
    *,
    columns: int | None = None,
    tile: int | None = None,
    gap: int = 12,
    title: str = "",
) -> ImageArray:
    """Return all images in a grid on a dark background, with captions: (H, W, 3) in [0, 1].

    Args:
        images: each (h, w) or (h, w, 1 to 4).
        captions: one for each image, possibly of several lines; long lines are shortened.
        columns: of the grid; default: the number that leaves the fewest cells empty.
        tile: length of the longer side of each image; default: that of the largest image, between 128 and 256.
        gap: pixels between tiles.
        title: one line above the grid.

    Raises:
        ImageError: there are no images, or more captions than images.

    >>> contact_sheet([[[0.0]], [[1.0]]], ["black", "white"]).shape
    (193, 316, 3)
    """
    if len(images) == 0 or len(captions) > len(images):
        raise ImageError(f"contact sheet: {len(captions)} captions for {len(images)} images; must be one each")
    opaque = [in_channels(with_channels(image), 3) for image in images]
    tile = tile or min(256, max(128, *(max(image.shape[:2]) for image in opaque)))
    tiles = [as_image(_fitted(image, tile)) for image in opaque]
    lines = [caption.split("\n") if caption else [] for caption in captions]
    font = min(18, max(11, tile // 10))
    grid = _Grid(
        count=len(tiles),
        columns=min(columns or _columns(len(tiles)), len(tiles)),
        cell=(max(drawn.width for drawn in tiles), max(drawn.height for drawn in tiles)),
        below=max(map(len, lines), default=0) * round(font * _LINE),
        above=2 * round(font * _LINE) if title else 0,
        title=min(text_width(title, round(font * _TITLE_SIZE)), _TILES_OF_TITLE * tile),
        gap=gap,
    )
    canvas = Image.new("RGB", grid.size, _BACKGROUND)
    _draw_title(canvas, grid, title, round(font * _TITLE_SIZE))
    for index, drawn in enumerate(tiles):
        left, top = grid.corner(index)
        canvas.paste(drawn, (left + (grid.cell[0] - drawn.width) // 2, top + (grid.cell[1] - drawn.height) // 2))
    for index, caption in enumerate(lines):
        _draw_caption(canvas, grid, index, caption, font)
    sheet: ImageArray = np.divide(np.asarray(canvas), 255, dtype=np.float32)
    return sheet


@dataclass(frozen=True)
class _Grid:
    """The layout of a contact sheet in pixels."""

    count: int
    columns: int
    cell: tuple[int, int]  # width and height of a cell
    below: int  # height of the captions
    above: int  # height of the title
    title: float  # width of the title; a narrow sheet is widened for it
    gap: int

    @property
    def margin(self) -> int:
        return 2 * self.gap

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the sheet."""
        rows = -(-self.count // self.columns)
        right, bottom = self.corner(rows * self.columns - 1)
        wide = max(right + self.cell[0], self.margin + math.ceil(self.title))
        return wide + self.margin, bottom + self.cell[1] + self.below + self.margin

    def corner(self, index: int) -> tuple[int, int]:
        """Return the left and upper edge of a cell."""
        row, column = divmod(index, self.columns)
        return (
            self.margin + column * (self.cell[0] + self.gap),
            self.margin + self.above + row * (self.cell[1] + self.below + self.gap),
        )


def _draw_title(canvas: Image.Image, grid: _Grid, title: str, font: int) -> None:
    text = shortened(title, font, canvas.width - 2 * grid.margin)
    draw_text(ImageDraw.Draw(canvas), (grid.margin, grid.margin + font), text, font, _TITLE)


def _draw_caption(canvas: Image.Image, grid: _Grid, index: int, lines: Sequence[str], font: int) -> None:
    """Draw the lines of a caption centered below a cell."""
    left, top = grid.corner(index)
    for number, line in enumerate(lines, start=1):
        text = shortened(line, font, grid.cell[0])
        start = left + (grid.cell[0] - text_width(text, font)) / 2
        baseline = top + grid.cell[1] + number * round(font * _LINE)
        draw_text(ImageDraw.Draw(canvas), (start, baseline), text, font, _CAPTION)


def _columns(count: int) -> int:
    """Return the number of columns, between a square and twice as many as rows, with the fewest empty cells.

    >>> [_columns(count) for count in (1, 3, 16, 43)]
    [1, 3, 4, 11]
    """
    square = math.isqrt(count - 1) + 1
    return min(range(square, 2 * square), key=lambda columns: (-count % columns, columns))


def _fitted(image: ImageArray, tile: int) -> ImageArray:
    """Return the image with a longer side of `tile` pixels."""
    height, width = image.shape[:2]
    longer = max(height, width)
    new = (max(1, round(height * tile / longer)), max(1, round(width * tile / longer)))
    if longer > _PIXELS_SHOWN:
        return resize(image, new)
    rows, columns = (np.arange(size) * old // size for size, old in zip(new, (height, width), strict=True))
    enlarged: ImageArray = image[rows][:, columns]
    return enlarged
