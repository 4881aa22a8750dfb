"""A client that sends a request too slowly is disconnected; one that waits for a slow response is not."""

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest
import uvicorn

from dreamfilters.viewer.launch import settings_for
from dreamfilters.viewer.server.http_server import RequestTimeout, respond_once

TIMEOUT = 0.4  # seconds
SLOW = 3 * TIMEOUT


class ShortTimeout(RequestTimeout):
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
