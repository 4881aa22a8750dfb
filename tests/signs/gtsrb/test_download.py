"""The download from a local server with typical faults."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dreamfilters.errors import DownloadError
from dreamfilters.progress import Progress
from dreamfilters.signs.gtsrb.download import download

CONTENT = bytes(range(256)) * 40  # 10,240 bytes
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Sends `server.content` with ranges; `server.manner` selects a fault."""

    def do_GET(self):
        server, content = self.server, self.server.content
        asked = self.headers.get("Range")
        server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if server.manner == "missing":
            self.send_error(404)
        elif server.manner == "moved" and self.path == "/a.bin":
            self.answer(302, b"", Location="/moved/a.bin")
        elif server.manner == "stalls":
            self.answer(200, content)
            server.given_up.wait()
        elif asked and server.manner == "no range told":
            self.answer(206, content[start:])
        elif server.manner == "redirect":
            self.answer(302, b"", Location="http://example.org/a.bin")
        elif asked and server.manner == "wrong range":
            self.answer(206, content, **{"Content-Range": f"bytes 0-{len(content) - 1}/{len(content)}"})
        elif not asked or server.manner == "ignores ranges":
            self.answer(200, content)
        elif start >= len(content):
            self.answer(416, b"", **{"Content-Range": f"bytes */{len(content)}"})
        else:
            extent = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.answer(206, content[start:], **{"Content-Range": extent})

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.manner != "no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.breaks_after])

    def log_message(self, *_):
        pass


@contextmanager
def serving(content=CONTENT, manner="", breaks_after=None) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.manner, server.breaks_after, server.asked = content, manner, breaks_after, []
    server.url = f"http://127.0.0.1:{server.server_port}/a.bin"
    server.given_up = threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.given_up.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "a.bin"


def part_of(target: Path) -> Path:
    return target.with_name("a.bin.part")


def test_a_whole_file_arrives_and_progress_ends_at_its_length(target):
    seen = []
    with serving() as server:
        download(server.url, target, md5=MD5, progress=seen.append)
    assert target.read_bytes() == CONTENT
    assert not part_of(target).exists()
    assert seen[-1] == Progress(10240, 10240, "a.bin")


def test_an_existing_file_is_not_downloaded_again(target):
    target.write_bytes(CONTENT)
    with serving() as server:
        download(server.url, target, md5=MD5)
    assert server.asked == []


def test_an_existing_file_with_a_wrong_checksum_is_named_and_kept(target):
    target.write_bytes(b"mine")
    with pytest.raises(DownloadError, match=r"a\.bin: exists, but does not match .* delete it and run again"):
        download("http://127.0.0.1:1/a.bin", target, md5=MD5)
    assert target.read_bytes() == b"mine"


def test_a_broken_transfer_keeps_its_bytes_and_the_next_run_requests_the_rest(target):
    with serving(breaks_after=3000) as server, pytest.raises(DownloadError, match="lost after 3000 of 10240 bytes"):
        download(server.url, target, md5=MD5)
    assert part_of(target).read_bytes() == CONTENT[:3000]
    with serving() as server:
        download(server.url, target, md5=MD5)
    assert server.asked == ["bytes=3000-"]
    assert target.read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_sends_all_of_it_again(target):
    part_of(target).write_bytes(b"x" * 3000)
    with serving(manner="ignores ranges") as server:
        download(server.url, target, md5=MD5)
    assert server.asked == ["bytes=3000-"]
    assert target.read_bytes() == CONTENT


def test_a_complete_part_needs_no_second_transfer(target):
    part_of(target).write_bytes(CONTENT)  # killed between the last byte and the check
    with serving() as server:
        download(server.url, target, md5=MD5)
    assert server.asked == ["bytes=10240-"]
    assert target.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_starts_over(target):
    part_of(target).write_bytes(CONTENT + b"more")
    with serving() as server:
        download(server.url, target, md5=MD5)
    assert server.asked == ["bytes=10244-", None]
    assert target.read_bytes() == CONTENT


def test_a_part_of_another_file_fails_the_checksum_and_the_next_run_succeeds(target):
    part_of(target).write_bytes(b"x" * 3000)
    with serving() as server:
        with pytest.raises(DownloadError, match=r"does not match its checksum .* run again"):
            download(server.url, target, md5=MD5)
        download(server.url, target, md5=MD5)
    assert server.asked == ["bytes=3000-", None]
    assert target.read_bytes() == CONTENT


def test_an_unrequested_range_is_refused(target):
    part_of(target).write_bytes(CONTENT[:3000])
    with (
        serving(manner="wrong range") as server,
        pytest.raises(DownloadError, match=r"from byte 3000, .* sent from 0"),
    ):
        download(server.url, target, md5=MD5)
    assert part_of(target).read_bytes() == CONTENT[:3000]


def test_a_partial_response_without_a_range_is_refused(target):
    part_of(target).write_bytes(CONTENT[:3000])
    with serving(manner="no range told") as server, pytest.raises(DownloadError, match=r"from byte 3000, .* from -1"):
        download(server.url, target, md5=MD5)


def test_a_stalled_connection_times_out_and_can_be_resumed(target, monkeypatch):
    monkeypatch.setattr("dreamfilters.signs.gtsrb.download.TIMEOUT", 0.2)
    with (
        serving(manner="stalls", breaks_after=3000) as server,
        pytest.raises(DownloadError, match=r"lost after 3000 bytes \(timed out\); run the same command"),
    ):
        download(server.url, target, md5=MD5)
    assert part_of(target).read_bytes() == CONTENT[:3000]


def test_a_redirect_is_followed_with_the_range(target):
    part_of(target).write_bytes(CONTENT[:3000])
    with serving(manner="moved") as server:
        download(server.url, target, md5=MD5)
    assert server.asked == ["bytes=3000-", "bytes=3000-"]
    assert target.read_bytes() == CONTENT


def test_a_missing_length_is_accepted(target):
    with serving(manner="no length") as server:
        download(server.url, target, md5=MD5)
    assert target.read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(target):
    with serving(content=b"evil") as server, pytest.raises(DownloadError, match=f"does not match its checksum {MD5}"):
        download(server.url, target, md5=MD5)
    assert list(target.parent.iterdir()) == []


def test_a_missing_file_is_named_with_its_address(target):
    with serving(manner="missing") as server, pytest.raises(DownloadError) as caught:
        download(server.url, target, md5=MD5)
    assert str(caught.value).startswith(f"a.bin: the server responded 404 Not Found for {server.url}")


def test_an_unreachable_server_is_named(target):
    with serving() as server:
        pass
    with pytest.raises(DownloadError, match=r"a\.bin: .* cannot be reached \(.*refused.*\); connect and run"):
        download(server.url, target, md5=MD5)


def test_a_file_too_large_for_the_archive_is_not_fetched(target, monkeypatch):
    monkeypatch.setattr("dreamfilters.signs.gtsrb.download.LARGEST", 5000)
    with serving() as server, pytest.raises(DownloadError, match="larger than 5000 bytes"):
        download(server.url, target, md5=MD5)
    assert part_of(target).read_bytes() == b""


@pytest.mark.parametrize("url", ["http://example.org/a.bin", "file:///etc/passwd", "ftp://127.0.0.1/a.bin", "a.bin"])
def test_addresses_other_than_https_are_refused(url, target):
    with pytest.raises(DownloadError, match="allowed are https addresses"):
        download(url, target, md5=MD5)


def test_a_redirect_to_plain_http_is_refused(target):
    with serving(manner="redirect") as server, pytest.raises(DownloadError, match=r"http://example\.org/a\.bin"):
        download(server.url, target, md5=MD5)
