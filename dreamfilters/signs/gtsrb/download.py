"""One file comes over HTTPS onto the disk, from where an earlier attempt broke off, and is checked by its md5."""

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

LARGEST = 2 * 1024**3  # bytes; no answer of a server may fill the disk
PATIENCE = 60.0  # seconds without a byte
_CHUNK = 2**18
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def download(url: str, target: Path, *, md5: str, progress: OnProgress | None = None) -> None:
    """Puts the file at `url` to `target`, checked; nothing is fetched if it is there already.

    The bytes grow in `target` + ".part", which a later call continues (HTTP range requests, RFC 9110, section 14);
    a server that cannot continue sends all of it again. Only https is spoken, and http to this machine itself, after
    redirects too. Raises DownloadError for everything that goes wrong: nothing is retried behind your back.
    """
    if target.exists():
        if _md5(target) != md5:
            raise DownloadError(
                f"{target.name}: is there, but does not match its checksum {md5}; delete it and run again"
            )
        return
    part = target.with_name(f"{target.name}.part")
    _fetch_rest(url, part, progress)
    if _md5(part) != md5:
        part.unlink()
        raise DownloadError(
            f"{target.name}: what came does not match its checksum {md5}; deleted, run again to refetch"
        )
    part.replace(target)


def _fetch_rest(url: str, part: Path, progress: OnProgress | None) -> None:
    """Brings `part` to the length that the server says, beginning again if what is there does not fit."""
    start = part.stat().st_size if part.exists() else 0
    try:
        answer = _asked(url, start)
    except urllib.error.HTTPError as error:
        with error:
            if (
                error.code == 416 and start
            ):  # nothing lies beyond `start`: complete, or the server's file is shorter now
                if _range(error.headers)[1] != start:
                    part.unlink()
                    _fetch_rest(url, part, progress)
                return
            raise DownloadError(
                f"{_name(url)}: the archive answers {error.code} {error.reason} at {url}; try later or another address"
            ) from None
    with answer:
        first, total = _range(answer.headers) if answer.status == 206 else (0, _length(answer.headers))
        if first != start and answer.status == 206:
            raise DownloadError(f"{_name(url)}: asked from byte {start}, the archive sends from {first}; delete {part}")
        with part.open("ab" if first else "wb") as file:
            _copy(answer, file, first, total, _name(url), progress)


def _copy(answer: HTTPResponse, file: IO[bytes], done: int, total: int, name: str, progress: OnProgress | None) -> None:
    """Appends the answer to the file, of which `done` of `total` bytes are there; what came stays."""
    again = "run the same again, it goes on from there"
    while True:
        try:
            chunk = answer.read1(_CHUNK)  # what has come so far: a break loses nothing
        except (OSError, HTTPException) as error:
            raise DownloadError(f"{name}: the connection broke after {done} bytes ({error}); {again}") from error
        if not chunk:
            break
        done += len(chunk)
        if max(done, total) > LARGEST:
            raise DownloadError(
                f"{name}: is larger than {LARGEST} bytes, which no file of this archive is; not fetched"
            )
        file.write(chunk)
        if progress:
            progress(Progress(done, total, name))
    if done < total:
        raise DownloadError(f"{name}: the connection broke after {done} of {total} bytes; {again}")


def _asked(url: str, start: int) -> HTTPResponse:
    _check_address(url)
    headers = {"User-Agent": f"dreamfilters/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    direct = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in _LOOPBACK else []
    opener = urllib.request.build_opener(_SafeRedirects, *direct)
    try:
        answer: HTTPResponse = opener.open(urllib.request.Request(url, headers=headers), timeout=PATIENCE)
    except urllib.error.HTTPError:
        raise
    except (OSError, HTTPException) as error:
        cause = getattr(error, "reason", error)
        raise DownloadError(
            f"{_name(url)}: {url} cannot be reached ({cause}); connect and run the same again"
        ) from error
    return answer


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where a first request could go."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise DownloadError(f"{url}: is not fetched; wanted an https address, or http on this machine itself")


def _range(headers: Message) -> tuple[int, int]:
    """First byte and whole length as in `Content-Range: bytes 5-9/10` or `bytes */10`; -1 and 0 where not named."""
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
