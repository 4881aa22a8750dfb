"""A client that sends a request too slowly is disconnected; one that waits for a slow response is not."""

import asyncio
import json
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest
import uvicorn

from dreamfilters.viewer.launch import settings_for
from dreamfilters.viewer.messages import BusyError
from dreamfilters.viewer.server.http_protocol import StrictProtocol
from dreamfilters.viewer.server.http_server import respond_once

TIMEOUT = 0.4  # seconds
SLOW = 3 * TIMEOUT


class ShortTimeout(StrictProtocol):
    timeout = TIMEOUT


async def app(scope, receive, send):
    """Respond at once, or late at /slow."""
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, http=ShortTimeout, lifespan="off", log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join(5)


@contextmanager
def connect(port, *pieces):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        yield connection


def send_slowly(connection):
    """Send a letter again and again until the server disconnects; return the seconds until then."""
    start = time.monotonic()
    with suppress(OSError):
        while time.monotonic() - start < 10:
            connection.sendall(b"a")
            time.sleep(TIMEOUT / 10)
    return time.monotonic() - start


def response_of(connection):
    """The complete response."""
    found = b""
    while not found.endswith(b"ok"):
        found += (piece := connection.recv(1000))
        assert piece, found
    return found


REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n"],
    ids=["first letter", "head", "body without a reader"],
)
def test_a_slow_request_is_disconnected(port, head):
    with connect(port, head) as connection:
        assert send_slowly(connection) < 5


def test_a_silent_client_is_disconnected(port):
    with connect(port) as connection, suppress(ConnectionResetError):
        assert connection.recv(10) == b""


def test_a_slow_second_request_is_disconnected(port):
    with connect(port, REQUEST) as connection:
        assert response_of(connection).startswith(b"HTTP/1.1 200")
        assert send_slowly(connection) < 5


def test_a_slow_response_is_complete(port):
    with connect(port, REQUEST.replace(b"/ ", b"/slow ", 1)) as connection:
        assert response_of(connection).startswith(b"HTTP/1.1 200")


def answered(port, *lines, body=b""):
    """All that the server answers to a request, until it disconnects or waits for the next one."""
    with connect(port) as connection:
        with suppress(ConnectionError):  # the server may answer and disconnect before it has read everything
            connection.sendall(b"\r\n".join([*lines, b"", b""]) + body)
        connection.settimeout(2)
        found = b""
        with suppress(TimeoutError, ConnectionError):
            while piece := connection.recv(65536):
                found += piece
                if found.endswith(b"ok"):
                    break
        return found


POST = (b"POST / HTTP/1.1", b"Host: x")
SMUGGLED = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "both": (*POST, b"Content-Length: 4", b"Transfer-Encoding: chunked"),
    "both, the other order": (*POST, b"transfer-encoding: chunked", b"content-length: 4"),
    "both, no body": (b"GET / HTTP/1.1", b"Host: x", b"Transfer-Encoding: chunked", b"Content-Length: 0"),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0", b"Host: x", b"Transfer-Encoding: chunked"),
    "two lengths": (*POST, b"Content-Length: 5", b"Content-Length: 6"),
    "two equal lengths": (*POST, b"Content-Length: 5", b"X: y", b"content-length: 5"),
    "a list of lengths": (*POST, b"Content-Length: 5, 5"),
    "negative": (*POST, b"Content-Length: -5"),
    "a sign": (*POST, b"Content-Length: +5"),
    "hexadecimal": (*POST, b"Content-Length: 0x5"),
    "an underscore": (*POST, b"Content-Length: 1_0"),
    "other digits": (*POST, "Content-Length: \u0665".encode()),
    "empty": (*POST, b"Content-Length:"),
    "many digits": (*POST, b"Content-Length: " + b"9" * 30),
    "a space before the colon": (*POST, b"Content-Length : 5"),
    "a continued line": (*POST, b"X-A: b", b"  Content-Length: 5"),
    "a continued coding": (*POST, b"Transfer-Encoding:", b" chunked"),
    "an unknown coding": (*POST, b"Transfer-Encoding: gzip, chunked"),
    "an odd coding": (*POST, b"Transfer-Encoding: xchunked"),
    "two codings": (*POST, b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "a carriage return in a name": (*POST, b"Content-Length\r: 5"),
    "a large header": (*POST, b"X: " + b"x" * 2**17),
    "many headers": (*POST, *(b"X%d: %s" % (number, b"y" * 1000) for number in range(100))),
}


@pytest.mark.parametrize("lines", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_request_that_two_readers_may_understand_differently_is_refused_and_the_connection_closed(port, lines):
    found = answered(port, *lines, body=b"0\r\n\r\n" + SMUGGLED)
    assert found.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in found.lower()
    assert found.count(b"HTTP/1.1") == 1
    assert not found.endswith(b"ok")


def test_a_second_request_of_a_connection_is_checked_too(port):
    first = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
    with connect(port, first, b"\r\n".join([*AMBIGUOUS["both"], b"", b"0\r\n\r\n"]) + SMUGGLED) as connection:
        connection.settimeout(5)
        found = b""
        with suppress(ConnectionError):
            while piece := connection.recv(65536):
                found += piece
    assert re.findall(rb"HTTP/1.1 (\d+)", found) == [b"200", b"400"]


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ((*POST, b"Content-Length: 5"), b"abcde"),
        ((*POST, b"Transfer-Encoding: chunked"), b"2\r\nab\r\n0\r\n\r\n"),
        ((*POST, b"Cookie: " + b"; ".join(b"c%d=%s" % (each, b"v" * 1000) for each in range(40))), b""),
        ((b"GET / HTTP/1.0",), b""),
    ],
    ids=["length", "chunked", "cookies of many applications", "HTTP/1.0"],
)
def test_other_requests_are_answered(port, lines, body):
    assert answered(port, *lines, body=body).startswith(b"HTTP/1.1 200 ")


def test_one_request_is_handled_without_a_port(tiny, viewed):
    settings = settings_for(tiny, {}, images=viewed)
    status, content = respond_once(settings, "/api/maps/L0/I1?v=3")
    values = json.loads(content)
    assert (status, values["units"], values["full"]) == (200, 8, [16, 16])
    rows = zip(values["minimum"], values["mean"], values["maximum"], strict=True)
    assert all(low <= mean <= high for low, mean, high in rows)


def test_an_unknown_address_is_a_404_in_one_line(tiny):
    status, content = respond_once(settings_for(tiny, {}), "api/maps/L0/nothing")
    assert (status, json.loads(content)) == (404, {"error": "image nothing: no image has this id"})


def test_a_network_that_cannot_be_opened_is_an_error_for_every_address(tmp_path):
    (tmp_path / "net.keras").write_bytes(b"no model")
    for address in ("/api/state", "/api/nothing"):
        with pytest.raises(BusyError, match=r"^[^\n]*net\.keras: [^\n]*$"):
            respond_once(settings_for(str(tmp_path / "net.keras"), {}), address)
