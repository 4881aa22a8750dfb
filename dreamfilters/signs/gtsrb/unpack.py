"""Unpacking of an untrusted zip file of images: no member name becomes a path, and sizes are limited."""

import io
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from dreamfilters.errors import DownloadError
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.writing.open_folder import OpenFolder

PathOf = Callable[[str], Path | None]  # member name -> path of the image below the folder; None: not an image

LARGEST_MEMBER = 4 * 1024**2  # bytes; the largest traffic sign has 250 x 250 pixels, 188 kB
LARGEST_TOTAL = 2 * 1024**3  # bytes; all traffic signs together have about a quarter of it
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)  # what zipfile may raise


def unpack(archive: Path, folder: OpenFolder, path_of: PathOf, progress: OnProgress | None) -> None:
    """Write each image of the archive to its path, as PNG, unless the file exists.

    Paths are built from the digits of a member name, never from the name itself.
    """
    with open_archive(archive) as zipped:
        placed = [(member, path) for member in zipped.infolist() if (path := path_of(member.filename))]
        for done, (member, path) in enumerate(placed, start=1):
            if not (folder.path / path).exists():
                # 50,000 files: waiting for the disk after each would take minutes
                folder.write(path.as_posix(), _as_png(member.filename, unpacked(zipped, member)), flush=False)
            if progress:
                progress(Progress(done, len(placed), f"unpacking {archive.name}"))


def open_archive(archive: Path) -> zipfile.ZipFile:
    """Return the archive; a member that is unsafe, or far too large, raises DownloadError."""
    try:
        zipped = zipfile.ZipFile(archive)
    except _DAMAGED as error:
        raise DownloadError(f"{archive.name}: is not a valid zip file ({error}); delete it and run again") from error
    members = zipped.infolist()
    unsafe = next((member.filename for member in members if _is_unsafe(member)), None)
    if unsafe is not None or sum(member.file_size for member in members) > LARGEST_TOTAL:
        zipped.close()
        cause = (
            f"has the unsafe member {unsafe!r}" if unsafe is not None else f"unpacks to more than {LARGEST_TOTAL} bytes"
        )
        raise DownloadError(f"{archive.name}: {cause}; nothing was unpacked; delete it")
    return zipped


def _is_unsafe(member: zipfile.ZipInfo) -> bool:
    """Return whether a member escapes the folder, is a link, or is larger than any traffic sign."""
    name = member.filename
    escapes = name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/")
    return escapes or stat.S_ISLNK(member.external_attr >> 16) or member.file_size > LARGEST_MEMBER


def unpacked(zipped: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a member."""
    try:
        return zipped.read(member)  # zipfile stops at the size that was checked
    except _DAMAGED as error:
        name = Path(zipped.filename or "").name
        raise DownloadError(
            f"{name}: {member.filename} cannot be unpacked ({error}); delete it and run again"
        ) from error


def _as_png(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content), formats=["PPM"]) as image:
            image.convert("RGB").save(file, "PNG")
    except Exception as error:  # decoders raise many kinds of errors for damaged images
        raise DownloadError(
            f"{name}: is not a valid PPM image ({error}); delete its archive file and run again"
        ) from error
    return file.getvalue()
