import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import dreamfilters as df
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.viewer.launch import access_for, settings_for
from dreamfilters.viewer.server.errors import AccessError
from dreamfilters.viewer.server.http_server import started
from tests.viewer.visiting import Page, png


def test_a_model_of_ones_own_is_looked_at_where_it_is(tiny, tmp_path, scene):
    (tmp_path / "one.png").write_bytes(png(scene()))
    told = []
    viewer = df.serve(
        tiny, ["red", "green", "blue"], input_folder=tmp_path, temp_folder=tmp_path / "kept", top=2, port=0,
        tell=told.append, block=False,
    )  # fmt: skip
    try:
        assert told == [viewer.url]
        with Page(viewer.url) as page:
            page.until(lambda: page.state()["evidence"]["phase"] == "ready")
            state = page.state()
            assert (state["network"]["classes"], state["top"]) == (["red", "green", "blue"], 2)
            assert len(page.get("/api/predictions/I0").json()["classes"]) == 2
            done = page.dreamt(page.post("/api/dreams", {"layer": "C", "unit": 1, "recipe": "fast"}).json()["id"])
            assert (done["name"], done["phase"]) == ("class:green", "done")
            assert page.post("/api/dreams/D0/save").json()["saved_to"].startswith(str(tmp_path / "kept"))
    finally:
        viewer.close()
    with pytest.raises(ConnectionError):
        Page(viewer.url)


def test_a_port_that_is_taken_is_named_and_none_given_finds_another(tiny):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AccessError, match=f"127.0.0.1:{port}: cannot be listened at .*take another --port"):
            started(settings_for(tiny, {}), access_for("127.0.0.1", None, (), "/"), "127.0.0.1", port)


def test_a_viewer_that_others_can_reach_asks_for_a_long_token():
    for token in (None, "", "short"):
        with pytest.raises(AccessError, match=r"host 0\.0\.0\.0: everybody who reaches .* at least 16 letters"):
            access_for("0.0.0.0", token, (), "/")
    assert access_for("0.0.0.0", "0123456789abcdef", (), "/").addresses
    assert not access_for("127.0.0.1", None, (), "/").addresses


def test_every_start_has_a_token_of_its_own():
    first, second = (access_for("127.0.0.1", None, (), "/").token for _ in range(2))
    assert first != second
    assert len(first) >= 20


@pytest.mark.parametrize(("given", "base"), [("/", "/"), ("", "/"), ("proxy/5000", "/proxy/5000/"), ("/a/", "/a/")])
def test_the_base_is_a_path_from_slash_to_slash(given, base):
    assert access_for("127.0.0.1", None, (), given).base == base


@pytest.mark.parametrize(
    "given", ["/../x", "http://evil.example", "/a b/", '/"><script>/', "/a\r\nX: y/", "//evil.example/"]
)
def test_a_base_that_is_no_path_is_refused(given):
    if given == "//evil.example/":  # read as the path /evil.example/
        assert access_for("127.0.0.1", None, (), given).base == "/evil.example/"
        return
    with pytest.raises(AccessError, match="a path such as /proxy/5000/"):
        access_for("127.0.0.1", None, (), given)


def test_the_settings_tell_how_the_same_viewer_is_started_again():
    found = settings_for("my net.keras", {"trust": True, "classes": None, "form": None}, images=Path(__file__).parent)
    assert found.command == f"dreamfilters serve 'my net.keras' {Path(__file__).parent} --trust"
    assert found.python == f"df.serve('my net.keras', images={str(Path(__file__).parent)!r}, trust=True)"
    assert found.options == {"trust": True}


def test_what_cannot_be_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(RecipeError, match="top=0: at least 1"):
        settings_for("signs", {}, top=0)
    with pytest.raises(ImageError, match="nowhere: no such file or folder"):
        settings_for("signs", {}, images=tmp_path / "nowhere")


def test_a_script_that_would_be_run_twice_is_told_how_to_stand(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("import dreamfilters as df\ndf.serve('signs', port=0)\n")
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "mine.py: put the call of serve below the line" in ended.stderr.splitlines()[-1]


@pytest.fixture
def interruptible():
    """Ctrl-C counts for what is started: a shell's background jobs ignore it, these tests' perhaps among them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("interruptible")
def test_a_signal_ends_the_command_at_once_although_streams_are_open(tmp_path, how):
    command = [sys.executable, "-m", "dreamfilters", "serve", "signs", str(tmp_path), "--port", "0"]
    (tmp_path / "one.png").write_bytes(png([[[0.5, 0.5, 0.5]]]))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            with Page(process.stdout.readline().strip()) as page:  # TensorFlow still loads
                page.connection.request("GET", "/api/events", headers={"Cookie": page.cookie})
                with page.connection.getresponse() as events:
                    assert events.readline() == b"id: 0\n"
                    began = time.monotonic()
                    process.send_signal(how)
                    _, said = process.communicate(timeout=20)
            assert time.monotonic() - began < 10  # streams alone would hold it for 15
        finally:
            process.kill()  # or a test that fails would wait for it for ever
    assert process.returncode == 0
    assert said == "Ctrl-C ends it\n"


def test_closing_leaves_no_thread_and_no_folder_behind(tiny):
    before = {thread.name for thread in threading.enumerate()}
    viewer = df.serve(tiny, port=0, tell=None, block=False)
    folder = viewer._service._directory.gallery.samples.parent
    with Page(viewer.url) as page:
        page.until(lambda: page.state()["phase"] == "ready")
    assert folder.exists()
    viewer.close()
    assert not folder.exists()
    assert {thread.name for thread in threading.enumerate() if thread.name == "dreamfilters"} <= before
    assert os.getpid() != viewer.worker_pid
