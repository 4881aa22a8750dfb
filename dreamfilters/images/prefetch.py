"""Work that threads do ahead of its consumer, within a limit and in order."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], *, threads: int) -> Iterator[Result]:
    """Yield work(item) for each item in order, while `threads` threads compute the next ones.

    Items are taken in the consumer's thread, one more than there are threads. An error is raised in place of its
    result. When the consumer stops, the threads end after their current item.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="dreamfilters-work") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def prefetched(items: Iterator[Item], size_of: Callable[[Item], int], *, limit: int) -> Iterator[Item]:
    """Yield the same items in the same order, while a background thread computes the next ones.

    The thread pauses while waiting items have `limit` bytes or more by `size_of`, so that memory exceeds the limit by
    at most one item. An error of `items` is raised after the items before it. When the consumer stops, the thread
    ends after its current item.
    """
    waiting: deque[tuple[Item, int]] = deque()
    changed = threading.Condition()
    held, ended, closed = 0, False, False
    failure: BaseException | None = None

    def can_continue() -> bool:
        return held < limit or closed

    def fill() -> None:
        nonlocal held, ended, failure
        try:
            for item in items:
                with changed:
                    waiting.append((item, size_of(item)))
                    held += waiting[-1][1]
                    changed.notify_all()
                    changed.wait_for(can_continue)
                    if closed:
                        return
        except BaseException as error:  # raised again in the consumer's thread
            failure = error
        with changed:
            ended = True
            changed.notify_all()

    thread = threading.Thread(target=fill, name="dreamfilters-ahead", daemon=True)
    thread.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: waiting or ended)
                if not waiting:
                    break
                item, size = waiting.popleft()
                held -= size
                changed.notify_all()
            yield item
    finally:
        with changed:
            closed = True
            changed.notify_all()
        thread.join()
    if failure is not None:
        raise failure
