"""Two hundred mutated files; and the fuzzer itself: one seed gives the same files, and it sees each kind of fault.

A thorough run opens three times as many. Most are images, which take the least time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import good_files, worker
from tests.fuzz.campaign import Campaign, cases_of
from tests.fuzz.good_networks import NETWORK
from tests.fuzz.kinds import ALSO, KINDS, generator
from tests.fuzz.table import table
from tests.fuzz.verdict import FAULT, OPENED, REFUSED, Limits, Verdict, judged
from tests.thorough import THOROUGH, first

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")

HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None

SEED = 2026
TIMES = 3 if THOROUGH else 1
COUNTS = {
    "hdf5": 12, "keras": 9, "savedmodel": 8, "architecture": 8, "image": 113, "toml": 8, "classes": 8, "run": 8,
    "summaries": 9, "record": 9, "prior": 8,
}  # fmt: skip
OPENED_KINDS = [kind for kind in KINDS if kind != "savedmodel" or HAS_TENSORFLOW]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def test_mutated_files_open_or_end_in_one_line(place):
    """Each within 2 GB and 30 s, and nothing is written outside its output directory."""
    cases = [f"{kind}-{SEED}-{number}" for kind in OPENED_KINDS for number in range(TIMES * COUNTS[kind])]
    verdicts = Campaign(cases, place).run()
    faults = [f"{verdict.case}: {verdict.line}" for verdict in verdicts if verdict.result == FAULT]
    assert faults == [], f"python -m tests.fuzz --replay {faults[0].partition(':')[0]}"
    assert len(verdicts) == len(cases)
    assert (set(COUNTS), sum(COUNTS.values())) == (set(KINDS), 200)
    for kind in OPENED_KINDS:  # neither so damaged that everything is refused at once, nor so little that nothing is
        assert {verdict.result for verdict in verdicts if verdict.kind == kind} == {OPENED, REFUSED}, kind


@pytest.mark.parametrize("kind", OPENED_KINDS)
def test_a_case_has_the_same_bytes_each_time(kind, tmp_path, place):
    for name in (KINDS[kind].good, *ALSO.get(KINDS[kind].good, ())):
        if not (place / "good" / name).exists():
            good_files.WRITERS[name](place / "good" / name)
    made: list[list[object]] = [[], []]
    for again in range(2):
        for number in range(3):
            folder = tmp_path / f"{again}-{number}"
            folder.mkdir()
            arguments = KINDS[kind].build(place / "good" / KINDS[kind].good, folder, generator(kind, 3, number))
            made[again].append((arguments, content(folder)))
    assert made[0] == made[1]


@pytest.mark.parametrize("name", first(["images", "texts", "priors", "savedmodel", "models"], 4))
def test_good_files_have_the_same_bytes_each_time(name, tmp_path):
    if name == "savedmodel" and not HAS_TENSORFLOW:
        pytest.skip("TensorFlow, which writes SavedModels, is not installed")
    for folder in ("first", "second"):
        good_files.WRITERS[name](tmp_path / folder)
    assert content(tmp_path / "first") == content(tmp_path / "second")


def content(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder; of a link, where it leads."""
    return {
        str(path.relative_to(folder)): os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize(
    ("code", "err", "result"),
    [
        (0, "", OPENED),
        (3, "a.png: is damaged\n1 of 2 images could not be read\n", OPENED),
        (2, "error: x: is damaged\n", REFUSED),
        (2, "input form of x: 8x8\nerror: x: is damaged\n", REFUSED),
        (2, "", FAULT),
        (2, "error: x\nerror: y\n", FAULT),
        (2, "error: x\nmore\n", FAULT),
        (2, f"error: {'x' * 2_000}\n", FAULT),
        (2, "error: \x1b[31m\n", FAULT),
        (0, "\x1b[31m\n", FAULT),
        (0, "/a/b.py:3: UserWarning: odd\n", FAULT),
        (2, "Traceback (most recent call last):\nerror: x\n", FAULT),
        (1, "Traceback (most recent call last):\n", FAULT),
        (70, "error: x\n", FAULT),
        ("stopped", "", FAULT),
        (KeyError("layers"), "", FAULT),
    ],
)
def test_verdicts(code, err, result):
    assert judged(code, "", err, "", [])[0] == result


def test_what_libraries_print_below_python_counts_with_an_error():
    assert judged(2, "", "error: x\n", "HDF5-DIAG: error\n", [])[0] == FAULT


def test_breaches_count():
    assert judged(0, "", "", "", ["open /home/x"]) == (FAULT, "open /home/x")


BREACHES = {
    "writes": ("open('outside.txt', 'w')", "open "),
    "writes by a link": ("open('out/link', 'w')", "open "),
    "makes a folder": ("__import__('os').mkdir('x')", "os.mkdir "),
    "renames out": ("__import__('os').rename('out/old', 'x')", "os.rename "),
    "removes": ("__import__('os').remove('kept')", "os.remove "),
    "reads the secret": ("open('secret.txt').read()", "read "),
    "starts a program": ("__import__('subprocess').run(['true'])", "started "),
    "connects": ("__import__('socket').socket().connect(('127.0.0.1', 9))", "socket.connect "),
}
WATCHED = """
import os, sys, json
from pathlib import Path
from tests.fuzz.watching import Watch
os.chdir(sys.argv[1])
watch = Watch((Path(sys.argv[1], "out"),), Path(sys.argv[1], "secret.txt"))
found = {}
for name, code in json.loads(sys.argv[2]).items():
    for path in ("kept", "out/old"):
        Path(path).write_text("")
    watch.begin()
    try:
        eval(code)
    except OSError:
        pass
    found[name] = watch.end()[0]
print(json.dumps(found))
"""


def test_an_audit_hook_sees_what_leaves_the_output_directory(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to("../victim.txt")
    codes = {name: code for name, (code, _) in BREACHES.items()}
    codes |= {"allowed": "open('out/new', 'w').write('x')", "reads": "open('kept').read()"}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, tmp_path, json.dumps(codes)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found.pop("allowed") == found.pop("reads") == []
    for name, (_, event) in BREACHES.items():
        assert any(breach.startswith(event) for breach in found[name]), name


def reads_alone(case: str, folder: Path) -> bool:
    """Return whether a case is an image that is read without a network."""
    kind, seed, number = case.split("-")
    (folder / case).mkdir()
    arguments = KINDS[kind].build(folder / "good" / "images", folder / case, generator(kind, int(seed), int(number)))
    return arguments[0] == "read-image"


HANDS_OVER = """
import sys
from tests.fuzz import worker
worker._prepare = lambda *_: None
worker.READERS["read-image"] = lambda *_: {act}
worker.main()
"""


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("__import__('time').sleep(60)", "took more than 3 s"),
        ("__import__('os')._exit(7)", "the process ended with 7"),
        ("__import__('os').kill(__import__('os').getpid(), 11)", "the process ended with -11"),
        ("[index**2 for index in range(10**8)]", "took "),
        ("len(bytearray(300_000_000))", "took 0."),
        ("1 / 0", "traceback: ZeroDivisionError"),
    ],
)
def test_a_process_that_hangs_dies_or_grows_is_a_fault_and_the_next_case_runs(act, words, place, tmp_path, monkeypatch):
    program = tmp_path / "worker.py"
    program.write_text(HANDS_OVER.format(act=act))
    (tmp_path / "good").mkdir()
    good_files.write_images(tmp_path / "good" / "images")
    (tmp_path / "good" / "texts").mkdir()
    (tmp_path / "good" / "texts" / NETWORK).touch()
    case = next(case for case in cases_of(["image"], 1, 50) if reads_alone(case, tmp_path))
    campaign = Campaign([case, case], tmp_path, limits=Limits(1.0, 250_000_000))
    monkeypatch.setattr("tests.fuzz.campaign.PROGRAM", (sys.executable, str(program)))
    verdicts = campaign.run()
    assert [verdict.result for verdict in verdicts] == [FAULT, FAULT]
    assert words in verdicts[0].line
    assert (tmp_path / "faults" / case / worker.COMMAND).is_file()


def test_the_table():
    verdicts = [Verdict("image-1-0", OPENED, computed=0.5, memory=10**9), Verdict("image-1-0", FAULT, computed=2.0)]
    assert table(verdicts).splitlines()[2] == "| image | 2 | 1 | 0 | 1 | 1.250 | 2.0 | 1.00 |"
