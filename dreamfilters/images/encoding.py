"""Encoding of float images as PNG files with text, and as GIF and WebP animations."""

import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, PngImagePlugin

from dreamfilters.errors import ImageError, OutputError, printable
from dreamfilters.images.decoding import (
    MID_GRAY,
    MOST_COLORS,
    ImageArray,
    in_channels,
    open_image,
    with_channels,
)
from dreamfilters.writing.open_folder import write_error
from dreamfilters.writing.single_files import write_file

TEXT_LIMIT = 2**20  # bytes; Pillow and most readers refuse more compressed text
_QUALITY = 90  # of WebP, of 100: nothing of a dream is lost that a person sees
_NO_TEXT: Mapping[str, str] = MappingProxyType({})


def as_image(image: ArrayLike) -> Image.Image:
    """Return an image (h, w) or (h, w, 1 to 4) in [0, 1] as an 8-bit Pillow image; NaN is mid-gray."""
    values = np.clip(np.nan_to_num(with_channels(image), nan=MID_GRAY), 0, 1)
    samples = np.floor(values * 255 + 0.5).astype(np.uint8)
    return Image.fromarray(samples[..., 0] if samples.shape[-1] == 1 else samples)


def png_bytes(image: ArrayLike, *, text: Mapping[str, str] = _NO_TEXT) -> bytes:
    """Return a PNG file with the image and text; the same image and text give the same bytes.

    Args:
        image: (h, w) or (h, w, c) in [0, 1]; c = 1 is gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.
        text: key -> text, stored in iTXt chunks (PNG specification, 11.3.3.4), which `png_text` reads.

    Raises:
        ImageError: another shape, a key that is not 1 to 79 Latin-1 characters, or text longer than `TEXT_LIMIT`.

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


def channels_side_by_side(image: ArrayLike) -> ImageArray:
    """Return gray and color images unchanged, the channels of any other (h, w, c) as one gray row (h, w * c, 1)."""
    values = np.asarray(image, np.float32)
    if values.ndim != 3 or values.shape[-1] in (1, 3):
        return values
    return np.concatenate(np.split(values, values.shape[-1], axis=-1), axis=1)


def displayed(image: ArrayLike) -> ImageArray:
    """Return an image as pages show it: `channels_side_by_side`, of more than four channels the first three as RGB."""
    values = np.asarray(image, np.float32)
    return values[..., :3] if values.ndim == 3 and values.shape[-1] > MOST_COLORS else channels_side_by_side(values)


def png_text(path: str | Path) -> dict[str, str]:
    """Return the text that precedes the pixels of a PNG file, {} if there is none; no pixel is decoded.

    Raises:
        ImageError: the file is not a PNG, or its text exceeds Pillow's limits: 1 MiB for each, 64 MiB together.
    """
    with open_image(path) as image:
        if image.format != "PNG":
            raise ImageError(f"{printable(str(path))}: is {image.format}, and text is only read from PNG")
        return {key: str(value) for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}


def gif_bytes(frames: Iterable[ArrayLike], *, seconds_per_frame: float = 0.08) -> bytes:
    """Return frames of one size, each (h, w) or (h, w, 1 to 4) in [0, 1], as an endless GIF animation.

    GIF has 256 colors per frame and counts in hundredths of a second. A frame takes at least two of them, because
    browsers slow down faster animations.

    Raises:
        ImageError: there are no frames, or their sizes differ.
    """
    first, *rest = _frames(frames, "gif")
    milliseconds = 10 * max(2, round(100 * seconds_per_frame))
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return file.getvalue()


def webp_bytes(frames: Iterable[ArrayLike], *, seconds_per_frame: float = 0.08) -> bytes:
    """Return frames of one size, each (h, w) or (h, w, 1 to 4) in [0, 1], as an endless WebP animation in all colors.

    Raises:
        ImageError: there are no frames, or their sizes differ.

    >>> webp_bytes([[[0.0, 1.0]], [[1.0, 0.0]]])[8:12]
    b'WEBP'
    """
    first, *rest = [image.convert("RGB") for image in _frames(frames, "webp")]
    file = io.BytesIO()
    first.save(
        file, "WEBP", save_all=True, append_images=rest, duration=round(1000 * seconds_per_frame), loop=0,
        quality=_QUALITY, method=4,
    )  # fmt: skip
    return file.getvalue()


def _frames(frames: Iterable[ArrayLike], kind: str) -> list[Image.Image]:
    images = [with_channels(frame) for frame in frames]
    sizes = {image.shape[:2] for image in images}
    if len(sizes) != 1:
        raise ImageError(
            f"{kind}: {len(images)} frames of sizes {sorted(sizes)}; must be at least one, all of one size"
        )
    return [as_image(_opaque(image)) for image in images]


def write_image(path: str | Path, contents: Mapping[str, Callable[[], bytes]]) -> Path:
    """Write a file and return its path; `contents` has a function for each ending that its name may have.

    Raises:
        OutputError: the name has another ending, is not that of a plain file, or cannot be written.
    """
    path = Path(path)
    content = contents.get(path.suffix.lower())
    if content is None:
        raise OutputError(f"{printable(str(path))}: its name must end in {' or '.join(contents)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
    write_file(path, content())
    return path


def _opaque(image: ImageArray) -> ImageArray:
    return in_channels(image, 1 if image.shape[-1] <= 2 else 3)


def _check_text(key: str, value: str) -> None:
    fits = 1 <= len(key) <= 79 and key == key.strip() and key.isprintable() and all(ord(letter) < 256 for letter in key)
    if not fits:
        raise ImageError(
            f"{printable(str(key))!r}: not a valid key of PNG text; must be 1 to 79 Latin-1 characters, no outer spaces"
        )
    try:
        length = len(value.encode())
    except UnicodeEncodeError:
        raise ImageError(f"{key}: its text has half a surrogate pair, which is not valid UTF-8") from None
    if length > TEXT_LIMIT or "\0" in value:
        raise ImageError(f"{key}: {length} bytes of text; must be at most {TEXT_LIMIT}, without NUL characters")
