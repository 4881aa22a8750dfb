"""Download of one file over HTTPS, resumed where an earlier attempt stopped and checked by its md5."""

import hashlib
import re
import urllib.error
import urllib.request
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from dreamfilters import __version__
from dreamfilters.errors import DownloadError
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.writing.single_files import check_file, part_file

LARGEST = 2 * 1024**3  # bytes; limits what a server can write to the disk
TIMEOUT = 60.0  # seconds without a byte
_CHUNK = 2**18
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def download(url: str, target: Path, *, md5: str, progress: OnProgress | None = None) -> None:
    """Download the file at `url` to `target` and verify its md5; an existing file is only verified.

    The bytes are written to `target` + ".part", which a later call resumes (HTTP range requests, RFC 9110, section
    14); a server without range support sends the whole file again. Only https, and http to the loopback interface, are
    allowed, also after redirects. Every failure raises DownloadError; nothing is retried. A `target` or
    partial file that is a link is an OutputError.
    """
    if target.exists():
        if _md5(target) != md5:
            raise DownloadError(
                f"{target.name}: exists, but does not match its checksum {md5}; delete it and run again"
            )
        return
    part = target.with_name(f"{target.name}.part")
    for path in (target, part):
        check_file(path)
    _fetch_rest(url, part, progress)
    if _md5(part) != md5:
        part.unlink()
        raise DownloadError(f"{target.name}: the download does not match its checksum {md5} and was deleted; run again")
    part.replace(target)


def _fetch_rest(url: str, part: Path, progress: OnProgress | None) -> None:
    """Complete `part` to the length that the server reports; start over if the existing bytes do not fit."""
    start = part.stat().st_size if part.exists() else 0
    try:
        response = _request(url, start)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and start:  # nothing after `start`: complete, or the server's file is shorter now
                if _range(error.headers)[1] != start:
                    part.unlink()
                    _fetch_rest(url, part, progress)
                return
            raise DownloadError(
                f"{_name(url)}: the server responded {error.code} {error.reason} for {url}; try again later"
            ) from None
    with response:
        first, total = _range(response.headers) if response.status == 206 else (0, _length(response.headers))
        if first != start and response.status == 206:
            raise DownloadError(
                f"{_name(url)}: requested from byte {start}, the server sent from {first}; delete {part}"
            )
        with part_file(part, append=bool(first)) as file:
            _copy(response, file, first, total, _name(url), progress)


def _copy(
    response: HTTPResponse, file: IO[bytes], done: int, total: int, name: str, progress: OnProgress | None
) -> None:
    """Append the response to the file, which holds `done` of `total` bytes; received bytes are kept on errors."""
    again = "run the same command to resume"
    while True:
        try:
            chunk = response.read1(_CHUNK)  # returns what has arrived, so that a lost connection loses nothing
        except (OSError, HTTPException) as error:
            raise DownloadError(f"{name}: the connection was lost after {done} bytes ({error}); {again}") from error
        if not chunk:
            break
        done += len(chunk)
        if max(done, total) > LARGEST:
            raise DownloadError(
                f"{name}: is larger than {LARGEST} bytes, the limit for files of this archive; not downloaded"
            )
        file.write(chunk)
        if progress:
            progress(Progress(done, total, name))
    if done < total:
        raise DownloadError(f"{name}: the connection was lost after {done} of {total} bytes; {again}")


def _request(url: str, start: int) -> HTTPResponse:
    _check_address(url)
    headers = {"User-Agent": f"dreamfilters/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    direct = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in _LOOPBACK else []
    opener = urllib.request.build_opener(_SafeRedirects, *direct)
    try:
        response: HTTPResponse = opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError:
        raise
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", error)
        raise DownloadError(
            f"{_name(url)}: {url} cannot be reached ({cause}); connect and run the same command again"
        ) from error
    return response


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to allowed addresses."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise DownloadError(
            f"{url}: is not downloaded; allowed are https addresses, and http on the loopback interface"
        )


def _range(headers: Message) -> tuple[int, int]:
    """Return first byte and total length of `Content-Range: bytes 5-9/10` or `bytes */10`; -1 and 0 if missing."""
    named = re.fullmatch(r"bytes (?:(\d{1,15})-\d{1,15}|\*)/(\d{1,15}|\*)", headers.get("Content-Range", ""))
    if not named:
        return -1, 0
    first, total = named.groups()
    return int(first or -1), 0 if total == "*" else int(total)


def _length(headers: Message) -> int:
    length = headers.get("Content-Length", "")
    return int(length) if re.fullmatch(r"\d{1,15}", length) else 0


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
