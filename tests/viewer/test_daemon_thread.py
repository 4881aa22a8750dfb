import threading

import pytest

from dreamfilters.viewer.daemon_thread import run_in_daemon_thread, until_done


def test_the_result_of_work_is_awaited_step_by_step():
    may_end = threading.Event()

    def work():
        assert may_end.wait(20)
        return "result"

    future = run_in_daemon_thread(work)
    steps = until_done(future)
    for _ in range(3):
        next(steps)
    assert not future.cancel()
    may_end.set()
    list(steps)
    assert future.result(0) == "result"


def test_an_error_of_the_work_is_raised_by_its_future():
    with pytest.raises(ZeroDivisionError):
        run_in_daemon_thread(lambda: 1 // 0).result(20)
