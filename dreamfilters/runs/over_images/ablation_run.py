"""The run of `ablate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dreamfilters.attribution.ablation.result import Ablation
from dreamfilters.runs.over_images.ablation_store import FORMAT, KIND, read_ablation
from dreamfilters.runs.over_images.resumable_run import ResumableJob, run

if TYPE_CHECKING:  # it imports TensorFlow
    from dreamfilters.attribution.ablation.ablation_job import AblationJob, AblationState

__all__ = ["KIND", "read_ablation", "run", "stored_ablation"]


def stored_ablation(job: AblationJob, spec: str = "", **how: Any) -> ResumableJob[AblationState, Ablation]:
    """Return an ablation as `run` stores it; `spec` is the argument of `load`, `how` the other attributes."""
    units = {
        layer: [one.units[0] for one in job.sets if (one.layer, one.kind) == (layer, "unit")] for layer in job.layers
    }
    return ResumableJob(
        job=job,
        result=job.result,
        format=FORMAT,
        chosen={
            "units": units,
            "how": job.how,
            "controls": job.controls,
            "seed": job.seed,
            "witness": job.witness,
        },
        labels=[job.source.labels, job.labels.classes, job.labels.rule],
        spec=spec,
        **how,
    )
