"""The files of a run have the same bytes, wherever its work was computed."""

from pathlib import Path

import pytest

from dreamfilters.executors.executor import Task
from dreamfilters.executors.processes import ProcessExecutor
from tests.executors import toy_tasks
from tests.executors.clusters import needs_ray
from tests.killing import SHARED


@pytest.fixture(scope="module")
def here(noisy, tmp_path_factory):
    """The files of a run in this process, by its kind; each is made once."""
    made = {}

    def contents_here(kind):
        if kind not in made:
            made[kind] = contents(kind, noisy, tmp_path_factory.mktemp("here"))
        return made[kind]

    return contents_here


def contents(kind, noisy, folder, **where):
    """Run a kind of run and return the content of every file."""
    SHARED[kind](str(noisy / "tiny.keras"), noisy / "images", folder, **where)
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


USUAL = ("dream", "scan")
MORE = [pytest.param(kind, marks=pytest.mark.ci) for kind in SHARED if kind not in USUAL]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*USUAL, *MORE])
def test_worker_processes_write_the_bytes_of_this_process(workers, here, noisy, tmp_path, kind):
    found = contents(kind, noisy, tmp_path, executor=workers)
    assert found.keys() == here(kind).keys()
    assert [str(name) for name, content in found.items() if content != here(kind)[name]] == []
    assert len(found) > 1


@needs_ray
@pytest.mark.ci
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dream", "scan", "atlas"])
def test_a_cluster_writes_them_too(cluster, here, noisy, tmp_path, kind):
    assert contents(kind, noisy, tmp_path, executor=cluster) == here(kind)


@needs_ray
@pytest.mark.ci
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scan", "evaluate"])
def test_images_that_are_sent_give_the_same_bytes_and_the_same_failures(sending, here, noisy, tmp_path, kind):
    assert contents(kind, noisy, tmp_path, executor=sending) == here(kind)


@pytest.mark.ci
@pytest.mark.slow
def test_a_run_that_was_stopped_here_is_finished_by_workers(workers, here, noisy, tmp_path, monkeypatch):
    from dreamfilters.runs.by_unit.dream_store import DreamStore

    saved, save = [], DreamStore.save

    def stopping(self, dream):
        if len(saved) == 5:
            raise KeyboardInterrupt
        saved.append(dream.name)
        return save(self, dream)

    monkeypatch.setattr(DreamStore, "save", stopping)
    contents("dream", noisy, tmp_path)
    assert len(saved) == 5
    monkeypatch.undo()
    assert contents("dream", noisy, tmp_path, executor=workers) == here("dream")
    assert Path(tmp_path / "manifest.json").exists()


def test_nothing_is_started_for_no_items():
    with ProcessExecutor(2) as executor:
        assert list(executor.map(Task(toy_tasks.scaled, 1, None), ())) == []
        assert executor.processes == ()
