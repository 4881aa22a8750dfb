"""Decoding of an image file of any format, depth, palette, rotation and alpha to float32 in [0, 1]."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, UnidentifiedImageError, features

from dreamfilters.errors import ImageError, printable
from dreamfilters.images.arrays import FLOAT, LARGEST, RESIZED, is_array_file, read_array, read_samples
from dreamfilters.images.library_warnings import quiet

ImageArray = NDArray[np.float32]

# Pillow knows some fifty formats, and some of them start other programs (EPS). Only these are used.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", *(("AVIF",) if features.check("avif") else ()))
MID_GRAY = 0.5
MOST_COLORS = 4  # channels that are colors and alpha
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in Pillow and JPEG

_ORIENTATION = 0x0112  # EXIF 2.32, table 4
# Orientation -> whether rows and columns are exchanged, and then whether rows and columns are reversed, to store it.
_STORED = {
    2: (False, False, True), 3: (False, True, True), 4: (False, True, False), 5: (True, False, False),
    6: (True, True, False), 7: (True, True, True), 8: (True, False, True),
}  # fmt: skip
_STRIP = 2**20  # pixels that are converted at a time
_FLOATS = 3 * FLOAT  # bytes for each pixel as float32 in three channels
# Bytes for each pixel of the decoded image, by its mode; and of what the decoder of a format holds beside it.
_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_DECODER = {"WEBP": 10, "AVIF": 12}


def read_image(path: str | Path, *, channels: int = 3, bits: int = 16) -> ImageArray:
    """Return the image of a file, upright, (h, w, channels) float32 in [0, 1].

    With 1 and 3 channels, transparent pixels are blended with mid-gray (0.5). 16 bits are scaled, not clipped. Of an
    animation, the first frame is read. The format is read off the content. Colors are taken as sRGB. Arrays in .npy and
    .npz files, and TIFF with more than four bands, are images of any number of channels, see `read_samples`.

    Args:
        path: the file.
        channels: 1 luma, 2 luma and alpha, 3 RGB, 4 RGB and alpha; more are those of the file.
        bits: of the values in a file of 16 bits, such as 12 for 0..4095.

    Raises:
        ImageError: the file cannot be decoded, has another number of channels, or takes more than `LARGEST` bytes of
            memory, which are 46 million pixels in RGB.

    >>> read_image("signs/14/14_rendered_0.png").shape
    (48, 48, 3)
    """
    check_channels(channels)
    if is_array_file(path):
        _check_file(Path(path))
        return _converted(path, read_samples(path, bits), channels)
    with open_image(path) as image:
        return decode_image(image, channels, bits)


def read_shown(path: str | Path, *, bits: int = 16) -> ImageArray:
    """Return the image of a file as RGB, to be shown: of more than four channels the first three."""
    if is_array_file(path):
        _check_file(Path(path))
        return in_channels(with_channels(read_samples(path, bits)), 3)
    return read_image(path, bits=bits)


def image_size(path: str | Path) -> tuple[int, int]:
    """Return (height, width) of the image of a file, or raise an `ImageError`."""
    if is_array_file(path):
        height, width, *_ = (*read_array(path).shape, 1, 1)
        return height, width
    with open_image(path) as image:
        return image.height, image.width


def decode_image(image: Image.Image, channels: int, bits: int = 16) -> ImageArray:
    """Return the image of an open file, see `read_image`."""
    with quiet:
        image.load()
    first = _samples(image.crop((0, 0, 1, 1)), bits, image.format)
    _check_count("", first.shape[-1], channels)
    order = _stored_order(image)
    height, width = (image.width, image.height) if order[0] else (image.height, image.width)
    result = np.empty((height, width, channels), np.float32)
    stored = _as_stored(result, order)
    for top, bottom in _strips(image.height, image.width):
        samples = _samples(image.crop((0, top, image.width, bottom)), bits, image.format)
        stored[top:bottom] = samples if samples.shape[-1] == channels else in_channels(samples, channels)
    return result


def _converted(path: str | Path, samples: ImageArray, channels: int) -> ImageArray:
    _check_count(path, samples.shape[-1], channels)
    if samples.shape[-1] == channels:
        return samples
    result = np.empty((*samples.shape[:2], channels), np.float32)
    for top, bottom in _strips(*samples.shape[:2]):
        result[top:bottom] = in_channels(samples[top:bottom], channels)
    return result


def _check_count(path: str | Path, has: int, channels: int) -> None:
    if has != channels and max(has, channels) > MOST_COLORS:
        where = f"{printable(str(path))}: " if path else ""
        raise ImageError(f"{where}has {has} channels, the network takes {channels}")


def _strips(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last row of strips, so that a large image is not in memory in several forms."""
    rows = max(1, _STRIP // width)
    return ((top, min(top + rows, height)) for top in range(0, height, rows))


@contextmanager
def open_image(path: str | Path) -> Iterator[Image.Image]:
    """Yield the file as a Pillow image with only its header read; every error inside becomes an `ImageError`."""
    try:
        _check_file(Path(path))
        with Path(path).open("rb") as file:  # Pillow 13 turns TIFF files twice that it opens by their names
            with quiet:
                image = Image.open(file, formats=FORMATS)
            with image:
                decoded = _PIXEL.get(image.mode, 4) + _DECODER.get(image.format or "", 0)
                each = _FLOATS + max(decoded, RESIZED)
                if image.width * image.height * each > LARGEST:
                    raise ImageError(
                        f"{printable(str(path))}: takes more than {LARGEST / 1e9:g} GB of memory; make it smaller than "
                        f"{LARGEST // each / 1e6:.0f} million pixels first"
                    )
                yield image
    except ImageError:
        raise
    except Exception as error:  # decoders of damaged files raise nearly anything, such as KeyError
        raise ImageError(f"{printable(str(path))}: {_cause(error)}") from error


def check_channels(channels: int) -> None:
    """Raise an `ImageError` unless the number of channels is at least 1."""
    if channels < 1:
        raise ImageError(f"channels={channels}: must be 1 (luma), 2 (luma, alpha), 3 (RGB), 4 (RGB, alpha) or more")


def with_channels(image: ArrayLike) -> ImageArray:
    """Return an image (h, w) or (h, w, c) as float32 (h, w, 1 to 4), to be shown; raise an `ImageError` otherwise.

    Of more than four channels the first three are shown, as red, green and blue.
    """
    values = np.asarray(image, np.float32)
    values = values[..., None] if values.ndim == 2 else values
    if values.ndim != 3 or 0 in values.shape:
        raise ImageError(f"no image has the shape {np.shape(image)}; expected (h, w) or (h, w, c)")
    return values if values.shape[-1] <= MOST_COLORS else values[..., :3]


def in_channels(samples: ImageArray, channels: int) -> ImageArray:
    """Return samples (h, w, 1 to 4) with another number of channels; alpha that is dropped blends with mid-gray."""
    has_alpha = samples.shape[-1] in (2, 4)
    color, alpha = (samples[..., :-1], samples[..., -1:]) if has_alpha else (samples, None)
    if alpha is not None and channels in (1, 3):
        color = color * alpha + MID_GRAY * (1 - alpha)
    if channels in (1, 2) and color.shape[-1] == 3:
        color = (color @ LUMA)[..., None]
    if channels in (3, 4):
        color = np.broadcast_to(color, (*color.shape[:2], 3))
    if channels in (1, 3):
        return np.ascontiguousarray(color)
    return np.concatenate([color, np.ones_like(color[..., :1]) if alpha is None else alpha], axis=-1)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ImageError(f"{printable(str(path))}: is a folder; give one image file")
    if not path.is_file():
        raise ImageError(f"{printable(str(path))}: no such file")
    if path.stat().st_size == 0:
        raise ImageError(f"{printable(str(path))}: is empty (0 bytes); get a fresh copy")


def _cause(error: Exception) -> str:
    """Return the cause of an error and what to do, without the name of the file."""
    if isinstance(error, Image.DecompressionBombError):
        return f"takes more than {LARGEST / 1e9:g} GB of memory; make it smaller first"
    if isinstance(error, UnidentifiedImageError):
        return f"is not an image in a supported format ({', '.join(FORMATS)}); save it as PNG or JPEG"
    if isinstance(error, PermissionError):
        return "cannot be read; change its permissions"
    detail = printable(str(str(error) or type(error).__name__))
    return f"is damaged or truncated ({detail}); get a fresh copy or save it again as PNG"


def _stored_order(image: Image.Image) -> tuple[bool, bool, bool]:
    """Return how the upright image is stored, by its EXIF orientation, see `_STORED`; an invalid one is ignored."""
    try:
        with quiet:
            return _STORED.get(image.getexif().get(_ORIENTATION, 1), (False, False, False))
    except Exception:  # broken metadata does not matter, and Pillow's parser may raise nearly anything
        return False, False, False


def _as_stored(upright: ImageArray, order: tuple[bool, bool, bool]) -> ImageArray:
    """Return a view of an upright image in the order of the file."""
    is_exchanged, rows, columns = order
    view = upright.swapaxes(0, 1) if is_exchanged else upright
    return view[:: -1 if rows else 1, :: -1 if columns else 1]


def _samples(image: Image.Image, bits: int, kind: str | None) -> ImageArray:
    """Return samples (h, w, 1 to 4) float32 in [0, 1], gray or RGB, with alpha if the file of this kind has any."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _wide_samples(image, bits, kind)
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        mode += "A"
    samples: ImageArray = np.divide(np.asarray(image.convert(mode)), 255, dtype=np.float32)
    return samples.reshape(*samples.shape[:2], -1)


def _wide_samples(image: Image.Image, bits: int, kind: str | None) -> ImageArray:
    """Return samples of 16 bits, possibly stored as 32-bit integers (PGM in Pillow), or floats in [0, 1]."""
    white = 2 ** (16 if kind == "PPM" else bits) - 1  # Pillow scales PGM by the maximum in its header
    samples: ImageArray = np.divide(np.asarray(image), 1 if image.mode == "F" else white, dtype=np.float32)
    if not (samples.min() >= 0 and samples.max() <= 1):  # refuses NaN too
        what = "32-bit values" if image.mode == "F" else f"values of {bits} bits"
        raise ValueError(f"its {what} range from {samples.min():g} to {samples.max():g}, not from 0 to 1")
    return samples[..., None]
