"""The scan of the images in the background: one batch per step, while no request is waiting."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from dreamfilters.comparison.reference_set import ReferenceSet
from dreamfilters.errors import OutputError
from dreamfilters.evidence.accuracy import accuracy_of_scan
from dreamfilters.evidence.scan.result import Scan
from dreamfilters.evidence.scan.scan_job import ScanJob
from dreamfilters.evidence.scan.scanned_layers import every_layer
from dreamfilters.evidence.scan.sources import source_of
from dreamfilters.runs.by_unit.audit_run import read_audit
from dreamfilters.verdicts.audit import audit
from dreamfilters.verdicts.result import Audit
from dreamfilters.viewer.daemon_thread import run_in_daemon_thread, until_done
from dreamfilters.viewer.messages import ImageEvidence, ScanRequest, VerdictBasis
from dreamfilters.viewer.worker.session import ModelSession

_BATCH = 8  # images of a step at most: a request waits until the step ends
_BATCH_BYTES = 2**25  # of a batch's activations; several batches are in memory at a time


def run_scan(
    session: ModelSession, request: ScanRequest, send: Callable[[str, Any], None], *, batch: int = _BATCH
) -> Generator[None, None, ReferenceSet]:
    """Scan the images batch by batch, send progress, evidence and verdicts, and return the reference set.

    The verdicts are those of a stored audit, if one is given, since it includes dreams of the silent units.

    Raises:
        OutputError: the stored audit is of other weights.
    """
    network = session.network
    stored = None if request.audit is None else read_audit(request.audit)
    if stored is not None and stored.fingerprint != network.fingerprint:
        raise OutputError(
            f"{request.audit}: holds an audit of {stored.network} with other weights than {network.name} has"
        )
    count = len(request.images)
    fitting = max(1, min(batch, count, _BATCH_BYTES // session.activation_bytes))
    source = source_of(request.images)
    job = ScanJob(network, source, every_layer(network), batch=fitting)  # each of them has pages
    state = job.start()

    def report(phase: str, done: int, note: str) -> None:
        send("progress", {"phase": phase, "done": done, "total": count, "note": note})

    for _ in job.advance(state):
        report("running", state.done, "scanning the images")
        yield
    scan = job.result(state)
    send("evidence", ImageEvidence(request.image_ids, scan, {}, accuracy_of_scan(network, scan)))
    report("running", count, "computing bounds over all valid images")
    # The bounds of a large network take a minute; NumPy and TensorFlow release the lock for other requests.
    verdicts = run_in_daemon_thread(lambda: verdicts_of(session, scan, stored))
    yield from until_done(verdicts)
    send("verdicts", verdicts.result())
    report("ready", count, "")
    return ReferenceSet.of(network, source, scan)


def verdicts_of(session: ModelSession, scan: Scan, stored: Audit | None) -> dict[str, tuple[VerdictBasis, ...]]:
    """Return layer id -> the verdict on each unit: from a stored audit, else from the scan and plain bounds.

    Dreams are added as they finish.
    """
    return stored_verdicts(
        session, stored or audit(session.network, scan, budget=0, dreamer=lambda recipe, targets: ())
    )


def stored_verdicts(session: ModelSession, found: Audit) -> dict[str, tuple[VerdictBasis, ...]]:
    """Return layer id -> the verdict on each unit, from an audit."""
    ids = {info.name: key for key, info in session.description.layers.items()}
    return {
        ids[layer.name]: tuple(
            VerdictBasis(layer.activation, each.verdict, each.scanned, each.before) for each in layer.findings
        )
        for layer in found.layers
        if layer.name in ids
    }
