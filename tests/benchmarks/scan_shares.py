"""The processor time of a scan beside that of the bare forward pass of the same layers, measured in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import numpy as np

from dreamfilters import backend
from dreamfilters.evidence.scan import compiled_reductions
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.scanned_layers import default_layers
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.networks import LOGITS, Network

BARE, NUMPY, COMPILED = "bare forward pass", "scan by NumPy", "scan by the compiled loop"


def methods() -> tuple[str, ...]:
    """Return the methods that can be measured here."""
    return (BARE, NUMPY, COMPILED) if find_spec("numba") else (BARE, NUMPY)


@contextmanager
def with_loop(wanted: bool) -> Iterator[None]:
    """Reduce maps by the compiled loop, or by NumPy, whatever is installed and however few there are."""
    found, worth = compiled_reductions.find_spec, compiled_reductions.WORTH
    compiled_reductions.WORTH = 0
    if not wanted:
        compiled_reductions.find_spec = lambda name: None  # type: ignore[assignment]
    try:
        yield
    finally:
        compiled_reductions.find_spec, compiled_reductions.WORTH = found, worth


def scan_shares(
    network: Network, images: np.ndarray, *, batch: int, warm: int, parts: int, measured: tuple[str, ...] = ()
) -> dict[str, list[float]]:
    """Return method -> its processor seconds for an image in each part of the images; methods take turns.

    Scans go on from part to part, so that each image is new to their rankings. The first `warm` images do not count:
    they compile the programs, and rankings of few images change with every image.

    Args:
        network: scanned in its default layers.
        images: (n, h, w, c) at the size of the network, in memory.
        batch: images of a batch of the bare pass.
        warm: number of images before the first part.
        parts: number of parts of the other images.
        measured: methods (default: all of `methods()`).
    """
    layers = default_layers(network)
    watch = network.watch(frozenset(layer for layer in layers if layer != LOGITS))
    bare = backend.compile(lambda given: watch(network.to_input(given)))
    chosen = measured or methods()
    states = {name: ScanJob(network, source_of(images), layers).start() for name in chosen if name != BARE}

    def passed(first: int, last: int) -> None:
        for begin in range(first, last - batch + 1, batch):
            bare(backend.tensor(images[begin : begin + batch]))

    def scanned(name: str, last: int) -> None:
        with with_loop(name == COMPILED):
            for _ in jobs[last].advance(states[name]):
                pass

    ends = [warm, *np.linspace(warm, len(images), parts + 1).astype(int)[1:].tolist()]
    jobs = {last: ScanJob(network, source_of(images[:last]), layers) for last in ends}
    for job in jobs.values():
        assert job.facts  # found by tracing the network, once for a scan
    seconds: dict[str, list[float]] = {name: [] for name in chosen}
    for first, last in zip([0, *ends], ends, strict=False):
        for name in chosen:
            work: Callable[[], None] = (
                (lambda: passed(first, last)) if name == BARE else (lambda name=name: scanned(name, last))  # noqa: B023
            )
            began = time.process_time()
            work()
            count = (last - first) // batch * batch if name == BARE else last - first
            seconds[name].append((time.process_time() - began) / count)
    return {name: each[1:] for name, each in seconds.items()}
