"""The scan of the images in the background: one batch per step, while no request is waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.errors import OutputError
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.scan_job import TOP_K, ScanJob, default_layers
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.networks import Network
from dreamfilters.runs.audit_run import read_audit
from dreamfilters.verdicts.audit import audit
from dreamfilters.verdicts.result import Audit
from dreamfilters.viewer.messages import ImageEvidence, NetworkDescription, ScanRequest, VerdictBasis
from dreamfilters.viewer.worker.session import activation_bytes

BATCH = 8  # images of a step at most: a request waits until the step ends
_BATCH_BYTES = 2**25  # of a batch's activations; several batches are in memory at a time
_POLL = 0.02  # seconds of a step that waits for a thread

Result = TypeVar("Result")


def run_scan(
    network: Network,
    description: NetworkDescription,
    request: ScanRequest,
    send: Callable[[str, Any], None],
    *,
    batch: int = BATCH,
) -> Generator[None, None, ReferenceSet]:
    """Scan the images batch by batch, send progress, evidence and verdicts, and return the reference set.

    The verdicts are those of a stored audit, if one is given, since it includes dreams of the silent units.

    Raises:
        OutputError: the stored audit is of other weights.
    """
    stored = None if request.audit is None else _read_audit(network, request.audit)
    count = len(request.images)
    fitting = max(1, min(batch, count, _BATCH_BYTES // activation_bytes(network, description.size)))
    source = source_of(request.images)
    job = ScanJob(network, source, default_layers(network), k=min(TOP_K, count), batch=fitting)
    state = job.start()

    def report(phase: str, done: int, note: str) -> None:
        send("progress", {"phase": phase, "done": done, "total": count, "note": note})

    for _ in job.advance(state):
        report("running", state.done, "scanning the images")
        yield
    scan = job.result(state)
    send("evidence", ImageEvidence(request.image_ids, scan, {}))
    report("running", count, "computing bounds over all valid images")
    verdicts = yield from run_in_thread(lambda: verdicts_of(network, description, scan, stored))
    send("verdicts", verdicts)
    report("ready", count, "")
    return ReferenceSet.of(network, source, scan)


def run_in_thread(work: Callable[[], Result]) -> Generator[None, None, Result]:
    """Run work that has no steps in a thread; yield until it ends, and return its result.

    The bounds of a large network take a minute; NumPy and TensorFlow release the lock for other requests.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    # A daemon: at exit, Python waits for the threads of an executor.
    threading.Thread(target=run, daemon=True, name="dreamfilters-background").start()
    while not future.done():
        wait([future], _POLL)
        yield
    return future.result()


def verdicts_of(
    network: Network, description: NetworkDescription, scan: Scan, stored: Audit | None = None
) -> dict[str, tuple[VerdictBasis, ...]]:
    """Return layer id -> the verdict on each unit: from a stored audit, else from the scan and plain bounds.

    Dreams are added as they finish.
    """
    ids = {info.name: key for key, info in description.layers.items()}
    found = stored or audit(network, scan, budget=0, dreamer=lambda recipe, targets: ())
    return {
        ids[layer.name]: tuple(
            VerdictBasis(layer.activation, each.verdict, each.scanned, each.before) for each in layer.findings
        )
        for layer in found.layers
        if layer.name in ids
    }


def _read_audit(network: Network, folder: str) -> Audit:
    found = read_audit(folder)
    if found.fingerprint != network.fingerprint:
        raise OutputError(f"{folder}: holds an audit of {found.network} with other weights than {network.name} has")
    return found
