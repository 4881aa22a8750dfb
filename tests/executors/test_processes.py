"""Worker processes: results in order, and whatever happens to a worker, the same ones or one line."""

import os

import pytest

from dreamfilters.errors import ImageError, UsageError, WorkerError
from dreamfilters.executors.executor import LOCAL, Task
from dreamfilters.executors.machine import difference
from dreamfilters.executors.processes import ProcessExecutor
from tests.executors import toy_tasks


def test_results_are_in_order_and_those_of_this_process(workers):
    task, notes = Task(toy_tasks.scaled, 3, None), []
    found = list(workers.map(task, range(12), notes.append))
    assert [value for value, _ in found] == [3 * item for item in range(12)]
    assert [value for value, _ in LOCAL.map(task, range(12))] == [3 * item for item in range(12)]
    assert sorted(notes) == list(range(12))
    assert {process for _, process in found} <= set(workers.processes)  # a fast worker can take all of it
    assert os.getpid() not in workers.processes


def test_items_are_taken_only_a_few_ahead(workers):
    taken = []
    results = workers.map(Task(toy_tasks.scaled, 1, None), (taken.append(item) or item for item in range(1000)))
    next(results)
    assert len(taken) <= 2 * 2 * 4 + 1
    results.close()
    assert [value for value, _ in workers.map(Task(toy_tasks.scaled, 2, None), range(5))] == [0, 2, 4, 6, 8]


@pytest.mark.thorough
def test_the_item_of_a_killed_worker_is_computed_again(workers, tmp_path):
    before = workers.processes
    assert list(workers.map(Task(toy_tasks.ending, None, (str(tmp_path), 1)), range(8))) == list(range(8))
    assert len(list(tmp_path.iterdir())) == 1  # kill
    assert not set(before) >= set(workers.processes)


@pytest.mark.thorough
def test_an_item_that_always_ends_its_worker_is_one_line(workers, tmp_path):
    results, found = workers.map(Task(toy_tasks.ending, None, (str(tmp_path), 99)), range(8)), []
    with pytest.raises(WorkerError, match=r"was ended by SIGKILL .*; the same work has failed 3 times") as error:
        found.extend(results)
    assert "\n" not in str(error.value)
    # the first time, the item before it counts as the cause if its result was not sent yet
    assert len(list(tmp_path.iterdir())) in (3, 4)


@pytest.mark.parametrize("error", [ImageError("a.png: no image"), UsageError("x")])
def test_an_error_of_the_task_is_raised_in_its_place(workers, error):
    results = workers.map(Task(toy_tasks.failing, None, error), range(8))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(type(error), match=str(error)):
        next(results)
    with pytest.raises(type(error), match=str(error)):
        list(workers.map(Task(toy_tasks.unstartable, None, error), range(3)))


def test_an_error_of_another_kind_keeps_its_text(workers):
    with pytest.raises(RuntimeError, match="ZeroDivisionError in a worker: by zero"):
        list(workers.map(Task(toy_tasks.failing, None, ZeroDivisionError("by zero")), range(3)))


@pytest.mark.thorough
def test_a_worker_out_of_memory_is_replaced_and_then_one_line(workers):
    with pytest.raises(WorkerError, match=r"was out of memory; use fewer workers .* has failed 3 times"):
        list(workers.map(Task(toy_tasks.failing, None, MemoryError()), range(3)))


@pytest.mark.thorough
def test_a_silent_worker_is_replaced(tmp_path):
    with ProcessExecutor(1, silence=4) as executor:
        assert list(executor.map(Task(toy_tasks.scaled, 1, None), range(1)))
        first = executor.processes
        assert list(executor.map(Task(toy_tasks.hanging, None, str(tmp_path / "hung")), range(3))) == [0, 1, 2]
        assert executor.processes != first


def test_what_cannot_be_sent_is_one_line(workers):
    with pytest.raises(WorkerError, match="cannot be sent to another process"):
        list(workers.map(Task(toy_tasks.scaled, lambda: 1, None), range(3)))
    with pytest.raises(UsageError, match="workers=0: must be 1 or more"):
        ProcessExecutor(0)


def test_machines_that_round_differently_are_told_apart():
    here = {"numpy": "2.4.0", "instructions": "AVX2 FMA3", "threads": "2"}
    assert difference(here, here) == ""
    there = {"numpy": "2.3.1", "instructions": "AVX2 AVX512F", "threads": "2"}
    assert difference(here, there) == (
        "numpy 2.4.0 here and 2.3.1 there, instructions FMA3 only here, instructions AVX512F only there"
    )
