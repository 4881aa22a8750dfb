"""One image file becomes one float32 image in [0, 1], whatever its format, depth, palette, rotation or alpha."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, UnidentifiedImageError, features

from dreamfilters.errors import ImageError

ImageArray = NDArray[np.float32]

# Pillow knows some fifty formats, among them ones that start other programs (EPS); only these are ever tried.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", *(("AVIF",) if features.check("avif") else ()))
LARGEST = 1024**3 // 4 // 3  # pixels, 89 million; Pillow's own line between an image and a decompression bomb
MID_GRAY = 0.5
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow and JPEG have it

_ORIENTATION = 0x0112  # EXIF 2.32, table 4; its values tell where the first row and column lie
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_one_at_a_time = threading.Lock()  # warnings.catch_warnings changes a setting of the whole process


def read_image(path: str | Path, *, channels: int = 3) -> ImageArray:
    """The file's image, (h, w, channels) float32 in [0, 1], upright.

    `channels`: 1 is luma, 2 luma and alpha, 3 RGB, 4 RGB and alpha. With 1 and 3, what is transparent is laid on
    mid-gray (0.5), since a color hidden under alpha is arbitrary. 16 bits are scaled, not clipped; of an animation
    the first frame is read; the format is told by the content, not by the file's name; colors are taken as sRGB.

    Raises ImageError, one line with the file, the cause and what would work. More than `LARGEST` pixels are
    refused by what the header says, before any are decoded.

    >>> read_image("signs/14/14_rendered_0.png").shape
    (48, 48, 3)
    """
    check_channels(channels)
    with opened(path) as image:
        return decoded(image, channels)


def decoded(image: Image.Image, channels: int) -> ImageArray:
    """The image of a file that `opened` gave, as `read_image` has it."""
    image.load()
    return in_channels(_samples(_upright(image)), channels)


@contextmanager
def opened(path: str | Path) -> Iterator[Image.Image]:
    """The file as a Pillow image of which just the header is read; any failure, the caller's too, is a ImageError."""
    try:
        _check_file(Path(path))
        with _quiet():
            image = Image.open(path, formats=FORMATS)
        with image:
            if image.width * image.height > LARGEST:
                raise Image.DecompressionBombError
            yield image
    except ImageError:
        raise
    except Exception as error:  # a damaged file makes decoders raise nearly anything, down to KeyError
        raise ImageError(f"{shown(path)}: {_cause(error)}") from error


def check_channels(channels: int) -> None:
    """Raises ImageError unless an image can have so many channels."""
    if channels not in (1, 2, 3, 4):
        raise ImageError(f"channels={channels}: an image has 1 (luma), 2 (luma, alpha), 3 (RGB) or 4 (RGB, alpha)")


def with_channels(image: ArrayLike) -> ImageArray:
    """`image` (h, w) or (h, w, 1 to 4) as float32 (h, w, c), or a ImageError for any other shape."""
    values = np.asarray(image, np.float32)
    values = values[..., None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[-1] not in (1, 2, 3, 4) or 0 in values.shape:
        raise ImageError(f"no image has the shape {np.shape(image)}; wanted (h, w) or (h, w, 1 to 4)")
    return values


def in_channels(samples: ImageArray, channels: int) -> ImageArray:
    """`samples` (h, w, 1 to 4; even counts end in alpha) with so many `channels`; lost alpha is laid on mid-gray."""
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


def shown(path: str | Path) -> str:
    """The path as an error message can print it: on one line, in any encoding."""
    return "".join(character if character.isprintable() else "?" for character in str(path))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Pillow's warnings (large sizes, odd metadata) from the terminal: what matters of them is an error here."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ImageError(f"{shown(path)}: is a folder; give one image file")
    if not path.is_file():
        raise ImageError(f"{shown(path)}: no such file")
    if path.stat().st_size == 0:
        raise ImageError(f"{shown(path)}: is empty (0 bytes); get a fresh copy")


def _cause(error: Exception) -> str:
    """What is wrong with a file and what would work, without the file's name."""
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {LARGEST / 1e6:.0f} million pixels; make it smaller first"
    if isinstance(error, UnidentifiedImageError):
        return f"is no image of a kind that can be read ({', '.join(FORMATS)}); save it as PNG or JPEG"
    if isinstance(error, PermissionError):
        return "may not be read; change its permissions"
    detail = shown(str(error) or type(error).__name__)
    return f"is damaged or cut short ({detail}); get a fresh copy or save it again as PNG"


def _upright(image: Image.Image) -> Image.Image:
    """The loaded image turned as its EXIF orientation says; one that makes no sense is ignored."""
    try:
        with _quiet():
            orientation = image.getexif().get(_ORIENTATION, 1)
        return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image
    except Exception:  # broken metadata does not make the image bad, and Pillow's parser may raise nearly anything
        return image


def _samples(image: Image.Image) -> ImageArray:
    """The image as it is: (h, w, 1 to 4) float32 in [0, 1], gray or RGB, with alpha if the file has transparency."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _wide_samples(image)
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        mode += "A"
    samples: ImageArray = np.divide(np.asarray(image.convert(mode)), 255, dtype=np.float32)
    return samples.reshape(*samples.shape[:2], -1)


def _wide_samples(image: Image.Image) -> ImageArray:
    """16 bits, also in the coat of 32-bit integers (Pillow reads PGM so), or floats, which have to lie in [0, 1]."""
    samples: ImageArray = np.divide(np.asarray(image), 1 if image.mode == "F" else 65535, dtype=np.float32)
    if not (samples.min() >= 0 and samples.max() <= 1):  # so written, NaN is refused too
        raise ValueError(f"its 32-bit values run from {samples.min():g} to {samples.max():g}, no known range")
    return samples[..., None]
