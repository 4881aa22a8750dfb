"""Workers that are Ray actors: results in order, and what happens when one of them is lost."""

import os
import time

import pytest

from dreamfilters.errors import ImageError, WorkerError
from dreamfilters.executors.executor import Task
from tests.executors import toy_tasks
from tests.executors.clusters import needs_ray


@needs_ray
@pytest.mark.ci
@pytest.mark.slow
def test_results_are_in_order_and_notes_arrive(cluster):
    notes = []
    found = list(cluster.map(Task(toy_tasks.scaled, 3, None), range(12), notes.append))
    assert [value for value, _ in found] == [3 * item for item in range(12)]
    assert sorted(notes) == list(range(12))
    assert os.getpid() not in {process for _, process in found}
    assert cluster.count == 2


@needs_ray
@pytest.mark.ci
@pytest.mark.slow
def test_the_item_of_a_killed_worker_is_computed_again_and_ray_prints_nothing(cluster, tmp_path, capfd):
    assert list(cluster.map(Task(toy_tasks.ending, None, (str(tmp_path), 1)), range(8))) == list(range(8))
    assert len(list(tmp_path.iterdir())) == 1  # kill
    time.sleep(3)  # within which Ray notices
    assert capfd.readouterr() == ("", "")


@needs_ray
@pytest.mark.ci
@pytest.mark.slow
def test_an_error_of_the_task_is_raised_in_its_place(cluster):
    results = cluster.map(Task(toy_tasks.failing, None, ImageError("a.png: no image")), range(8))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ImageError, match=r"^a\.png: no image$"):
        next(results)


@needs_ray
@pytest.mark.thorough
@pytest.mark.slow
def test_an_item_that_always_ends_its_worker_is_one_line(cluster, tmp_path):
    with pytest.raises(WorkerError, match=r"workers: one was lost: .* the same work has failed 3 times") as error:
        list(cluster.map(Task(toy_tasks.ending, None, (str(tmp_path), 99)), range(8)))
    assert "\n" not in str(error.value)


@needs_ray
@pytest.mark.thorough
@pytest.mark.slow
def test_a_hanging_worker_is_replaced(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_silence", 4)
    assert list(cluster.map(Task(toy_tasks.hanging, None, str(tmp_path / "hung")), range(3))) == [0, 1, 2]
