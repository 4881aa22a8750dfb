"""A client that lets a request drip in is cut off; one that only listens to a long answer is not."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest
import uvicorn

from dreamfilters.viewer.server.request_timeout import RequestTimeout

PATIENCE = 0.4  # seconds
SLOW = 3 * PATIENCE


class Hasty(RequestTimeout):
    patience = PATIENCE


async def app(scope, receive, send):
    """Answer at once, or after a while."""
    if scope["path"] == "/slow":
        await asyncio.sleep(SLOW)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(app, http=Hasty, lifespan="off", log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(5)


@contextmanager
def line(port, *pieces):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        yield connection


def drip(connection):
    """Send a letter again and again until it is hung up; return for how many seconds."""
    began = time.monotonic()
    with suppress(OSError):
        while time.monotonic() - began < 10:
            connection.sendall(b"a")
            time.sleep(PATIENCE / 10)
    return time.monotonic() - began


def heard(connection):
    """What is answered, to its end."""
    found = b""
    while not found.endswith(b"ok"):
        found += (piece := connection.recv(1000))
        assert piece, found
    return found


ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n"],
    ids=["a first letter", "a head", "a body that nobody asked for"],
)
def test_what_drips_is_cut_off(port, begun):
    with line(port, begun) as connection:
        assert drip(connection) < 5


def test_who_says_nothing_is_cut_off(port):
    with line(port) as connection, suppress(ConnectionResetError):
        assert connection.recv(10) == b""


def test_a_second_request_has_to_come_as_fast(port):
    with line(port, ASKED) as connection:
        assert heard(connection).startswith(b"HTTP/1.1 200")
        assert drip(connection) < 5


def test_an_answer_may_take_its_time(port):
    with line(port, ASKED.replace(b"/ ", b"/slow ", 1)) as connection:
        assert heard(connection).startswith(b"HTTP/1.1 200")
