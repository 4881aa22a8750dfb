"""Files that hang, crash or fill the memory of the process that parses them, and processes that reply wrongly."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import h5py
import numpy as np
import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.model_file import open_model
from dreamfilters.networks.io.parsing.description import Description
from dreamfilters.networks.io.parsing.process import frames, interpreter, parser_server
from dreamfilters.networks.io.parsing.process.parser_process import ParsedFile, _Requests, parsed_apart, parsed_here
from dreamfilters.networks.io.parsing.process.parser_server import Parser, parsers_kept
from dreamfilters.networks.io.parsing.stored_arrays import ArrayInfo
from tests.networks.old_files import conv, numbers, write_h5

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits and signals of processes")

LAYER = conv("conv", 4, 3, batch_input_shape=[None, 6, 6, 3])
CONFIG = {"class_name": "Sequential", "config": {"name": "net", "layers": [LAYER]}}
KERNEL, BIAS = numbers(3, 3, 3, 4), numbers(4)


@pytest.fixture
def path(tmp_path):
    arrays = {"conv": [("conv/kernel:0", KERNEL), ("conv/bias:0", BIAS)]}
    return write_h5(tmp_path / "net.h5", CONFIG, arrays, version="2.3.1")


def children(of=None):
    """The numbers of the processes that a process started and that still exist, and of those that these started."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    found, parents = set(), {str(of or os.getpid())}
    while parents:
        parents = {number for number, parent, name, *_ in rows if parent in parents and name != "ps"}
        found |= parents
    return found


PREPARED = """
import os, resource, signal, sys, time
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing import contents
from dreamfilters.networks.io.parsing.process import serving
vars(limits).update({changed!r})
def opened(path):
    {code}
serving.open_contents = opened
main()"""


@pytest.fixture
def instead(monkeypatch):
    """A function that sets what the process does instead of opening a file, and limits; no process is left."""
    before = children()

    def replaced(code, **changed):
        assert interpreter._PROGRAM.endswith("main()")
        program = interpreter._PROGRAM.removesuffix("main()") + PREPARED.format(code=code, changed=changed)
        monkeypatch.setattr(interpreter, "_PROGRAM", program)
        monkeypatch.setattr(parser_server, "_current", [])
        for name, value in changed.items():
            monkeypatch.setattr(limits, name, value)

    yield replaced
    assert children() == before


LOOP = "while True: pass"
QUICK = {"PARSER_SECONDS": 1, "WALL_PER_PROCESSOR": 1}
SMALL = {"PARSER_MEMORY": 3 * 10**8}


@pytest.mark.parametrize(
    ("code", "changed", "words"),
    [
        (
            LOOP,
            {"PARSER_SECONDS": 1, "WALL_PER_PROCESSOR": 60},
            "took more than 1 seconds of processor time; the file is",
        ),
        ("time.sleep(60)", QUICK, "reading it took more than 1 seconds; the file is damaged or made to do this"),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); time.sleep(60)", QUICK, "took more than 1 seconds"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", {}, "reading it ended with the signal SIGSEGV; the file is damaged"),
        ("os.abort()", {}, "reading it ended with the signal SIGABRT"),
        ("os._exit(7)", {}, "reading it ended without a reply: exit code 7"),
        ("x = bytearray(3 * 10**9)", {}, "reading it needs more than 537 MB of memory"),
        ("x = ['%d' % n for n in range(10**9)]", SMALL, "reading it needs more than 300 MB of memory"),
        ("open('/tmp/dreamfilters-written', 'w').write('x' * 10**6)", {}, "cannot be read: File too large"),
        ("opened(path)", {}, "maximum recursion depth"),
        ("raise ValueError('Weird.')", {}, "net.h5: cannot be opened: Weird."),
        ("os.write(2, b'x' * 10**6)", QUICK, "reading it took more than 1 seconds"),
    ],
)
def test_a_file_that_cannot_be_parsed_ends_in_one_line(path, instead, code, changed, words):
    instead(code, **changed)
    with pytest.raises(ModelError, match=words) as caught:
        open_model(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_ctrl_c_ends_a_file_that_hangs(path, instead):
    instead(LOOP)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs without one
    start = time.monotonic()
    threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            open_model(path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 15  # the limit of the process is longer


PROGRAM = """
import sys
from pathlib import Path
from dreamfilters.networks.io import limits
from dreamfilters.networks.io.parsing.process import interpreter
from dreamfilters.networks.io.parsing.process.parser_process import parsed_apart
interpreter._PROGRAM = interpreter._PROGRAM.removesuffix("main()") + sys.argv[2]
print("started", flush=True)
with parsed_apart(Path(sys.argv[1])):
    pass
"""


def test_the_processes_end_with_a_process_that_is_killed(path):
    program = PREPARED.format(code=LOOP, changed={})
    started = subprocess.Popen([sys.executable, "-c", PROGRAM, path, program], stdout=subprocess.PIPE)
    with started:
        started.stdout.readline()
        limit = time.monotonic() + 20
        while len(children(started.pid)) < 2 and time.monotonic() < limit:
            time.sleep(0.05)
        running = children(started.pid)
        assert len(running) == 2
        started.kill()
    while running & existing() and time.monotonic() < limit:
        time.sleep(0.05)
    assert not running & existing()


def existing():
    listed = subprocess.run(["ps", "-eo", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    return {number for number, state in map(str.split, listed.splitlines()) if not state.startswith("Z")}


def test_no_process_is_left_after_a_good_file(path, instead, monkeypatch):
    monkeypatch.setattr(parser_server, "_current", [])
    np.testing.assert_array_equal(open_model(path).model.get_weights()[0], KERNEL)


def test_a_process_that_cannot_start_says_why(path, instead, monkeypatch):
    monkeypatch.setattr(parser_server, "_current", [])
    monkeypatch.setattr(interpreter, "_PROGRAM", "raise SystemExit('no module h5py')")
    with pytest.raises(ModelError, match=r"net\.h5: cannot be parsed in a process of its own: no module h5py"):
        open_model(path)
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ModelError, match=r"cannot be parsed in a process of its own: No such file"):
        open_model(path)


def test_a_process_imports_neither_keras_nor_tensorflow(path, instead):
    instead("raise ValueError(str({'keras', 'tensorflow', 'pydantic', 'scipy'} & set(sys.modules)))")
    with pytest.raises(ModelError, match=r"set\(\)"):
        open_model(path)


def test_a_process_has_no_environment_of_the_user(path, instead, monkeypatch):
    monkeypatch.setenv("PYTHONSTARTUP", "/tmp/x")
    monkeypatch.setenv("TOKEN", "secret")
    instead("raise ValueError(' '.join(sorted(set(os.environ) - {'LC_CTYPE', 'TMPDIR', 'LD_LIBRARY_PATH'})))")
    with pytest.raises(ModelError, match=r"opened: OPENBLAS_NUM_THREADS$"):
        open_model(path)


MEASURED = """try:
        with contents.open_contents(path):
            pass
    except Exception as error:
        text = str(error)
    peak = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
    raise ValueError(f"{text[:80]} with a peak of {peak} kB")"""


@pytest.fixture
def shared(path):
    """A file of four megabytes whose `layer_names` has fourteen gigabytes."""
    with h5py.File(path, "a") as file:
        del file["model_weights"].attrs["layer_names"]
        texts = np.array(["A" * 4_000_000] + ["b" * 7] * 3499, dtype=object)
        file["model_weights"].attrs.create("layer_names", texts, dtype=h5py.string_dtype())
    data, at = bytearray(path.read_bytes()), -1
    while data[at + 16 : at + 20] != (7).to_bytes(4, "little"):  # the length of the next text
        at = data.index((4_000_000).to_bytes(4, "little"), at + 1)
    data[at : at + 16 * 3500] = bytes(data[at : at + 16]) * 3500
    path.write_bytes(bytes(data))
    return path


def test_lists_of_texts_that_share_their_bytes(shared):
    with pytest.raises(ModelError, match=r"cannot be opened: .*memory allocation failed") as caught:
        open_model(shared)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_a_process_is_limited(shared, instead):
    instead(MEASURED)
    with pytest.raises(ModelError, match="memory allocation failed") as caught:
        open_model(shared)
    assert int(str(caught.value).split()[-2]) < 600_000


# --- what a process replies


def test_a_file_has_the_same_content_in_this_process(path):
    with parsed_here(path) as here, parsed_apart(path) as apart:
        assert here.description == apart.description
        for number in range(2):
            np.testing.assert_array_equal(here.read(number), apart.read(number))


def test_two_files_at_once(path):
    with parsed_apart(path) as first, parsed_apart(path) as second:
        np.testing.assert_array_equal(first.read(0), second.read(0))
        np.testing.assert_array_equal(first.read(1), second.read(1))


def test_kept_processes_may_be_nested(path, instead, monkeypatch):
    monkeypatch.setattr(parser_server, "_current", [])
    with parsers_kept():
        (kept,) = parser_server._current
        with parsers_kept(), parsed_apart(path):
            assert parser_server._current == [kept]
        open_model(path)
        assert parser_server._current == [kept]
    assert parser_server._current == []


@pytest.fixture
def replying():
    """A function from the replies of a process to the requests to it, on a file of 1,000 bytes."""
    pairs = []

    def requests(*replies):
        ours, theirs = socket.socketpair()
        pairs.extend((ours, theirs))
        for kind, content in replies:
            frames.send(theirs, kind, content)
        theirs.shutdown(socket.SHUT_WR)
        return _Requests(Parser(ours, lambda: 0, lambda: "killed"), 1000)

    yield requests
    for stream in pairs:
        stream.close()


ARRAY = Description(None, arrays=(ArrayInfo("float32", (3,)),)).to_json().encode()
TWELVE = bytes(range(12))


def test_replies_that_fit(replying, path):
    pieces = ((frames.PIECE, TWELVE[:5]), (frames.PIECE, TWELVE[5:]))
    requests = replying((frames.DESCRIPTION, ARRAY), *pieces, (frames.END, b""))
    requests.description(path)
    assert b"".join(requests.pieces(0)) == TWELVE


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ([], "reading it ended without a reply: killed"),
        ([(frames.PIECE, TWELVE)], "reading it gave a reply of the kind b'p'"),
        ([(frames.DESCRIPTION, b"[]")], "reading it gave an invalid description"),
        ([(frames.ERROR, b"x" * 5000)], "^x{300}"),
        ([(frames.MEMORY, b"")], "reading it needs more than 537 MB of memory"),
        ([(frames.DESCRIPTION, Description(None, arrays=(ArrayInfo("int8", (2**25,)),)).to_json().encode())], "larger"),
    ],
)
def test_false_descriptions_are_refused(replying, path, replies, words):
    with pytest.raises(ModelError, match=words):
        replying(*replies).description(path)


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ([(frames.PIECE, TWELVE), (frames.PIECE, b"x"), (frames.END, b"")], "more numbers than the file has"),
        ([(frames.PIECE, TWELVE[:9]), (frames.END, b"")], "fewer numbers than the file has"),
        ([(frames.PIECE, TWELVE[:9])], "reading it ended without a reply"),
        ([(frames.PIECE, b""), (frames.END, b"")], "a reply of the kind b'p'"),
        ([(frames.DESCRIPTION, ARRAY)], "a reply of the kind b'd'"),
        ([(frames.ERROR, b"is damaged")], "is damaged"),
    ],
)
def test_false_arrays_are_refused(replying, replies, words):
    requests = replying(*replies)
    with pytest.raises(ModelError, match=words):
        ParsedFile(Description.parse(ARRAY, most=12), requests.pieces).read(0)


def test_a_message_that_is_too_long_is_not_read(replying, path):
    requests = replying()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frames._HEADER.pack(frames.DESCRIPTION, 2**40))
        requests = _Requests(Parser(ours, lambda: 0, lambda: ""), 1000)
        with pytest.raises(ModelError, match=r"reading it gave a message of 1,099,511,627,776 bytes"):
            requests.description(path)


def test_a_process_that_replies_slowly_is_not_waited_for(path, monkeypatch):
    """All replies together have one limit of time."""
    monkeypatch.setattr(limits, "PARSER_SECONDS", 1)
    monkeypatch.setattr(limits, "WALL_PER_PROCESSOR", 1)
    ours, theirs = socket.socketpair()

    def drip():
        for byte in frames._HEADER.pack(frames.DESCRIPTION, len(ARRAY)) + ARRAY:
            time.sleep(0.2)
            try:
                theirs.send(bytes([byte]))
            except OSError:
                return

    thread = threading.Thread(target=drip)
    with theirs:
        with ours:
            thread.start()
            requests = _Requests(Parser(ours, lambda: 0, lambda: ""), 1000)
            with pytest.raises(ModelError, match="reading it took more than 1 seconds"):
                requests.description(path)
        thread.join()
