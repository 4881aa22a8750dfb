"""Images leave a zip file without trust in it: no name of a member ever becomes a path, and sizes are bounded."""

import io
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from dreamfilters.errors import DownloadError
from dreamfilters.progress import OnProgress, Progress

Place = Callable[[str], Path | None]  # a member's name -> the image's path below the folder, None: no image

LARGEST_MEMBER = 4 * 1024**2  # bytes; the largest traffic sign has 250 x 250 pixels, 188 kB
LARGEST_TOTAL = 2 * 1024**3  # bytes; all traffic signs together have about a quarter of it
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)  # what zipfile may raise


def unpack(archive: Path, folder: Path, place: Place, progress: OnProgress | None) -> None:
    """Writes each image of the archive to its place, as PNG, unless it is there already.

    A member's name never becomes a path: places are made of the digits in it.
    """
    with opened(archive) as zipped:
        placed = [(member, path) for member in zipped.infolist() if (path := place(member.filename))]
        for done, (member, path) in enumerate(placed, start=1):
            if not (folder / path).exists():
                write_whole(folder / path, _as_png(member.filename, unpacked(zipped, member)))
            if progress:
                progress(Progress(done, len(placed), f"unpacking {archive.name}"))


def opened(archive: Path) -> zipfile.ZipFile:
    """The archive, after a look at all its members: one that is unsafe, or far too large, condemns it."""
    try:
        zipped = zipfile.ZipFile(archive)
    except _DAMAGED as error:
        raise DownloadError(f"{archive.name}: is no sound zip file ({error}); delete it and run again") from error
    members = zipped.infolist()
    unsafe = next((member.filename for member in members if _is_unsafe(member)), None)
    if unsafe is not None or sum(member.file_size for member in members) > LARGEST_TOTAL:
        zipped.close()
        cause = f"has the unsafe member {unsafe!r}" if unsafe is not None else f"unpacks to over {LARGEST_TOTAL} bytes"
        raise DownloadError(f"{archive.name}: {cause}; nothing of it is unpacked, delete it")
    return zipped


def _is_unsafe(member: zipfile.ZipInfo) -> bool:
    """Whether a member climbs out of the folder, is a link, or is larger than anything that belongs there."""
    name = member.filename
    climbs = name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/")
    return climbs or stat.S_ISLNK(member.external_attr >> 16) or member.file_size > LARGEST_MEMBER


def unpacked(zipped: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The member's bytes."""
    try:
        return zipped.read(member)  # no more than the size that was checked: zipfile stops there
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
    except Exception as error:  # a damaged image makes a decoder raise nearly anything
        raise DownloadError(
            f"{name}: is no sound PPM image ({error}); delete its archive file and run again"
        ) from error
    return file.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """The whole file or none: a killed run leaves at most a `.part` that the next one overwrites."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
