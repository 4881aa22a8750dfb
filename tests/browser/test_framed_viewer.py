"""The viewer in a frame of a page at another port: shown where that page's origin is allowed, refused elsewhere."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import dreamfilters as df


@pytest.fixture(scope="module")
def notebook():
    """The port of a server whose page frames the address in its query, as the page of a notebook does."""

    class Framing(BaseHTTPRequestHandler):
        def do_GET(self):
            address = self.path.partition("?frame=")[2]
            page = (
                f'<!doctype html><link rel="icon" href="data:,"><iframe src="{address}" width=900 height=700></iframe>'
            )
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Framing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def framed_viewer(make_tiny, notebook):
    """A viewer that the page at that port may show in a frame, by both names of this machine."""
    origins = [f"http://{name}:{notebook}" for name in ("127.0.0.1", "localhost")]
    viewer = df.serve(make_tiny(), port=0, announce=None, block=False, allow_frames=origins)
    yield viewer
    viewer.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])  # the same site as the viewer, and another one
def test_an_allowed_page_shows_the_viewer_and_its_scripts_run(tab, notebook, framed_viewer, name):
    tab.goto(f"http://{name}:{notebook}/?frame={framed_viewer.url}")
    frame = tab.frame_locator("iframe")
    frame.locator(".layers a").first.wait_for()
    assert "conv1" in frame.locator(".layers a b").all_text_contents()
    assert "token" not in tab.frames[1].url


def test_another_page_shows_nothing(tab, log, notebook, framed_viewer, tiny):
    strict = df.serve(tiny, port=0, announce=None, block=False)
    other = [f"http://127.0.0.1:{notebook + 1}"]
    elsewhere = df.serve(tiny, port=0, announce=None, block=False, allow_frames=other)
    try:
        for viewer in (strict, elsewhere):
            tab.goto(f"http://127.0.0.1:{notebook}/?frame={viewer.url}")
            tab.wait_for_timeout(1000)
            assert tab.frames[1].url.startswith("chrome-error:")
            assert tab.frame_locator("iframe").locator(".layers").count() == 0
        refused = [text for text in log.errors if "frame-ancestors" in text]
        assert len(refused) == 2
        assert [text for text in log.errors if text not in refused and "chrome-error" not in text] == []
    finally:
        log.errors.clear()
        strict.close()
        elsewhere.close()
