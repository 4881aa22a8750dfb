"""Work that threads do ahead of its consumer, within a limit and in order."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

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
    buffer: _Buffer[Item] = _Buffer(limit)

    def fill() -> None:
        try:
            for item in items:
                if not buffer.put(item, size_of(item)):
                    return
        except BaseException as error:  # raised again in the consumer's thread
            buffer.end(error)
        else:
            buffer.end(None)

    thread = threading.Thread(target=fill, name="dreamfilters-ahead", daemon=True)
    thread.start()
    try:
        yield from buffer
    finally:
        buffer.close()
        thread.join()


class _Buffer(Generic[Item]):
    """Items that wait for the consumer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[tuple[Item, int]] = deque()
        self._held = 0
        self._ended = self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: Item, size: int) -> bool:
        """Add an item and wait until there is room for another; return False if the consumer stopped."""
        with self._changed:
            self._waiting.append((item, size))
            self._held += size
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._held < self._limit or self._closed)
            return not self._closed

    def end(self, error: BaseException | None) -> None:
        """Mark the end of the items, with an error or None."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Mark that the consumer stopped."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    break
                item, size = self._waiting.popleft()
                self._held -= size
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error
