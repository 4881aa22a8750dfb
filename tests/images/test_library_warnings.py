"""Warnings are ignored while a thread is inside, and shown again after the last one has left."""

import threading
import warnings

from dreamfilters.images.library_warnings import quiet


def test_threads_that_overlap_leave_the_setting_as_it_was():
    filters = list(warnings.filters)
    inside, leave, heard = threading.Barrier(3), [threading.Event(), threading.Event()], []

    def decode(number):
        with quiet:
            inside.wait()
            leave[number].wait()
            warnings.warn("odd metadata", stacklevel=1)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=decode, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        inside.wait()
        for number in range(2):  # the first that came in leaves first
            leave[number].set()
            threads[number].join()
            heard.append(len(caught))
        warnings.warn("after it", stacklevel=1)
        assert [str(warning.message) for warning in caught] == ["after it"]
    assert heard == [0, 0]
    assert list(warnings.filters) == filters
