"""An HTTP client of a running viewer that sends what the page would send."""

import http.client
import io
import json
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from PIL import Image


@dataclass
class Response:
    """Status, headers and body of a response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)


class Page:
    """An open page: it has the cookie, and sends the headers that the viewer's page sends."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.host, self.port, self.query = parts.hostname, parts.port, parts.query
        self.origin = f"http://{parts.netloc}"
        self.connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        sign_in = self.request("GET", f"/?{self.query}", {})
        self.cookie = sign_in.headers["set-cookie"].partition(";")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def request(self, method, path, headers, body=None):
        self.connection.request(method, path, body=body, headers=headers)
        response = self.connection.getresponse()
        return Response(response.status, response.headers, response.read())

    def get(self, path, **headers):
        return self.request("GET", path, {"Cookie": self.cookie, **headers})

    def post(self, path, body=b"", **headers):
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        required = {"Cookie": self.cookie, "Origin": self.origin, "X-Dreamfilters": "1"}
        return self.request("POST", path, {**required, **headers}, content)

    def state(self):
        return self.get("/api/state").json()

    def wait_for(self, condition, seconds=60):
        """Return the value of a condition as soon as it is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"not within {seconds} seconds: {self.state()}")

    def dream(self, key):
        return next(each for each in self.get("/api/dreams").json()["dreams"] if each["id"] == key)

    def finished_dream(self, key):
        return self.wait_for(lambda: (found := self.dream(key))["phase"] not in ("queued", "running") and found)


def png(image):
    """Return an image as a PNG."""
    file = io.BytesIO()
    Image.fromarray(np.round(np.asarray(image) * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()
