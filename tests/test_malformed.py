"""Files that are not a network end in one line each, quickly and in little memory, and leave no files.

`tests/fuzz` changes such files at random.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .malformed_files import ROWS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="makes pipes, and measures memory as Unix does")

# One process opens them all, through the command line, with the network out of reach.
PROGRAM = """
import contextlib, io, json, resource, socket, sys
from dreamfilters import cli
from dreamfilters.networks.io.parsing.process.parser_server import parsers_kept

def forbidden(*arguments, **more):
    raise SystemExit("the network was asked for")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = forbidden
told = {}
kept = parsers_kept()  # starting it for each file would take half a minute
kept.__enter__()
for name in json.loads(sys.stdin.read()):
    sys.argv = ["dreamfilters", "dream", name, "conv:0", "--out", "out/x"]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as stopped:
            code = stopped.code
        except BaseException as error:
            code = repr(error)
    told[name] = [code, out.getvalue(), err.getvalue()]
kept.__exit__(None, None, None)
# Linux hands the tests' own peak down to what they start as its ru_maxrss; VmHWM is this program's.
if sys.platform == "linux":
    peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"told": told, "peak": peak}))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("malformed")
    for make, _ in ROWS.values():
        make(folder)
    return folder


@pytest.fixture(scope="module")
def opened(place):
    """The output of the program for each file, and the files it left."""
    before = listed(place)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(list(ROWS)), cwd=place, capture_output=True, text=True,
        check=True, timeout=300,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1]), sorted(set(listed(place)) ^ set(before))


def listed(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if not path.is_symlink()]


def test_there_are_enough_of_them():
    assert len(ROWS) >= 60


@pytest.mark.parametrize("name", ROWS)
def test_a_malformed_file_ends_in_one_line(opened, name):
    code, out, err = opened[0]["told"][name]
    assert (code, out) == (2, ""), err
    assert err.startswith(f"error: {name}: ")
    assert err.count("\n") == 1
    assert err.strip().isprintable()
    assert len(err) < 500
    assert any(words in err for words in ROWS[name][1].split("|")), err


def test_together_they_take_less_than_two_gigabytes(opened):
    assert opened[0]["peak"] < 2e9


def test_they_leave_nothing_behind(opened):
    assert opened[1] == []
