"""Decoding of an image file of any format, depth, palette, rotation and alpha to float32 in [0, 1]."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, UnidentifiedImageError, features

from dreamfilters.errors import ImageError
from dreamfilters.images.arrays import is_array_file, read_array, read_samples
from dreamfilters.images.library_warnings import quiet

ImageArray = NDArray[np.float32]

# Pillow knows some fifty formats, and some of them start other programs (EPS). Only these are used.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", *(("AVIF",) if features.check("avif") else ()))
LARGEST = 1024**3 // 4 // 3  # pixels, 89 million; Pillow's limit for decompression bombs
MID_GRAY = 0.5
MOST_COLORS = 4  # channels that are colors and alpha
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in Pillow and JPEG

_ORIENTATION = 0x0112  # EXIF 2.32, table 4
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
        ImageError: the file cannot be decoded, has another number of channels, or more than `LARGEST` pixels.

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
    return _converted("", _samples(_upright(image), bits), channels)


def _converted(path: str | Path, samples: ImageArray, channels: int) -> ImageArray:
    has = samples.shape[-1]
    if has != channels and max(has, channels) > MOST_COLORS:
        where = f"{path_text(path)}: " if path else ""
        raise ImageError(f"{where}has {has} channels, the network takes {channels}")
    return samples if has == channels else in_channels(samples, channels)


@contextmanager
def open_image(path: str | Path) -> Iterator[Image.Image]:
    """Yield the file as a Pillow image with only its header read; every error inside becomes an `ImageError`."""
    try:
        _check_file(Path(path))
        with quiet:
            image = Image.open(path, formats=FORMATS)
        with image:
            if image.width * image.height > LARGEST:
                raise Image.DecompressionBombError
            yield image
    except ImageError:
        raise
    except Exception as error:  # decoders of damaged files raise nearly anything, such as KeyError
        raise ImageError(f"{path_text(path)}: {_cause(error)}") from error


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


def path_text(path: str | Path) -> str:
    """Return the path as text for an error message: on one line, in any encoding."""
    return "".join(character if character.isprintable() else "?" for character in str(path))


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ImageError(f"{path_text(path)}: is a folder; give one image file")
    if not path.is_file():
        raise ImageError(f"{path_text(path)}: no such file")
    if path.stat().st_size == 0:
        raise ImageError(f"{path_text(path)}: is empty (0 bytes); get a fresh copy")


def _cause(error: Exception) -> str:
    """Return the cause of an error and what to do, without the name of the file."""
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {LARGEST / 1e6:.0f} million pixels; make it smaller first"
    if isinstance(error, UnidentifiedImageError):
        return f"is not an image in a supported format ({', '.join(FORMATS)}); save it as PNG or JPEG"
    if isinstance(error, PermissionError):
        return "cannot be read; change its permissions"
    detail = path_text(str(error) or type(error).__name__)
    return f"is damaged or truncated ({detail}); get a fresh copy or save it again as PNG"


def _upright(image: Image.Image) -> Image.Image:
    """Return the image rotated by its EXIF orientation; an invalid one is ignored."""
    try:
        with quiet:
            orientation = image.getexif().get(_ORIENTATION, 1)
        return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image
    except Exception:  # broken metadata does not matter, and Pillow's parser may raise nearly anything
        return image


def _samples(image: Image.Image, bits: int) -> ImageArray:
    """Return the samples (h, w, 1 to 4) float32 in [0, 1], gray or RGB, with alpha if the file has transparency."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _wide_samples(image, bits)
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        mode += "A"
    samples: ImageArray = np.divide(np.asarray(image.convert(mode)), 255, dtype=np.float32)
    return samples.reshape(*samples.shape[:2], -1)


def _wide_samples(image: Image.Image, bits: int) -> ImageArray:
    """Return samples of 16 bits, possibly stored as 32-bit integers (PGM in Pillow), or floats in [0, 1]."""
    white = 2 ** (16 if image.format == "PPM" else bits) - 1  # Pillow scales PGM by the maximum in its header
    samples: ImageArray = np.divide(np.asarray(image), 1 if image.mode == "F" else white, dtype=np.float32)
    if not (samples.min() >= 0 and samples.max() <= 1):  # refuses NaN too
        kind = "32-bit values" if image.mode == "F" else f"values of {bits} bits"
        raise ValueError(f"its {kind} range from {samples.min():g} to {samples.max():g}, not from 0 to 1")
    return samples[..., None]
