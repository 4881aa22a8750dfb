"""No command writes through a link: links are planted at every name that a traced run of it writes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.planted_links import (
    READS,
    WRITES,
    Plants,
    Trace,
    contents,
    listed,
    make_workspace,
    one_of_each_pattern,
    prepared,
    registered,
    run,
    traced,
    words_of,
)
from tests.thorough import first

# Commands that take seconds each; "again" writes as "dream" does, "compare" and "atlas" as their scans and dreams do.
SLOW = {"again", "compare", "atlas", "serve"}
THOROUGH = {"film", "diff"}  # they dream and write many files
USUAL = ("dream", "maps", "scan", "evaluate")  # their runs write as those of the other commands do


def cases(names):
    marks = dict.fromkeys(SLOW, pytest.mark.slow) | dict.fromkeys(THOROUGH, pytest.mark.thorough)
    return [pytest.param(name, marks=marks.get(name, ())) for name in names]


pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="names open descriptors by /proc")  # noqa: PTH112


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def trace_of(workspace):
    """A function that returns the trace of a command, which is made once."""
    found: dict[str, Trace] = {}

    def trace(case: str) -> Trace:
        if case not in found:
            found[case] = traced(workspace, case)
        return found[case]

    return trace


@pytest.fixture
def begun(workspace, trace_of, tmp_path):
    """A function that makes the folder `out` as the command first marks it, so that a run continues there."""

    def folder(case: str) -> Plants:
        out = prepared(workspace, case)
        for name, content in trace_of(case).records.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)
        return Plants(out, tmp_path / "victims")

    return folder


@pytest.fixture
def finished(workspace, trace_of, tmp_path):
    """A function that makes the folder `out` as the command leaves it."""

    def folder(case: str) -> Plants:
        out = prepared(workspace, case)
        for name, content in trace_of(case).finished.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)
        return Plants(out, tmp_path / "victims")

    return folder


@pytest.fixture
def harmless(workspace, tmp_path):
    """A function that runs a command again: no victim changes, and the command ends well or in one line."""

    def check(case: str, planted: list[str], plants: Plants) -> int:
        before = contents(plants.victims), listed(plants.victims)
        code, err = run(workspace, words_of(workspace, case))
        assert (contents(plants.victims), listed(plants.victims)) == before, (case, planted)
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert "Traceback" not in err
        if code == 2:
            assert len(errors) == 1, err
            assert err.splitlines()[-1] == errors[0]
        else:
            assert code in (0, 1), (case, planted, err)
            assert not errors
            left = [name for name in planted if plants.is_planted(name)]
            # The archive's files and images that are there are read, or counted, and not written again.
            assert not left or case == "gtsrb", f"{case} ended well, but {left} still are links"
        return code

    return check


def test_every_command_is_traced():
    assert {case.split()[0] for case in WRITES} | READS.keys() == registered()
    assert not WRITES.keys() & READS.keys()


@pytest.mark.parametrize("command", cases(READS))
def test_a_command_that_reads_writes_nothing(workspace, command):
    trace = traced(workspace, command)
    assert trace.written | trace.folders | trace.outside == set()


@pytest.mark.parametrize("case", cases(WRITES))
def test_all_that_a_command_writes_is_below_its_folder(case, trace_of):
    trace = trace_of(case)
    assert trace.outside == set()
    assert trace.finished
    single = ("inputs", "calibrate", "circuit", "convert", "convert to JSON", "prior")  # they write single files
    assert trace.locks or case in single


@pytest.mark.parametrize("case", cases(WRITES))
def test_temporary_names_that_are_links_are_not_followed(case, trace_of, begun, harmless):
    """A run replaces them all and leaves the files of a run without them."""
    trace, plants = trace_of(case), begun(case)
    names = [name for name in trace.temporary if Path(name).name.startswith(".")]
    for number, name in enumerate(names):
        plants.plant(name, ["symlink", "hard link"][number % 2])
    if names:
        assert harmless(case, names, plants) == trace.code
        assert contents(plants.out) == trace.finished


@pytest.mark.parametrize("case", cases(WRITES))
def test_links_in_a_finished_folder_are_refused_and_the_other_files_kept(case, trace_of, finished, harmless):
    trace, plants = trace_of(case), finished(case)
    names = one_of_each_pattern([name for name in trace.finished if name != "net.keras"])
    for number, name in enumerate(names):
        plants.plant(name, ["symlink", "hard link"][number % 2])
    assert harmless(case, names, plants) == 2
    now = contents(plants.out)
    assert {name: now.get(name) for name in trace.finished if name not in names} == {
        name: content for name, content in trace.finished.items() if name not in names
    }


@pytest.mark.parametrize("case", cases(WRITES))
def test_a_linked_lock_or_subfolder_is_refused(case, trace_of, begun, harmless):
    trace = trace_of(case)
    for kind in ("symlink", "hard link"):
        if trace.locks:
            plants = begun(case)
            for name in trace.locks:
                plants.plant(name, kind)
            assert harmless(case, sorted(trace.locks), plants) == 2
            shutil.rmtree(plants.victims)
    places = [name for name in trace.places if "/" not in name]
    plants = begun(case)
    for name in places:
        plants.plant(name, "folder")
    if places:
        assert harmless(case, places, plants) == 2


@pytest.mark.slow
@pytest.mark.parametrize("case", first([*USUAL, *(name for name in WRITES if name not in USUAL)], len(USUAL)))
def test_a_link_at_any_single_name_is_harmless(case, trace_of, begun, finished, harmless):
    """The full product of names and kinds of links, in new and finished folders; names that differ in numbers once."""
    trace = trace_of(case)
    replaced = [name for name in trace.temporary if Path(name).name.startswith(".")]  # all in one run
    single = one_of_each_pattern(sorted(trace.public - {"net.keras"} - set(replaced)))
    tried = [([name], kind) for name in single for kind in ("symlink", "hard link")]
    tried += [([name], "folder") for name in one_of_each_pattern(trace.places)]
    tried += [(replaced, kind) for kind in ("symlink", "hard link") if replaced]
    for names, kind in tried:
        in_finished = kind == "hard link" and trace.finished.keys() >= set(names)
        plants = finished(case) if in_finished else begun(case)
        for name in names:
            plants.plant(name, kind)
        harmless(case, names, plants)
        shutil.rmtree(plants.victims)
    assert len(tried) >= 2
