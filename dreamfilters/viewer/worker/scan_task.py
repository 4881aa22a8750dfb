"""The evidence pass in slices: one batch of images at a time, whenever nobody waits for anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.errors import OutputError
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.scan_job import TOP_K, ScanJob
from dreamfilters.evidence.scan.scanner import default_layers
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.images import ImageFolder
from dreamfilters.networks import Network
from dreamfilters.runs.audit_run import read_audit
from dreamfilters.verdicts.audit import audit
from dreamfilters.verdicts.result import Audit
from dreamfilters.viewer.messages import NetworkDescription, ScanVerdicts
from dreamfilters.viewer.worker.session import image_bytes

_BATCH = 8  # images of a slice at most: a person who clicks waits for as long as these take

_ROOM = 2**25  # bytes of a batch's maps; some batches are under way at a time
_GLANCE = 0.02  # seconds of a slice that only waits

Result = TypeVar("Result")


def surveyed(
    network: Network,
    facts: NetworkDescription,
    images: ImageFolder,
    tell: Callable[[str, Any], None],
    stored: str | None = None,
) -> Generator[None, None, ReferenceSet]:
    """Scan the images batch by batch, tell how far it is and in the end what it came to, and return that.

    The verdicts are those of a stored audit, where one is given: it has dreamt of the silent units too.

    Raises:
        OutputError: no audit of this network lies there.
    """
    known = None if stored is None else _audited(network, stored)
    count = len(images)
    layers = default_layers(network)
    fitting = max(1, min(_BATCH, count, _ROOM // image_bytes(network, facts.size)))
    source = source_of(images)
    survey = ScanJob(network, source, layers, k=min(TOP_K, count), batch=fitting)
    state = survey.start()
    for _ in survey.advance(state):
        tell("progress", {"phase": "running", "done": state.done, "total": count, "note": "looking at the images"})
        yield
    scan = survey.result(state)
    tell("evidence", scan)
    tell("progress", {"phase": "running", "done": count, "total": count, "note": "bounds over all valid images"})
    tell("verdicts", (yield from beside(lambda: verdicts(network, facts, scan, known))))
    tell("progress", {"phase": "ready", "done": count, "total": count, "note": ""})
    return ReferenceSet.of(network, source, scan)


def beside(work: Callable[[], Result]) -> Generator[None, None, Result]:
    """Do in a thread what cannot be cut into slices; yield while it lasts, and return what it returns.

    Bounds of a large network take a minute, in which people click; NumPy and TensorFlow let them in.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="dreamfilters-bounds").start()  # a pool's would be waited for
    while not future.done():
        wait([future], _GLANCE)
        yield
    return future.result()


def verdicts(
    network: Network, facts: NetworkDescription, scan: Scan, known: Audit | None = None
) -> dict[str, tuple[ScanVerdicts, ...]]:
    """Return layer id -> the verdict on each unit: those that are known, else by images and plain bounds alone.

    Dreams come as they are made.
    """
    ids = {address: key for key, address in facts.addresses.items()}
    found = known or audit(network, scan, budget=0, dreamer=lambda recipe, targets: ())
    return {
        ids[layer.name]: tuple(
            ScanVerdicts(layer.activation, each.verdict, each.scanned, each.before) for each in layer.findings
        )
        for layer in found.layers
        if layer.name in ids
    }


def _audited(network: Network, folder: str) -> Audit:
    found = read_audit(folder)
    if found.fingerprint != network.fingerprint:
        raise OutputError(f"{folder}: holds an audit of {found.network} with other weights than {network.name} has")
    return found
