"""Work that runs ahead of its consumer in threads, a bounded way and not further, and comes out in order."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Iterable[Item], *, hands: int) -> Iterator[Result]:
    """Yield work(item) for one item after the other, while `hands` threads are at the next ones.

    Items are taken in the consumer's thread, one more than there are hands. An error is raised where its result would
    have come. When the consumer stops, for whatever reason, the threads end with the item they are at.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(hands, thread_name_prefix="dreamfilters-hand") as threads:
        try:
            for item in items:
                waiting.append(threads.submit(work, item))
                if len(waiting) > hands:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def ahead(items: Iterator[Item], size_of: Callable[[Item], int], *, limit: int) -> Iterator[Item]:
    """Yield the same items in the same order, while one background thread makes the next ones.

    It rests while the items that wait weigh `limit` bytes or more by `size_of`; so what is held never exceeds that by
    more than one item. An error of `items` is raised here, after all that came before it. When the consumer stops,
    for whatever reason, the thread ends with the item it is at.
    """
    shelf: _Shelf[Item] = _Shelf(limit)

    def fill() -> None:
        try:
            for item in items:
                if not shelf.put(item, size_of(item)):
                    return
        except BaseException as error:  # whatever it is, it belongs to the consumer
            shelf.end(error)
        else:
            shelf.end(None)

    thread = threading.Thread(target=fill, name="dreamfilters-ahead", daemon=True)
    thread.start()
    try:
        yield from shelf
    finally:
        shelf.close()
        thread.join()


class _Shelf(Generic[Item]):
    """What was made and not yet taken."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[tuple[Item, int]] = deque()
        self._held = 0
        self._ended = self._closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def put(self, item: Item, size: int) -> bool:
        """Lay an item down and wait until there is room for another; False if nobody will take one any more."""
        with self._changed:
            self._waiting.append((item, size))
            self._held += size
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._held < self._limit or self._closed)
            return not self._closed

    def end(self, error: BaseException | None) -> None:
        """Say that nothing follows, and why."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def close(self) -> None:
        """Say that nothing will be taken any more."""
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
