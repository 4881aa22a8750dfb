"""Contact sheets: many images in one, in a grid of tiles with captions."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from dreamfilters.errors import ImageError
from dreamfilters.images.decoding import ImageArray, in_channels, with_channels
from dreamfilters.images.encoding import as_image
from dreamfilters.images.folder import ImageFolder
from dreamfilters.images.panels import BACKGROUND, BRIGHT, PLAIN, TextLine
from dreamfilters.images.resizing import resize
from dreamfilters.images.text import draw_text, shortened, text_width

_TITLE_SIZE = 1.4  # font size of the title / that of a caption
_TILES_OF_TITLE = 4  # the longest title, in tiles
_PIXELS_SHOWN = 16  # images of at most this size are enlarged without interpolation, to show their pixels


def contact_sheet(
    images: Sequence[ArrayLike] | ImageArray | ImageFolder,
    captions: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    tile: int | None = None,
    gap: int = 12,
    title: str = "",
) -> ImageArray:
    """Return all images in a grid on a dark background, with captions: (H, W, 3) in [0, 1].

    Args:
        images: dreams, an `ImageFolder`, or arrays (h, w) or (h, w, 1 to 4).
        captions: one for each image, possibly of several lines; a long line is broken after its last comma, then
            shortened. Default: target and score of a dream, name of a file.
        columns: of the grid; default: the number that leaves the fewest cells empty.
        tile: length of the longer side of each image; default: that of the largest image, between 128 and 256.
        gap: pixels between tiles.
        title: one line above the grid.

    Raises:
        ImageError: there are no images, or more captions than images.

    >>> contact_sheet([[[0.0]], [[1.0]]], ["black", "white"]).shape
    (193, 316, 3)
    """
    if isinstance(images, ImageFolder):
        folder, read = images, list(images)
        images = [image for _, image in read]
        captions = [folder.names[index] for index, _ in read] if captions is None else captions
    if captions is None:
        captions = [getattr(image, "caption", "") for image in images]
    if len(images) == 0 or len(captions) > len(images):
        raise ImageError(f"contact sheet: {len(captions)} captions for {len(images)} images; must be one each")
    opaque = [in_channels(with_channels(getattr(image, "shown", image)), 3) for image in images]
    tile = tile or min(256, max(128, *(max(image.shape[:2]) for image in opaque)))
    tiles = [as_image(_fitted(image, tile)) for image in opaque]
    font = min(18, max(11, tile // 10))
    line_height, title_font, margin = TextLine("", font).height, round(font * _TITLE_SIZE), 2 * gap

    columns = min(columns or _columns(len(tiles)), len(tiles))
    cell_width, cell_height = max(drawn.width for drawn in tiles), max(drawn.height for drawn in tiles)
    lines = [_lines(caption, font, cell_width) for caption in captions]
    across = cell_width + gap  # from one cell to the next
    down = cell_height + max(map(len, lines), default=0) * line_height + gap
    top = margin + (2 * line_height if title else 0)
    corners = [(margin + index % columns * across, top + index // columns * down) for index in range(len(tiles))]
    title_width = math.ceil(min(text_width(title, title_font), _TILES_OF_TITLE * tile))
    width = max(columns * across - gap, title_width) + 2 * margin
    canvas = Image.new("RGB", (width, corners[-1][1] + down - gap + margin), BACKGROUND)
    draw = ImageDraw.Draw(canvas)

    text = shortened(title, title_font, width - 2 * margin)
    draw_text(draw, (margin, margin + title_font), text, title_font, BRIGHT)
    for (left, upper), drawn in zip(corners, tiles, strict=True):
        canvas.paste(drawn, (left + (cell_width - drawn.width) // 2, upper + (cell_height - drawn.height) // 2))
    for (left, upper), caption in zip(corners, lines, strict=False):
        for number, line in enumerate(caption, start=1):
            text = shortened(line, font, cell_width)
            start = left + (cell_width - text_width(text, font)) / 2
            draw_text(draw, (start, upper + cell_height + number * line_height), text, font, PLAIN)
    sheet: ImageArray = np.divide(np.asarray(canvas), 255, dtype=np.float32)
    return sheet


def _lines(caption: str, font: int, width: float) -> list[str]:
    """Return the lines of a caption; one that is too long is broken after its last comma."""
    lines = []
    for line in caption.split("\n") if caption else []:
        start, comma, end = line.rpartition(", ")
        is_short = not comma or text_width(line, font) <= width
        lines += [line] if is_short else [f"{start},", end]
    return lines


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
