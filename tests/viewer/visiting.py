"""A viewer asked over HTTP, as a browser asks it."""

import http.client
import io
import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from PIL import Image


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)


class Page:
    """A browser's tab: it has the cookie, and sends what a page of the viewer would send."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.host, self.port, self.query = parts.hostname, parts.port, parts.query
        self.origin = f"http://{parts.netloc}"
        self.connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        welcome = self.ask("GET", f"/?{self.query}", {})
        self.cookie = welcome.headers["set-cookie"].partition(";")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, method, path, headers, body=None):
        self.connection.request(method, path, body=body, headers=headers)
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def get(self, path, **headers):
        return self.ask("GET", path, {"Cookie": self.cookie, **headers})

    def post(self, path, body=b"", **headers):
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        own = {"Cookie": self.cookie, "Origin": self.origin, "X-Dreamfilters": "1"}
        return self.ask("POST", path, {**own, **headers}, content)

    def state(self):
        return self.get("/api/state").json()

    def until(self, found, seconds=60):
        """Wait for something and return it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = found()
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"nothing came in {seconds} seconds: {self.state()}")

    def dream(self, key):
        return next(each for each in self.get("/api/dreams").json()["dreams"] if each["id"] == key)

    def dreamt(self, key):
        return self.until(lambda: (found := self.dream(key))["phase"] not in ("queued", "running") and found)


def png(image):
    """The bytes of an image's PNG."""
    file = io.BytesIO()
    Image.fromarray(np.round(np.asarray(image) * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()
