"""The run of `scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dreamfilters.evidence.scan.result import Scan
from dreamfilters.runs.over_images.resumable_run import ResumableJob, run
from dreamfilters.runs.over_images.scan_store import FORMAT, KIND, read_scan

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.evidence.scan.scan_job import ScanJob, ScanState

__all__ = ["KIND", "read_scan", "run", "stored_scan"]


def stored_scan(job: ScanJob, spec: str = "", **how: Any) -> ResumableJob[ScanState, Scan]:
    """Return a scan as `run` stores it; `spec` is the argument of `load`, `how` the other attributes."""
    return ResumableJob(
        job=job,
        result=job.result,
        format=FORMAT,
        chosen={"layers": list(job.layers), "top": job.k},
        labels=[job.source.labels, job.classes, job.labels and job.labels.rule],
        spec=spec,
        **how,
    )
