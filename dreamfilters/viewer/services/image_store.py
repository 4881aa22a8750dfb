"""The images that can be looked at: a folder's, and those that were handed in, known by ids and never by paths."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from dreamfilters.errors import DreamfiltersError, ImageError, UnknownNameError
from dreamfilters.images import image_folder, png_bytes, read_image, resize
from dreamfilters.images.decoding import opened
from dreamfilters.images.resizing import Rule
from dreamfilters.viewer.messages import ImageArray, Values
from dreamfilters.viewer.services.byte_cache import ByteCache, Key, Value

LARGEST_UPLOAD = 32 * 2**20  # bytes
_MOST_PIXELS = 25_000_000  # of an upload: decoded to floats it takes 300 MB for a moment
_MOST_UPLOADS = 64
_LISTED = 2000  # of a folder; the others take part in the evidence and are found by it
_NAME = 120  # letters
_PNGS, _SHOWN = 64 * 2**20, 64 * 2**20  # bytes


@dataclass(frozen=True)
class StoredImage:
    """One image.

    Attributes:
        id: what the page calls it.
        name: what people call it.
        label: its class, "" for none.
        path: its file.
        width, height: in pixels, 0 where it cannot be read.
        uploaded: whether it was handed in.
        version: how often it was replaced.
    """

    id: str
    name: str
    label: str
    path: Path
    width: int = 0
    height: int = 0
    uploaded: bool = False
    version: int = 0

    def as_values(self) -> Values:
        """Return what the page is told."""
        return {
            "id": self.id, "name": self.name, "label": self.label or None, "width": self.width, "height": self.height,
            "uploaded": self.uploaded, "version": self.version,
        }  # fmt: skip


class ImageStore:
    """A folder's images and uploads; uploads lie in a folder of their own, which goes with the gallery."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="dreamfilters-"))
        self._items: dict[str, StoredImage] = {}
        self._count = 0
        self._webcam: str | None = None
        self._pngs: ByteCache[tuple[str, int, int], bytes] = ByteCache(_PNGS, weigh=len)
        self._shown: ByteCache[tuple[str, int, tuple[int, int], int], ImageArray] = ByteCache(
            _SHOWN, weigh=lambda image: image.nbytes
        )
        self._lock = threading.Lock()  # images are decoded in threads
        self._decoding = threading.Semaphore(2)

    def close(self) -> None:
        """Forget the uploads."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self._items)

    @property
    def samples(self) -> Path:
        """Where the sample images may be written."""
        return self._folder / "samples"

    def open(self, source: Path | str, labels: Path | str | None = None) -> None:
        """Take in a folder or a file.

        Raises:
            ImageError: no images there.
        """
        found = image_folder(source, labels=labels)
        items = {}
        for number, (path, name, label) in enumerate(zip(found.paths, found.names, found.labels, strict=True)):
            item = StoredImage(f"I{number}", name, label, path)
            items[item.id] = _measured(item) if number < _LISTED else item
        with self._lock:
            uploads = {key: item for key, item in self._items.items() if item.uploaded}
            self._items = {**items, **uploads}

    def listed(self) -> list[StoredImage]:
        """Return the images for the page's tray, uploads last."""
        with self._lock:
            items = list(self._items.values())
        own = [item for item in items if item.uploaded]
        return [item for item in items if not item.uploaded][:_LISTED] + own

    def item(self, key: str) -> StoredImage:
        """Return an image's facts, or raise UnknownNameError."""
        if key not in self._items:
            raise UnknownNameError(f"image {key[:20]}: there is none of this id")
        return self._items[key]

    def add(self, content: bytes, name: str) -> StoredImage:
        """Take in an upload; `name` is as a header holds it, percent-encoded.

        Raises:
            ImageError: it is too large, no image, or there are too many already.
        """
        with self._lock:
            if sum(item.uploaded for item in self._items.values()) >= _MOST_UPLOADS:
                raise ImageError(f"{_MOST_UPLOADS} uploads are here already; remove some first")
            key = self._new_id()
        return self._taken_in(content, StoredImage(key, _shortened(name), "", self._folder / key, uploaded=True))

    def frame(self, content: bytes) -> StoredImage:
        """Take in the webcam's image, which replaces the one before."""
        with self._lock:
            self._webcam = self._webcam if self._webcam in self._items else self._new_id()
            key = self._webcam
            before = self._items.get(key)
        version = before.version + 1 if before else 0
        return self._taken_in(
            content, StoredImage(key, "webcam", "", self._folder / key, uploaded=True, version=version)
        )

    def forget(self, key: str) -> None:
        """Remove an upload.

        Raises:
            UnknownNameError: there is none of this id.
            ImageError: it is one of the folder's.
        """
        item = self.item(key)
        if not item.uploaded:
            raise ImageError(f"{item.name}: belongs to the folder and stays")
        with self._lock:
            self._items.pop(key, None)
            self._drop(key)
        item.path.unlink(missing_ok=True)

    def png(self, key: str, longest: int) -> bytes:
        """Return the image as a PNG of at most so many pixels along its longer side."""
        item = self.item(key)

        def made() -> bytes:
            image = self._read(item, 3)
            height, width = image.shape[:2]
            scale = min(1.0, longest / max(height, width))
            small = resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))
            return png_bytes(small if scale < 1 else image)

        return self._kept(self._pngs, (key, item.version, longest), made)

    def shown(self, key: str, size: tuple[int, int], channels: int, rule: Rule = "bicubic") -> ImageArray:
        """Return the image as the network is shown it, (h, w, c) float32 in [0, 1]."""
        item = self.item(key)
        return self._kept(
            self._shown,
            (key, item.version, size, channels),
            lambda: resize(self._read(item, channels), size, rule),
        )

    def _kept(self, kept: ByteCache[Key, Value], key: Key, make: Callable[[], Value]) -> Value:
        with self._lock:
            found = kept.get(key)
        if found is None:
            with self._decoding:
                found = make()
            with self._lock:
                kept[key] = found
        return found

    def _read(self, item: StoredImage, channels: int) -> ImageArray:
        try:
            return read_image(item.path, channels=channels)
        except ImageError as error:
            raise ImageError(f"{item.name}: {str(error).partition(': ')[2]}") from None  # no path of ours

    def _taken_in(self, content: bytes, item: StoredImage) -> StoredImage:
        part = item.path.with_name(f"{item.id}.part")
        part.write_bytes(content)
        try:
            with opened(part) as image:
                pixels = image.width * image.height
            if pixels > _MOST_PIXELS:
                raise ImageError(f": {pixels / 1e6:.0f} million pixels; at most {_MOST_PIXELS / 1e6:.0f} million")
            with self._decoding:
                read_image(part)
        except DreamfiltersError as error:
            part.unlink(missing_ok=True)
            raise ImageError(f"{item.name}: {str(error).partition(': ')[2]}") from None
        measured = _measured(replace(item, path=part))
        part.replace(item.path)
        with self._lock:
            self._drop(item.id)
            self._items[item.id] = replace(measured, path=item.path)
        return self._items[item.id]

    def _new_id(self) -> str:
        self._count += 1
        return f"U{self._count - 1}"

    def _drop(self, key: str) -> None:
        self._pngs.drop(lambda known: known[0] == key)
        self._shown.drop(lambda known: known[0] == key)


def _measured(item: StoredImage) -> StoredImage:
    """Return the item with its size, as its file's head tells it."""
    try:
        with opened(item.path) as image:
            return replace(item, width=image.width, height=image.height)
    except ImageError:
        return item


def _shortened(name: str) -> str:
    """Return a file's name from a header: its last part, printable and not too long."""
    last = unquote(name).replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable())[:_NAME] or "upload"


def _bytes(image: ImageArray) -> int:
    return image.nbytes
