"""The images of a viewer, known to the page by ids and never by paths: those of a folder, uploads and camera frames."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from dreamfilters.errors import DreamfiltersError, ImageError, OutputError, UnknownNameError
from dreamfilters.images import ImageFolder, image_folder, png_bytes, read_image, resize
from dreamfilters.images.decoding import image_size, open_image, read_shown
from dreamfilters.images.resizing import Rule, middle
from dreamfilters.viewer.byte_cache import ByteCache, Key, Value
from dreamfilters.viewer.messages import ImageArray, Values
from dreamfilters.viewer.services.private_folder import PrivateFolder

MAX_UPLOAD = 32 * 2**20  # bytes
CROPPED = ".cropped"  # after the id of an image
_MOST_VALUES = 1024  # pixels a side, of an image that a technique is given in memory
_MAX_PIXELS = 25_000_000  # of an upload: decoding takes 300 MB for a moment
_MAX_UPLOADS = 64
_MAX_LISTED = 2000  # images of a folder; all of them are scanned, and the others are found by the scan
_MAX_NAME = 120  # characters
_CACHE = 64 * 2**20  # bytes, for PNGs and for network inputs
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredImage:
    """An image.

    Attributes:
        id: given by the store; the page does not interpret it.
        label: class, "" for none.
        width, height: in pixels, 0 if the file cannot be read.
        uploaded: whether it is an upload or a camera frame.
        version: how often its content was replaced.
        cropped: whether the network is shown its middle in the shape of the input, instead of all of it stretched.
    """

    id: str
    name: str
    label: str
    path: Path
    width: int = 0
    height: int = 0
    uploaded: bool = False
    version: int = 0
    cropped: bool = False

    def as_values(self) -> Values:
        """Return the image as JSON values, without its path."""
        return {
            "id": self.id, "name": self.name, "label": self.label or None, "width": self.width, "height": self.height,
            "uploaded": self.uploaded, "version": self.version,
        }  # fmt: skip


class ImageStore:
    """The images of a folder and uploads; uploads are files of a private folder, which `close` removes."""

    def __init__(self, *, max_pixels: int = _MAX_PIXELS, max_uploads: int = _MAX_UPLOADS) -> None:
        self._max_pixels, self._max_uploads = max_pixels, max_uploads
        self._folder = PrivateFolder()
        self.samples = self._folder.path / "samples"  # folder for the sample images
        self._images: dict[str, StoredImage] = {}
        self._numbers = itertools.count()
        self._camera: str | None = None
        self._storing: set[str] = set()  # ids of uploads that are being stored, which count already
        self._pngs: ByteCache[tuple[str, int, int, int], bytes] = ByteCache(_CACHE, size_of=len)
        self._inputs: ByteCache[tuple[str, int, tuple[int, int], int, Rule, int], ImageArray] = ByteCache(
            _CACHE, size_of=lambda image: image.nbytes
        )
        self._camera_lock = threading.Lock()
        self._lock = threading.Lock()  # images are decoded in threads
        self._decoding = threading.Semaphore(2)

    def close(self) -> None:
        """Delete the uploads."""
        self._folder.close()

    def write_private(self, name: str, content: bytes, *, shown: str = "") -> Path:
        """Write a new file into the private folder, and return its path.

        Raises:
            OutputError: it cannot be written; the error calls it `shown`, default: by its name.
        """
        try:
            return self._folder.write(name, content)
        except OSError as error:
            reason = f"{shown or name}: cannot be stored ({error.strerror or error}); free space for temporary files"
            _LOG.warning(reason)
            raise OutputError(reason) from None

    def add_folder(self, source: Path | str, labels: Path | str | None = None) -> tuple[tuple[str, ...], ImageFolder]:
        """Add the images of a folder, or one file, and return their ids and the folder.

        Raises:
            ImageError: there are no images.
        """
        folder = image_folder(source, labels=labels)
        images = {}
        for number, (path, name, label) in enumerate(zip(folder.paths, folder.names, folder.labels, strict=True)):
            image = StoredImage(self._new_id(), name, label, path)
            images[image.id] = _with_size(image) if number < _MAX_LISTED else image
        with self._lock:
            self._images = {**images, **self._images}
        return tuple(images), folder

    def listed(self, also: Iterable[str] = ()) -> list[StoredImage]:
        """Return the images that the page lists: the first ones, further ones of the ids `also`, and uploads last."""
        with self._lock:
            images = list(self._images.values())
        uploads = [image for image in images if image.uploaded]
        first = [image for image in images if not image.uploaded][:_MAX_LISTED]
        known = {image.id for image in first}
        further = [self._sized(key) for key in itertools.islice((key for key in also if key not in known), _MAX_LISTED)]
        return [*first, *further, *uploads]

    def _sized(self, image: str) -> StoredImage:
        """Return an image of the folder with its size, which is read once."""
        found = self.image(image)
        if not found.width:
            found = _with_size(found)
            with self._lock:
                self._images[image] = found
        return found

    def image(self, image: str) -> StoredImage:
        """Return the image of an id, or raise UnknownNameError; after an id, `CROPPED` stands for its middle."""
        key = image.removesuffix(CROPPED)
        if key not in self._images:
            raise UnknownNameError(f"image {image[:20]}: no image has this id")
        return replace(self._images[key], cropped=True) if key != image else self._images[key]

    def add(self, content: bytes, name: str) -> StoredImage:
        """Add an upload; `name` is percent-encoded, as in a header.

        Raises:
            ImageError: the content is too large or not an image, or there are too many uploads.
            OutputError: it cannot be stored.
        """
        with self._lock:
            uploads = self._storing | {image.id for image in self._images.values() if image.uploaded}
            if len(uploads) >= self._max_uploads:
                raise ImageError(f"there are {self._max_uploads} uploads already; remove some first")
            key = self._new_id()
            self._storing.add(key)
        try:
            return self._store(content, StoredImage(key, _clean_name(name), "", self._folder.path / key, uploaded=True))
        finally:
            with self._lock:
                self._storing.discard(key)

    def set_camera_frame(self, content: bytes) -> StoredImage:
        """Add the camera's image, or replace its content.

        Raises:
            ImageError, OutputError: as `add`.
        """
        with self._camera_lock:  # frames that arrive together must not have one version
            with self._lock:
                previous = None if self._camera is None else self._images.get(self._camera)
                key, version = (previous.id, previous.version + 1) if previous else (self._new_id(), 0)
            path = self._folder.path / key
            stored = self._store(content, StoredImage(key, "webcam", "", path, uploaded=True, version=version))
            self._camera = key
            return stored

    def remove(self, image: str) -> None:
        """Remove an upload.

        Raises:
            UnknownNameError: no image has this id.
            ImageError: the image belongs to the folder.
        """
        stored = self.image(image)
        if not stored.uploaded:
            raise ImageError(f"{stored.name}: belongs to the folder; only uploads can be removed")
        with self._lock:
            self._images.pop(stored.id, None)
            self._drop_cached(stored.id)
        stored.path.unlink(missing_ok=True)

    def png(self, image: str, longest: int, bits: int = 16) -> bytes:
        """Return an image as a PNG whose longer side has at most `longest` pixels."""
        stored = self.image(image)

        def encode() -> bytes:
            pixels = self._named(stored, partial(read_shown, bits=bits))
            height, width = pixels.shape[:2]
            scale = min(1.0, longest / max(height, width))
            small = resize(pixels, (max(1, round(height * scale)), max(1, round(width * scale))))
            return png_bytes(small if scale < 1 else pixels)

        return self._cached(self._pngs, (image, stored.version, longest, bits), encode)

    def network_input(
        self, image: str, size: tuple[int, int], channels: int, rule: Rule = "bicubic", bits: int = 16
    ) -> ImageArray:
        """Return an image resized for the network, (h, w, c) float32 in [0, 1]; of a cropped one the middle."""
        stored = self.image(image)

        def resized() -> ImageArray:
            pixels = self._named(stored, partial(read_image, channels=channels, bits=bits))
            return resize(middle(pixels, size) if stored.cropped else pixels, size, rule)

        return self._cached(self._inputs, (image, stored.version, size, channels, rule, bits), resized)

    def values(self, image: str, size: tuple[int, int], channels: int, rule: Rule, bits: int = 16) -> ImageArray:
        """Return an image (h, w, c) in [0, 1] at its own size, or smaller; of a cropped one the middle.

        Its longer side is at most that of `size` or `_MOST_VALUES`.
        """
        stored = self.image(image)
        with self._decoding:
            pixels = self._named(stored, partial(read_image, channels=channels, bits=bits))
            pixels = middle(pixels, size) if stored.cropped else pixels
            longer = max(pixels.shape[:2])
            scale = min(1.0, max(_MOST_VALUES, *size) / longer)
            smaller = (max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale)))
            return pixels if scale == 1 else resize(pixels, smaller, rule)

    def _cached(self, cache: ByteCache[Key, Value], key: Key, compute: Callable[[], Value]) -> Value:
        with self._lock:
            value = cache.get(key)
        if value is None:
            with self._decoding:
                value = compute()
            with self._lock:
                cache[key] = value
        return value

    def _named(self, stored: StoredImage, read: Callable[[Path], ImageArray]) -> ImageArray:
        """Read an image; errors name it as the page does."""
        try:
            return read(stored.path)
        except ImageError as error:
            raise ImageError(f"{stored.name}: {_reason(error)}") from None

    def _store(self, content: bytes, image: StoredImage) -> StoredImage:
        """Store an image under its path; leave no file if that is not possible."""
        part = self.write_private(f"{image.id}.part", content, shown=image.name)
        try:
            image = self._checked(part, image)
            part.replace(image.path)
        except DreamfiltersError as error:
            raise ImageError(f"{image.name}: {_reason(error)}") from None
        finally:
            part.unlink(missing_ok=True)
        with self._lock:
            self._drop_cached(image.id)
            self._images[image.id] = image
        return image

    def _checked(self, part: Path, image: StoredImage) -> StoredImage:
        """Return the image with its size, once its file has been decoded."""
        with open_image(part) as file:
            pixels = file.width * file.height
        if pixels > self._max_pixels:
            raise ImageError(f": {pixels / 1e6:.0f} million pixels; at most {self._max_pixels / 1e6:.0f} million")
        with self._decoding:
            read_image(part)
        return replace(_with_size(replace(image, path=part)), path=image.path)

    def _new_id(self) -> str:
        return f"I{next(self._numbers)}"

    def _drop_cached(self, image: str) -> None:
        self._pngs.drop(lambda key: key[0].removesuffix(CROPPED) == image)
        self._inputs.drop(lambda key: key[0].removesuffix(CROPPED) == image)


def _with_size(image: StoredImage) -> StoredImage:
    """Return the image with the size that the header of its file states."""
    try:
        height, width = image_size(image.path)
        return replace(image, width=width, height=height)
    except ImageError:
        return image


def _reason(error: DreamfiltersError) -> str:
    """Return the message of an error without the path that it begins with, which the page must not see."""
    return str(error).partition(": ")[2]


def _clean_name(name: str) -> str:
    """Return a file name from a header: its last part, printable and shortened."""
    last = unquote(name).replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:_MAX_NAME] or "upload"
