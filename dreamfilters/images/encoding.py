"""Float images become the bytes of image files: PNG with text in it, and GIF."""

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, PngImagePlugin

from dreamfilters.errors import ImageError
from dreamfilters.images.decoding import MID_GRAY, ImageArray, in_channels, opened, shown, with_channels

TEXT_LIMIT = 2**20  # bytes; Pillow, as most readers, refuses larger compressed text in a PNG
_NO_TEXT: Mapping[str, str] = MappingProxyType({})


def as_image(image: ArrayLike) -> Image.Image:
    """`image` (h, w) or (h, w, 1 to 4) in [0, 1] as an 8-bit Pillow image: rounded, cut at 0 and 1, NaN mid-gray."""
    values = np.clip(np.nan_to_num(with_channels(image), nan=MID_GRAY), 0, 1)
    samples = np.floor(values * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(samples[..., 0] if samples.shape[-1] == 1 else samples)


def png_bytes(image: ArrayLike, *, text: Mapping[str, str] = _NO_TEXT) -> bytes:
    """The image as a PNG file that holds `text`; the same image and text give the same bytes.

    `image`: (h, w) or (h, w, c) in [0, 1]; c = 1 is gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha. The text stands
    in iTXt chunks (PNG specification, 11.3.3.4), so any Unicode comes back from `png_text`. Raises ImageError for
    another shape, a key PNG does not allow (1 to 79 Latin-1 characters) or text beyond `TEXT_LIMIT`.

    >>> png_bytes([[0.0, 1.0]])[:4]
    b'\\x89PNG'
    """
    chunks = PngImagePlugin.PngInfo()
    for key in sorted(text):
        _check_text(key, text[key])
        chunks.add_itxt(key, text[key])
    file = io.BytesIO()
    as_image(image).save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


def png_text(path: str | Path) -> dict[str, str]:
    """The text that stands before the pixels of a PNG file, {} if there is none; no pixel is decoded.

    Compressed text is unpacked to at most 1 MiB a piece and 64 MiB together (Pillow's limits); a file beyond them, or
    one that is no PNG, raises ImageError.
    """
    with opened(path) as image:
        if image.format != "PNG":
            raise ImageError(f"{shown(path)}: is {image.format}, and text is only read from PNG")
        return {key: str(value) for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}


def gif_bytes(frames: Iterable[ArrayLike], *, seconds_per_frame: float = 0.08) -> bytes:
    """The frames, each (h, w) or (h, w, 1 to 4) in [0, 1] and of one size, as an endless GIF animation.

    GIF has 256 colors a frame and counts in hundredths of a second; browsers slow down what is faster than two of
    them, so that is the least here. Raises ImageError if there are no frames or their sizes differ.
    """
    images = [with_channels(frame) for frame in frames]
    sizes = {image.shape[:2] for image in images}
    if len(sizes) != 1:
        raise ImageError(f"gif: frames of one size are wanted, got {len(images)} of sizes {sorted(sizes)}")
    first, *rest = [as_image(_opaque(image)) for image in images]
    milliseconds = 10 * max(2, round(100 * seconds_per_frame))
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return file.getvalue()


def _opaque(image: ImageArray) -> ImageArray:
    return in_channels(image, 1 if image.shape[-1] <= 2 else 3)


def _check_text(key: str, value: str) -> None:
    fits = 1 <= len(key) <= 79 and key == key.strip() and key.isprintable() and all(ord(letter) < 256 for letter in key)
    if not fits:
        raise ImageError(
            f"{shown(key)!r}: no key for text in a PNG; wanted 1 to 79 Latin-1 characters, no space around"
        )
    try:
        length = len(value.encode())
    except UnicodeEncodeError:
        raise ImageError(f"{key}: its text has half a surrogate pair, which no UTF-8 can hold") from None
    if length > TEXT_LIMIT or "\0" in value:
        raise ImageError(f"{key}: {length} bytes of text; a PNG takes {TEXT_LIMIT} without NUL characters")
