"""Work in a thread beside which requests are handled: its progress, its current images, its cancellation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamfilters.images import png_bytes, resize
from dreamfilters.images.encoding import displayed
from dreamfilters.progress import OnProgress, Progress
from dreamfilters.viewer.daemon_thread import Result, run_in_daemon_thread, until_done
from dreamfilters.viewer.messages import Cancelled, Values
from dreamfilters.viewer.worker.dream_requests import Pause

_INTERVAL = 0.5  # seconds between two snapshots at least
_COST = 0.03  # share of the time that snapshots take at most
_MOST, _ACROSS, _SIDE = 9, 1024, 256  # images in a snapshot, pixels of all of them side by side and of one
_GAP = 4  # pixels


def wait_for(pause: Pause, work: Callable[[], Result]) -> Result:
    """Return the result of work that has no steps; interactive requests are handled meanwhile."""
    future = run_in_daemon_thread(work)
    for _ in until_done(future):
        pause()
    return future.result()


def with_progress(
    pause: Pause,
    send: Callable[[Values], None],
    work: Callable[[OnProgress], Result],
    snapshots: Snapshots | None = None,
) -> Result:
    """Return the result of long work; requests are handled and its progress is sent meanwhile.

    A cancellation reaches the work as Ctrl-C does on the command line, so that it saves what it has.

    Args:
        pause: handles requests, and raises Cancelled.
        send: gets the `share` that is done and the `note`, and now and then a `snapshot` as a PNG.
        work: is given what reports its progress.
        snapshots: decides when there is a snapshot; None for none.
    """
    latest: dict[str, Any] = {"progress": {"note": "starting", "share": 0.0}, "snapshot": None}
    is_canceled = False

    def report(progress: Progress) -> None:
        latest["snapshot"] = (snapshots and snapshots.of(progress)) or latest["snapshot"]
        latest["progress"] = {"note": progress.note, "share": progress.share}
        if is_canceled:
            raise KeyboardInterrupt

    future = run_in_daemon_thread(lambda: work(report))
    sent: dict[str, Any] = {"progress": None, "snapshot": None}
    for _ in until_done(future):
        now = dict(latest)
        if now["progress"] is not sent["progress"]:
            is_new = now["snapshot"] is not sent["snapshot"]
            send({**now["progress"], **({"snapshot": now["snapshot"]} if is_new else {})})
            sent = now
        try:
            pause()
        except Cancelled:
            is_canceled = True
    if is_canceled:
        raise Cancelled
    return future.result()


@dataclass(eq=False)
class Snapshots:
    """The images of a running ascent as PNG files, so rarely that they cost little.

    The next one is due half a second after the last one, and later where one takes more than a small share of that.

    Attributes:
        clock: the time in seconds.
    """

    clock: Callable[[], float] = time.monotonic
    _due: float = field(default=-np.inf, init=False)

    def of(self, progress: Progress) -> bytes | None:
        """Return the images of this progress, None if there are none or a snapshot is not due."""
        begun = self.clock()
        if progress.images is None or begun < self._due:
            return None
        content = snapshot_png(progress.images())
        ended = self.clock()
        self._due = ended + max(_INTERVAL, (ended - begun) / _COST)
        return content


def snapshot_png(images: NDArray[np.float32]) -> bytes:
    """Return the first nine images (n, h, w, c) side by side as a PNG, reduced where they are large.

    An image that is there twice, as in a batch that is filled up, is shown once.
    """
    first = images[: 2 * _MOST]
    others = [image for row, image in enumerate(first) if not any(np.array_equal(image, one) for one in first[:row])]
    shown = [displayed(image) for image in others[:_MOST]]
    height, width = shown[0].shape[:2]
    scale = min(1.0, min(_SIDE, _ACROSS // len(shown)) / max(height, width))
    size = max(1, round(scale * height)), max(1, round(scale * width))
    tiles = [image if scale == 1 else resize(image, size, "area") for image in shown]
    gap = np.ones((size[0], _GAP, tiles[0].shape[-1]), np.float32)
    row = [part for tile in tiles for part in (gap, tile)][1:]
    return png_bytes(np.concatenate(row, axis=1))
