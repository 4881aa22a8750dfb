import multiprocessing
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import dreamfilters as df
from dreamfilters.errors import ImageError, RecipeError
from dreamfilters.viewer.launch import access_for, settings_for
from dreamfilters.viewer.server.access import AccessError
from dreamfilters.viewer.server.http_server import start_server
from tests.viewer.http_client import Page, png


def test_a_keras_model_is_used_in_place(tiny, tmp_path, scene):
    (tmp_path / "one.png").write_bytes(png(scene()))
    urls = []
    viewer = df.serve(
        tiny, ["red", "green", "blue"], input_folder=tmp_path, temp_folder=tmp_path / "dreams", top=2, port=0,
        announce=urls.append, block=False,
    )  # fmt: skip
    try:
        assert urls == [viewer.url]
        with Page(viewer.url) as page:
            page.wait_for(lambda: page.state()["evidence"]["phase"] == "ready")
            state = page.state()
            assert (state["network"]["classes"], state["top"]) == (["red", "green", "blue"], 2)
            assert len(page.get("/api/predictions/I0").json()["classes"]) == 2
            dream = page.finished_dream(
                page.post("/api/dreams", {"layer": "C", "unit": 1, "recipe": "fast"}).json()["id"]
            )
            assert (dream["name"], dream["phase"]) == ("class:green", "done")
            assert page.post("/api/dreams/D0/save").json()["saved_to"].startswith(str(tmp_path / "dreams"))
    finally:
        viewer.close()
    with pytest.raises(ConnectionError):
        Page(viewer.url)


def test_a_taken_port_is_an_error(tiny):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AccessError, match=f"127.0.0.1:{port}: cannot listen there .*choose another --port"):
            start_server(settings_for(tiny, {}), access_for("127.0.0.1", None, (), "/"), "127.0.0.1", port)


def test_a_non_loopback_host_requires_a_long_token():
    for token in (None, "", "short"):
        with pytest.raises(AccessError, match=r"host 0\.0\.0\.0: everyone who can reach .* at least 16 characters"):
            access_for("0.0.0.0", token, (), "/")
    assert access_for("0.0.0.0", "0123456789abcdef", (), "/").any_address
    assert not access_for("127.0.0.1", None, (), "/").any_address


def test_every_start_has_a_new_token():
    first, second = (access_for("127.0.0.1", None, (), "/").token for _ in range(2))
    assert first != second
    assert len(first) >= 20


@pytest.mark.parametrize(
    "origin",
    ["*", "http:", "http://*", "https:", "localhost:8888", "http://localhost:8888/lab", "http://a b", "'none'", "data:",
     "http://a; script-src *", "http://a\r\nx: y", "http://a, http://b", "http://a:8x", "'self' *", ""],
)  # fmt: skip
def test_a_frame_is_allowed_by_an_exact_origin_only(origin):
    with pytest.raises(AccessError, match="must be an origin such as"):
        access_for("127.0.0.1", None, (), "/", [origin])


@pytest.mark.parametrize(("given", "base"), [("/", "/"), ("", "/"), ("proxy/5000", "/proxy/5000/"), ("/a/", "/a/")])
def test_the_base_begins_and_ends_with_a_slash(given, base):
    assert access_for("127.0.0.1", None, (), given).base == base


@pytest.mark.parametrize(
    "given", ["/../x", "http://evil.example", "/a b/", '/"><script>/', "/a\r\nX: y/", "//evil.example/"]
)
def test_a_base_that_is_not_a_path_is_refused(given):
    if given == "//evil.example/":  # read as the path /evil.example/
        assert access_for("127.0.0.1", None, (), given).base == "/evil.example/"
        return
    with pytest.raises(AccessError, match="must be a path such as /proxy/5000/"):
        access_for("127.0.0.1", None, (), given)


def test_the_settings_include_the_command_and_code_that_start_the_same_viewer():
    found = settings_for("my net.keras", {"trust": True, "classes": None, "form": None}, images=Path(__file__))
    command, code = found.snippets.serve(found.images)
    assert command == f"dreamfilters serve 'my net.keras' {Path(__file__)} --trust"
    assert code == f"df.serve('my net.keras', images={str(Path(__file__))!r}, trust=True)"
    assert found.options == {"trust": True}


def test_invalid_settings_are_refused_before_anything_starts(tmp_path):
    with pytest.raises(RecipeError, match="top=0: must be at least 1"):
        settings_for("signs", {}, top=0)
    with pytest.raises(ImageError, match="nowhere: no such file or folder"):
        settings_for("signs", {}, images=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="empty: no image files in this folder"):
        settings_for("signs", {}, images=tmp_path / "empty")


def test_a_script_without_a_main_guard_is_an_error(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("import dreamfilters as df\ndf.serve('signs', port=0)\n")
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "mine.py: call serve under" in result.stderr.splitlines()[-1]


@pytest.fixture
def interruptible():
    """Ctrl-C ends this process and those it starts, even if the tests run as a background job, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("interruptible")
def test_a_signal_ends_the_command_at_once_despite_open_streams(tmp_path, signal_number):
    command = [sys.executable, "-m", "dreamfilters", "serve", "signs", str(tmp_path), "--port", "0"]
    (tmp_path / "one.png").write_bytes(png([[[0.5, 0.5, 0.5]]]))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            with Page(process.stdout.readline().strip()) as page:  # while TensorFlow loads
                page.connection.request("GET", "/api/events", headers={"Cookie": page.cookie})
                with page.connection.getresponse() as events:
                    assert events.readline().startswith(b"id: ")
                    start = time.monotonic()
                    process.send_signal(signal_number)
                    _, errors = process.communicate(timeout=20)
            assert time.monotonic() - start < 10  # the heartbeat of a stream takes 15
        finally:
            process.kill()  # otherwise a failing test would wait forever
    assert process.returncode == 0
    assert errors == "press Ctrl-C to stop\n"


def session_members(leader):
    """The command lines of the running processes that a process has started, and its own."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, _, session = process.joinpath("stat").read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(process.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.fixture
def start(tmp_path, interruptible):
    """A function that starts the command in a session of its own, with its own folder for temporary files."""
    (tmp_path / "images").mkdir()
    (tmp_path / "temporary").mkdir()
    (tmp_path / "images" / "one.png").write_bytes(png([[[0.5, 0.5, 0.5]]]))
    started = []

    def start_command(*words, **environment):
        with (tmp_path / "errors").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "dreamfilters", "serve", "signs", tmp_path / "images", "--port", "0", *words],
                stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
                env={**os.environ, "TMPDIR": str(tmp_path / "temporary"), **environment},
            )  # fmt: skip
        started.append(process)
        return process

    yield start_command
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has no /proc")

# The interpreter itself takes the first moments: until its `site` is imported, Ctrl-C ends it with its own traceback.
MOMENTS = [("INT", 0.3), ("INT INT", 0.6), ("TERM", 0.9), ("INT", 1.2), ("INT INT", 1.8), ("TERM", 2.6)]  # seconds


@needs_proc
@pytest.mark.parametrize(("signals", "seconds"), MOMENTS)
def test_a_signal_at_any_moment_of_the_start_leaves_no_traceback_no_process_and_no_folder(
    start, tmp_path, signals, seconds
):
    process = start()
    time.sleep(seconds)
    for name in signals.split():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, getattr(signal, f"SIG{name}"))  # as a terminal does
        time.sleep(0.05)
    process.wait(30)
    assert wait_until(lambda: not session_members(process.pid)), session_members(process.pid)
    assert (tmp_path / "errors").read_text() in ("", "press Ctrl-C to stop\n")
    assert list((tmp_path / "temporary").iterdir()) == []


@needs_proc
def test_a_killed_server_takes_its_worker_with_it_and_the_next_one_removes_its_folder(start, tmp_path):
    process = start()
    with Page(process.stdout.readline().strip()) as page:
        assert page.post("/api/images", png([[[0.5, 0.5, 0.5]]])).status == 200
        page.wait_for(lambda: len(session_members(process.pid)) > 1)
    (folder,) = (tmp_path / "temporary").glob("dreamfilters-viewer-*")
    assert str(process.pid) in folder.name
    process.kill()
    process.wait()
    assert wait_until(lambda: not session_members(process.pid)), session_members(process.pid)
    assert (tmp_path / "errors").read_text() == "press Ctrl-C to stop\n"
    second = start()
    second.stdout.readline()
    assert folder not in list((tmp_path / "temporary").iterdir())
    second.terminate()
    assert second.wait(30) == 0
    assert list((tmp_path / "temporary").iterdir()) == []


@needs_proc
def test_no_process_shows_the_token_in_its_arguments(start, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > {tmp_path}/opened.part\nmv {tmp_path}/opened.part {tmp_path}/opened\nsleep 60\n'
    )
    browser.chmod(0o755)
    token = "0123456789-from-the-environment"
    process = start("--open", BROWSER=f"{browser} %s", DREAMFILTERS_TOKEN=token)
    url = process.stdout.readline().strip()
    assert url.endswith(f"?token={token}")
    assert wait_until((tmp_path / "opened").exists)
    everything = session_members(process.pid)
    assert any("browser file:///" in line for line in everything)
    assert not any(token in line for line in everything)
    page = Path(urlsplit((tmp_path / "opened").read_text().strip()).path)
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
    assert f'content="0;url={url}"' in page.read_text()
    process.terminate()
    process.wait(30)
    assert not page.exists()


def test_closing_before_the_server_has_started_leaves_no_folder_and_no_worker(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    others = {child.pid for child in multiprocessing.active_children()}  # of viewers that other tests share
    for _ in range(3):
        viewer = start_server(settings_for("nowhere.keras", {}), access_for("127.0.0.1", None, (), "/"), "127.0.0.1", 0)
        viewer.close()
        assert list(tmp_path.iterdir()) == []
        assert {child.pid for child in multiprocessing.active_children()} <= others


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_blocking_viewer_without_an_exception(tiny):
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.5, lambda: [os.kill(os.getpid(), signal.SIGINT) for _ in range(3)])
    df.serve(tiny, port=0, announce=lambda _: timer.start(), block=True)
    timer.join()
    assert signal.getsignal(signal.SIGINT) is before


def test_closing_leaves_no_thread_and_no_folder(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {thread.name for thread in threading.enumerate()}
    viewer = df.serve(tiny, port=0, announce=None, block=False)
    with Page(viewer.url) as page:
        page.wait_for(lambda: page.state()["phase"] == "ready")
    assert list(tmp_path.glob("dreamfilters-*"))
    viewer.close()
    assert not list(tmp_path.glob("dreamfilters-*"))
    assert {thread.name for thread in threading.enumerate() if thread.name == "dreamfilters"} <= before
    assert os.getpid() != viewer.worker_pid
